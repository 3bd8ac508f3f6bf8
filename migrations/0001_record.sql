-- The record: who did what to whom, and what became of it. Append-only.
--
-- Two tables, because nothing may ever change: `audit.action` holds the intent, committed before
-- anything is sent to Tencent; `audit.event` holds what became of it, one numbered row a step.
-- Working state that does change lives in schema `modgate`, never here.

create schema audit;
create schema modgate;

-- Bounds of the UUIDv7 range (RFC 9562, 5.7), so that a question about time is a question about ids
-- and Postgres can leave out the months that cannot match.
create function audit.uuid7_floor(moment timestamptz) returns uuid
    language sql immutable strict parallel safe as $$
    select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;

create function audit.uuid7_time(id uuid) returns timestamptz
    language sql immutable strict parallel safe as $$
    select timestamptz 'epoch' + interval '1 millisecond'
           * ('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint
$$;

create table audit.action (
    id                uuid        not null,
    kind              text        not null,
    moderator         text        not null,
    moderator_name    text,
    -- A subject is unique only within its issuer.
    issuer            text        not null,
    token_id          text,
    client_id         text,
    actor             text,
    user_id           text        not null,
    room_id           text,
    data              text,
    reason            text,
    case_ref          text,
    -- Not a foreign key: the earlier action may be in a month that retention has dropped.
    supersedes        uuid,
    batch_id          uuid,
    idempotency_key   text,
    client_ip         inet        not null,
    peer_ip           inet        not null,
    user_agent        text,
    trace_id          text,
    http_request_id   text        not null,
    instance          text        not null,
    version           text        not null,
    sdk_app_id        bigint      not null,
    tencent_host      text        not null,
    -- By the gateway's clock; `recorded_at` by the database's. Two clocks show each other's skew.
    requested_at      timestamptz not null,
    recorded_at       timestamptz not null default clock_timestamp(),
    -- How long after `requested_at` the gateway may still be sending. Recovery keeps to it.
    deadline_ms       integer     not null,
    -- `random` of the first attempt; null where none was ever meant (denied).
    tencent_random    bigint,
    -- Rows below the oldest running transaction are final: sealing and the stream stop there.
    xid               xid8        not null default pg_current_xact_id(),
    leaf_hash         bytea       not null,
    mac               bytea,

    constraint action_pkey primary key (id),
    constraint action_id_is_uuid7 check (substr(id::text, 15, 1) = '7'),
    -- With the id bound to the time and the time bound to the database's clock, a row can be
    -- neither back-dated nor slipped into another month by a role that may not name `recorded_at`.
    constraint action_id_matches_requested_at check (
        requested_at >= audit.uuid7_time(id)
        and requested_at < audit.uuid7_time(id) + interval '1 millisecond'),
    constraint action_clocks_agree check (
        requested_at between recorded_at - interval '60 seconds' and recorded_at + interval '60 seconds'),
    constraint action_kind_is_known check (kind in ('kick_login', 'kick_seat')),
    constraint action_seat_has_room check (
        (kind = 'kick_seat') = (room_id is not null) and (kind = 'kick_seat') = (data is not null)),
    constraint action_deadline_is_positive check (deadline_ms > 0),
    constraint action_random_is_u32 check (tencent_random between 0 and 4294967295),
    constraint action_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint action_mac_is_sha256 check (octet_length(mac) = 32)
) partition by range (id);

create index action_moderator on audit.action (moderator, id);
create index action_user_id on audit.action (user_id, id);
create index action_kind on audit.action (kind, id);
create index action_room_id on audit.action (room_id, id) where room_id is not null;
create index action_case_ref on audit.action (case_ref, id) where case_ref is not null;
create index action_batch_id on audit.action (batch_id, id) where batch_id is not null;
create index action_idempotency_key on audit.action (idempotency_key, id) where idempotency_key is not null;
create index action_xid on audit.action (xid);

create table audit.event (
    action_id           uuid        not null,
    -- The primary key decides every race between the gateway and recovery: both want the next rev.
    rev                 smallint    not null,
    state               text        not null,
    at                  timestamptz not null,
    recorded_at         timestamptz not null default clock_timestamp(),
    decided_by          text        not null,
    -- From the arrival of the request to this event.
    duration_us         bigint,
    -- The attempt that is over with this event, if one is.
    attempt             smallint,
    tencent_random      bigint,
    attempt_duration_us bigint,
    http_status         smallint,
    action_status       text,
    error_code          bigint,
    error_info          text,
    tencent_request_id  text,
    failure             text,
    -- `random` of the attempt that this event announces.
    next_random         bigint,
    xid                 xid8        not null default pg_current_xact_id(),
    leaf_hash           bytea       not null,
    mac                 bytea,

    constraint event_pkey primary key (action_id, rev),
    constraint event_rev_is_positive check (rev >= 1),
    constraint event_state_is_known check (
        state in ('retrying', 'succeeded', 'refused', 'not_sent', 'unknown', 'denied')),
    constraint event_retrying_announces check ((state = 'retrying') = (next_random is not null)),
    constraint event_denied_is_first check (state <> 'denied' or rev = 1),
    constraint event_decider_is_known check (decided_by in ('gateway', 'recovery')),
    -- Recovery knows nothing but that nobody knows.
    constraint event_recovery_decides_unknown check (decided_by <> 'recovery' or state = 'unknown'),
    constraint event_attempt_is_whole check (
        (attempt is null) = (tencent_random is null)
        and (attempt is null) = (attempt_duration_us is null)
        and (attempt is not null or coalesce(http_status, error_code) is null)),
    constraint event_end_by_tencent_has_answer check (
        state not in ('succeeded', 'refused') or error_code is not null),
    constraint event_random_is_u32 check (
        tencent_random between 0 and 4294967295 and next_random between 0 and 4294967295),
    constraint event_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint event_mac_is_sha256 check (octet_length(mac) = 32)
) partition by range (action_id);

-- At most one `unknown` and one definite end.
create unique index event_one_unknown on audit.event (action_id) where state = 'unknown';
create unique index event_one_definite on audit.event (action_id)
    where state in ('succeeded', 'refused', 'not_sent', 'denied');
create index event_state on audit.event (state, action_id);
create index event_error_code on audit.event (error_code, action_id) where error_code <> 0;
create index event_tencent_request_id on audit.event (tencent_request_id)
    where tencent_request_id is not null;
create index event_xid on audit.event (xid);

-- Statement triggers fire even where no row matches, and are needed on each partition: a
-- statement on a partition does not fire its parent's. ALWAYS: also under
-- session_replication_role = replica.
create function audit.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'insufficient_privilege';
end $$;

create function audit.make_append_only(target regclass) returns void language plpgsql as $$
begin
    execute format('create trigger append_only before update or delete or truncate on %s
                    for each statement execute function audit.refuse_change()', target);
    execute format('alter table %s enable always trigger append_only', target);
end $$;

select audit.make_append_only('audit.action'), audit.make_append_only('audit.event');

-- Months are made standalone, guarded, and then attached: attaching takes a lock on the parent
-- that neither readers nor writers wait for, whereas `create table ... partition of` would stand
-- behind every open reader, and every insert behind it. There is no default partition: it would
-- have to be searched, under lock, for each new month.
create function audit.ensure_partitions(moment timestamptz default now(), months_ahead integer default 3)
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

select audit.ensure_partitions();

-- How many whole months after the present one are ready.
create function audit.partition_months_ahead(moment timestamptz default now()) returns integer
    language sql stable set timezone = 'UTC' as $$
    select count(*)::integer
    from generate_series(1, 24) as ahead
    where to_regclass('audit.action_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is not null
      and to_regclass('audit.event_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is not null
$$;

-- One row an action, for people. A definite end stands above `unknown`.
create view audit.actions as
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
       ended.decided_by
from audit.action a
left join lateral (
    select e.state, e.at, e.duration_us, e.decided_by
    from audit.event e
    where e.action_id = a.id and e.state <> 'retrying'
    order by (e.state = 'unknown'), e.rev desc
    limit 1) ended on true
left join lateral (
    select e.attempt as attempts, coalesce(e.next_random, e.tencent_random) as tencent_random, e.http_status
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

comment on view audit.actions is 'One row an action: who did what to whom, and what became of it.';
comment on table audit.action is 'The intent of each action, committed before anything is sent to Tencent.';
comment on table audit.event is 'What became of each action: finished attempts and ends, numbered by rev.';

-- Not for everyone: whoever may call it makes tables as the owner.
revoke execute on function audit.ensure_partitions(timestamptz, integer) from public;
revoke execute on function audit.make_append_only(regclass) from public;
