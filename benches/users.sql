-- Adds users with a number of actions of their own to a record that `record.sql` has filled: ten with 10 each, `few0` to
-- `few9`, and two with 10,000 each, `many0` and `many1`, spread over the year. A fifth of them are mutes, most of which have
-- ended, and a tenth lift what there is.

set timezone = 'UTC';

create function pg_temp.load_user(name text, actions integer) returns void language plpgsql as $load$
declare
    till constant timestamptz := now() - interval '1 minute';
    every constant interval := interval '1 year' / actions;
begin
    insert into audit.action
        (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance, version, sdk_app_id,
         tencent_host, requested_at, recorded_at, deadline_ms, tencent_random, leaf_hash, row_format, salt, parameters)
    select id, kind, 'moderator' || number % 7, 'https://id.example.test', name, '192.0.2.1', '10.0.0.1',
           right(id::text, 12), 'gateway-1', '0.2.0', 1400000001, 'console.tim.qq.com', at, at + interval '1 ms', 10000,
           floor(4294967296 * random()), sha256(uuid_send(id)), 2, uuid_send(id),
           case when kind <> 'mute_user' then null
                when number % 100 = 0 then '{"forever":true}'
                else '{"seconds":' || (array[600, 3600, 86400, 31536000])[1 + number / 10 % 4] || '}' end
    from (select number, at,
                 (left(replace(audit.uuid7_floor(at)::text, '-', ''), 12) || '7' || left(digits, 3)
                     || '8' || right(digits, 15))::uuid as id,
                 (array['mute_user', 'mute_user', 'unmute_user', 'kick_login', 'kick_login',
                        'kick_login', 'kick_login', 'kick_login', 'kick_login', 'kick_login'])[1 + number % 10] as kind
          from (select number, till - every * number as at, md5(random()::text) as digits
                from generate_series(0, actions - 1) as number) as draw) as action;
    insert into audit.event
        (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt, tencent_random, attempt_duration_us,
         http_status, action_status, error_code, error_info, leaf_hash)
    select id, 1, 'succeeded', requested_at + interval '60 ms', requested_at + interval '60 ms', 'gateway', 60000, 1,
           tencent_random, 40000, 200, 'OK', 0, '', sha256(uuid_send(id) || int2send(1::smallint))
    from audit.action where user_id = name;
end $load$;

select pg_temp.load_user('few' || number, 10) from generate_series(0, 9) as number;
select pg_temp.load_user('many' || number, 10000) from generate_series(0, 1) as number;
