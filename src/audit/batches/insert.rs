//! The rows of a batch are inserted.

use sqlx::PgConnection;
use uuid::Uuid;

use super::append;
use super::row::{self, Approval, NewEvent};
use crate::audit::AuditLog;
use crate::audit::proof::canonical::ROW_FORMAT;
use crate::audit::proof::stored::StoredRow;
use crate::domain::{BatchWord, NewBatch};

/// How many items one statement inserts.
const CHUNK: usize = 1_000;

impl AuditLog {
    pub(super) async fn insert_items(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
    ) -> Result<(), sqlx::Error> {
        let keys = self.keys.load_full();
        for (chunk, items) in (0_u32..).zip(batch.items.chunks(CHUNK)) {
            let first = chunk * u32::try_from(CHUNK).unwrap_or(u32::MAX);
            let rows: Vec<StoredRow> = (first..)
                .zip(items)
                .map(|(index, item)| row::item(batch.id, index, item, &keys))
                .collect();
            insert_chunk(connection, batch.id, &rows).await?;
        }
        Ok(())
    }

    pub(super) async fn insert_batch(
        &self,
        connection: &mut PgConnection,
        batch: &NewBatch,
        approval: Approval,
        warnings: &serde_json::Value,
    ) -> Result<(), sqlx::Error> {
        let keys = self.keys.load_full();
        let row = row::batch(batch, approval, &self.deployment, &keys);
        let mut insert = sqlx::query(INSERT);
        for field in &row.fields {
            insert = insert.bind(field);
        }
        let insert = insert.bind(ROW_FORMAT).bind(&row.salt).bind(&row.leaf_hash);
        insert.bind(&row.mac).execute(&mut *connection).await?;
        let mut submitted = NewEvent {
            at: batch.submitted_at,
            by: Some(Box::new((batch.moderator.clone(), batch.origin.clone()))),
            reason: batch.reason.as_ref().map(ToString::to_string),
            ..NewEvent::new(BatchWord::Submitted)
        };
        submitted
            .details
            .insert("warnings".to_owned(), warnings.clone());
        let row = row::event(batch.id, 1, &submitted, &self.deployment, &keys);
        if append::insert(connection, &row, (None, None)).await? == 1 {
            return Ok(());
        }
        // The clock of this process is off: nobody would believe it.
        Err(sqlx::Error::RowNotFound)
    }
}

const INSERT: &str = "
    insert into audit.batch
        (id, moderator, moderator_name, issuer, token_id, client_id, actor, reason, case_ref, total, digest,
         targets_digest, repeats, needs_approval, idempotency_key, parameters, client_ip, peer_ip, user_agent, trace_id,
         http_request_id, instance, version, sdk_app_id, submitted_at, expires_at, row_format, salt, leaf_hash, mac)
    values ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10::integer, $11, $12, $13::uuid, $14::boolean, $15, $16,
            $17::inet, $18::inet, $19, $20, $21, $22, $23, $24::bigint,
            timestamptz 'epoch' + $25::bigint * interval '1 us', timestamptz 'epoch' + $26::bigint * interval '1 us',
            $27, $28, $29, $30)";

/// Inserts these rows of `audit.batch_item`.
async fn insert_chunk(
    connection: &mut PgConnection,
    batch: Uuid,
    rows: &[StoredRow],
) -> Result<(), sqlx::Error> {
    let column = |name: &str| -> Vec<Option<String>> {
        rows.iter()
            .map(|row| row.field(name).map(str::to_owned))
            .collect()
    };
    let indexes: Vec<i32> = rows.iter().map(|row| row.key.rev.into()).collect();
    let salts: Vec<&[u8]> = rows.iter().filter_map(|row| row.salt.as_deref()).collect();
    let leaves: Vec<&[u8]> = rows.iter().map(|row| row.leaf_hash.as_slice()).collect();
    let macs: Vec<Option<&[u8]>> = rows.iter().map(|row| row.mac.as_deref()).collect();
    let insert = sqlx::query(
        "insert into audit.batch_item
             (batch_id, batch_index, kind, user_id, room_id, data, reason, case_ref, parameters, row_format, salt,
              leaf_hash, mac)
         select $1, i.batch_index, i.kind, i.user_id, i.room_id, i.data, i.reason, i.case_ref, i.parameters, $2, i.salt,
                i.leaf_hash, i.mac
         from unnest($3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                     $11::bytea[], $12::bytea[], $13::bytea[])
              as i (batch_index, kind, user_id, room_id, data, reason, case_ref, parameters, salt, leaf_hash, mac)",
    );
    let mut insert = insert.bind(batch).bind(ROW_FORMAT).bind(indexes);
    for name in [
        "kind",
        "user_id",
        "room_id",
        "data",
        "reason",
        "case_ref",
        "parameters",
    ] {
        insert = insert.bind(column(name));
    }
    insert
        .bind(salts)
        .bind(leaves)
        .bind(macs)
        .execute(connection)
        .await?;
    Ok(())
}
