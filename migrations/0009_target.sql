-- Whom and what mutes and bans were begun on last. Who begins another names the action that was the last when it
-- looked at what is in force: of two who look at once, one begins, and the other looks again. Working state: what is
-- in force is read from the record.
create table modgate.target (
    sdk_app_id  bigint      not null,
    -- The kind of action that sets what is set here, or lifted.
    restriction text        not null,
    -- Empty where the kind has none.
    room_id     text        not null,
    user_id     text        not null,
    last_action uuid        not null,
    begun_at    timestamptz not null default now(),
    constraint target_pkey primary key (sdk_app_id, restriction, room_id, user_id)
);

create index target_begun_at on modgate.target (begun_at);

-- When Tencent was last asked about an action: once in ten seconds, by whichever replica. Working state.
create table modgate.probe (
    action_id uuid        primary key,
    asked_at  timestamptz not null default now()
);

create index probe_asked_at on modgate.probe (asked_at);
