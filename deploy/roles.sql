-- Who may do what in modgate's database:
--
--   modgate_owner    owns schemas audit and modgate; `modgate migrate` connects as it
--   modgate_service  `modgate serve` connects as it: it adds to the record and reads it, and can
--                    neither change, remove nor back-date a row
--   modgate_auditor  reads schema audit, on at most 20 connections (`alter role modgate_auditor
--                    connection limit N`, but not -1, for another number)
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
    -- Whoever reads must not use up the server's connections. A limit that is set is left as it is.
    if (select rolconnlimit from pg_roles where rolname = 'modgate_auditor') = -1 then
        begin
            alter role modgate_auditor connection limit 20;
        exception when insufficient_privilege then
            raise warning 'modgate_auditor has no connection limit, and % may not set one', current_user;
        end;
    end if;
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
        where relnamespace in (to_regnamespace('audit'), to_regnamespace('modgate'))
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

-- So does the list of migrations, in whichever schema: an earlier version put it into the first of the
-- search path. Other programs have such lists, too. Ours has modgate's first migration, or is in public
-- and has none yet.
do $$
declare
    -- SHA-384 of migrations/0001_record.sql, which never changes.
    first      constant bytea := '\x7f51266f8668c5411855282b6ee8e424acf8166095a44d79a13ee62f9b6849921f8244dcb13d6a7b392f6753db39a041';
    list       record;
    is_ours    boolean;
begin
    if current_user = 'modgate_owner' then
        return;
    end if;
    for list in
        select format('%I.%I', nspname, relname) as name, nspname, relowner,
               has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as is_readable
        from pg_class c join pg_namespace n on n.oid = relnamespace
        where relname = '_sqlx_migrations' and relkind in ('r', 'p') and nspname not in ('audit', 'modgate')
    loop
        if not list.is_readable then
            raise warning '% may not read % of role %: if modgate was migrated as that role, run this as a superuser, or as a member of it',
                current_user, list.name, list.relowner::regrole;
            continue;
        end if;
        execute format('select exists (select from %1$s where checksum = $1)
                               or $2 = ''public'' and not exists (select from %1$s)', list.name)
            into is_ours using first, list.nspname;
        continue when not is_ours;
        -- To migrate takes the right to make the list, even if it is there.
        if list.nspname <> 'public' then
            execute format('grant usage on schema %I to modgate_service, modgate_auditor', list.nspname);
            execute format('grant usage, create on schema %I to modgate_owner', list.nspname);
        end if;
        if list.relowner <> 'modgate_owner'::regrole then
            execute format('alter table %s owner to modgate_owner', list.name);
        end if;
    end loop;
end $$;
commit;
