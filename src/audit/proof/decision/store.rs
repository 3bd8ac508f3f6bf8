//! `audit.decision`: read, and appended to together with a seal.

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{By, Decision};
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::{Key, Table};

/// All decisions, in the order in which they were made. There are few.
pub(in crate::audit) async fn all(
    connection: &mut PgConnection,
) -> Result<Vec<Decision>, sqlx::Error> {
    let ids = sqlx::query_scalar!("select id from audit.decision order by id");
    let ids = ids.fetch_all(&mut *connection).await?;
    let keys: Vec<Key> = ids.into_iter().map(key).collect();
    let mut rows = fetch::rows(connection, &keys).await?;
    let rows = keys.iter().filter_map(|key| rows.remove(key));
    Ok(rows.map(Decision::of).collect())
}

const fn key(id: Uuid) -> Key {
    Key {
        id,
        rev: 0,
        table: Table::Decision,
    }
}

/// Appends a decision of now, by the database's clock and this session's role. The caller seals it.
pub(in crate::audit) async fn record(
    transaction: &mut PgConnection,
    kind: &str,
    subject: Option<Uuid>,
    by: &By,
    details: &str,
    keys: &SealKeys,
) -> Result<StoredRow, sqlx::Error> {
    let now_and_role = sqlx::query_as("select clock_timestamp(), session_user::text");
    let (now, role): (DateTime<Utc>, String) = now_and_role.fetch_one(&mut *transaction).await?;
    let (id, now) = (Uuid::now_v7(), now.trunc_subsecs(6));
    let fields = [
        Some(id.to_string()),
        Some(kind.to_owned()),
        subject.map(|id| id.to_string()),
        Some(now.timestamp_micros().to_string()),
        Some(role.clone()),
        Some(by.operator.clone()),
        Some(by.host.clone()),
        Some(by.reason.clone()),
        Some(details.to_owned()),
    ];
    let row = StoredRow::new(key(id), fields.into(), now.timestamp_micros(), keys);
    let inserted = sqlx::query!(
        "insert into audit.decision
             (id, kind, subject, decided_at, decided_by, operator, host, reason, details, leaf_hash, mac)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        kind,
        subject,
        now,
        role,
        by.operator,
        by.host,
        by.reason,
        details,
        row.leaf_hash,
        row.mac
    );
    inserted.execute(transaction).await?;
    Ok(row)
}
