-- Fills an empty record with made-up actions, for benchmarks and for the tests of query plans. Never
-- for a service: the leaf hashes are not those of the rows, and `recorded_at` is given.
--
--     psql -v actions=10000000 -v months=12 -f benches/record.sql
--
-- As the owner of the schema, or a superuser. The actions are spread evenly over the months up to
-- now. A month that is not there yet gets its indexes when it is attached, after its rows, which is
-- much faster. All constraints and triggers are in force.
--
-- - 200 moderators, each after the first doing less than the one before; number 3 left 50 days ago,
--   number 5 is there only for the first days of a month.
-- - 500,000 users, 2 % seats in 2,000 rooms, 10 % with a case of about five actions, 2 % with an
--   Idempotency-Key, 2 % in batches of about a hundred.
-- - 3 % not succeeded, 5 % retried, a few ended as unknown and then known after all. Of the last
--   hundred, which have a day until their deadline, about half are pending.

set timezone = 'UTC';

create function pg_temp.load_actions(partition regclass, since timestamptz, actions bigint, every interval)
    returns void language plpgsql as $load$
begin
    execute format($insert$
        insert into %s
            (id, kind, moderator, moderator_name, issuer, token_id, user_id, room_id, data, reason, case_ref,
             batch_id, idempotency_key, client_ip, peer_ip, user_agent, http_request_id, instance, version,
             sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms, tencent_random, leaf_hash)
        select id, kind, 'moderator' || moderator, 'Moderator ' || moderator, 'https://id.example.test',
               left(id::text, 18), 'user' || floor(500000 * random() ^ 1.5),
               case when kind = 'kick_seat' then 'room' || floor(2000 ^ random()) end,
               case when kind = 'kick_seat' then 'time over' end,
               case when random() < 0.5 then 'spam' end,
               case when random() < 0.1 then
                   'TS-' || to_char(at, 'YYYYMM') || '-' || floor($2 / 50.0 * random()) end,
               case when random() < 0.02 then audit.uuid7_floor(date_bin($3 * 5000, at, '2020-01-01')) end,
               case when random() < 0.02 then right(id::text, 12) end,
               '192.0.2.1', '10.0.0.1', 'dashboard', right(id::text, 12), 'gateway-1', '0.1.0',
               1400000001, 'console.tim.qq.com', at, at + interval '1 ms',
               case when at > now() - $3 * 100 then 86400000 else 10000 end,
               floor(4294967296 * random()), sha256(uuid_send(id))
        from (select at, kind,
                     (left(replace(audit.uuid7_floor(at)::text, '-', ''), 12) || '7' || left(digits, 3)
                         || '8' || right(digits, 15))::uuid as id,
                     case when drawn = 3 and at > now() - interval '50 days' then 4
                          when drawn = 5 and extract(day from at) > 10 then 6
                          else drawn end as moderator
              from (select $1 + number * $3 as at, floor(200 ^ random()) as drawn, md5(random()::text) as digits,
                           case when random() < 0.02 then 'kick_seat' else 'kick_login' end as kind
                    from generate_series(0, $2 - 1) as number) as draw) as action
        $insert$, partition)
    using since, actions, every;
end $load$;

create function pg_temp.load_events(events regclass, actions regclass) returns void language plpgsql as $load$
begin
    execute format($insert$
        insert into %s
            (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt, tencent_random,
             attempt_duration_us, http_status, action_status, error_code, error_info, tencent_request_id,
             failure, next_random, leaf_hash)
        select id, rev, state, at, at, case when failure = 'abandoned' then 'recovery' else 'gateway' end,
               60000, attempt, case when attempt is not null then tencent_random end,
               case when attempt is not null then 40000 end, case when error_code is not null then 200 end,
               case when error_code = 0 then 'OK' when error_code is not null then 'FAIL' end,
               error_code, case when error_code is not null then '' end,
               case when error_code is not null then 'Id-' || md5(id::text || rev) || '-O-Seq-1' end,
               failure, case when state = 'retrying' then tencent_random end,
               sha256(uuid_send(id) || int2send(rev))
        from (select a.id, a.tencent_random, a.requested_at + interval '60 ms' as at, step.state,
                     step.rev::smallint as rev,
                     case when step.state <> 'denied' and step.failure is distinct from 'abandoned'
                          then step.rev::smallint end as attempt,
                     case when coalesce(step.failure, 'contradiction') = 'contradiction' and step.state <> 'denied'
                          then step.error_code end as error_code,
                     coalesce(step.failure, case step.state when 'denied' then 'missing_scope' end) as failure
              from (select *, case when fate < 0.970 then 'succeeded' when fate < 0.985 then 'refused'
                                   when fate < 0.990 then 'unknown' when fate < 0.995 then 'not_sent'
                                   else 'denied' end as state,
                           (retried < 0.05 and fate < 0.995)::integer as before
                    from (select id, requested_at, tencent_random, random() as fate, random() as retried,
                                 (array[70107, 70107, 70107, 70402, 100004])[1 + floor(5 * random())] as refusal,
                                 (array[60008, 70169, 100001])[1 + floor(3 * random())] as transient
                          from %s where deadline_ms = 10000 or random() < 0.5) as draw) as a
              cross join lateral (
                  select 1, 'retrying', transient, case when retried < 0.01 then 'connect' end where before = 1
                  union all
                  select before + 1, a.state,
                         case a.state when 'succeeded' then 0 when 'refused' then refusal
                              else case when fate < 0.986 then 0 else transient end end,
                         case a.state when 'not_sent' then 'connect'
                              when 'unknown' then case when fate < 0.986 then 'contradiction'
                                  when fate < 0.987 then 'abandoned' when fate < 0.988 then 'timed_out' end end
                  union all
                  select before + 2, 'succeeded', 0, null where fate between 0.985 and 0.9851
              ) as step (rev, state, error_code, failure)) as event
        $insert$, events, actions);
end $load$;

-- The month's table, and whether it is new and so is yet to be attached.
create function pg_temp.month(parent text, month timestamptz, out partition regclass, out new boolean)
    language plpgsql as $month$
declare
    name constant text := format('audit.%s_%s', parent, to_char(month, 'YYYYMM'));
begin
    new := to_regclass(name) is null;
    if new then
        execute format('create table %s (like audit.%s including all excluding indexes)', name, parent);
        perform audit.make_append_only(name::regclass);
    end if;
    partition := name;
end $month$;

create function pg_temp.attach(parent text, month timestamptz, partition regclass) returns void
    language plpgsql as $attach$
begin
    execute format('alter table audit.%s attach partition %s for values from (%L) to (%L)', parent, partition,
        audit.uuid7_floor(month), audit.uuid7_floor(month + interval '1 month'));
end $attach$;

create function pg_temp.load(actions bigint, months integer) returns void language plpgsql as $load$
declare
    till constant timestamptz := now() - interval '1 second';
    since constant timestamptz := till - make_interval(months => months);
    every constant interval := (till - since) / actions;
    month timestamptz;
    first bigint;
    next bigint := 0;
    action record;
    event record;
begin
    for month in select generate_series(date_trunc('month', since), till, interval '1 month') loop
        first := next;
        next := least(actions, ceil(extract(epoch from month + interval '1 month' - since)
            / extract(epoch from every))::bigint);
        action := pg_temp.month('action', month);
        event := pg_temp.month('event', month);
        perform pg_temp.load_actions(action.partition, since + first * every, next - first, every);
        perform pg_temp.load_events(event.partition, action.partition);
        if action.new then
            perform pg_temp.attach('action', month, action.partition);
            perform pg_temp.attach('event', month, event.partition);
        end if;
    end loop;
end $load$;

select pg_temp.load(:actions, :months);

analyze audit.action;
analyze audit.event;
