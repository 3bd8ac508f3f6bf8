-- Decisions of the record's owner, and a schema that cannot be talked into something else.
--
-- Locks are short; behind an open reader of the seals this waits no longer than this, and is run again.
set local lock_timeout = '10s';

-- Names in a function's text are looked up when it runs, in the schemas of whoever runs it: a type
-- or an operator of the same name in pg_temp would be taken. Each function is therefore bound when
-- it is made (a body in SQL), or looks in pg_catalog first.

create or replace function audit.uuid7_floor(moment timestamptz) returns uuid
    language sql immutable strict parallel safe
    return (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid;

create or replace function audit.uuid7_time(id uuid) returns timestamptz
    language sql immutable strict parallel safe
    return timestamptz 'epoch' + interval '1 millisecond'
           * ('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint;

create or replace function audit.partition_months_ahead(moment timestamptz default now()) returns integer
    language sql stable set search_path = pg_catalog, pg_temp set timezone = 'UTC'
begin atomic
    select count(*)::integer
    from generate_series(1, 24) as ahead
    where to_regclass('audit.action_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is not null
      and to_regclass('audit.event_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is not null;
end;

alter function audit.refuse_change() set search_path = pg_catalog, pg_temp;
alter function audit.make_append_only(regclass) set search_path = pg_catalog, pg_temp;
alter function modgate.renew_permit_lease(
    bigint, text, uuid, bigint, integer, integer, integer, integer, interval, interval
) set search_path = pg_catalog, pg_temp;

-- As before, but whoever could not make tables here by other means makes no more than the months
-- around the present: the service needs three.
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
    perform pg_advisory_xact_lock(hashtextextended('audit.ensure_partitions', 0));
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

-- All 64 bits of a transaction's id of which a row has 32, counted from the end of a snapshot.
create function audit.full_xid(id xid, in_snapshot pg_snapshot) returns xid8
    language sql stable parallel safe
    return (pg_snapshot_xmax(in_snapshot)::text::bigint
            + age(pg_snapshot_xmax(in_snapshot)::xid) - age(id))::text::xid8;

-- Whether a snapshot shows a row. The column `xid` names the top-level transaction that inserted the
-- row; the system column `xmin` names the transaction that brought it into this cluster. They differ
-- for a row inserted within a savepoint, whose `xmin` is the later id of a subtransaction, and for a
-- row restored from a dump, whose `xid` is of another cluster. A snapshot lists top-level transactions
-- alone as running. Not strict, so that Postgres can put the expression in place of the call.
create function audit.is_shown(in_snapshot pg_snapshot, brought_by xid, inserted_by xid8) returns boolean
    language sql stable parallel safe
    return case
        when brought_by = inserted_by::xid then pg_visible_in_snapshot(inserted_by, in_snapshot)
        else pg_visible_in_snapshot(audit.full_xid(brought_by, in_snapshot), in_snapshot)
             and (inserted_by >= audit.full_xid(brought_by, in_snapshot)
                  or pg_visible_in_snapshot(inserted_by, in_snapshot))
    end;

-- What the owner of the record has decided about it: that a break of the chain of seals is accepted
-- (`modgate seals --accept-break`), or that a row which no gateway wrote is known (`modgate
-- acknowledge`). Written by these commands alone, each together with the seal that holds it.
create table audit.decision (
    id         uuid        not null,
    -- `break`, `acknowledgement`, or what later versions decide.
    kind       text        not null,
    -- The action that it is about.
    subject    uuid,
    -- By the database's clock.
    decided_at timestamptz not null,
    -- The database role, and the person that the command was told or ran as.
    decided_by text        not null,
    operator   text        not null,
    host       text        not null,
    reason     text        not null,
    -- What exactly: JSON (RFC 8785), see `modgate::audit::seal`.
    details    text        not null,
    xid        xid8        not null default pg_current_xact_id(),
    leaf_hash  bytea       not null,
    mac        bytea,

    constraint decision_pkey primary key (id),
    constraint decision_has_a_reason check (reason <> ''),
    constraint decision_details_are_an_object check (jsonb_typeof(details::jsonb) = 'object'),
    constraint decision_acknowledges_an_action check (kind <> 'acknowledgement' or subject is not null),
    constraint decision_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint decision_mac_is_sha256 check (octet_length(mac) = 32)
);

create index decision_subject on audit.decision (subject) where subject is not null;

select audit.make_append_only('audit.decision');

comment on table audit.decision is 'What the owner of the record has decided about it: accepted breaks, false rows that are known.';

-- How the bytes of a seal are made. Without a default, so that a build which knows format 1 alone
-- makes no seal beside one that knows this: it would not list decisions.
alter table audit.seal add column format integer not null default 1;
alter table audit.seal alter column format drop default;
alter table audit.seal add constraint seal_format_is_known check (format in (1, 2));

-- What nobody can read would keep everything else from being sealed and checked: a time that is none, a
-- number without a successor, a text that fits into no memory. The service writes nothing near these.
alter table audit.action add constraint action_texts_are_short check (
        coalesce(octet_length(kind), 0) + coalesce(octet_length(moderator), 0) +
        coalesce(octet_length(moderator_name), 0) + coalesce(octet_length(issuer), 0) +
        coalesce(octet_length(token_id), 0) + coalesce(octet_length(client_id), 0) +
        coalesce(octet_length(actor), 0) + coalesce(octet_length(user_id), 0) +
        coalesce(octet_length(room_id), 0) + coalesce(octet_length(data), 0) +
        coalesce(octet_length(reason), 0) + coalesce(octet_length(case_ref), 0) +
        coalesce(octet_length(idempotency_key), 0) + coalesce(octet_length(user_agent), 0) +
        coalesce(octet_length(trace_id), 0) + coalesce(octet_length(http_request_id), 0) +
        coalesce(octet_length(instance), 0) + coalesce(octet_length(version), 0) +
        coalesce(octet_length(tencent_host), 0)
        <= 65536);
alter table audit.event
    add constraint event_time_is_a_date check (
        at between timestamptz '2000-01-01 00:00:00+00' and timestamptz '2200-01-01 00:00:00+00'),
    add constraint event_rev_has_successors check (rev <= 1000),
    add constraint event_texts_are_short check (
        coalesce(octet_length(state), 0) + coalesce(octet_length(decided_by), 0) +
        coalesce(octet_length(action_status), 0) + coalesce(octet_length(error_info), 0) +
        coalesce(octet_length(tencent_request_id), 0) + coalesce(octet_length(failure), 0)
        <= 65536);
alter table audit.seal
    add constraint seal_time_is_a_date check (
        sealed_at between timestamptz '2000-01-01 00:00:00+00' and timestamptz '2200-01-01 00:00:00+00'),
    add constraint seal_is_small check (n <= 100000);

-- Each seal follows the one that is there: a number or an epoch far ahead would leave no room behind it.
create function audit.refuse_gap() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    last record;
begin
    select no, epoch into last from audit.seal order by no desc limit 1;
    if new.no <> coalesce(last.no, 0) + 1
       or new.epoch not between coalesce(last.epoch, 1) and coalesce(last.epoch, 0) + 1 then
        raise exception 'seal % of epoch % does not follow seal % of epoch %', new.no, new.epoch, last.no, last.epoch
            using errcode = 'check_violation';
    end if;
    return new;
end $$;

create trigger in_order before insert on audit.seal for each row execute function audit.refuse_gap();
alter table audit.seal enable always trigger in_order;

-- As before, but `attempts` counts them all, and `genuine` says whether nobody has acknowledged that no
-- gateway wrote the action, or an event of it.
create or replace view audit.actions as
select a.id,
       a.kind,
       coalesce(ended.state, 'pending') as state,
       a.moderator,
       a.moderator_name,
       a.issuer,
       a.token_id,
       a.client_id,
       a.actor,
       a.user_id,
       a.room_id,
       a.data,
       a.reason,
       a.case_ref,
       a.supersedes,
       a.batch_id,
       a.idempotency_key,
       a.client_ip,
       a.peer_ip,
       a.user_agent,
       a.trace_id,
       a.http_request_id,
       a.instance,
       a.version,
       a.sdk_app_id,
       a.tencent_host,
       a.requested_at,
       a.recorded_at,
       ended.at as completed_at,
       round(ended.duration_us / 1000.0, 3)::double precision as duration_ms,
       coalesce(tried.attempts, 0)::integer as attempts,
       coalesce(tried.tencent_random, a.tencent_random) as tencent_random,
       tried.http_status,
       answered.action_status,
       answered.error_code,
       answered.error_info,
       answered.tencent_request_id,
       ended.decided_by,
       not exists (select from audit.decision d where d.subject = a.id and d.kind = 'acknowledgement') as genuine
from audit.action a
left join lateral (
    select e.state, e.at, e.duration_us, e.decided_by
    from audit.event e
    where e.action_id = a.id and e.state <> 'retrying'
    order by (e.state = 'unknown'), e.rev desc
    limit 1) ended on true
left join lateral (
    -- An answer that came late tells of an earlier attempt than the last.
    select max(e.attempt) over () as attempts, coalesce(e.next_random, e.tencent_random) as tencent_random, e.http_status
    from audit.event e
    where e.action_id = a.id and e.attempt is not null
    order by e.rev desc
    limit 1) tried on true
left join lateral (
    select e.action_status, e.error_code, e.error_info, e.tencent_request_id
    from audit.event e
    where e.action_id = a.id and e.error_code is not null
    order by e.rev desc
    limit 1) answered on true;

-- `deploy/roles.sql` grants this, too; a service that had its rights before goes on without it.
do $$
begin
    if to_regrole('modgate_service') is not null
       and has_column_privilege('modgate_service', 'audit.seal', 'no', 'insert') then
        grant insert (format) on audit.seal to modgate_service;
        grant select on audit.decision to modgate_service;
    end if;
    if to_regrole('modgate_auditor') is not null
       and has_table_privilege('modgate_auditor', 'audit.seal', 'select') then
        grant select on audit.decision to modgate_auditor;
    end if;
end $$;
