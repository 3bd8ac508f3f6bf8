-- Who may do what in modgate's database:
--
--   modgate_owner    owns schemas audit and modgate; `modgate migrate` connects as it
--   modgate_service  `modgate serve` connects as it: it adds to the record and reads it, and can
--                    neither change, remove nor back-date a row
--   modgate_auditor  reads schema audit
--
-- Run once by the owner of the database, who may create roles and need not be a superuser: it makes
-- the roles, without passwords, and gives modgate_owner what others have made in these schemas. It
-- may be run again at any time; run by modgate_owner it changes nothing.
--
-- It grants no rights on tables: `modgate migrate` does, each time, on what is there then. It also
-- takes away what else the other two roles, and PUBLIC, had on the record.
--
--   psql "$ADMIN_DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/roles.sql
--
-- PostgreSQL 15 and later.

begin;
set local client_min_messages = warning;
-- Not behind an open reader for ever, with every insert waiting behind this.
set local lock_timeout = '5s';

-- The roles.
do $$
declare
    name text;
begin
    if current_user = 'modgate_owner' then
        return;
    end if;
    -- Postgres would only warn that nothing was granted.
    if not (select pg_has_role(datdba, 'member') from pg_database where datname = current_database()) then
        raise exception 'run this as the owner of the database';
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
commit;
