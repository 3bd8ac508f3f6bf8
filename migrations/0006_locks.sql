-- Locks that need a right, in place of advisory locks.
--
-- Anybody who may connect can take an advisory lock: a role that only reads the record could keep
-- every lease from being renewed, and every row from being sealed. To lock a table in a mode that
-- excludes others takes the right to change it; SELECT alone allows ACCESS SHARE, which is in
-- nobody's way here.

-- Nothing is stored in these: each stands for a lock.
create table modgate.seal_lock ();
create table modgate.partition_lock ();
create table modgate.retain_lock ();

comment on table modgate.seal_lock is 'Locked by whoever appends to audit.seal.';
comment on table modgate.partition_lock is 'Locked by audit.ensure_partitions.';
comment on table modgate.retain_lock is 'Locked by `modgate retain`.';

-- As before, but what serialises renewals is a lock of the table itself. So it excludes whoever
-- writes to it by other means, too: a renewal that began with the body of before.
create or replace function modgate.renew_permit_lease(
    its_sdk_app_id bigint, its_api text, its_holder uuid, its_renewal bigint,
    its_calls_per_second integer, its_demand integer, it_keeps integer, it_wants integer,
    its_lifetime interval, its_grace interval
) returns table (holder uuid, calls_per_second integer, demand integer, permits integer, expired boolean)
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    moment timestamptz;
    own    integer;
    others integer;
    n      integer;
begin
    -- Each statement below must see what was committed before the lock was ours.
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'a lease is renewed in isolation level read committed only';
    end if;
    lock table modgate.permit_lease in share row exclusive mode;
    moment := clock_timestamp();
    delete from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api
       and lease.expires_at + lease.grace < moment;
    if exists (select from modgate.permit_lease as lease
                where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api
                  and lease.holder = its_holder and lease.renewal >= its_renewal) then
        return;
    end if;
    select coalesce(sum(lease.permits) filter (where lease.holder = its_holder), 0),
           coalesce(sum(lease.permits) filter (where lease.holder <> its_holder), 0),
           least(its_calls_per_second, min(lease.calls_per_second) filter (where lease.holder <> its_holder))
      into own, others, n
      from modgate.permit_lease as lease
     where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api;
    insert into modgate.permit_lease as lease
    values (its_sdk_app_id, its_api, its_holder, its_renewal, its_calls_per_second, its_demand,
            greatest(least(it_keeps, own), least(it_wants, n - others)), moment + its_lifetime, its_grace)
    on conflict on constraint permit_lease_pkey do update
        set (renewal, calls_per_second, demand, permits, expires_at, grace)
          = row (excluded.renewal, excluded.calls_per_second, excluded.demand, excluded.permits,
                 excluded.expires_at, excluded.grace);
    return query
        select lease.holder, lease.calls_per_second, lease.demand, lease.permits, lease.expires_at <= moment
          from modgate.permit_lease as lease
         where lease.sdk_app_id = its_sdk_app_id and lease.api = its_api
         order by lease.holder;
end
$$;

-- Whether this transaction is now the one that may append seals. It is until it ends.
create function modgate.try_lock_seals() returns boolean
    language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
    lock table modgate.seal_lock in share row exclusive mode nowait;
    return true;
exception when lock_not_available then
    return false;
end
$$;

-- As before, but whoever appends a seal holds the lock from then on. A sealer asks for it first
-- (modgate.try_lock_seals); one of an earlier version does not, and is kept waiting here until it is
-- told that its seal does not follow any more.
create or replace function audit.refuse_gap() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    last record;
begin
    lock table modgate.seal_lock in share row exclusive mode;
    select no, epoch into last from audit.seal order by no desc limit 1;
    if new.no <> coalesce(last.no, 0) + 1
       or new.epoch not between coalesce(last.epoch, 1) and coalesce(last.epoch, 0) + 1 then
        raise exception 'seal % of epoch % does not follow seal % of epoch %', new.no, new.epoch, last.no, last.epoch
            using errcode = 'check_violation';
    end if;
    return new;
end $$;

-- As before, with the lock of a table.
create or replace function audit.ensure_partitions(moment timestamptz default now(), months_ahead integer default 3)
    returns integer language plpgsql security definer
    set search_path = pg_catalog, pg_temp set lock_timeout = '2s' set timezone = 'UTC' as $$
declare
    -- A request of the month's last second may be recorded in the next month's first.
    first_month constant timestamptz := date_trunc('month', moment - interval '2 minutes');
    last_month constant timestamptz := date_trunc('month', moment) + make_interval(months => months_ahead);
    month timestamptz;
    parent text;
    partition text;
    made integer := 0;
begin
    -- Here current_user is the owner.
    if not pg_has_role(session_user, current_user, 'member')
       and (moment between now() - interval '1 month' and now() + interval '1 month'
            and months_ahead between 0 and 12) is not true then
        raise exception 'months are made for a time within a month of now, and at most 12 ahead'
            using errcode = 'invalid_parameter_value';
    end if;
    lock table modgate.partition_lock in share row exclusive mode;
    for month in select generate_series(first_month, last_month, interval '1 month') loop
        foreach parent in array array['action', 'event'] loop
            partition := parent || '_' || to_char(month, 'YYYYMM');
            continue when to_regclass('audit.' || partition) is not null;
            execute format('create table audit.%I (like audit.%I including all)', partition, parent);
            perform audit.make_append_only(format('audit.%I', partition)::regclass);
            execute format('alter table audit.%I attach partition audit.%I for values from (%L) to (%L)',
                parent, partition, audit.uuid7_floor(month), audit.uuid7_floor(month + interval '1 month'));
            made := made + 1;
        end loop;
    end loop;
    return made;
end $$;
