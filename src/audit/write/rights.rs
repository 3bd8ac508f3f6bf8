//! Whether Postgres would stop the service from rewriting what it has recorded.

use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time};

impl AuditLog {
    /// What lets the service's role change, remove or back-date rows; nothing, if it connects as
    /// `deploy/roles.sql` means it to:
    /// - `superuser`, or a role that may run programs or write files as the server;
    /// - `create_role`: before Postgres 16 such a role may join any other but a superuser;
    /// - `owner` of something in the schema, who could disable or replace the triggers;
    /// - `update`, `delete` or `truncate`, which then only the triggers refuse; `trigger`, for one
    ///   that fires before an insert changes the row;
    /// - `insert_recorded_at` and `insert_xid`, with which a row is dated back, or put below what
    ///   counts as final;
    /// - `insert_prune` and `insert_decision`, with which rows may be missing or false.
    ///
    /// Counted is every role that this session may become, or may make itself a member of.
    pub async fn unprotected_by(&self) -> Result<Vec<String>, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let reasons = sqlx::query_scalar!(
            r#"with mine as (
                   select oid, rolname, rolsuper, rolcreaterole from pg_roles
                   where pg_has_role(session_user, oid, 'member')),
               owners as (
                   select nspowner as oid from pg_namespace where oid = 'audit'::regnamespace
                   union select relowner from pg_class where relnamespace = 'audit'::regnamespace
                   union select proowner from pg_proc where pronamespace = 'audit'::regnamespace),
               tables as (
                   select oid from pg_class
                   where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p'))
               select word as "word!" from (values
                   ('superuser', exists (select from mine where rolsuper
                        or rolname in ('pg_execute_server_program', 'pg_write_server_files'))),
                   ('create_role', exists (select from mine where rolcreaterole)
                        and current_setting('server_version_num')::integer < 160000),
                   ('owner', exists (select from mine join owners using (oid))),
                   ('update', exists (select from mine, tables
                        where has_any_column_privilege(mine.oid, tables.oid, 'update')))
               ) as found (word, holds) where holds
               union all
               select privilege from unnest(array['delete', 'truncate', 'trigger']) as privilege
               where exists (select from mine, tables
                             where has_table_privilege(mine.oid, tables.oid, privilege))
               union all
               select 'insert_' || name from unnest(array['recorded_at', 'xid']) as name
               where exists (select from mine, pg_attribute
                             where attrelid in (select oid from tables) and attname = name
                               and has_column_privilege(mine.oid, attrelid, attnum, 'insert'))
               union all
               select 'insert_' || name from unnest(array['prune', 'decision']) as name
               where exists (select from mine where has_any_column_privilege(mine.oid, 'audit.' || name, 'insert'))
               order by 1"#
        );
        let reasons = in_time(reasons.fetch_all(&mut *connection)).await?;
        connection.release();
        Ok(reasons)
    }
}
