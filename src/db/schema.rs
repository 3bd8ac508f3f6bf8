//! Whether a database has the schema of this build.

use sqlx::{AssertSqlSafe, PgConnection};

use super::migrations;

/// How the schema of a database compares with that of this build, by the migrations it lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// The same.
    Known,
    /// So many migrations are pending.
    Older(usize),
    /// It has this migration, which the build does not know.
    Newer(i64),
    /// This role may not read the list, or there is none.
    Unlisted,
}

/// Compares them, as far as this connection's role may.
pub(crate) async fn schema(connection: &mut PgConnection) -> Result<Schema, sqlx::Error> {
    let list = "select list::text from to_regclass('_sqlx_migrations') list
                where has_table_privilege(list, 'select')";
    let list: Option<String> = sqlx::query_scalar(list)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(list) = list else {
        return Ok(Schema::Unlisted);
    };
    let applied = AssertSqlSafe(format!("select version from {list} where success"));
    let applied: Vec<i64> = sqlx::query_scalar(applied).fetch_all(connection).await?;
    let known = migrations();
    let mut known = known.iter().map(|migration| migration.version);
    let newer = applied
        .iter()
        .max()
        .filter(|&&version| known.clone().all(|known| known < version));
    let pending = known.by_ref().filter(|known| !applied.contains(known));
    Ok(match (newer, pending.count()) {
        (Some(&version), _) => Schema::Newer(version),
        (None, 0) => Schema::Known,
        (None, pending) => Schema::Older(pending),
    })
}
