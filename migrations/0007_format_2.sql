-- Format 2 of the record: each row says its version, and everything that kinds, batches and brakes will
-- need of the record is there before anything writes it.
--
-- This only expands (migrations/README.md): a build that knows version 1 alone goes on writing and
-- reading its rows. It seals nothing any more, because it cannot check the rows of version 2.
--
-- Locks are short; behind an open reader this waits no longer than this, and is run again.
set local lock_timeout = '10s';

-- `row_format` is the version of a row: which of its columns `leaf_hash` stands for, and how. The default
-- is for builds of before, which do not name it.
--
-- In version 2 texts about people stand in the leaf as a hash with `salt`, 16 random bytes, so that a text
-- can be removed later and the rest still be verified. `parameters` is a JSON object (RFC 8785) of what has
-- no column of its own.
alter table audit.action
    add column row_format smallint not null default 1,
    add column batch_index integer,
    add column parameters text,
    add column salt bytea,
    alter column user_id drop not null,
    -- The table of kinds in the code says what kinds there are and what fields they have.
    drop constraint action_kind_is_known,
    drop constraint action_seat_has_room,
    add constraint action_row_format_is_known check (row_format in (1, 2)),
    -- Nothing that the leaf of version 1 does not stand for.
    add constraint action_row_format_1_is_whole check (
        row_format <> 1 or (user_id is not null and num_nonnulls(batch_index, parameters, salt) = 0)),
    add constraint action_has_a_target check (num_nonnulls(user_id, room_id) > 0),
    add constraint action_salt_is_16_bytes check (row_format = 1 or (salt is not null and octet_length(salt) = 16)),
    add constraint action_parameters_are_an_object check (
        octet_length(parameters) <= 16384 and jsonb_typeof(parameters::jsonb) = 'object'),
    add constraint action_batch_index_has_a_batch check (
        batch_index is null or (batch_id is not null and batch_index between 0 and 9999));

create index action_batch_item on audit.action (batch_id, batch_index) where batch_id is not null;

-- Whether an event of this state ends its action. Who reads asks this, so that a release that adds a state
-- says here what it is, for the build before it as well.
create function audit.is_end(state text) returns boolean language sql immutable parallel safe
    return state not in ('retrying', 'probed');

-- A probe reads at Tencent what is in force. `probed` says what it read, in `details`; where that proves that
-- an action of unknown outcome was carried out, `succeeded` follows, which no answer to the action backs.
alter table audit.event
    add column row_format smallint not null default 1,
    add column details text,
    add column salt bytea,
    drop constraint event_state_is_known,
    add constraint event_state_is_known check (
        state in ('retrying', 'succeeded', 'refused', 'not_sent', 'unknown', 'denied', 'probed')),
    drop constraint event_decider_is_known,
    add constraint event_decider_is_known check (decided_by in ('gateway', 'recovery', 'probe')),
    drop constraint event_end_by_tencent_has_answer,
    add constraint event_end_by_tencent_has_answer check (
        state not in ('succeeded', 'refused') or error_code is not null or decided_by = 'probe'),
    add constraint event_probe_decides_success check (
        case decided_by when 'probe' then state in ('probed', 'succeeded') and row_format > 1
                                      and num_nonnulls(attempt, http_status, error_code) = 0
                        else state <> 'probed' end),
    add constraint event_probed_has_details check (state <> 'probed' or details is not null),
    add constraint event_row_format_is_known check (row_format in (1, 2)),
    add constraint event_row_format_1_is_whole check (row_format <> 1 or num_nonnulls(details, salt) = 0),
    add constraint event_salt_is_16_bytes check (row_format = 1 or (salt is not null and octet_length(salt) = 16)),
    add constraint event_details_are_an_object check (
        octet_length(details) <= 16384 and jsonb_typeof(details::jsonb) = 'object');

alter table audit.prune
    add column row_format smallint not null default 1,
    add column batches bigint,
    add column batch_items bigint,
    add column batch_events bigint,
    add constraint prune_row_format_is_known check (row_format in (1, 2)),
    add constraint prune_counts_batches check (
        num_nonnulls(batches, batch_items, batch_events) = case row_format when 1 then 0 else 3 end);

-- What was asked for as one: `total` actions, which are the items.
create table audit.batch (
    id                uuid        not null,
    row_format        smallint    not null,
    moderator         text        not null,
    moderator_name    text,
    issuer            text        not null,
    token_id          text,
    client_id         text,
    actor             text,
    reason            text,
    case_ref          text,
    total             integer     not null,
    -- SHA-256 in hexadecimal: of the items in order, with reason and case_ref, as JSON (RFC 8785); and of
    -- their kinds and targets alone, sorted.
    digest            text        not null,
    targets_digest    text        not null,
    -- The earlier batch that this one repeats on purpose.
    repeats           uuid,
    needs_approval    boolean     not null,
    idempotency_key   text,
    parameters        text,
    client_ip         inet        not null,
    peer_ip           inet        not null,
    user_agent        text,
    trace_id          text,
    http_request_id   text        not null,
    instance          text        not null,
    version           text        not null,
    sdk_app_id        bigint      not null,
    submitted_at      timestamptz not null,
    expires_at        timestamptz not null,
    recorded_at       timestamptz not null default clock_timestamp(),
    salt              bytea       not null,
    xid               xid8        not null default pg_current_xact_id(),
    leaf_hash         bytea       not null,
    mac               bytea,

    constraint batch_pkey primary key (id),
    constraint batch_id_is_uuid7 check (substr(id::text, 15, 1) = '7'),
    constraint batch_id_matches_submitted_at check (
        submitted_at >= audit.uuid7_time(id)
        and submitted_at < audit.uuid7_time(id) + interval '1 millisecond'),
    constraint batch_clocks_agree check (
        submitted_at between recorded_at - interval '60 seconds' and recorded_at + interval '60 seconds'),
    constraint batch_expires_within_a_day check (
        expires_at > submitted_at and expires_at <= submitted_at + interval '24 hours'),
    constraint batch_has_items check (total between 1 and 10000),
    constraint batch_digests_are_sha256 check (
        digest ~ '^[0-9a-f]{64}$' and targets_digest ~ '^[0-9a-f]{64}$'),
    constraint batch_parameters_are_an_object check (
        octet_length(parameters) <= 16384 and jsonb_typeof(parameters::jsonb) = 'object'),
    constraint batch_texts_are_short check (
        octet_length(moderator || coalesce(moderator_name, '') || issuer || coalesce(token_id, '')
                     || coalesce(client_id, '') || coalesce(actor, '') || coalesce(reason, '')
                     || coalesce(case_ref, '') || coalesce(idempotency_key, '') || coalesce(user_agent, '')
                     || coalesce(trace_id, '') || http_request_id || instance || version) <= 65536),
    constraint batch_row_format_is_known check (row_format = 2),
    constraint batch_salt_is_16_bytes check (octet_length(salt) = 16),
    constraint batch_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint batch_mac_is_sha256 check (octet_length(mac) = 32)
) partition by range (id);

create index batch_moderator on audit.batch (moderator, id);
create index batch_case_ref on audit.batch (case_ref, id) where case_ref is not null;
create index batch_targets_digest on audit.batch (targets_digest, id);
create index batch_xid on audit.batch (xid);

-- What one action of a batch is to be. It becomes a row of `audit.action` when it begins.
create table audit.batch_item (
    batch_id    uuid        not null,
    -- From 0, in the order in which they were submitted.
    batch_index integer     not null,
    row_format  smallint    not null,
    kind        text        not null,
    user_id     text,
    room_id     text,
    data        text,
    reason      text,
    case_ref    text,
    parameters  text,
    recorded_at timestamptz not null default clock_timestamp(),
    salt        bytea       not null,
    xid         xid8        not null default pg_current_xact_id(),
    leaf_hash   bytea       not null,
    mac         bytea,

    constraint batch_item_pkey primary key (batch_id, batch_index),
    constraint batch_item_index_is_of_a_batch check (batch_index between 0 and 9999),
    -- Items come with their batch, so that none can be added later.
    constraint batch_item_comes_with_its_batch check (
        audit.uuid7_time(batch_id) between recorded_at - interval '60 seconds' and recorded_at + interval '60 seconds'),
    constraint batch_item_has_a_target check (num_nonnulls(user_id, room_id) > 0),
    constraint batch_item_parameters_are_an_object check (
        octet_length(parameters) <= 16384 and jsonb_typeof(parameters::jsonb) = 'object'),
    constraint batch_item_texts_are_short check (
        octet_length(kind || coalesce(user_id, '') || coalesce(room_id, '') || coalesce(data, '')
                     || coalesce(reason, '') || coalesce(case_ref, '')) <= 65536),
    constraint batch_item_row_format_is_known check (row_format = 2),
    constraint batch_item_salt_is_16_bytes check (octet_length(salt) = 16),
    constraint batch_item_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint batch_item_mac_is_sha256 check (octet_length(mac) = 32)
) partition by range (batch_id);

create index batch_item_xid on audit.batch_item (xid);

-- What became of a batch: submitted, approved, rejected, paused, resumed, cancelled, expired, done; or that
-- somebody was denied one.
create table audit.batch_event (
    batch_id        uuid        not null,
    rev             smallint    not null,
    row_format      smallint    not null,
    event           text        not null,
    at              timestamptz not null,
    -- Who did it; null where the gateway did it by itself.
    moderator       text,
    moderator_name  text,
    issuer          text,
    token_id        text,
    client_id       text,
    actor           text,
    reason          text,
    details         text,
    client_ip       inet,
    peer_ip         inet,
    user_agent      text,
    trace_id        text,
    http_request_id text,
    instance        text        not null,
    version         text        not null,
    recorded_at     timestamptz not null default clock_timestamp(),
    salt            bytea       not null,
    xid             xid8        not null default pg_current_xact_id(),
    leaf_hash       bytea       not null,
    mac             bytea,

    constraint batch_event_pkey primary key (batch_id, rev),
    constraint batch_event_rev_is_positive check (rev between 1 and 1000),
    constraint batch_event_has_a_word check (event <> ''),
    constraint batch_event_moderator_is_whole check (num_nonnulls(moderator, issuer) in (0, 2)),
    constraint batch_event_time_is_a_date check (
        at between timestamptz '2000-01-01 00:00:00+00' and timestamptz '2200-01-01 00:00:00+00'),
    constraint batch_event_details_are_an_object check (
        octet_length(details) <= 16384 and jsonb_typeof(details::jsonb) = 'object'),
    constraint batch_event_texts_are_short check (
        octet_length(event || coalesce(moderator, '') || coalesce(moderator_name, '') || coalesce(issuer, '')
                     || coalesce(token_id, '') || coalesce(client_id, '') || coalesce(actor, '')
                     || coalesce(reason, '') || coalesce(user_agent, '') || coalesce(trace_id, '')
                     || coalesce(http_request_id, '') || instance || version) <= 65536),
    constraint batch_event_row_format_is_known check (row_format = 2),
    constraint batch_event_salt_is_16_bytes check (octet_length(salt) = 16),
    constraint batch_event_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint batch_event_mac_is_sha256 check (octet_length(mac) = 32)
) partition by range (batch_id);

create index batch_event_event on audit.batch_event (event, batch_id);
create index batch_event_xid on audit.batch_event (xid);

-- That everything, or a kind, an issuer or a moderator, is frozen or thawed. In force is the newest row of
-- a scope that is genuine. There are few, so that they are in no months.
create table audit.brake (
    id              uuid        not null,
    row_format      smallint    not null,
    -- `freeze` or `thaw`.
    brake           text        not null,
    -- Its scope; null is any.
    kind            text,
    issuer          text,
    moderator       text,
    reason          text        not null,
    requested_at    timestamptz not null,
    -- Who asked over the API.
    by_moderator    text,
    moderator_name  text,
    by_issuer       text,
    token_id        text,
    client_id       text,
    actor           text,
    client_ip       inet,
    peer_ip         inet,
    user_agent      text,
    trace_id        text,
    http_request_id text,
    instance        text,
    -- Who ran the command: the database role, and the person that it was told or ran as.
    decided_by      text,
    operator        text,
    host            text,
    version         text        not null,
    recorded_at     timestamptz not null default clock_timestamp(),
    salt            bytea       not null,
    xid             xid8        not null default pg_current_xact_id(),
    leaf_hash       bytea       not null,
    mac             bytea,

    constraint brake_pkey primary key (id),
    constraint brake_id_is_uuid7 check (substr(id::text, 15, 1) = '7'),
    constraint brake_id_matches_requested_at check (
        requested_at >= audit.uuid7_time(id)
        and requested_at < audit.uuid7_time(id) + interval '1 millisecond'),
    constraint brake_clocks_agree check (
        requested_at between recorded_at - interval '60 seconds' and recorded_at + interval '60 seconds'),
    constraint brake_is_known check (brake in ('freeze', 'thaw')),
    constraint brake_has_a_reason check (reason <> ''),
    constraint brake_moderator_has_an_issuer check (moderator is null or issuer is not null),
    -- A moderator or a command, and all that is known of either.
    constraint brake_is_by_one check (
        (num_nonnulls(by_moderator, by_issuer, client_ip, peer_ip, http_request_id, instance) = 6
         and num_nonnulls(decided_by, operator, host) = 0)
        or (num_nonnulls(decided_by, operator, host) = 3
            and num_nonnulls(by_moderator, moderator_name, by_issuer, token_id, client_id, actor, client_ip, peer_ip,
                             user_agent, trace_id, http_request_id, instance) = 0)),
    constraint brake_texts_are_short check (
        octet_length(coalesce(kind, '') || coalesce(issuer, '') || coalesce(moderator, '') || reason
                     || coalesce(by_moderator, '') || coalesce(moderator_name, '') || coalesce(by_issuer, '')
                     || coalesce(token_id, '') || coalesce(client_id, '') || coalesce(actor, '')
                     || coalesce(user_agent, '') || coalesce(trace_id, '') || coalesce(http_request_id, '')
                     || coalesce(instance, '') || coalesce(decided_by, '') || coalesce(operator, '')
                     || coalesce(host, '') || version) <= 65536),
    constraint brake_row_format_is_known check (row_format = 2),
    constraint brake_salt_is_16_bytes check (octet_length(salt) = 16),
    constraint brake_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint brake_mac_is_sha256 check (octet_length(mac) = 32)
);

create index brake_xid on audit.brake (xid);

select audit.make_append_only('audit.batch'), audit.make_append_only('audit.batch_item'),
       audit.make_append_only('audit.batch_event'), audit.make_append_only('audit.brake');

comment on table audit.batch is 'Actions that were asked for as one.';
comment on table audit.batch_item is 'What each action of a batch is to be.';
comment on table audit.batch_event is 'What became of each batch, numbered by rev.';
comment on table audit.brake is 'What was frozen and thawed.';

-- As before, with the tables of batches.
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
        foreach parent in array array['action', 'event', 'batch', 'batch_item', 'batch_event'] loop
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

create or replace function audit.partition_months_ahead(moment timestamptz default now()) returns integer
    language sql stable set search_path = pg_catalog, pg_temp set timezone = 'UTC'
begin atomic
    select count(*)::integer
    from generate_series(1, 24) as ahead
    where not exists (
        select from unnest(array['action', 'event', 'batch', 'batch_item', 'batch_event']) as parent
        where to_regclass('audit.' || parent || '_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is null);
end;

-- Seals of format 3 hold rows of versions 1 and 2, of all tables.
alter table audit.seal drop constraint seal_format_is_known;
alter table audit.seal add constraint seal_format_is_known check (format in (1, 2, 3));

-- As before, but the format of seals never goes down, and is 3 at least from now on: what a sealer of
-- before cannot check it would hold for forged, and what it does not look for would never be due again.
create or replace function audit.refuse_gap() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    last record;
begin
    lock table modgate.seal_lock in share row exclusive mode;
    select no, epoch, format into last from audit.seal order by no desc limit 1;
    if new.no <> coalesce(last.no, 0) + 1
       or new.epoch not between coalesce(last.epoch, 1) and coalesce(last.epoch, 0) + 1 then
        raise exception 'seal % of epoch % does not follow seal % of epoch %', new.no, new.epoch, last.no, last.epoch
            using errcode = 'check_violation';
    end if;
    if new.format < greatest(last.format, 3) then
        raise exception 'seal % is of format %, but this record is sealed in format % by now: a newer release seals it',
            new.no, new.format, greatest(last.format, 3)
            using errcode = 'check_violation';
    end if;
    return new;
end $$;

-- As before, with what version 2 adds.
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
       not exists (select from audit.decision d where d.subject = a.id and d.kind = 'acknowledgement') as genuine,
       a.batch_index,
       a.parameters::jsonb as parameters
from audit.action a
left join lateral (
    select e.state, e.at, e.duration_us, e.decided_by
    from audit.event e
    where e.action_id = a.id and audit.is_end(e.state)
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
