//! Which items of a batch are left, and who means to begin which: working state, which may be wrong without harm.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time};
use crate::domain::Batch;

/// How long the working state of a batch is kept after its last item was picked.
const KEPT_HOURS: i32 = 26;

/// What is to become of a picked item.
#[derive(Clone, Copy, Debug)]
pub struct ItemEnd {
    /// Which.
    pub index: u32,
    /// After how long it may be picked again; `None` if nothing more becomes of it.
    pub again_after: Option<Duration>,
    /// Whether Tencent answered for it.
    pub answered: bool,
}

impl AuditLog {
    /// Says of each item of `batch` that it is left, if nothing is said of it. `anew`: also where something else is said.
    pub async fn leave_items(&self, batch: &Batch, anew: bool) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.items).await?;
        let rows = if anew {
            "select batch_id, batch_index, kind from audit.batch_item where batch_id = $1 and batch_index < $2
             on conflict on constraint batch_item_pkey do update
             set kind = excluded.kind, is_over = false, picked_until = '-infinity'
             where item.is_over or item.kind <> excluded.kind"
        } else {
            // Without a lock on those that are there: they are begun meanwhile.
            "select batch_id, batch_index, kind from audit.batch_item where batch_id = $1 and batch_index < $2
             on conflict do nothing"
        };
        let leave =
            format!("insert into modgate.batch_item as item (batch_id, batch_index, kind) {rows}");
        let leave = sqlx::query(AssertSqlSafe(leave))
            .bind(batch.id)
            .bind(batch.total.cast_signed());
        in_time(leave.execute(&mut *connection)).await?;
        connection.release();
        Ok(())
    }

    /// The items of the batch `id` that wait for a while may be picked at once.
    pub async fn end_waits(&self, id: Uuid) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.items).await?;
        let end = sqlx::query!(
            "update modgate.batch_item set picked_until = '-infinity'
             where batch_id = $1 and not is_over and picked_until > clock_timestamp()",
            id
        );
        in_time(end.execute(&mut *connection)).await?;
        connection.release();
        Ok(())
    }

    /// Says what is to become of picked items.
    pub async fn put_back(&self, id: Uuid, ends: &[ItemEnd]) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.items).await?;
        let indexes: Vec<i32> = ends.iter().map(|end| end.index.cast_signed()).collect();
        let after = |end: &ItemEnd| end.again_after.map(|after| after.as_secs_f64());
        let again: Vec<Option<f64>> = ends.iter().map(after).collect();
        let answered: Vec<bool> = ends.iter().map(|end| end.answered).collect();
        let put_back = sqlx::query(
            // In one order, so that nobody waits for whoever waits for them.
            "with locked as (
                 select batch_index from modgate.batch_item
                 where batch_id = $1 and batch_index = any ($2) order by batch_index for update)
             update modgate.batch_item as item
             set is_over = ended.again_after is null,
                 picked_until = coalesce(clock_timestamp() + make_interval(secs => ended.again_after), item.picked_until),
                 answered_at = case when ended.answered then now() else item.answered_at end
             from unnest($2::integer[], $3::float8[], $4::boolean[]) as ended (batch_index, again_after, answered)
             join locked using (batch_index)
             where item.batch_id = $1 and item.batch_index = ended.batch_index",
        );
        let put_back = put_back.bind(id).bind(indexes).bind(again).bind(answered);
        in_time(put_back.execute(&mut *connection)).await?;
        connection.release();
        Ok(())
    }

    /// Whether items of `batch` are left, as far as is said of each.
    pub async fn has_items_left(&self, batch: &Batch) -> Result<bool, Error> {
        let mut connection = Connection::acquire(&self.items).await?;
        let kinds: Vec<String> = batch.kinds.keys().cloned().collect();
        let left = sqlx::query_scalar!(
            r#"select exists (select from modgate.batch_item
                              where batch_id = $1 and batch_index < $3 and kind = any ($2) and not is_over) as "left!""#,
            batch.id,
            &kinds,
            batch.total.cast_signed(),
        );
        let left = in_time(left.fetch_one(&mut *connection)).await?;
        connection.release();
        Ok(left)
    }

    /// Whether Tencent answered for an item of the batch `id` within the last `seconds`, to any replica.
    pub async fn answered_lately(&self, id: Uuid, seconds: f64) -> Result<bool, Error> {
        let mut connection = Connection::acquire(&self.items).await?;
        let answered = sqlx::query_scalar!(
            r#"select coalesce(max(answered_at) > now() - make_interval(secs => $2), false) as "answered!"
               from modgate.batch_item where batch_id = $1"#,
            id,
            seconds,
        );
        let answered = in_time(answered.fetch_one(&mut *connection)).await?;
        connection.release();
        Ok(answered)
    }

    /// Forgets the working state of batches that ended long ago. How many items.
    pub async fn forget_old_batches(&self) -> Result<u64, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let items = sqlx::query!(
            "delete from modgate.batch_item where batch_id in (
                 select batch_id from modgate.batch_item
                 where batch_id < audit.uuid7_floor(now() - make_interval(hours => $1)) limit 1)",
            KEPT_HOURS
        );
        let items = in_time(items.execute(&mut *connection)).await?;
        let submitters = sqlx::query!(
            "delete from modgate.batch_submitter where submitted_at < now() - make_interval(hours => $1)",
            KEPT_HOURS
        );
        in_time(submitters.execute(&mut *connection)).await?;
        connection.release();
        Ok(items.rows_affected())
    }
}
