-- Which action an Idempotency-Key stands for. Working state: what became of the action is read from
-- the record, so that a repeat is told the truth of now, and not what was true once.

create table modgate.idempotency (
    issuer      text        not null,
    moderator   text        not null,
    kind        text        not null,
    key         text        not null,
    -- SHA-256 of what was asked: the same key for something else is a mistake of the client's.
    fingerprint bytea       not null,
    action_id   uuid        not null,
    claimed_at  timestamptz not null default now(),
    constraint idempotency_pkey primary key (issuer, moderator, kind, key)
);

create index idempotency_claimed_at on modgate.idempotency (claimed_at);
