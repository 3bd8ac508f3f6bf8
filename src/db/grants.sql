-- What the roles of deploy/roles.sql may do with what is there now, and no more: that of rights.sql,
-- which is put in below. Run by `modgate migrate` in the transaction of the migrations, so that
-- no replica ever meets tables which it has no rights on yet. Of the roles those are granted
-- something that exist.
do $$
declare
    service    constant boolean := to_regrole('modgate_service') is not null;
    auditor    constant boolean := to_regrole('modgate_auditor') is not null;
    readers    constant text := concat_ws(', ', case when service then 'modgate_service' end,
                                                case when auditor then 'modgate_auditor' end);
    listed_in  constant regnamespace := (select relnamespace from pg_class
                                         where oid = 'public._sqlx_migrations'::regclass);
    reader     text;
    needed     text;
begin
    if readers = '' then
        return;
    end if;
    -- An earlier version may have put it into a schema that they may not use.
    foreach reader in array string_to_array(readers, ', ') loop
        continue when has_schema_privilege(reader, listed_in, 'usage');
        if not has_schema_privilege(listed_in, 'usage with grant option') then
            raise insufficient_privilege using message = format(
                'public._sqlx_migrations lists the migrations, and %s may not use schema %s, which is not %s''s to grant: '
                'run deploy/roles.sql as the owner of the database', reader, listed_in, current_user);
        end if;
        execute format('grant usage on schema %s to %s', listed_in, reader);
    end loop;

    execute format('revoke all on all tables in schema audit from public, %s', readers);
    execute format('revoke all on schema audit from public, %s', readers);
    for needed in
        with needed as (
            :rights
        )
        select format('grant %s%s on %s %s to %s', privilege,
                      ' (' || string_agg(quote_ident(attribute), ', ') || ')', kind,
                      case kind when 'schema' then oid::regnamespace::text
                                when 'function' then oid::regprocedure::text
                                else oid::regclass::text end,
                      case when is_for_auditor then readers else 'modgate_service' end)
        from needed
        where service or is_for_auditor
        group by kind, oid, privilege, attribute is null, is_for_auditor
    loop
        execute needed;
    end loop;
end $$;
