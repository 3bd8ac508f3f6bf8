//! Whether a database has the schema of this build, by the list of migrations in it.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, FromRow, PgConnection};

use super::Error;

/// The migrations of this build. A database may have more: an older build goes back on a newer schema.
/// Migrations are listed in `list`.
pub(super) fn migrations(list: impl Into<Cow<'static, str>>) -> sqlx::migrate::Migrator {
    let mut migrations = sqlx::migrate!();
    migrations.set_ignore_missing(true);
    // An advisory lock, which anybody may hold; see `migrate`.
    migrations.set_locking(false);
    migrations.dangerous_set_table_name(list);
    migrations
}

/// Where a database lists the migrations that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Nowhere: nothing was migrated.
    None,
    /// Perhaps where this role may not look.
    Unreadable(Unreadable),
    /// In this table, whose name has its schema.
    Table(String),
}

#[derive(FromRow)]
struct Candidate {
    #[sqlx(flatten)]
    table: Unreadable,
    readable: bool,
}

/// A table that may be the list, and that this role may not read.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct Unreadable {
    /// Its name, with its schema.
    list: String,
    schema: String,
    owner: String,
    /// This role.
    role: String,
}

impl Unreadable {
    /// Whether it stands where ours is unless an earlier version put it elsewhere.
    pub(super) fn is_usual(&self) -> bool {
        self.list == List::USUAL
    }
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        let Unreadable {
            list,
            schema,
            owner,
            role,
        } = unreadable;
        Self::UnreadableList {
            list,
            schema,
            owner,
            role,
        }
    }
}

impl List {
    /// Where it is unless an earlier version put it elsewhere.
    pub(super) const USUAL: &'static str = "public._sqlx_migrations";

    /// Earlier versions did not name the schema: it was the first of the search path at that time. A
    /// later run may have put another there, which is empty, and one in `public` may be another
    /// program's. Ours has our first migration.
    pub(super) async fn find(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let tables = "select format('%I.%I', nspname, relname) as list, quote_ident(nspname) as schema,
                             quote_ident(pg_get_userbyid(relowner)) as owner, quote_ident(current_user) as role,
                             has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
                      from pg_class c join pg_namespace n on n.oid = relnamespace
                      where relname = '_sqlx_migrations' and relkind in ('r', 'p')
                        and nspname not in ('audit', 'modgate')
                      order by nspname <> 'public', c.oid";
        let tables: Vec<Candidate> = sqlx::query_as(tables).fetch_all(&mut *connection).await?;
        let first = migrations(Self::USUAL).iter().next().cloned();
        let mut found = Self::None;
        for Candidate { table, readable } in tables {
            if !readable {
                if found == Self::None {
                    found = Self::Unreadable(table);
                }
                continue;
            }
            let table = table.list;
            let is_ours = format!("select exists (select from {table} where checksum = $1)");
            let is_ours: bool = sqlx::query_scalar(AssertSqlSafe(is_ours))
                .bind(first.as_ref().map(|first| first.checksum.to_vec()))
                .fetch_one(&mut *connection)
                .await?;
            if is_ours {
                return Ok(Self::Table(table));
            }
        }
        Ok(found)
    }
}

/// Whether the tables of the record are there, whoever may read them.
pub(super) async fn has_record(connection: &mut PgConnection) -> Result<bool, Error> {
    let there = "select exists (select from pg_class c join pg_namespace n on n.oid = relnamespace
                                where nspname = 'audit' and relname = 'action')";
    let there = sqlx::query_scalar(there).fetch_one(connection).await;
    there.map_err(Error::Unreachable)
}

/// Whether there is, or once was, a record: where its tables are gone and the migrations are still listed,
/// `verify` has something to say.
pub(super) async fn was_migrated(connection: &mut PgConnection) -> Result<bool, Error> {
    if has_record(connection).await? {
        return Ok(true);
    }
    let list = List::find(connection).await.map_err(Error::Unreachable)?;
    Ok(matches!(list, List::Table(_)))
}

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
    let List::Table(list) = List::find(connection).await? else {
        return Ok(Schema::Unlisted);
    };
    let applied = applied(connection, &list).await?;
    let known = migrations(list);
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

/// How many migrations of this build the database does not have.
pub(super) async fn pending(connection: &mut PgConnection) -> Result<usize, Error> {
    let list = List::find(connection).await.map_err(Error::Unreachable)?;
    let applied = match &list {
        List::None => Vec::new(),
        List::Unreadable(_) => return Err(Error::Unreadable),
        List::Table(list) => applied(connection, list)
            .await
            .map_err(Error::Unreachable)?,
    };
    let known = migrations(List::USUAL);
    let missing = |migration: &&sqlx::migrate::Migration| !applied.contains(&migration.version);
    Ok(known.iter().filter(missing).count())
}

async fn applied(connection: &mut PgConnection, list: &str) -> Result<Vec<i64>, sqlx::Error> {
    let applied = format!("select version from {list} where success");
    let applied = sqlx::query_scalar(AssertSqlSafe(applied));
    applied.fetch_all(connection).await
}
