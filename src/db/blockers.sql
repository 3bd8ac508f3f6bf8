-- Who keeps sessions waiting for a lock: those of this role in this database of which one has waited
-- for a second or longer, or, if it is given, the one of process $1. Any role may ask, but is shown
-- `address`, `state` and `since` only of sessions of roles whose rights it has (PostgreSQL, "The
-- Cumulative Statistics System", `pg_read_all_stats`). No text of a statement: one may hold secrets.
with recursive waiting as (
    select pid, query_start from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
      and case when $1::integer is null then usename = session_user else pid = $1 end
), chain (pid) as (
    select pid from waiting
    where $1::integer is not null
       or exists (select from waiting where query_start < clock_timestamp() - interval '1 second')
    union
    -- Whoever waits in front of others may wait for somebody himself.
    select blocking from chain cross join lateral unnest(pg_blocking_pids(chain.pid)) as blocking
    where chain.pid <> 0
), locks as materialized (
    select pid, mode, granted, relation from pg_locks
    where locktype = 'relation' and exists (select from chain)
      and database = (select oid from pg_database where datname = current_database())
), fought_for as (
    select distinct relation from locks where not granted and pid in (select pid from waiting)
)
-- 0 stands for a prepared transaction.
select nullif(chain.pid, 0) as pid, usename::text as role, application_name as application,
       host(client_addr) as address, state, xact_start as since,
       (select string_agg(distinct format('%s%s on %s', case when granted then '' else 'waiting for ' end, mode,
                                          relation::regclass), ', ')
          from locks where locks.pid = chain.pid and relation in (select relation from fought_for)) as locks
from chain left join pg_stat_activity a on a.pid = chain.pid
where chain.pid not in (select pid from waiting)
-- The cause before those who wait for it themselves.
order by exists (select from locks where locks.pid = chain.pid and not granted), xact_start nulls last, chain.pid
limit 5
