-- What the roles of deploy/roles.sql need of the schema: one row for a right on one thing, or on one
-- column of it. `modgate migrate` grants it (grants.sql), and `serve` and `check --live` look
-- whether a role has it. `is_for_auditor`: not the service alone.
--
-- `serve` must know that nothing is pending, and an auditor's `verify` a schema that is newer than
-- itself.
select 'table' as kind, 'public._sqlx_migrations'::regclass::oid as oid, 'select' as privilege,
       null::name as attribute, true as is_for_auditor
union all
select 'schema', oid, 'usage', null, nspname = 'audit'
from pg_namespace where nspname in ('audit', 'modgate')
union all
-- A month is read and written through its parent alone.
select 'table', oid, 'select', null, true
from pg_class
where relnamespace = to_regnamespace('audit') and relkind in ('r', 'p', 'v') and not relispartition
union all
-- When a row came, and in which transaction, is the database's to say: who names them dates a row
-- back, or slips it below what counts as final. What is dropped, what is missing and what is false
-- is the owner's to record.
select 'table', c.oid, 'insert', attname, false
from pg_class c join pg_attribute on attrelid = c.oid
where relnamespace = to_regnamespace('audit') and relkind in ('r', 'p') and not relispartition
  and relname not in ('prune', 'decision')
  and attnum > 0 and not attisdropped and attname not in ('recorded_at', 'xid')
union all
-- Among the service's own is one that makes the months, as its owner.
select 'function', function::regprocedure::oid, 'execute', null, is_for_auditor
from (values ('audit.uuid7_floor(timestamptz)', true),
             ('audit.uuid7_time(uuid)', true),
             ('audit.is_shown(pg_snapshot, xid, xid8)', true),
             ('audit.full_xid(xid, pg_snapshot)', true),
             ('audit.is_end(text)', true),
             ('audit.partition_months_ahead(timestamptz)', false),
             ('audit.ensure_partitions(timestamptz, integer)', false)
     ) as functions (function, is_for_auditor)
union all
-- Working state: nothing in it is evidence.
select 'table', oid, privilege, null, false
from pg_class, unnest(array['select', 'insert', 'update', 'delete']) as privilege
where relnamespace = to_regnamespace('modgate') and relkind in ('r', 'p', 'v')
union all
select 'sequence', oid, privilege, null, false
from pg_class, unnest(array['usage', 'select']) as privilege
where relnamespace = to_regnamespace('modgate') and relkind = 'S'
union all
select 'function', oid, 'execute', null, false
from pg_proc where pronamespace = to_regnamespace('modgate') and prokind = 'f'
