--
-- PostgreSQL database dump
--

\restrict OkUaGN4myDvk4RgfrKuyuYmfC9wo2WoTJPK5pTZeRYAgvhrejxxgmMja5bPsCPL

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: audit; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA audit;


--
-- Name: modgate; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA modgate;


--
-- Name: ensure_partitions(timestamp with time zone, integer); Type: FUNCTION; Schema: audit; Owner: -
--

CREATE FUNCTION audit.ensure_partitions(moment timestamp with time zone DEFAULT now(), months_ahead integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    SET "TimeZone" TO 'UTC'
    AS $$
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


--
-- Name: make_append_only(regclass); Type: FUNCTION; Schema: audit; Owner: -
--

CREATE FUNCTION audit.make_append_only(target regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    execute format('create trigger append_only before update or delete or truncate on %s
                    for each statement execute function audit.refuse_change()', target);
    execute format('alter table %s enable always trigger append_only', target);
end $$;


--
-- Name: partition_months_ahead(timestamp with time zone); Type: FUNCTION; Schema: audit; Owner: -
--

CREATE FUNCTION audit.partition_months_ahead(moment timestamp with time zone DEFAULT now()) RETURNS integer
    LANGUAGE sql STABLE
    SET "TimeZone" TO 'UTC'
    AS $$
    select count(*)::integer
    from generate_series(1, 24) as ahead
    where to_regclass('audit.action_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is not null
      and to_regclass('audit.event_' || to_char(moment + make_interval(months => ahead), 'YYYYMM')) is not null
$$;


--
-- Name: refuse_change(); Type: FUNCTION; Schema: audit; Owner: -
--

CREATE FUNCTION audit.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'insufficient_privilege';
end $$;


--
-- Name: uuid7_floor(timestamp with time zone); Type: FUNCTION; Schema: audit; Owner: -
--

CREATE FUNCTION audit.uuid7_floor(moment timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;


--
-- Name: uuid7_time(uuid); Type: FUNCTION; Schema: audit; Owner: -
--

CREATE FUNCTION audit.uuid7_time(id uuid) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select timestamptz 'epoch' + interval '1 millisecond'
           * ('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint
$$;


--
-- Name: renew_permit_lease(bigint, text, uuid, bigint, integer, integer, integer, integer, interval, interval); Type: FUNCTION; Schema: modgate; Owner: -
--

CREATE FUNCTION modgate.renew_permit_lease(its_sdk_app_id bigint, its_api text, its_holder uuid, its_renewal bigint, its_calls_per_second integer, its_demand integer, it_keeps integer, it_wants integer, its_lifetime interval, its_grace interval) RETURNS TABLE(holder uuid, calls_per_second integer, demand integer, permits integer, expired boolean)
    LANGUAGE plpgsql
    AS $$
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
    perform pg_advisory_xact_lock(
        hashtextextended(format('modgate.permit_lease %s %s', its_sdk_app_id, its_api), 0));
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


SET default_tablespace = '';

--
-- Name: action; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.action (
    id uuid NOT NULL,
    kind text NOT NULL,
    moderator text NOT NULL,
    moderator_name text,
    issuer text NOT NULL,
    token_id text,
    client_id text,
    actor text,
    user_id text NOT NULL,
    room_id text,
    data text,
    reason text,
    case_ref text,
    supersedes uuid,
    batch_id uuid,
    idempotency_key text,
    client_ip inet NOT NULL,
    peer_ip inet NOT NULL,
    user_agent text,
    trace_id text,
    http_request_id text NOT NULL,
    instance text NOT NULL,
    version text NOT NULL,
    sdk_app_id bigint NOT NULL,
    tencent_host text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline_ms integer NOT NULL,
    tencent_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT action_clocks_agree CHECK (((requested_at >= (recorded_at - '00:01:00'::interval)) AND (requested_at <= (recorded_at + '00:01:00'::interval)))),
    CONSTRAINT action_deadline_is_positive CHECK ((deadline_ms > 0)),
    CONSTRAINT action_id_is_uuid7 CHECK ((substr((id)::text, 15, 1) = '7'::text)),
    CONSTRAINT action_id_matches_requested_at CHECK (((requested_at >= audit.uuid7_time(id)) AND (requested_at < (audit.uuid7_time(id) + '00:00:00.001'::interval)))),
    CONSTRAINT action_kind_is_known CHECK ((kind = ANY (ARRAY['kick_login'::text, 'kick_seat'::text]))),
    CONSTRAINT action_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT action_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT action_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint))),
    CONSTRAINT action_seat_has_room CHECK ((((kind = 'kick_seat'::text) = (room_id IS NOT NULL)) AND ((kind = 'kick_seat'::text) = (data IS NOT NULL))))
)
PARTITION BY RANGE (id);


--
-- Name: TABLE action; Type: COMMENT; Schema: audit; Owner: -
--

COMMENT ON TABLE audit.action IS 'The intent of each action, committed before anything is sent to Tencent.';


SET default_table_access_method = heap;

--
-- Name: action_202611; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.action_202611 (
    id uuid NOT NULL,
    kind text NOT NULL,
    moderator text NOT NULL,
    moderator_name text,
    issuer text NOT NULL,
    token_id text,
    client_id text,
    actor text,
    user_id text NOT NULL,
    room_id text,
    data text,
    reason text,
    case_ref text,
    supersedes uuid,
    batch_id uuid,
    idempotency_key text,
    client_ip inet NOT NULL,
    peer_ip inet NOT NULL,
    user_agent text,
    trace_id text,
    http_request_id text NOT NULL,
    instance text NOT NULL,
    version text NOT NULL,
    sdk_app_id bigint NOT NULL,
    tencent_host text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline_ms integer NOT NULL,
    tencent_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT action_clocks_agree CHECK (((requested_at >= (recorded_at - '00:01:00'::interval)) AND (requested_at <= (recorded_at + '00:01:00'::interval)))),
    CONSTRAINT action_deadline_is_positive CHECK ((deadline_ms > 0)),
    CONSTRAINT action_id_is_uuid7 CHECK ((substr((id)::text, 15, 1) = '7'::text)),
    CONSTRAINT action_id_matches_requested_at CHECK (((requested_at >= audit.uuid7_time(id)) AND (requested_at < (audit.uuid7_time(id) + '00:00:00.001'::interval)))),
    CONSTRAINT action_kind_is_known CHECK ((kind = ANY (ARRAY['kick_login'::text, 'kick_seat'::text]))),
    CONSTRAINT action_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT action_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT action_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint))),
    CONSTRAINT action_seat_has_room CHECK ((((kind = 'kick_seat'::text) = (room_id IS NOT NULL)) AND ((kind = 'kick_seat'::text) = (data IS NOT NULL))))
);


--
-- Name: action_202612; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.action_202612 (
    id uuid NOT NULL,
    kind text NOT NULL,
    moderator text NOT NULL,
    moderator_name text,
    issuer text NOT NULL,
    token_id text,
    client_id text,
    actor text,
    user_id text NOT NULL,
    room_id text,
    data text,
    reason text,
    case_ref text,
    supersedes uuid,
    batch_id uuid,
    idempotency_key text,
    client_ip inet NOT NULL,
    peer_ip inet NOT NULL,
    user_agent text,
    trace_id text,
    http_request_id text NOT NULL,
    instance text NOT NULL,
    version text NOT NULL,
    sdk_app_id bigint NOT NULL,
    tencent_host text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline_ms integer NOT NULL,
    tencent_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT action_clocks_agree CHECK (((requested_at >= (recorded_at - '00:01:00'::interval)) AND (requested_at <= (recorded_at + '00:01:00'::interval)))),
    CONSTRAINT action_deadline_is_positive CHECK ((deadline_ms > 0)),
    CONSTRAINT action_id_is_uuid7 CHECK ((substr((id)::text, 15, 1) = '7'::text)),
    CONSTRAINT action_id_matches_requested_at CHECK (((requested_at >= audit.uuid7_time(id)) AND (requested_at < (audit.uuid7_time(id) + '00:00:00.001'::interval)))),
    CONSTRAINT action_kind_is_known CHECK ((kind = ANY (ARRAY['kick_login'::text, 'kick_seat'::text]))),
    CONSTRAINT action_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT action_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT action_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint))),
    CONSTRAINT action_seat_has_room CHECK ((((kind = 'kick_seat'::text) = (room_id IS NOT NULL)) AND ((kind = 'kick_seat'::text) = (data IS NOT NULL))))
);


--
-- Name: action_202701; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.action_202701 (
    id uuid NOT NULL,
    kind text NOT NULL,
    moderator text NOT NULL,
    moderator_name text,
    issuer text NOT NULL,
    token_id text,
    client_id text,
    actor text,
    user_id text NOT NULL,
    room_id text,
    data text,
    reason text,
    case_ref text,
    supersedes uuid,
    batch_id uuid,
    idempotency_key text,
    client_ip inet NOT NULL,
    peer_ip inet NOT NULL,
    user_agent text,
    trace_id text,
    http_request_id text NOT NULL,
    instance text NOT NULL,
    version text NOT NULL,
    sdk_app_id bigint NOT NULL,
    tencent_host text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline_ms integer NOT NULL,
    tencent_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT action_clocks_agree CHECK (((requested_at >= (recorded_at - '00:01:00'::interval)) AND (requested_at <= (recorded_at + '00:01:00'::interval)))),
    CONSTRAINT action_deadline_is_positive CHECK ((deadline_ms > 0)),
    CONSTRAINT action_id_is_uuid7 CHECK ((substr((id)::text, 15, 1) = '7'::text)),
    CONSTRAINT action_id_matches_requested_at CHECK (((requested_at >= audit.uuid7_time(id)) AND (requested_at < (audit.uuid7_time(id) + '00:00:00.001'::interval)))),
    CONSTRAINT action_kind_is_known CHECK ((kind = ANY (ARRAY['kick_login'::text, 'kick_seat'::text]))),
    CONSTRAINT action_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT action_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT action_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint))),
    CONSTRAINT action_seat_has_room CHECK ((((kind = 'kick_seat'::text) = (room_id IS NOT NULL)) AND ((kind = 'kick_seat'::text) = (data IS NOT NULL))))
);


--
-- Name: action_202702; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.action_202702 (
    id uuid NOT NULL,
    kind text NOT NULL,
    moderator text NOT NULL,
    moderator_name text,
    issuer text NOT NULL,
    token_id text,
    client_id text,
    actor text,
    user_id text NOT NULL,
    room_id text,
    data text,
    reason text,
    case_ref text,
    supersedes uuid,
    batch_id uuid,
    idempotency_key text,
    client_ip inet NOT NULL,
    peer_ip inet NOT NULL,
    user_agent text,
    trace_id text,
    http_request_id text NOT NULL,
    instance text NOT NULL,
    version text NOT NULL,
    sdk_app_id bigint NOT NULL,
    tencent_host text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline_ms integer NOT NULL,
    tencent_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT action_clocks_agree CHECK (((requested_at >= (recorded_at - '00:01:00'::interval)) AND (requested_at <= (recorded_at + '00:01:00'::interval)))),
    CONSTRAINT action_deadline_is_positive CHECK ((deadline_ms > 0)),
    CONSTRAINT action_id_is_uuid7 CHECK ((substr((id)::text, 15, 1) = '7'::text)),
    CONSTRAINT action_id_matches_requested_at CHECK (((requested_at >= audit.uuid7_time(id)) AND (requested_at < (audit.uuid7_time(id) + '00:00:00.001'::interval)))),
    CONSTRAINT action_kind_is_known CHECK ((kind = ANY (ARRAY['kick_login'::text, 'kick_seat'::text]))),
    CONSTRAINT action_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT action_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT action_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint))),
    CONSTRAINT action_seat_has_room CHECK ((((kind = 'kick_seat'::text) = (room_id IS NOT NULL)) AND ((kind = 'kick_seat'::text) = (data IS NOT NULL))))
);


--
-- Name: event; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.event (
    action_id uuid NOT NULL,
    rev smallint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    decided_by text NOT NULL,
    duration_us bigint,
    attempt smallint,
    tencent_random bigint,
    attempt_duration_us bigint,
    http_status smallint,
    action_status text,
    error_code bigint,
    error_info text,
    tencent_request_id text,
    failure text,
    next_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT event_attempt_is_whole CHECK ((((attempt IS NULL) = (tencent_random IS NULL)) AND ((attempt IS NULL) = (attempt_duration_us IS NULL)) AND ((attempt IS NOT NULL) OR (COALESCE((http_status)::bigint, error_code) IS NULL)))),
    CONSTRAINT event_decider_is_known CHECK ((decided_by = ANY (ARRAY['gateway'::text, 'recovery'::text]))),
    CONSTRAINT event_denied_is_first CHECK (((state <> 'denied'::text) OR (rev = 1))),
    CONSTRAINT event_end_by_tencent_has_answer CHECK (((state <> ALL (ARRAY['succeeded'::text, 'refused'::text])) OR (error_code IS NOT NULL))),
    CONSTRAINT event_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT event_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint) AND ((next_random >= 0) AND (next_random <= '4294967295'::bigint)))),
    CONSTRAINT event_recovery_decides_unknown CHECK (((decided_by <> 'recovery'::text) OR (state = 'unknown'::text))),
    CONSTRAINT event_retrying_announces CHECK (((state = 'retrying'::text) = (next_random IS NOT NULL))),
    CONSTRAINT event_rev_is_positive CHECK ((rev >= 1)),
    CONSTRAINT event_state_is_known CHECK ((state = ANY (ARRAY['retrying'::text, 'succeeded'::text, 'refused'::text, 'not_sent'::text, 'unknown'::text, 'denied'::text])))
)
PARTITION BY RANGE (action_id);


--
-- Name: TABLE event; Type: COMMENT; Schema: audit; Owner: -
--

COMMENT ON TABLE audit.event IS 'What became of each action: finished attempts and ends, numbered by rev.';


--
-- Name: actions; Type: VIEW; Schema: audit; Owner: -
--

CREATE VIEW audit.actions AS
 SELECT a.id,
    a.kind,
    COALESCE(ended.state, 'pending'::text) AS state,
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
    ended.at AS completed_at,
    (round(((ended.duration_us)::numeric / 1000.0), 3))::double precision AS duration_ms,
    COALESCE((tried.attempts)::integer, 0) AS attempts,
    COALESCE(tried.tencent_random, a.tencent_random) AS tencent_random,
    tried.http_status,
    answered.action_status,
    answered.error_code,
    answered.error_info,
    answered.tencent_request_id,
    ended.decided_by
   FROM (((audit.action a
     LEFT JOIN LATERAL ( SELECT e.state,
            e.at,
            e.duration_us,
            e.decided_by
           FROM audit.event e
          WHERE ((e.action_id = a.id) AND (e.state <> 'retrying'::text))
          ORDER BY (e.state = 'unknown'::text), e.rev DESC
         LIMIT 1) ended ON (true))
     LEFT JOIN LATERAL ( SELECT e.attempt AS attempts,
            COALESCE(e.next_random, e.tencent_random) AS tencent_random,
            e.http_status
           FROM audit.event e
          WHERE ((e.action_id = a.id) AND (e.attempt IS NOT NULL))
          ORDER BY e.rev DESC
         LIMIT 1) tried ON (true))
     LEFT JOIN LATERAL ( SELECT e.action_status,
            e.error_code,
            e.error_info,
            e.tencent_request_id
           FROM audit.event e
          WHERE ((e.action_id = a.id) AND (e.error_code IS NOT NULL))
          ORDER BY e.rev DESC
         LIMIT 1) answered ON (true));


--
-- Name: VIEW actions; Type: COMMENT; Schema: audit; Owner: -
--

COMMENT ON VIEW audit.actions IS 'One row an action: who did what to whom, and what became of it.';


--
-- Name: event_202611; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.event_202611 (
    action_id uuid NOT NULL,
    rev smallint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    decided_by text NOT NULL,
    duration_us bigint,
    attempt smallint,
    tencent_random bigint,
    attempt_duration_us bigint,
    http_status smallint,
    action_status text,
    error_code bigint,
    error_info text,
    tencent_request_id text,
    failure text,
    next_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT event_attempt_is_whole CHECK ((((attempt IS NULL) = (tencent_random IS NULL)) AND ((attempt IS NULL) = (attempt_duration_us IS NULL)) AND ((attempt IS NOT NULL) OR (COALESCE((http_status)::bigint, error_code) IS NULL)))),
    CONSTRAINT event_decider_is_known CHECK ((decided_by = ANY (ARRAY['gateway'::text, 'recovery'::text]))),
    CONSTRAINT event_denied_is_first CHECK (((state <> 'denied'::text) OR (rev = 1))),
    CONSTRAINT event_end_by_tencent_has_answer CHECK (((state <> ALL (ARRAY['succeeded'::text, 'refused'::text])) OR (error_code IS NOT NULL))),
    CONSTRAINT event_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT event_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint) AND ((next_random >= 0) AND (next_random <= '4294967295'::bigint)))),
    CONSTRAINT event_recovery_decides_unknown CHECK (((decided_by <> 'recovery'::text) OR (state = 'unknown'::text))),
    CONSTRAINT event_retrying_announces CHECK (((state = 'retrying'::text) = (next_random IS NOT NULL))),
    CONSTRAINT event_rev_is_positive CHECK ((rev >= 1)),
    CONSTRAINT event_state_is_known CHECK ((state = ANY (ARRAY['retrying'::text, 'succeeded'::text, 'refused'::text, 'not_sent'::text, 'unknown'::text, 'denied'::text])))
);


--
-- Name: event_202612; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.event_202612 (
    action_id uuid NOT NULL,
    rev smallint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    decided_by text NOT NULL,
    duration_us bigint,
    attempt smallint,
    tencent_random bigint,
    attempt_duration_us bigint,
    http_status smallint,
    action_status text,
    error_code bigint,
    error_info text,
    tencent_request_id text,
    failure text,
    next_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT event_attempt_is_whole CHECK ((((attempt IS NULL) = (tencent_random IS NULL)) AND ((attempt IS NULL) = (attempt_duration_us IS NULL)) AND ((attempt IS NOT NULL) OR (COALESCE((http_status)::bigint, error_code) IS NULL)))),
    CONSTRAINT event_decider_is_known CHECK ((decided_by = ANY (ARRAY['gateway'::text, 'recovery'::text]))),
    CONSTRAINT event_denied_is_first CHECK (((state <> 'denied'::text) OR (rev = 1))),
    CONSTRAINT event_end_by_tencent_has_answer CHECK (((state <> ALL (ARRAY['succeeded'::text, 'refused'::text])) OR (error_code IS NOT NULL))),
    CONSTRAINT event_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT event_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint) AND ((next_random >= 0) AND (next_random <= '4294967295'::bigint)))),
    CONSTRAINT event_recovery_decides_unknown CHECK (((decided_by <> 'recovery'::text) OR (state = 'unknown'::text))),
    CONSTRAINT event_retrying_announces CHECK (((state = 'retrying'::text) = (next_random IS NOT NULL))),
    CONSTRAINT event_rev_is_positive CHECK ((rev >= 1)),
    CONSTRAINT event_state_is_known CHECK ((state = ANY (ARRAY['retrying'::text, 'succeeded'::text, 'refused'::text, 'not_sent'::text, 'unknown'::text, 'denied'::text])))
);


--
-- Name: event_202701; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.event_202701 (
    action_id uuid NOT NULL,
    rev smallint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    decided_by text NOT NULL,
    duration_us bigint,
    attempt smallint,
    tencent_random bigint,
    attempt_duration_us bigint,
    http_status smallint,
    action_status text,
    error_code bigint,
    error_info text,
    tencent_request_id text,
    failure text,
    next_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT event_attempt_is_whole CHECK ((((attempt IS NULL) = (tencent_random IS NULL)) AND ((attempt IS NULL) = (attempt_duration_us IS NULL)) AND ((attempt IS NOT NULL) OR (COALESCE((http_status)::bigint, error_code) IS NULL)))),
    CONSTRAINT event_decider_is_known CHECK ((decided_by = ANY (ARRAY['gateway'::text, 'recovery'::text]))),
    CONSTRAINT event_denied_is_first CHECK (((state <> 'denied'::text) OR (rev = 1))),
    CONSTRAINT event_end_by_tencent_has_answer CHECK (((state <> ALL (ARRAY['succeeded'::text, 'refused'::text])) OR (error_code IS NOT NULL))),
    CONSTRAINT event_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT event_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint) AND ((next_random >= 0) AND (next_random <= '4294967295'::bigint)))),
    CONSTRAINT event_recovery_decides_unknown CHECK (((decided_by <> 'recovery'::text) OR (state = 'unknown'::text))),
    CONSTRAINT event_retrying_announces CHECK (((state = 'retrying'::text) = (next_random IS NOT NULL))),
    CONSTRAINT event_rev_is_positive CHECK ((rev >= 1)),
    CONSTRAINT event_state_is_known CHECK ((state = ANY (ARRAY['retrying'::text, 'succeeded'::text, 'refused'::text, 'not_sent'::text, 'unknown'::text, 'denied'::text])))
);


--
-- Name: event_202702; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.event_202702 (
    action_id uuid NOT NULL,
    rev smallint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    decided_by text NOT NULL,
    duration_us bigint,
    attempt smallint,
    tencent_random bigint,
    attempt_duration_us bigint,
    http_status smallint,
    action_status text,
    error_code bigint,
    error_info text,
    tencent_request_id text,
    failure text,
    next_random bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT event_attempt_is_whole CHECK ((((attempt IS NULL) = (tencent_random IS NULL)) AND ((attempt IS NULL) = (attempt_duration_us IS NULL)) AND ((attempt IS NOT NULL) OR (COALESCE((http_status)::bigint, error_code) IS NULL)))),
    CONSTRAINT event_decider_is_known CHECK ((decided_by = ANY (ARRAY['gateway'::text, 'recovery'::text]))),
    CONSTRAINT event_denied_is_first CHECK (((state <> 'denied'::text) OR (rev = 1))),
    CONSTRAINT event_end_by_tencent_has_answer CHECK (((state <> ALL (ARRAY['succeeded'::text, 'refused'::text])) OR (error_code IS NOT NULL))),
    CONSTRAINT event_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT event_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_random_is_u32 CHECK (((tencent_random >= 0) AND (tencent_random <= '4294967295'::bigint) AND ((next_random >= 0) AND (next_random <= '4294967295'::bigint)))),
    CONSTRAINT event_recovery_decides_unknown CHECK (((decided_by <> 'recovery'::text) OR (state = 'unknown'::text))),
    CONSTRAINT event_retrying_announces CHECK (((state = 'retrying'::text) = (next_random IS NOT NULL))),
    CONSTRAINT event_rev_is_positive CHECK ((rev >= 1)),
    CONSTRAINT event_state_is_known CHECK ((state = ANY (ARRAY['retrying'::text, 'succeeded'::text, 'refused'::text, 'not_sent'::text, 'unknown'::text, 'denied'::text])))
);


--
-- Name: prune; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.prune (
    id uuid NOT NULL,
    month date NOT NULL,
    actions bigint NOT NULL,
    events bigint NOT NULL,
    pruned_at timestamp with time zone NOT NULL,
    pruned_by text NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    leaf_hash bytea NOT NULL,
    mac bytea,
    CONSTRAINT prune_leaf_is_sha256 CHECK ((octet_length(leaf_hash) = 32)),
    CONSTRAINT prune_mac_is_sha256 CHECK ((octet_length(mac) = 32)),
    CONSTRAINT prune_month_is_whole CHECK ((month = date_trunc('month'::text, (month)::timestamp with time zone)))
);


--
-- Name: TABLE prune; Type: COMMENT; Schema: audit; Owner: -
--

COMMENT ON TABLE audit.prune IS 'The months that retention has dropped.';


--
-- Name: seal; Type: TABLE; Schema: audit; Owner: -
--

CREATE TABLE audit.seal (
    no bigint NOT NULL,
    epoch integer NOT NULL,
    prev bytea NOT NULL,
    n integer NOT NULL,
    leaves bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    head bytea NOT NULL,
    signature bytea,
    key_id text,
    snapshot pg_snapshot NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT seal_epoch_is_positive CHECK ((epoch >= 1)),
    CONSTRAINT seal_head_is_sha256 CHECK ((octet_length(head) = 32)),
    CONSTRAINT seal_leaves_are_whole CHECK (((n >= 0) AND (octet_length(leaves) = (51 * n)))),
    CONSTRAINT seal_no_is_positive CHECK ((no >= 1)),
    CONSTRAINT seal_prev_is_sha256 CHECK ((octet_length(prev) = 32)),
    CONSTRAINT seal_signature_is_ed25519 CHECK (((octet_length(signature) = 64) AND ((signature IS NULL) = (key_id IS NULL))))
);
ALTER TABLE ONLY audit.seal ALTER COLUMN leaves SET STORAGE EXTERNAL;


--
-- Name: TABLE seal; Type: COMMENT; Schema: audit; Owner: -
--

COMMENT ON TABLE audit.seal IS 'What rows there were, by hash, chained: see `modgate verify`.';


--
-- Name: idempotency; Type: TABLE; Schema: modgate; Owner: -
--

CREATE TABLE modgate.idempotency (
    issuer text NOT NULL,
    moderator text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    action_id uuid NOT NULL,
    claimed_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: permit_lease; Type: TABLE; Schema: modgate; Owner: -
--

CREATE TABLE modgate.permit_lease (
    sdk_app_id bigint NOT NULL,
    api text NOT NULL,
    holder uuid NOT NULL,
    renewal bigint NOT NULL,
    calls_per_second integer NOT NULL,
    demand integer NOT NULL,
    permits integer NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    grace interval NOT NULL
)
WITH (fillfactor='50');


--
-- Name: _sqlx_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);


--
-- Name: action_202611; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action ATTACH PARTITION audit.action_202611 FOR VALUES FROM ('01a19467-e800-0000-0000-000000000000') TO ('01a22ee6-b000-0000-0000-000000000000');


--
-- Name: action_202612; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action ATTACH PARTITION audit.action_202612 FOR VALUES FROM ('01a22ee6-b000-0000-0000-000000000000') TO ('01a2ce8b-d400-0000-0000-000000000000');


--
-- Name: action_202701; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action ATTACH PARTITION audit.action_202701 FOR VALUES FROM ('01a2ce8b-d400-0000-0000-000000000000') TO ('01a36e30-f800-0000-0000-000000000000');


--
-- Name: action_202702; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action ATTACH PARTITION audit.action_202702 FOR VALUES FROM ('01a36e30-f800-0000-0000-000000000000') TO ('01a3fe63-0800-0000-0000-000000000000');


--
-- Name: event_202611; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event ATTACH PARTITION audit.event_202611 FOR VALUES FROM ('01a19467-e800-0000-0000-000000000000') TO ('01a22ee6-b000-0000-0000-000000000000');


--
-- Name: event_202612; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event ATTACH PARTITION audit.event_202612 FOR VALUES FROM ('01a22ee6-b000-0000-0000-000000000000') TO ('01a2ce8b-d400-0000-0000-000000000000');


--
-- Name: event_202701; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event ATTACH PARTITION audit.event_202701 FOR VALUES FROM ('01a2ce8b-d400-0000-0000-000000000000') TO ('01a36e30-f800-0000-0000-000000000000');


--
-- Name: event_202702; Type: TABLE ATTACH; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event ATTACH PARTITION audit.event_202702 FOR VALUES FROM ('01a36e30-f800-0000-0000-000000000000') TO ('01a3fe63-0800-0000-0000-000000000000');


--
-- Data for Name: action_202611; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.action_202611 (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id, room_id, data, reason, case_ref, supersedes, batch_id, idempotency_key, client_ip, peer_ip, user_agent, trace_id, http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms, tencent_random, xid, leaf_hash, mac) FROM stdin;
01a22838-4e9a-71db-9529-dc8825dd1732	kick_login	alice	Alice W.	https://id.example.test	01a22838-4569-772b-ba60-47ea9ed11f6e	\N	\N	one	\N	\N	späm	TS-1	\N	\N	key-1	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a22838-4e99-7235-8394-760f6f762733	01a22838-4581-74f9-af3e-f8d3eef0b122	0.1.0	1400000001	127.0.0.1:17000	2026-11-29 16:51:48.506185+00	2026-11-29 16:51:48.516941+00	10000	3027224985	742	\\x7958753fc1ff0e61b610c007454fca7045620944b43b6aab3a0385b82cea319a	\\x8b3caf1475125825038dc9b3554550c59ce7f68032ca0c1dfa9c67b3cd918229
01a22838-4ed0-70df-a3d9-ddc74b2752c7	kick_login	bob	\N	https://id.example.test	01a22838-4570-75fa-99c5-951586e54169	\N	\N	one	\N	\N	\N	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a22838-4ecf-7423-8a97-fde2b2272faf	01a22838-4581-74f9-af3e-f8d3eef0b122	0.1.0	1400000001	127.0.0.1:17000	2026-11-29 16:51:48.560022+00	2026-11-29 16:51:48.563101+00	10000	\N	744	\\x6ae78dde24363b913bb45bd7563263b6f369f2e2558c2c0405abf916de5530f7	\\xf69dc444cfb8d3b047c3b78b5d7a014d414d37899948d8d86dca356a6cecc630
01a22838-56bb-70b1-9da0-2534936b8ce8	kick_seat	alice	Alice W.	https://id.example.test	01a22838-4569-772b-ba60-47ea9ed11f6e	\N	\N	two	room	time over\n	insults	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a22838-56ba-72a5-875f-9a90fd8b2251	01a22838-4581-74f9-af3e-f8d3eef0b122	0.1.0	1400000001	127.0.0.1:17000	2026-11-29 16:51:50.587487+00	2026-11-29 16:51:50.590364+00	10000	1125029373	750	\\x8120699fa193701dd02ec36e313d8bf99868c685198ce0e40cd1d3d1236d8bc4	\\x51a402f1e73c654cd6a0df3d8508b0b2fabd43f2d0884ed674d53c76bc44eeb1
01a22838-56e2-762f-99e8-d6073b5bdf67	kick_login	alice	Alice W.	https://id.example.test	01a22838-4569-772b-ba60-47ea9ed11f6e	\N	\N	three	\N	\N	\N	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a22838-56e2-745c-b821-813ce21e5dfd	01a22838-4581-74f9-af3e-f8d3eef0b122	0.1.0	1400000001	127.0.0.1:17000	2026-11-29 16:51:50.626613+00	2026-11-29 16:51:50.627737+00	10000	718741141	752	\\x2758f8dc18a3b7d9b84094a96f4f5c5f3357bb9828251ac01368fe48fff35b5c	\\xbb2cea1e18cbb0c1f25c974b1487c4ead9654587b3fa2f25bd7551a640f30c61
01a22838-7b40-701c-8c84-1f0fe92aa234	kick_login	alice	Alice W.	https://id.example.test	01a22838-4569-772b-ba60-47ea9ed11f6e	\N	\N	four	\N	\N	\N	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a22838-7b3f-72e6-b082-df2b73c6d82b	01a22838-6b59-7085-ab78-3dc7293a2760	0.1.0	1400000001	127.0.0.1:17000	2026-11-29 16:51:59.936028+00	2026-11-29 16:51:59.939194+00	10000	3301505986	995	\\x0e2fa6510572a0091f793bde484e429deaa4b59ad5660268ac9beae7fce5c233	\\x90974ae9d6a0e3cf8d087fe0864b3ccee6a11c92f86658a9dfe93a6225ccf946
\.


--
-- Data for Name: action_202612; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.action_202612 (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id, room_id, data, reason, case_ref, supersedes, batch_id, idempotency_key, client_ip, peer_ip, user_agent, trace_id, http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms, tencent_random, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: action_202701; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.action_202701 (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id, room_id, data, reason, case_ref, supersedes, batch_id, idempotency_key, client_ip, peer_ip, user_agent, trace_id, http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms, tencent_random, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: action_202702; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.action_202702 (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id, room_id, data, reason, case_ref, supersedes, batch_id, idempotency_key, client_ip, peer_ip, user_agent, trace_id, http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms, tencent_random, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: event_202611; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.event_202611 (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt, tencent_random, attempt_duration_us, http_status, action_status, error_code, error_info, tencent_request_id, failure, next_random, xid, leaf_hash, mac) FROM stdin;
01a22838-4e9a-71db-9529-dc8825dd1732	1	succeeded	2026-11-29 16:51:48.521109+00	2026-11-29 16:51:48.524233+00	gateway	14939	1	3027224985	1305	200	OK	0		\N	\N	\N	743	\\xc74e7cdf5c2527d5d2884b376b94643f5f91b3647623169492ccfb7a4b4657cb	\\xc6020787677565eea8bee6947831b5eae0061a650322d0044d9423429e728565
01a22838-4ed0-70df-a3d9-ddc74b2752c7	1	denied	2026-11-29 16:51:48.560184+00	2026-11-29 16:51:48.565886+00	gateway	169	\N	\N	\N	\N	\N	\N	\N	\N	missing_scope	\N	744	\\xf0f4da6e1ddbf7f13887c4c997a8b4c4119e45a39603bd8db1df3bce59810de9	\\xcc163ba56401e8565e63935b7f1bf3ae685d3b40e4f1ea7c08f98823dcabfbb3
01a22838-56bb-70b1-9da0-2534936b8ce8	1	succeeded	2026-11-29 16:51:50.595021+00	2026-11-29 16:51:50.59659+00	gateway	7541	1	1125029373	1809	200	OK	0		Id-a9eeaa9c60470ea632b525ec12265291-O-Seq-2	\N	\N	751	\\x377e823486bda524241f477c59d45eac403e7e9f19dddf038bca354a11df0db2	\\x1d7287b9cde879beadf6214aeb3d3af32d8f9273eca3f871b2a98f2cc56c0c13
01a22838-56e2-762f-99e8-d6073b5bdf67	1	retrying	2026-11-29 16:51:50.766553+00	2026-11-29 16:51:50.766886+00	gateway	137124	1	718741141	849	\N	\N	\N	\N	\N	connect	1394365974	753	\\xe40f91f9892ff097459191b5bd8be15b70c48bc45a4748df9efe511ecc65bbfc	\\xca8b592bd6a7d0cb7b7a0c0040823c56a396ec0a3405928158b9d85d3cb9c58b
01a22838-56e2-762f-99e8-d6073b5bdf67	2	retrying	2026-11-29 16:51:51.019979+00	2026-11-29 16:51:51.020395+00	gateway	390549	2	1394365974	785	\N	\N	\N	\N	\N	connect	4130959063	754	\\x0b7e96af7d46e9c7d7573e35fc437e4a080df14eabc3752a0f8ef83c45c7142e	\\x3fbcd8e80db62fb6adf0415dca87852d2c66c5575af73e016a32acaaf06ff6c1
01a22838-56e2-762f-99e8-d6073b5bdf67	3	not_sent	2026-11-29 16:51:51.022448+00	2026-11-29 16:51:51.022876+00	gateway	395841	3	4130959063	832	\N	\N	\N	\N	\N	connect	\N	755	\\x4e471f78a9ebbe09f98d0bbd7ad168274ce8b1cfe9f14de5a9ca903185960a7a	\\x1631178708830b568090658b6c750e126eb302083aa0de69aeed62e588c3d44c
01a22838-7b40-701c-8c84-1f0fe92aa234	1	succeeded	2026-11-29 16:51:59.947634+00	2026-11-29 16:51:59.967764+00	gateway	11616	1	3301505986	1488	200	OK	0		\N	\N	\N	996	\\x645a3d9e0d0fd579e1355d62cac5b577789dc8f8b35fa278de9d4637247c53bc	\\x327db1a48130226ca5fd2824e376805b2d574eceb7d18a252da6bc7fe07462c6
\.


--
-- Data for Name: event_202612; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.event_202612 (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt, tencent_random, attempt_duration_us, http_status, action_status, error_code, error_info, tencent_request_id, failure, next_random, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: event_202701; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.event_202701 (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt, tencent_random, attempt_duration_us, http_status, action_status, error_code, error_info, tencent_request_id, failure, next_random, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: event_202702; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.event_202702 (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt, tencent_random, attempt_duration_us, http_status, action_status, error_code, error_info, tencent_request_id, failure, next_random, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: prune; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.prune (id, month, actions, events, pruned_at, pruned_by, xid, leaf_hash, mac) FROM stdin;
\.


--
-- Data for Name: seal; Type: TABLE DATA; Schema: audit; Owner: -
--

COPY audit.seal (no, epoch, prev, n, leaves, sealed_at, head, signature, key_id, snapshot, xid) FROM stdin;
1	1	\\x0000000000000000000000000000000000000000000000000000000000000000	0	\\x	2026-11-29 16:51:46.542858+00	\\x9a7222f9b4d583a9be969b32e67ea0faf9c2fb6f37925a4dc42274f998076360	\\x6218d611d52e3f82bb2f7ec1dd8795562304cf3c2809a4c2559c4cac8ab4fda6dafb7653ed88b1037fa59dd6a4a3eb42e6ea6098596b57f2ca297002f27bf80e	56475aa75463474c	736:736:	737
2	1	\\x9a7222f9b4d583a9be969b32e67ea0faf9c2fb6f37925a4dc42274f998076360	4	\\x4101a228384e9a71db9529dc8825dd173200001aa525b94866f84d469474db780819bd3167f92bf5b1aa2e501bf66578cfb6ff4501a228384e9a71db9529dc8825dd173200015e7c9852ddfb6b09dfcf50d925d8fe48751e7d426760fe288600275b9313c13c4101a228384ed070dfa3d9ddc74b2752c7000034a682ce61cc0b7085806cdab5bba72cc395a3e9aebcb2d1a5592318f33af2e64501a228384ed070dfa3d9ddc74b2752c700014c9a9d230175f034aa7d35300b93d86888a93e4f7171e0bfd43785028f61f598	2026-11-29 16:51:49.568975+00	\\x7673371d7cd4752eb700620e26ab7b73e6075ea676507037c1813a9b8af7e125	\\xb72186f9df4e82d335c0d1a51f00ccf55c234f7944e7ad5b83e29482eb80d2c07af73c0dc3c808183f73f07b6d13f0ef95454b73b65781d63c6ae3e11e227007	56475aa75463474c	746:746:	747
3	1	\\x7673371d7cd4752eb700620e26ab7b73e6075ea676507037c1813a9b8af7e125	6	\\x4101a2283856bb70b19da02534936b8ce800001e4efe968fb2781b375cc4d8cfe2118252d8c97d96e564000e28edad70a9e7db4501a2283856bb70b19da02534936b8ce800015c135f08522073d4f7e369ee4dfafe3c074389c830df3f624f113988ca5ef8184101a2283856e2762f99e8d6073b5bdf670000f492819c3744fcc2558985d88e7d489c82d848d4c34aeec4f468f3d37dc1ab004501a2283856e2762f99e8d6073b5bdf67000115d96e00a0e5fdce3093bddd0db976df84a9ea6243bda67a6850f8a23424a3b44501a2283856e2762f99e8d6073b5bdf6700025ac645eb5febbc0124a57c7744452b6462b24c908b27b75c3b52efdfa80c05f84501a2283856e2762f99e8d6073b5bdf6700036968abf0dae43a0c92e91bdd986e9b7c6dd17d088a339272fc5b0cb8c1ea9ed7	2026-11-29 16:51:51.569844+00	\\x525f6fa6d40f552b0bd9d0fcd185a8470f06b5a90fd4231b18322fc2daa3a277	\\x2a40dc7061676aa50b99fc8814b9ec8a540f8437e0575843bdbcdbfef58dfa37645324890432977467ced42a25e509b0ae3a40339c38c2fe22f460b21bb5b905	56475aa75463474c	758:758:	758
4	2	\\x525f6fa6d40f552b0bd9d0fcd185a8470f06b5a90fd4231b18322fc2daa3a277	0	\\x	2026-11-29 16:51:55.971819+00	\\x81894db04678e5644bf8f57326ae2854b4662423ba3687678563c69cc27afd4d	\\x024427a251021cad9efc0273e36388bbd98a27c524d1dfcd652111f5864cf605c070f76fdd49de13d84d0746855cf540f0656c0d511704637d7b575998546a02	56475aa75463474c	987:987:	988
5	2	\\x81894db04678e5644bf8f57326ae2854b4662423ba3687678563c69cc27afd4d	2	\\x4101a228387b40701c8c841f0fe92aa2340000d024d924600df35f171f9a28ffe6524c3fda0b3f4d74f45a6e85ec4a2a34ee854501a228387b40701c8c841f0fe92aa2340001719553b58194b97fc9bcda3d1637997e2cd9468c708e1d11eb99d9cd7bd2e175	2026-11-29 16:52:00.940946+00	\\x18e4652b10d11f4254771d7a54418c0af65ae3d02e218e6acfa54bd0e3a55af1	\\x3665158cb112b41946d2bd4a46eca05ad00f8d20669ec25d2abbb98552e4a1bad996f51b55be94b59f60404ad99ef77fab99817bed3300fb1c2b199a67ef330e	56475aa75463474c	999:999:	999
\.


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: modgate; Owner: -
--

COPY modgate.idempotency (issuer, moderator, kind, key, fingerprint, action_id, claimed_at) FROM stdin;
https://id.example.test	alice	kick_login	key-1	\\x12603cbbe5f381e6c31aafc39b363444692697531b6a343b76b27f02b4ac05da	01a22838-4e9a-71db-9529-dc8825dd1732	2026-11-29 16:51:48.515616+00
\.


--
-- Data for Name: permit_lease; Type: TABLE DATA; Schema: modgate; Owner: -
--

COPY modgate.permit_lease (sdk_app_id, api, holder, renewal, calls_per_second, demand, permits, expires_at, grace) FROM stdin;
1400000001	kick_login	01a22838-6b6d-72c9-aa04-a2d333437125	8	200	0	200	2026-11-29 16:52:03.241757+00	00:00:00
1400000001	kick_seat	01a22838-6b6d-72c9-aa04-a2d407c10dcd	8	200	0	200	2026-11-29 16:52:03.242434+00	00:00:00
\.


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public._sqlx_migrations (version, description, installed_on, success, checksum, execution_time) FROM stdin;
1	record	2026-11-29 16:51:46.200152+00	t	\\x7f51266f8668c5411855282b6ee8e424acf8166095a44d79a13ee62f9b6849921f8244dcb13d6a7b392f6753db39a041	202240996
2	idempotency	2026-11-29 16:51:46.405009+00	t	\\x28d44d9a4001901364baa20f4e8e7871dd3970524d8daf3b9f06947591c0b214b7266d8a0a1fff107346d32c891e66e0	9060987
3	permit lease	2026-11-29 16:51:46.414788+00	t	\\x21f7ea93f926035d71d24ac0db85ee55165df10f1a983bcb7864849ac887bc87b160d4d951e85f7d416b4f4248807324	5850855
4	seal	2026-11-29 16:51:46.421189+00	t	\\x4aec7909225c6e581d4fda8bbce60d01c4d920016e22a98dcdad790377d8753dbee6aa948668bfe3becf00d8f3621679	15470701
\.


--
-- Name: action action_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action
    ADD CONSTRAINT action_pkey PRIMARY KEY (id);


--
-- Name: action_202611 action_202611_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action_202611
    ADD CONSTRAINT action_202611_pkey PRIMARY KEY (id);


--
-- Name: action_202612 action_202612_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action_202612
    ADD CONSTRAINT action_202612_pkey PRIMARY KEY (id);


--
-- Name: action_202701 action_202701_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action_202701
    ADD CONSTRAINT action_202701_pkey PRIMARY KEY (id);


--
-- Name: action_202702 action_202702_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.action_202702
    ADD CONSTRAINT action_202702_pkey PRIMARY KEY (id);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (action_id, rev);


--
-- Name: event_202611 event_202611_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event_202611
    ADD CONSTRAINT event_202611_pkey PRIMARY KEY (action_id, rev);


--
-- Name: event_202612 event_202612_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event_202612
    ADD CONSTRAINT event_202612_pkey PRIMARY KEY (action_id, rev);


--
-- Name: event_202701 event_202701_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event_202701
    ADD CONSTRAINT event_202701_pkey PRIMARY KEY (action_id, rev);


--
-- Name: event_202702 event_202702_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.event_202702
    ADD CONSTRAINT event_202702_pkey PRIMARY KEY (action_id, rev);


--
-- Name: prune prune_once_a_month; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.prune
    ADD CONSTRAINT prune_once_a_month UNIQUE (month);


--
-- Name: prune prune_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.prune
    ADD CONSTRAINT prune_pkey PRIMARY KEY (id);


--
-- Name: seal seal_pkey; Type: CONSTRAINT; Schema: audit; Owner: -
--

ALTER TABLE ONLY audit.seal
    ADD CONSTRAINT seal_pkey PRIMARY KEY (no);


--
-- Name: idempotency idempotency_pkey; Type: CONSTRAINT; Schema: modgate; Owner: -
--

ALTER TABLE ONLY modgate.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (issuer, moderator, kind, key);


--
-- Name: permit_lease permit_lease_pkey; Type: CONSTRAINT; Schema: modgate; Owner: -
--

ALTER TABLE ONLY modgate.permit_lease
    ADD CONSTRAINT permit_lease_pkey PRIMARY KEY (sdk_app_id, api, holder);


--
-- Name: _sqlx_migrations _sqlx_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);


--
-- Name: action_batch_id; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_batch_id ON ONLY audit.action USING btree (batch_id, id) WHERE (batch_id IS NOT NULL);


--
-- Name: action_202611_batch_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_batch_id_id_idx ON audit.action_202611 USING btree (batch_id, id) WHERE (batch_id IS NOT NULL);


--
-- Name: action_case_ref; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_case_ref ON ONLY audit.action USING btree (case_ref, id) WHERE (case_ref IS NOT NULL);


--
-- Name: action_202611_case_ref_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_case_ref_id_idx ON audit.action_202611 USING btree (case_ref, id) WHERE (case_ref IS NOT NULL);


--
-- Name: action_idempotency_key; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_idempotency_key ON ONLY audit.action USING btree (idempotency_key, id) WHERE (idempotency_key IS NOT NULL);


--
-- Name: action_202611_idempotency_key_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_idempotency_key_id_idx ON audit.action_202611 USING btree (idempotency_key, id) WHERE (idempotency_key IS NOT NULL);


--
-- Name: action_kind; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_kind ON ONLY audit.action USING btree (kind, id);


--
-- Name: action_202611_kind_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_kind_id_idx ON audit.action_202611 USING btree (kind, id);


--
-- Name: action_moderator; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_moderator ON ONLY audit.action USING btree (moderator, id);


--
-- Name: action_202611_moderator_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_moderator_id_idx ON audit.action_202611 USING btree (moderator, id);


--
-- Name: action_room_id; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_room_id ON ONLY audit.action USING btree (room_id, id) WHERE (room_id IS NOT NULL);


--
-- Name: action_202611_room_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_room_id_id_idx ON audit.action_202611 USING btree (room_id, id) WHERE (room_id IS NOT NULL);


--
-- Name: action_user_id; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_user_id ON ONLY audit.action USING btree (user_id, id);


--
-- Name: action_202611_user_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_user_id_id_idx ON audit.action_202611 USING btree (user_id, id);


--
-- Name: action_xid; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_xid ON ONLY audit.action USING btree (xid);


--
-- Name: action_202611_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202611_xid_idx ON audit.action_202611 USING btree (xid);


--
-- Name: action_202612_batch_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_batch_id_id_idx ON audit.action_202612 USING btree (batch_id, id) WHERE (batch_id IS NOT NULL);


--
-- Name: action_202612_case_ref_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_case_ref_id_idx ON audit.action_202612 USING btree (case_ref, id) WHERE (case_ref IS NOT NULL);


--
-- Name: action_202612_idempotency_key_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_idempotency_key_id_idx ON audit.action_202612 USING btree (idempotency_key, id) WHERE (idempotency_key IS NOT NULL);


--
-- Name: action_202612_kind_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_kind_id_idx ON audit.action_202612 USING btree (kind, id);


--
-- Name: action_202612_moderator_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_moderator_id_idx ON audit.action_202612 USING btree (moderator, id);


--
-- Name: action_202612_room_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_room_id_id_idx ON audit.action_202612 USING btree (room_id, id) WHERE (room_id IS NOT NULL);


--
-- Name: action_202612_user_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_user_id_id_idx ON audit.action_202612 USING btree (user_id, id);


--
-- Name: action_202612_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202612_xid_idx ON audit.action_202612 USING btree (xid);


--
-- Name: action_202701_batch_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_batch_id_id_idx ON audit.action_202701 USING btree (batch_id, id) WHERE (batch_id IS NOT NULL);


--
-- Name: action_202701_case_ref_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_case_ref_id_idx ON audit.action_202701 USING btree (case_ref, id) WHERE (case_ref IS NOT NULL);


--
-- Name: action_202701_idempotency_key_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_idempotency_key_id_idx ON audit.action_202701 USING btree (idempotency_key, id) WHERE (idempotency_key IS NOT NULL);


--
-- Name: action_202701_kind_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_kind_id_idx ON audit.action_202701 USING btree (kind, id);


--
-- Name: action_202701_moderator_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_moderator_id_idx ON audit.action_202701 USING btree (moderator, id);


--
-- Name: action_202701_room_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_room_id_id_idx ON audit.action_202701 USING btree (room_id, id) WHERE (room_id IS NOT NULL);


--
-- Name: action_202701_user_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_user_id_id_idx ON audit.action_202701 USING btree (user_id, id);


--
-- Name: action_202701_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202701_xid_idx ON audit.action_202701 USING btree (xid);


--
-- Name: action_202702_batch_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_batch_id_id_idx ON audit.action_202702 USING btree (batch_id, id) WHERE (batch_id IS NOT NULL);


--
-- Name: action_202702_case_ref_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_case_ref_id_idx ON audit.action_202702 USING btree (case_ref, id) WHERE (case_ref IS NOT NULL);


--
-- Name: action_202702_idempotency_key_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_idempotency_key_id_idx ON audit.action_202702 USING btree (idempotency_key, id) WHERE (idempotency_key IS NOT NULL);


--
-- Name: action_202702_kind_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_kind_id_idx ON audit.action_202702 USING btree (kind, id);


--
-- Name: action_202702_moderator_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_moderator_id_idx ON audit.action_202702 USING btree (moderator, id);


--
-- Name: action_202702_room_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_room_id_id_idx ON audit.action_202702 USING btree (room_id, id) WHERE (room_id IS NOT NULL);


--
-- Name: action_202702_user_id_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_user_id_id_idx ON audit.action_202702 USING btree (user_id, id);


--
-- Name: action_202702_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX action_202702_xid_idx ON audit.action_202702 USING btree (xid);


--
-- Name: event_one_unknown; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_one_unknown ON ONLY audit.event USING btree (action_id) WHERE (state = 'unknown'::text);


--
-- Name: event_202611_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202611_action_id_idx ON audit.event_202611 USING btree (action_id) WHERE (state = 'unknown'::text);


--
-- Name: event_one_definite; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_one_definite ON ONLY audit.event USING btree (action_id) WHERE (state = ANY (ARRAY['succeeded'::text, 'refused'::text, 'not_sent'::text, 'denied'::text]));


--
-- Name: event_202611_action_id_idx1; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202611_action_id_idx1 ON audit.event_202611 USING btree (action_id) WHERE (state = ANY (ARRAY['succeeded'::text, 'refused'::text, 'not_sent'::text, 'denied'::text]));


--
-- Name: event_error_code; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_error_code ON ONLY audit.event USING btree (error_code, action_id) WHERE (error_code <> 0);


--
-- Name: event_202611_error_code_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202611_error_code_action_id_idx ON audit.event_202611 USING btree (error_code, action_id) WHERE (error_code <> 0);


--
-- Name: event_state; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_state ON ONLY audit.event USING btree (state, action_id);


--
-- Name: event_202611_state_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202611_state_action_id_idx ON audit.event_202611 USING btree (state, action_id);


--
-- Name: event_tencent_request_id; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_tencent_request_id ON ONLY audit.event USING btree (tencent_request_id) WHERE (tencent_request_id IS NOT NULL);


--
-- Name: event_202611_tencent_request_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202611_tencent_request_id_idx ON audit.event_202611 USING btree (tencent_request_id) WHERE (tencent_request_id IS NOT NULL);


--
-- Name: event_xid; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_xid ON ONLY audit.event USING btree (xid);


--
-- Name: event_202611_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202611_xid_idx ON audit.event_202611 USING btree (xid);


--
-- Name: event_202612_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202612_action_id_idx ON audit.event_202612 USING btree (action_id) WHERE (state = 'unknown'::text);


--
-- Name: event_202612_action_id_idx1; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202612_action_id_idx1 ON audit.event_202612 USING btree (action_id) WHERE (state = ANY (ARRAY['succeeded'::text, 'refused'::text, 'not_sent'::text, 'denied'::text]));


--
-- Name: event_202612_error_code_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202612_error_code_action_id_idx ON audit.event_202612 USING btree (error_code, action_id) WHERE (error_code <> 0);


--
-- Name: event_202612_state_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202612_state_action_id_idx ON audit.event_202612 USING btree (state, action_id);


--
-- Name: event_202612_tencent_request_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202612_tencent_request_id_idx ON audit.event_202612 USING btree (tencent_request_id) WHERE (tencent_request_id IS NOT NULL);


--
-- Name: event_202612_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202612_xid_idx ON audit.event_202612 USING btree (xid);


--
-- Name: event_202701_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202701_action_id_idx ON audit.event_202701 USING btree (action_id) WHERE (state = 'unknown'::text);


--
-- Name: event_202701_action_id_idx1; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202701_action_id_idx1 ON audit.event_202701 USING btree (action_id) WHERE (state = ANY (ARRAY['succeeded'::text, 'refused'::text, 'not_sent'::text, 'denied'::text]));


--
-- Name: event_202701_error_code_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202701_error_code_action_id_idx ON audit.event_202701 USING btree (error_code, action_id) WHERE (error_code <> 0);


--
-- Name: event_202701_state_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202701_state_action_id_idx ON audit.event_202701 USING btree (state, action_id);


--
-- Name: event_202701_tencent_request_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202701_tencent_request_id_idx ON audit.event_202701 USING btree (tencent_request_id) WHERE (tencent_request_id IS NOT NULL);


--
-- Name: event_202701_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202701_xid_idx ON audit.event_202701 USING btree (xid);


--
-- Name: event_202702_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202702_action_id_idx ON audit.event_202702 USING btree (action_id) WHERE (state = 'unknown'::text);


--
-- Name: event_202702_action_id_idx1; Type: INDEX; Schema: audit; Owner: -
--

CREATE UNIQUE INDEX event_202702_action_id_idx1 ON audit.event_202702 USING btree (action_id) WHERE (state = ANY (ARRAY['succeeded'::text, 'refused'::text, 'not_sent'::text, 'denied'::text]));


--
-- Name: event_202702_error_code_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202702_error_code_action_id_idx ON audit.event_202702 USING btree (error_code, action_id) WHERE (error_code <> 0);


--
-- Name: event_202702_state_action_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202702_state_action_id_idx ON audit.event_202702 USING btree (state, action_id);


--
-- Name: event_202702_tencent_request_id_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202702_tencent_request_id_idx ON audit.event_202702 USING btree (tencent_request_id) WHERE (tencent_request_id IS NOT NULL);


--
-- Name: event_202702_xid_idx; Type: INDEX; Schema: audit; Owner: -
--

CREATE INDEX event_202702_xid_idx ON audit.event_202702 USING btree (xid);


--
-- Name: idempotency_claimed_at; Type: INDEX; Schema: modgate; Owner: -
--

CREATE INDEX idempotency_claimed_at ON modgate.idempotency USING btree (claimed_at);


--
-- Name: action_202611_batch_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_batch_id ATTACH PARTITION audit.action_202611_batch_id_id_idx;


--
-- Name: action_202611_case_ref_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_case_ref ATTACH PARTITION audit.action_202611_case_ref_id_idx;


--
-- Name: action_202611_idempotency_key_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_idempotency_key ATTACH PARTITION audit.action_202611_idempotency_key_id_idx;


--
-- Name: action_202611_kind_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_kind ATTACH PARTITION audit.action_202611_kind_id_idx;


--
-- Name: action_202611_moderator_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_moderator ATTACH PARTITION audit.action_202611_moderator_id_idx;


--
-- Name: action_202611_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_pkey ATTACH PARTITION audit.action_202611_pkey;


--
-- Name: action_202611_room_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_room_id ATTACH PARTITION audit.action_202611_room_id_id_idx;


--
-- Name: action_202611_user_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_user_id ATTACH PARTITION audit.action_202611_user_id_id_idx;


--
-- Name: action_202611_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_xid ATTACH PARTITION audit.action_202611_xid_idx;


--
-- Name: action_202612_batch_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_batch_id ATTACH PARTITION audit.action_202612_batch_id_id_idx;


--
-- Name: action_202612_case_ref_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_case_ref ATTACH PARTITION audit.action_202612_case_ref_id_idx;


--
-- Name: action_202612_idempotency_key_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_idempotency_key ATTACH PARTITION audit.action_202612_idempotency_key_id_idx;


--
-- Name: action_202612_kind_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_kind ATTACH PARTITION audit.action_202612_kind_id_idx;


--
-- Name: action_202612_moderator_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_moderator ATTACH PARTITION audit.action_202612_moderator_id_idx;


--
-- Name: action_202612_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_pkey ATTACH PARTITION audit.action_202612_pkey;


--
-- Name: action_202612_room_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_room_id ATTACH PARTITION audit.action_202612_room_id_id_idx;


--
-- Name: action_202612_user_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_user_id ATTACH PARTITION audit.action_202612_user_id_id_idx;


--
-- Name: action_202612_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_xid ATTACH PARTITION audit.action_202612_xid_idx;


--
-- Name: action_202701_batch_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_batch_id ATTACH PARTITION audit.action_202701_batch_id_id_idx;


--
-- Name: action_202701_case_ref_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_case_ref ATTACH PARTITION audit.action_202701_case_ref_id_idx;


--
-- Name: action_202701_idempotency_key_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_idempotency_key ATTACH PARTITION audit.action_202701_idempotency_key_id_idx;


--
-- Name: action_202701_kind_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_kind ATTACH PARTITION audit.action_202701_kind_id_idx;


--
-- Name: action_202701_moderator_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_moderator ATTACH PARTITION audit.action_202701_moderator_id_idx;


--
-- Name: action_202701_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_pkey ATTACH PARTITION audit.action_202701_pkey;


--
-- Name: action_202701_room_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_room_id ATTACH PARTITION audit.action_202701_room_id_id_idx;


--
-- Name: action_202701_user_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_user_id ATTACH PARTITION audit.action_202701_user_id_id_idx;


--
-- Name: action_202701_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_xid ATTACH PARTITION audit.action_202701_xid_idx;


--
-- Name: action_202702_batch_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_batch_id ATTACH PARTITION audit.action_202702_batch_id_id_idx;


--
-- Name: action_202702_case_ref_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_case_ref ATTACH PARTITION audit.action_202702_case_ref_id_idx;


--
-- Name: action_202702_idempotency_key_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_idempotency_key ATTACH PARTITION audit.action_202702_idempotency_key_id_idx;


--
-- Name: action_202702_kind_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_kind ATTACH PARTITION audit.action_202702_kind_id_idx;


--
-- Name: action_202702_moderator_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_moderator ATTACH PARTITION audit.action_202702_moderator_id_idx;


--
-- Name: action_202702_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_pkey ATTACH PARTITION audit.action_202702_pkey;


--
-- Name: action_202702_room_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_room_id ATTACH PARTITION audit.action_202702_room_id_id_idx;


--
-- Name: action_202702_user_id_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_user_id ATTACH PARTITION audit.action_202702_user_id_id_idx;


--
-- Name: action_202702_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.action_xid ATTACH PARTITION audit.action_202702_xid_idx;


--
-- Name: event_202611_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_unknown ATTACH PARTITION audit.event_202611_action_id_idx;


--
-- Name: event_202611_action_id_idx1; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_definite ATTACH PARTITION audit.event_202611_action_id_idx1;


--
-- Name: event_202611_error_code_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_error_code ATTACH PARTITION audit.event_202611_error_code_action_id_idx;


--
-- Name: event_202611_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_pkey ATTACH PARTITION audit.event_202611_pkey;


--
-- Name: event_202611_state_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_state ATTACH PARTITION audit.event_202611_state_action_id_idx;


--
-- Name: event_202611_tencent_request_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_tencent_request_id ATTACH PARTITION audit.event_202611_tencent_request_id_idx;


--
-- Name: event_202611_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_xid ATTACH PARTITION audit.event_202611_xid_idx;


--
-- Name: event_202612_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_unknown ATTACH PARTITION audit.event_202612_action_id_idx;


--
-- Name: event_202612_action_id_idx1; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_definite ATTACH PARTITION audit.event_202612_action_id_idx1;


--
-- Name: event_202612_error_code_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_error_code ATTACH PARTITION audit.event_202612_error_code_action_id_idx;


--
-- Name: event_202612_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_pkey ATTACH PARTITION audit.event_202612_pkey;


--
-- Name: event_202612_state_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_state ATTACH PARTITION audit.event_202612_state_action_id_idx;


--
-- Name: event_202612_tencent_request_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_tencent_request_id ATTACH PARTITION audit.event_202612_tencent_request_id_idx;


--
-- Name: event_202612_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_xid ATTACH PARTITION audit.event_202612_xid_idx;


--
-- Name: event_202701_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_unknown ATTACH PARTITION audit.event_202701_action_id_idx;


--
-- Name: event_202701_action_id_idx1; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_definite ATTACH PARTITION audit.event_202701_action_id_idx1;


--
-- Name: event_202701_error_code_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_error_code ATTACH PARTITION audit.event_202701_error_code_action_id_idx;


--
-- Name: event_202701_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_pkey ATTACH PARTITION audit.event_202701_pkey;


--
-- Name: event_202701_state_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_state ATTACH PARTITION audit.event_202701_state_action_id_idx;


--
-- Name: event_202701_tencent_request_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_tencent_request_id ATTACH PARTITION audit.event_202701_tencent_request_id_idx;


--
-- Name: event_202701_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_xid ATTACH PARTITION audit.event_202701_xid_idx;


--
-- Name: event_202702_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_unknown ATTACH PARTITION audit.event_202702_action_id_idx;


--
-- Name: event_202702_action_id_idx1; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_one_definite ATTACH PARTITION audit.event_202702_action_id_idx1;


--
-- Name: event_202702_error_code_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_error_code ATTACH PARTITION audit.event_202702_error_code_action_id_idx;


--
-- Name: event_202702_pkey; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_pkey ATTACH PARTITION audit.event_202702_pkey;


--
-- Name: event_202702_state_action_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_state ATTACH PARTITION audit.event_202702_state_action_id_idx;


--
-- Name: event_202702_tencent_request_id_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_tencent_request_id ATTACH PARTITION audit.event_202702_tencent_request_id_idx;


--
-- Name: event_202702_xid_idx; Type: INDEX ATTACH; Schema: audit; Owner: -
--

ALTER INDEX audit.event_xid ATTACH PARTITION audit.event_202702_xid_idx;


--
-- Name: action append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.action FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.action ENABLE ALWAYS TRIGGER append_only;


--
-- Name: action_202611 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.action_202611 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.action_202611 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: action_202612 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.action_202612 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.action_202612 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: action_202701 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.action_202701 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.action_202701 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: action_202702 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.action_202702 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.action_202702 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: event append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.event FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event ENABLE ALWAYS TRIGGER append_only;


--
-- Name: event_202611 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.event_202611 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event_202611 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: event_202612 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.event_202612 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event_202612 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: event_202701 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.event_202701 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event_202701 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: event_202702 append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.event_202702 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.event_202702 ENABLE ALWAYS TRIGGER append_only;


--
-- Name: prune append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.prune FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.prune ENABLE ALWAYS TRIGGER append_only;


--
-- Name: seal append_only; Type: TRIGGER; Schema: audit; Owner: -
--

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON audit.seal FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

ALTER TABLE audit.seal ENABLE ALWAYS TRIGGER append_only;


--
-- PostgreSQL database dump complete
--

\unrestrict OkUaGN4myDvk4RgfrKuyuYmfC9wo2WoTJPK5pTZeRYAgvhrejxxgmMja5bPsCPL

