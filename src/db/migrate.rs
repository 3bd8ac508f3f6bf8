//! Brings a database to the schema of this build, and gives its roles the rights that they need.

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use secrecy::SecretString;

use super::blocked::{Blocker, Waits, is_locked, list as list_blockers, watched};
use super::guard::{TriggerFault, mend_triggers};
use super::schema::{List, has_record, migrations};
use super::{Error, connect, rights, schema, server};

/// Two processes that make the list at the same moment get in each other's way once.
const TRIES: u32 = 5;

/// Brings the schema to this build's version, grants the roles of `deploy/roles.sql` what they need of
/// it, if they are there, and mends the triggers that guard the record. Says what was mended.
///
/// All in one transaction, which locks the list of migrations: processes that do this at once wait for
/// each other, and no role that cannot write to the list can keep them waiting for it. `waits` is told
/// who keeps this one waiting.
pub async fn migrate(url: &SecretString, waits: Waits<'_>) -> Result<Vec<TriggerFault>, Error> {
    let mut connection = connect(url).await?;
    server::check(url, &mut connection).await?;
    let list = list(&mut connection).await?;
    let migrations = migrations(list.clone());
    make_list(&migrations, &mut connection).await?;
    let process = server::process(&mut connection).await?;
    let applying = apply(&migrations, &list, &mut connection);
    let (mended, blockers) = watched(url, process, waits, applying).await;
    let mended = mended.map_err(|error| naming(error, &blockers))?;
    connection.close().await.map_err(Error::Unreachable)?;
    Ok(mended)
}

/// What would keep [`migrate`] from doing its work, as far as that shows without trying: a connection,
/// the server, other migrations than those of this build, and the rights of the role.
///
/// # Errors
/// Those of [`migrate`]; [`Error::MayNotMigrate`] for what it would be refused.
pub async fn check_migrate(url: &SecretString) -> Result<(), Error> {
    let mut connection = connect(url).await?;
    server::check(url, &mut connection).await?;
    let found = List::find(&mut connection).await;
    let is_listed = matches!(found.map_err(Error::Unreachable)?, List::Table(_));
    let list = list(&mut connection).await?;
    let pending = schema::pending(&mut connection).await?;
    let in_the_way = rights::in_the_way(&mut connection, &list, pending > 0).await;
    let in_the_way = in_the_way.map_err(Error::Unreachable)?;
    if !in_the_way.is_empty() {
        return Err(Error::MayNotMigrate(in_the_way));
    }
    if is_listed {
        check_applied(&list, &mut connection).await?;
    }
    connection.close().await.map_err(Error::Unreachable)
}

/// Fails where sqlx would: a migration was left half done, or is not the one of this build.
async fn check_applied(list: &str, connection: &mut PgConnection) -> Result<(), Error> {
    let dirty = connection.dirty_version(list).await;
    if let Some(version) = dirty.map_err(Error::Migrate)? {
        return Err(Error::Migrate(MigrateError::Dirty(version)));
    }
    let applied = connection.list_applied_migrations(list).await;
    let applied = applied.map_err(Error::Migrate)?;
    let known = migrations(list.to_owned());
    let another = applied.iter().find(|applied| {
        let mut known = known.iter();
        let known = known.find(|known| known.version == applied.version);
        known.is_some_and(|known| known.checksum != applied.checksum)
    });
    another.map_or(Ok(()), |another| {
        let mismatch = MigrateError::VersionMismatch(another.version);
        Err(Error::Migrate(mismatch))
    })
}

/// Where the migrations are listed, or are to be. One that this role may not read can be ours only if a
/// record is there, or if it stands where ours would.
async fn list(connection: &mut PgConnection) -> Result<String, Error> {
    let list = List::find(connection).await.map_err(Error::Unreachable)?;
    match list {
        List::Table(list) => return Ok(list),
        List::Unreadable(list) if list.is_usual() || has_record(connection).await? => {
            return Err(list.into());
        }
        List::Unreadable(_) | List::None => {}
    }
    Ok(List::USUAL.to_owned())
}

/// The same, but says who held the lock, if that is why.
fn naming(error: Error, blockers: &[Blocker]) -> Error {
    match error {
        Error::Migrate(
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _),
        ) if is_locked(&source) && !blockers.is_empty() => Error::Blocked {
            by: list_blockers(blockers),
            source,
        },
        error => error,
    }
}

/// Makes the list if there is none, and applies nothing.
async fn make_list(migrations: &Migrator, connection: &mut PgConnection) -> Result<(), Error> {
    let mut tries = 1;
    loop {
        match migrations.run_to(0, &mut *connection).await {
            Ok(()) => return Ok(()),
            Err(error) if tries < TRIES && was_made_meanwhile(&error) => tries += 1,
            Err(error) => return Err(Error::Migrate(error)),
        }
    }
}

/// `create table if not exists` fails where another transaction makes the same table.
fn was_made_meanwhile(error: &MigrateError) -> bool {
    let MigrateError::Execute(error) = error else {
        return false;
    };
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    // unique_violation, duplicate_table, and duplicate_object, of the type that a table brings along
    matches!(code.as_deref(), Some("23505" | "42P07" | "42710"))
}

async fn apply(
    migrations: &Migrator,
    list: &str,
    connection: &mut PgConnection,
) -> Result<Vec<TriggerFault>, Error> {
    let failed = |error| Error::Migrate(MigrateError::Execute(error));
    let mut transaction = connection.begin().await.map_err(failed)?;
    // Readers of the list go on, and so do those who only look how far the migrations are.
    let lock = format!("lock table {list} in share row exclusive mode");
    sqlx::raw_sql(AssertSqlSafe(lock))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    migrations
        .run(&mut *transaction)
        .await
        .map_err(Error::Migrate)?;
    // Every insert would stand behind this, as long as it waits for an open reader.
    let patience = "set local lock_timeout = '5s'";
    sqlx::raw_sql(patience)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let mended = mend_triggers(&mut transaction).await.map_err(failed)?;
    sqlx::raw_sql(AssertSqlSafe(rights::grants(list)))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(mended)
}
