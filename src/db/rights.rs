//! The rights of a role: those that the service needs, and those that `migrate` does.

use sqlx::{AssertSqlSafe, PgConnection};

use super::schema::List;

/// What `grants.sql` grants, and what is looked for: [`super::migrate`].
const NEEDED: &str = include_str!("rights.sql");

const GRANTS: &str = include_str!("grants.sql");

/// What of it this session's role does not have, as in `insert on table audit.action`.
const MISSING: &str = "with needed as (
     :rights
 )
 select distinct format('%s on %s %s', privilege, kind,
                        case kind when 'schema' then oid::regnamespace::text
                                  when 'function' then oid::regprocedure::text
                                  else oid::regclass::text end)
 from needed
 where not case when attribute is not null then has_column_privilege(oid, attribute, privilege)
                when kind = 'schema' then has_schema_privilege(oid, privilege)
                when kind = 'function' then has_function_privilege(oid, privilege)
                when kind = 'sequence' then has_sequence_privilege(oid, privilege)
                else has_table_privilege(oid, privilege) end
 order by 1";

/// The statement that grants the roles of `deploy/roles.sql` what they need, where migrations are listed
/// in `list`.
pub(super) fn grants(list: &str) -> String {
    with_rights(GRANTS, list)
}

fn with_rights(statement: &str, list: &str) -> String {
    // Within quotes there.
    let list = list.replace('\'', "''");
    statement
        .replace(":rights", NEEDED)
        .replace(List::USUAL, &list)
}

/// What the service needs and this session's role may not do, where migrations are listed in `list`.
/// The database has the schema of this build.
pub(super) async fn missing(
    connection: &mut PgConnection,
    list: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let missing = AssertSqlSafe(with_rights(MISSING, list));
    sqlx::query_scalar(missing).fetch_all(connection).await
}

/// What keeps this session's role from migrating. Whoever grants must own what is granted; and `create
/// table if not exists`, which comes first, takes the right to make it even where it is there.
const IN_THE_WAY: &str = "with things as (
     select 'schema ' || oid::regnamespace as thing, nspowner as owner from pg_namespace
     where nspname in ('audit', 'modgate')
     union all
     select case relkind when 'v' then 'view ' else 'table ' end || oid::regclass, relowner from pg_class
     where relkind in ('r', 'p', 'v')
       and (relnamespace in (to_regnamespace('audit'), to_regnamespace('modgate')) or oid = to_regclass($1))
     union all
     select 'function ' || oid::regprocedure, proowner from pg_proc
     where pronamespace in (to_regnamespace('audit'), to_regnamespace('modgate'))
 )
 select format('it does not own %s, as %s does', thing, pg_get_userbyid(owner)) from things
 where not pg_has_role(owner, 'usage')
   and ($2 or to_regrole('modgate_service') is not null or to_regrole('modgate_auditor') is not null)
 union all
 select format('it may not make schemas in database %I', current_database())
 where (to_regnamespace('audit') is null or to_regnamespace('modgate') is null)
   and not has_database_privilege(current_database(), 'create')
 union all
 select format('it may not make tables in schema %s', $3)
 where not coalesce(has_schema_privilege(to_regnamespace($3)::oid, 'create'), false)
 union all
 select format('it may not lock table %s', $1)
 where not has_table_privilege(to_regclass($1)::oid, 'update, delete, truncate')";

/// Why this session's role cannot migrate a database that lists its migrations in `list`; `is_behind`: some
/// are pending.
pub(super) async fn in_the_way(
    connection: &mut PgConnection,
    list: &str,
    is_behind: bool,
) -> Result<Vec<String>, sqlx::Error> {
    let schema = list.rsplit_once('.').map_or("public", |(schema, _)| schema);
    let why = sqlx::query_scalar(IN_THE_WAY).bind(list).bind(is_behind);
    why.bind(schema).fetch_all(connection).await
}
