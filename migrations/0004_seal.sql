-- Seals: which rows there were, and that none has changed, gone or come since.
--
-- A row is sealed after its commit, by one sealer at a time, so that no writer ever waits for
-- another. Each seal lists its rows by hash and includes the seal before it; what the bytes are is
-- documented in `modgate::audit::seal`.

create table audit.seal (
    -- From 1, without gaps.
    no        bigint      not null,
    -- Begins anew where the rows were restored into another cluster: transaction ids of before say
    -- nothing there.
    epoch     integer     not null,
    prev      bytea       not null,
    n         integer     not null,
    leaves    bytea       not null,
    sealed_at timestamptz not null,
    head      bytea       not null,
    signature bytea,
    key_id    text,
    -- What the sealer saw. A row is due when this snapshot did not show it and that of the next seal does.
    snapshot  pg_snapshot not null,
    xid       xid8        not null default pg_current_xact_id(),

    constraint seal_pkey primary key (no),
    constraint seal_no_is_positive check (no >= 1),
    constraint seal_epoch_is_positive check (epoch >= 1),
    constraint seal_leaves_are_whole check (n >= 0 and octet_length(leaves) = 51 * n),
    constraint seal_prev_is_sha256 check (octet_length(prev) = 32),
    constraint seal_head_is_sha256 check (octet_length(head) = 32),
    constraint seal_signature_is_ed25519 check (
        octet_length(signature) = 64 and (signature is null) = (key_id is null))
);

-- Hashes cannot be compressed.
alter table audit.seal alter column leaves set storage external;

-- A month that `modgate retain` has dropped. Written by it alone, together with the seal that
-- holds it.
create table audit.prune (
    id        uuid        not null,
    month     date        not null,
    actions   bigint      not null,
    events    bigint      not null,
    pruned_at timestamptz not null,
    -- The database role that did it.
    pruned_by text        not null,
    xid       xid8        not null default pg_current_xact_id(),
    leaf_hash bytea       not null,
    mac       bytea,

    constraint prune_pkey primary key (id),
    constraint prune_once_a_month unique (month),
    constraint prune_month_is_whole check (month = date_trunc('month', month)),
    constraint prune_leaf_is_sha256 check (octet_length(leaf_hash) = 32),
    constraint prune_mac_is_sha256 check (octet_length(mac) = 32)
);

select audit.make_append_only('audit.seal'), audit.make_append_only('audit.prune');

comment on table audit.seal is 'What rows there were, by hash, chained: see `modgate verify`.';
comment on table audit.prune is 'The months that retention has dropped.';
