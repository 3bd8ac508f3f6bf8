-- Who may do what in modgate's database:
--
--   modgate_owner    owns schemas audit and modgate; `modgate migrate` connects as it
--   modgate_service  `modgate serve` connects as it: it adds to the record and reads it, and can
--                    neither change, remove nor back-date a row
--   modgate_auditor  reads schema audit
--
-- Run once by the owner of the database, who may create roles and need not be a superuser: it makes
-- the roles, without passwords, and gives modgate_owner what others have made in these schemas.
-- Run after each `modgate migrate` by modgate_owner: it grants the rights on what is there now, and
-- takes away what else the other two, and PUBLIC, had on the record. It may be run at any time.
--
--   psql "$ADMIN_DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/roles.sql
--
-- PostgreSQL 15 and later.

begin;
set local client_min_messages = warning;
-- Not behind an open reader for ever, with every insert waiting behind this.
set local lock_timeout = '5s';

-- The roles. modgate_owner has no right to make any, nor a need.
do $$
declare
    name text;
begin
    if current_user = 'modgate_owner' then
        return;
    end if;
    -- Postgres would only warn that nothing was granted.
    if not (select pg_has_role(datdba, 'member') from pg_database where datname = current_database()) then
        raise exception 'run this as the owner of the database, or as modgate_owner';
    end if;
    foreach name in array array['modgate_owner', 'modgate_service', 'modgate_auditor'] loop
        if to_regrole(name) is null then
            execute format('create role %I login', name);
        end if;
        execute format('grant connect on database %I to %I', current_database(), name);
    end loop;
    -- To make the schemas, and the table in which the migrations are counted.
    execute format('grant create on database %I to modgate_owner', current_database());
    grant usage, create on schema public to modgate_owner;
    -- Since PostgreSQL 16 whoever creates a role may grant it, but does not have its rights.
    grant modgate_owner to current_user;
end $$;

-- What was migrated as somebody else becomes modgate_owner's. The schemas first, for it must be
-- allowed to make what it is given in them.
do $$
declare
    change text;
begin
    for change in
        select format('alter schema %I owner to modgate_owner', nspname)
        from pg_namespace
        where nspname in ('audit', 'modgate') and nspowner <> 'modgate_owner'::regrole
        union all
        select format('alter table %s owner to modgate_owner', oid::regclass)
        from pg_class
        where (relnamespace in (to_regnamespace('audit'), to_regnamespace('modgate'))
               or oid = to_regclass('public._sqlx_migrations'))
          and relkind in ('r', 'p', 'v') and relowner <> 'modgate_owner'::regrole
        union all
        select format('alter function %s owner to modgate_owner', oid::regprocedure)
        from pg_proc
        where pronamespace in (to_regnamespace('audit'), to_regnamespace('modgate'))
          and proowner <> 'modgate_owner'::regrole
    loop
        execute change;
    end loop;
end $$;

-- The rights, as their owner. Nothing to do before the first `modgate migrate`.
set local role modgate_owner;
do $$
declare
    relation   regclass;
    insertable text;
begin
    if to_regclass('public._sqlx_migrations') is null then
        return;
    end if;
    -- An auditor's `modgate verify` must know a schema that is newer than itself.
    grant select on public._sqlx_migrations to modgate_service, modgate_auditor;

    revoke all on all tables in schema audit from public, modgate_service, modgate_auditor;
    revoke all on schema audit from public, modgate_service, modgate_auditor;
    grant usage on schema audit to modgate_service, modgate_auditor;
    -- A month is read and written through its parent alone.
    for relation, insertable in
        select c.oid::regclass,
               -- When a row came, and in which transaction, is the database's to say: who names
               -- them dates a row back, or slips it below what counts as final.
               string_agg(quote_ident(attname), ', ')
                   filter (where c.relkind <> 'v' and attname not in ('recorded_at', 'xid'))
        from pg_class c join pg_attribute on attrelid = c.oid
        where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p', 'v')
          and not c.relispartition and attnum > 0 and not attisdropped
        group by c.oid
    loop
        execute format('grant select on %s to modgate_service, modgate_auditor', relation);
        -- What is dropped, what is missing and what is false is the owner's to record.
        if insertable is not null
           and relation not in (to_regclass('audit.prune'), to_regclass('audit.decision')) then
            execute format('grant insert (%s) on %s to modgate_service', insertable, relation);
        end if;
    end loop;
    grant execute on function audit.uuid7_floor(timestamptz), audit.uuid7_time(uuid),
        audit.is_shown(pg_snapshot, xid, xid8), audit.full_xid(xid, pg_snapshot)
        to modgate_service, modgate_auditor;
    grant execute on function audit.partition_months_ahead(timestamptz) to modgate_service;
    -- It makes the months as its owner.
    grant execute on function audit.ensure_partitions(timestamptz, integer) to modgate_service;

    -- Working state: nothing in it is evidence.
    grant usage on schema modgate to modgate_service;
    grant select, insert, update, delete on all tables in schema modgate to modgate_service;
    grant usage, select on all sequences in schema modgate to modgate_service;
    grant execute on all functions in schema modgate to modgate_service;
    alter default privileges in schema modgate grant select, insert, update, delete on tables to modgate_service;
    alter default privileges in schema modgate grant usage, select on sequences to modgate_service;
    alter default privileges in schema modgate grant execute on functions to modgate_service;
end $$;
commit;
