--
-- PostgreSQL database dump
--


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
01a225fd-7cde-74f5-a0b9-792296ecb5c0	kick_login	alice	Alice	https://id.example.test	01a225fd-7cc5-708d-abc0-5a2b691da360	\N	\N	one	\N	\N	spam	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a225fd-7cdd-701e-bade-1c16507c2e67	01a225fd-7336-7083-9adb-2a07ce010e08	0.1.0	1400000001	127.0.0.1:18081	2026-11-29 06:28:19.294555+00	2026-11-29 06:28:19.303783+00	10000	3740806533	814	\\xf2a6526ce1520231576503a51eaca39d9471c985c68d840fbbe7b8257c6e842b	\\x53227bce7f53b1ce6a436219381e6e530431e3e3cf860512d48b10d0bcb2c937
01a225fd-7cfc-7ed8-8018-8a4e27674027	kick_seat	alice	Alice	https://id.example.test	01a225fd-7cc5-708d-abc0-5a2b691da360	\N	\N	one	room	over	\N	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a225fd-7cfb-7305-a5d8-afb23aec288a	01a225fd-7336-7083-9adb-2a07ce010e08	0.1.0	1400000001	127.0.0.1:18081	2026-11-29 06:28:19.324636+00	2026-11-29 06:28:19.334386+00	10000	3656351052	816	\\x7905e06590f157dcf9adf7723d1a53da436b1c9dab9be28e3926375a3bc543c8	\\xfe5e7c48951dc5e0f0182c0e0038ccc87518303280bc15dce91fb64e567a1262
01a225fd-823a-7c53-a9a8-309ce19854e1	kick_login	alice	Alice	https://id.example.test	01a225fd-7cc5-708d-abc0-5a2b691da360	\N	\N	two	\N	\N	spam	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a225fd-8239-769a-bb01-1e6e612a6d63	01a225fd-7336-7083-9adb-2a07ce010e08	0.1.0	1400000001	127.0.0.1:18081	2026-11-29 06:28:20.666395+00	2026-11-29 06:28:20.667779+00	10000	1607319860	822	\\x32a9af3ac153e95f0b3cd51553320f1843b5e36a9adbae8626a054a2dabe853e	\\x42a23785b751a4853b1b42c02dff284276806b0ae934583e4759f482f9104a68
01a225fd-8256-7045-8405-e0c6c361c99b	kick_seat	alice	Alice	https://id.example.test	01a225fd-7cc5-708d-abc0-5a2b691da360	\N	\N	two	room	over	\N	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a225fd-8255-7740-974e-94c5c53c7f70	01a225fd-7336-7083-9adb-2a07ce010e08	0.1.0	1400000001	127.0.0.1:18081	2026-11-29 06:28:20.694081+00	2026-11-29 06:28:20.695443+00	10000	555048108	824	\\x0ab0b70333eb13490f5e37875003c1c5f26ec3444cd3416919f045cb4b2dc5ee	\\x56cc1a57824f5fbb01ca099fd467b094f459c9e2b8cf8b42f4abe5d1960b13ce
01a225fd-9b4f-7a36-b4b7-63a5b04a89d7	kick_login	alice	Alice	https://id.example.test	01a225fd-9b23-7461-8de5-361b7db17b9e	\N	\N	three	\N	\N	spam	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a225fd-9b4f-77a9-96cd-0d8e65d1c282	01a225fd-9297-7637-9d85-6527b897b394	0.1.0	1400000001	127.0.0.1:18081	2026-11-29 06:28:27.087889+00	2026-11-29 06:28:27.091044+00	10000	955328342	1061	\\xf202efcdecb09422eac6de19462e2f0219a8ec1e24b693f0f7e6d9393a00c685	\\x884b9308e0222f4599c098e9da28ee3755dc28aa29e212bb6198899dc84de9c4
01a225fd-9b82-720f-8a90-03792376eb2f	kick_seat	alice	Alice	https://id.example.test	01a225fd-9b23-7461-8de5-361b7db17b9e	\N	\N	three	room	over	\N	\N	\N	\N	\N	127.0.0.1	127.0.0.1	curl/7.88.1	\N	01a225fd-9b81-751b-9b68-6c13163a0aca	01a225fd-9297-7637-9d85-6527b897b394	0.1.0	1400000001	127.0.0.1:18081	2026-11-29 06:28:27.138185+00	2026-11-29 06:28:27.139396+00	10000	3221527127	1063	\\x78286b953609c63062ae194754dce791005aa37e38660e26ef6488f787ad87ce	\\x4eb99adf5b4516fecdd3e69b757e91e03bf1752fa3d21109411f6fb13afcad67
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
01a225fd-7cde-74f5-a0b9-792296ecb5c0	1	succeeded	2026-11-29 06:28:19.307883+00	2026-11-29 06:28:19.308781+00	gateway	13339	1	3740806533	1836	200	OK	0		\N	\N	\N	815	\\x7e559424ef161fc1b656067b8a1b8678aeb7bf7b58119f0b3da76d84af3ca6eb	\\xb13221380606d096e9cf71c936ff2e925b366bac3c1cfeace83167e8016a3c70
01a225fd-7cfc-7ed8-8018-8a4e27674027	1	succeeded	2026-11-29 06:28:19.337562+00	2026-11-29 06:28:19.338061+00	gateway	12935	1	3656351052	1112	200	OK	0		Id-2c0952ac0147848741c7debfee6edc99-O-Seq-2	\N	\N	817	\\x87c1f126f82a5be1c781f78738b701866bab7f00f5d00673bed7bc82370bf319	\\xc217cc249d916ceaef6aef455d771b9c1c761d0c0f69fa2b1aecf034641c2653
01a225fd-823a-7c53-a9a8-309ce19854e1	1	succeeded	2026-11-29 06:28:20.670237+00	2026-11-29 06:28:20.670627+00	gateway	3848	1	1607319860	949	200	OK	0		\N	\N	\N	823	\\x9c2b1036fae39b1df3ff9e6444b5f43f0e6e79b783e846a9a60cec9e229f75c3	\\x675f8e8a773a693292ba5f0538628d2d3e8787e7008ea95135ca8eaf068b16a4
01a225fd-8256-7045-8405-e0c6c361c99b	1	succeeded	2026-11-29 06:28:20.698345+00	2026-11-29 06:28:20.698751+00	gateway	4271	1	555048108	1168	200	OK	0		Id-f616515633a03cccce5ff23e2c8abb1f-O-Seq-4	\N	\N	825	\\x46cfd8002c153968893abc113a27cca9d2795d13b6dee5b7d7ec78a03267521e	\\xc05eb3dccc9b003b48dfbcac27ccf3b98e9f9ad6ddb9871c716827a088df6c22
01a225fd-9b4f-7a36-b4b7-63a5b04a89d7	1	succeeded	2026-11-29 06:28:27.095215+00	2026-11-29 06:28:27.119966+00	gateway	7339	1	955328342	1821	200	OK	0		\N	\N	\N	1062	\\x74c04770e803af5d3e599434f0e3311624f407c9816fa6d78561d673e2385c72	\\xdf1b10c3a0504998be4f5c43db72041986056a87d787a537d55892da34be63f7
01a225fd-9b82-720f-8a90-03792376eb2f	1	succeeded	2026-11-29 06:28:27.1425+00	2026-11-29 06:28:27.143241+00	gateway	4326	1	3221527127	1247	200	OK	0		Id-683366b8b93886b1080c3bc482bc9b98-O-Seq-6	\N	\N	1064	\\xefa14836dc4cba2bd0018271b5c625dfcab9748e37bd090e544bd1fa1f3a3108	\\x53468a8c37cfe007e68d02a3c9836bb980dfc5635972ec0eccca2a315bcab47c
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
1	1	\\x0000000000000000000000000000000000000000000000000000000000000000	0	\\x	2026-11-29 06:28:17.241708+00	\\x1b5b803cfe58d8e831617b9b61089d4ab943af20331f704502bc848182c10f28	\\x471c7156a4cf5cf7bd96455f1c886947a188fc8e01cd3dd7ecd7585da7445dc71708909f94b3c967e334ee1d85dde7f8a315bbf5243d487391b42e5822eb7608	56475aa75463474c	811:811:	811
2	1	\\x1b5b803cfe58d8e831617b9b61089d4ab943af20331f704502bc848182c10f28	4	\\x4101a225fd7cde74f5a0b9792296ecb5c0000053b3abf2b19b59beab92dd621759286761f9a4934d029629e97c5e91759a4e5d4501a225fd7cde74f5a0b9792296ecb5c00001543c474d5313f378f46b86a1bcc2753db2bbedaad6f120009daa8284b5e1e0154101a225fd7cfc7ed880188a4e2767402700009cfaab6f2fe20101b65d7949dc6d0685918ebcc86fb42e84ed9ea058e13c14404501a225fd7cfc7ed880188a4e27674027000161cb37ae9e78ecd0fe56caa89ac8d232adc3d40d36a2254bd110745a4570e2b6	2026-11-29 06:28:20.148038+00	\\x9ccfc638664d8d6c2e1935464f33c3388dabc2577ecd42777cc7368b0d211c66	\\x0df6bf549d219b3412e157853f2929801814ac2eee29597f444c557e4b77dd402b203d34e51a137b1afa25ed38c9e8d8fb026490003693701e8271dbc6b00a02	56475aa75463474c	820:820:	820
3	1	\\x9ccfc638664d8d6c2e1935464f33c3388dabc2577ecd42777cc7368b0d211c66	4	\\x4101a225fd823a7c53a9a8309ce19854e1000011d7207d60fe9ae79facfcf32c9c533cc650eff378fd6ed88795c40c4820cf6e4501a225fd823a7c53a9a8309ce19854e100018c1910dedfe0cac97561058a83104ede851435a9fa0a6cf3e4ae602c7959d3fd4101a225fd825670458405e0c6c361c99b000055aee0f15cfb2bf2fab4287c58197fe888601ad74c4e94fea55041095e0b96aa4501a225fd825670458405e0c6c361c99b0001d9d8e42b7180cb16b8bfea9cad31eaf3db0d760f9191d3fec50e13ee9a6c72cd	2026-11-29 06:28:21.147738+00	\\x631caccbff76a9930c48398f11a67de10a2234372ed388bb968b2cd6c5fbb94a	\\xb82b93235171975becd96ee963addf9e2fbf2461964c6c23f9411535b68be96b6841455da292f0cb626f7cbdfe96a18c9193de7b3c14a36e74cba7735fecd208	56475aa75463474c	827:827:	827
4	2	\\x631caccbff76a9930c48398f11a67de10a2234372ed388bb968b2cd6c5fbb94a	0	\\x	2026-11-29 06:28:24.97841+00	\\x0821ab0f89ce65ed9ddf4c617d389ce5eff6c40a835b31766bb715cc9a0ca405	\\x8ee840b7dbb67d9f088b7e61f79342a5d2b2264070060c9b96e18729d24eebdbf0cf656a1575f135041210fae573f33446e090592dca86fa74a6af8204a74501	56475aa75463474c	1055:1055:	1056
5	2	\\x0821ab0f89ce65ed9ddf4c617d389ce5eff6c40a835b31766bb715cc9a0ca405	4	\\x4101a225fd9b4f7a36b4b763a5b04a89d700004f34ea17e771031a57e96199365c42bae906fea70bd0f176805aa485823ce0fb4501a225fd9b4f7a36b4b763a5b04a89d70001c26397bf164ee0534bcd737d0b47fa96e43390776918297d826c6f9b57417bb14101a225fd9b82720f8a9003792376eb2f00002ede719cbfae046fe804c30d8357c11e0224643acf34ae3bcd901f09a1fa2bc34501a225fd9b82720f8a9003792376eb2f0001d111a78338b7300bdeff5649caf21ee2af56bb60249ffa98b3c14dd47ad4592b	2026-11-29 06:28:27.946802+00	\\xd20547a3d58f142a677e19d9e4592258893af8275782907ff51661523d6ae62b	\\xd39e4f834dd22bcf2a6cabb4561fe1b008d591eabf62cc4da3389cc9d16a6f179e4c96feeb6a3d50f46265f79eff39f4b5e65e646b92c670f75ac68920eb3e0d	56475aa75463474c	1067:1067:	1067
\.


--
-- Data for Name: idempotency; Type: TABLE DATA; Schema: modgate; Owner: -
--

COPY modgate.idempotency (issuer, moderator, kind, key, fingerprint, action_id, claimed_at) FROM stdin;
\.


--
-- Data for Name: permit_lease; Type: TABLE DATA; Schema: modgate; Owner: -
--

COPY modgate.permit_lease (sdk_app_id, api, holder, renewal, calls_per_second, demand, permits, expires_at, grace) FROM stdin;
1400000001	kick_login	01a225fd-92a7-7691-8353-c6be204f7a8b	7	200	0	200	2026-11-29 06:28:30.708257+00	00:00:00
1400000001	kick_seat	01a225fd-92a7-7691-8353-c6bf1f64ff83	7	200	0	200	2026-11-29 06:28:30.709011+00	00:00:00
\.


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public._sqlx_migrations (version, description, installed_on, success, checksum, execution_time) FROM stdin;
1	record	2026-11-29 06:28:16.863057+00	t	\\x7f51266f8668c5411855282b6ee8e424acf8166095a44d79a13ee62f9b6849921f8244dcb13d6a7b392f6753db39a041	175845090
2	idempotency	2026-11-29 06:28:17.040253+00	t	\\x28d44d9a4001901364baa20f4e8e7871dd3970524d8daf3b9f06947591c0b214b7266d8a0a1fff107346d32c891e66e0	5781034
3	permit lease	2026-11-29 06:28:17.046369+00	t	\\x21f7ea93f926035d71d24ac0db85ee55165df10f1a983bcb7864849ac887bc87b160d4d951e85f7d416b4f4248807324	8082642
4	seal	2026-11-29 06:28:17.054865+00	t	\\x4aec7909225c6e581d4fda8bbce60d01c4d920016e22a98dcdad790377d8753dbee6aa948668bfe3becf00d8f3621679	12199926
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


