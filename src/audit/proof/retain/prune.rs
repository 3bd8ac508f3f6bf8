//! One month: recorded as dropped, then dropped.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use super::{Dropped, Error};
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::seal::{Seal, lock_when_free, newest, seal_one};
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};

/// Commits the record of what is about to go, and the seal that holds it.
pub(super) async fn record(
    connection: &mut PgConnection,
    month: NaiveDate,
    dropped: &Dropped,
    keys: &SealKeys,
) -> Result<Seal, Error> {
    let mut transaction = connection.begin().await?;
    lock_when_free(&mut transaction).await?;
    let newest = newest(&mut transaction).await?.ok_or(Error::NotSealed)?;
    if !newest.is_of_this_cluster {
        return Err(Error::NotSealed);
    }
    if keys.is_empty() && newest.seal.signed.is_some() {
        return Err(Error::NoSealKey);
    }
    let row = insert(&mut transaction, month, dropped, keys).await?;
    let seal = seal_one(&mut transaction, &newest, &row, keys).await?;
    transaction.commit().await?;
    Ok(seal)
}

/// Inserts the row, of now by the database's clock and by this session's role.
async fn insert(
    transaction: &mut PgConnection,
    month: NaiveDate,
    dropped: &Dropped,
    keys: &SealKeys,
) -> Result<StoredRow, sqlx::Error> {
    let now_and_role = sqlx::query_as("select clock_timestamp(), session_user::text");
    let (now, role): (DateTime<Utc>, String) = now_and_role.fetch_one(&mut *transaction).await?;
    let (id, now) = (Uuid::now_v7(), now.trunc_subsecs(6));
    let row = row(id, month, dropped, (now, &role), keys);
    let inserted = sqlx::query!(
        "insert into audit.prune
             (id, month, actions, events, pruned_at, pruned_by, leaf_hash, mac, row_format, batches, batch_items,
              batch_events)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        id,
        month,
        dropped.rows(Table::Action),
        dropped.rows(Table::Event),
        now,
        role,
        row.leaf_hash,
        row.mac,
        row.version,
        dropped.rows(Table::Batch),
        dropped.rows(Table::BatchItem),
        dropped.rows(Table::BatchEvent),
    );
    inserted.execute(transaction).await?;
    Ok(row)
}

fn row(
    id: Uuid,
    month: NaiveDate,
    dropped: &Dropped,
    (now, role): (DateTime<Utc>, &str),
    keys: &SealKeys,
) -> StoredRow {
    let recorded_at = now.timestamp_micros();
    let fields = [
        id.to_string(),
        month.to_string(),
        dropped.rows(Table::Action).to_string(),
        dropped.rows(Table::Event).to_string(),
        recorded_at.to_string(),
        role.to_owned(),
        dropped.rows(Table::Batch).to_string(),
        dropped.rows(Table::BatchItem).to_string(),
        dropped.rows(Table::BatchEvent).to_string(),
    ];
    let key = Key {
        id,
        rev: 0,
        table: Table::Prune,
    };
    StoredRow::new(key, fields.map(Some).into(), recorded_at, keys)
}

/// How many rows a table has of a month; none where there is no table for that month, as of batches before
/// there were any.
pub(super) async fn count(
    connection: &mut PgConnection,
    table: Table,
    month: NaiveDate,
) -> Result<i64, sqlx::Error> {
    let name = format!("audit.{}_{}", table.name(), month.format("%Y%m"));
    let is_there = sqlx::query_scalar("select to_regclass($1) is not null").bind(&name);
    if !is_there.fetch_one(&mut *connection).await? {
        return Ok(0);
    }
    let rows = AssertSqlSafe(format!("select count(*) from {name}"));
    sqlx::query_scalar(rows).fetch_one(connection).await
}

/// Drops the tables of a month that is recorded as dropped, as far as they are still there.
/// Readers and writers of other months do not wait for it.
pub(super) async fn drop_tables(
    connection: &mut PgConnection,
    month: NaiveDate,
) -> Result<(), sqlx::Error> {
    for parent in Table::monthly().map(Table::name) {
        let table = format!("audit.{parent}_{}", month.format("%Y%m"));
        let state = sqlx::query_as(
            "select to_regclass($1) is not null,
                    (select inhdetachpending from pg_inherits where inhrelid = to_regclass($1))",
        );
        let (exists, pending): (bool, Option<bool>) =
            state.bind(&table).fetch_one(&mut *connection).await?;
        let detach =
            |how: &str| format!("alter table audit.{parent} detach partition {table} {how}");
        let mut steps = Vec::new();
        match pending {
            Some(true) => steps.push(detach("finalize")),
            Some(false) => steps.push(detach("concurrently")),
            None => {}
        }
        if exists {
            steps.push(format!("drop table {table}"));
        }
        for step in steps {
            sqlx::raw_sql(AssertSqlSafe(step))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}
