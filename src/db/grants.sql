-- What the roles of deploy/roles.sql may do with what is there now, and no more. Run by `modgate
-- migrate` in the transaction of the migrations, so that no replica ever meets tables which it has
-- no rights on yet. Of the roles those are granted something that exist.
do $$
declare
    service    constant boolean := to_regrole('modgate_service') is not null;
    auditor    constant boolean := to_regrole('modgate_auditor') is not null;
    readers    constant text := concat_ws(', ', case when service then 'modgate_service' end,
                                                case when auditor then 'modgate_auditor' end);
    relation   regclass;
    insertable text;
begin
    if readers = '' then
        return;
    end if;
    -- `serve` must know that nothing is pending, and an auditor's `verify` a schema that is newer
    -- than itself.
    execute format('grant select on public._sqlx_migrations to %s', readers);

    execute format('revoke all on all tables in schema audit from public, %s', readers);
    execute format('revoke all on schema audit from public, %s', readers);
    execute format('grant usage on schema audit to %s', readers);
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
        execute format('grant select on %s to %s', relation, readers);
        -- What is dropped, what is missing and what is false is the owner's to record.
        if service and insertable is not null
           and relation not in ('audit.prune'::regclass, 'audit.decision'::regclass) then
            execute format('grant insert (%s) on %s to modgate_service', insertable, relation);
        end if;
    end loop;
    execute format(
        'grant execute on function audit.uuid7_floor(timestamptz), audit.uuid7_time(uuid),
             audit.is_shown(pg_snapshot, xid, xid8), audit.full_xid(xid, pg_snapshot) to %s', readers);

    if service then
        grant execute on function audit.partition_months_ahead(timestamptz) to modgate_service;
        -- It makes the months as its owner.
        grant execute on function audit.ensure_partitions(timestamptz, integer) to modgate_service;

        -- Working state: nothing in it is evidence.
        grant usage on schema modgate to modgate_service;
        grant select, insert, update, delete on all tables in schema modgate to modgate_service;
        grant usage, select on all sequences in schema modgate to modgate_service;
        grant execute on all functions in schema modgate to modgate_service;
    end if;
end $$;
