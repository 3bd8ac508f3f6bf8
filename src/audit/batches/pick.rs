//! Items are picked by whoever means to begin them: working state, which may be wrong without harm.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::earlier::{Earlier, earlier};
use super::genuine;
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, in_time};
use crate::domain::{Batch, Item, Kind};

/// How long an item is left to whoever picked it.
const PICKED_FOR_SECONDS: f64 = 20.0;

/// An item that this process means to begin.
#[derive(Clone, Debug)]
pub struct Picked {
    /// Which.
    pub index: u32,
    /// What it asks for; `None` if nobody with one of the keys wrote it as it is.
    pub item: Option<Item>,
    /// The actions of it that the record has, oldest first.
    pub earlier: Vec<Earlier>,
}

impl AuditLog {
    /// Picks up to `most` items of these kinds that are left, in order, and reads what the record has of them.
    pub async fn pick_items(
        &self,
        batch: &Batch,
        kinds: &[Kind],
        most: i64,
    ) -> Result<Vec<Picked>, Error> {
        self.pick_some(batch, kinds, (most, None)).await
    }

    /// Picks up to `most`, one of which is to be tried, unless that was done at any replica within the time that was then to
    /// pass.
    pub async fn pick_to_try(
        &self,
        batch: &Batch,
        kinds: &[Kind],
        (most, next_after): (i64, Duration),
    ) -> Result<Vec<Picked>, Error> {
        self.pick_some(batch, kinds, (most, Some(next_after))).await
    }

    async fn pick_some(
        &self,
        batch: &Batch,
        kinds: &[Kind],
        how: (i64, Option<Duration>),
    ) -> Result<Vec<Picked>, Error> {
        let keys = self.keys.load_full();
        let picking = || async {
            let mut connection = Connection::acquire(&self.items).await?;
            let picked = in_time(pick(&mut connection, batch, kinds, how, &keys)).await?;
            connection.release();
            Ok(picked)
        };
        again_if_broken(picking).await
    }
}

async fn pick(
    connection: &mut PgConnection,
    batch: &Batch,
    kinds: &[Kind],
    how: (i64, Option<Duration>),
    keys: &SealKeys,
) -> Result<Vec<Picked>, sqlx::Error> {
    let marked = mark(connection, batch, kinds, how).await?;
    if marked.is_empty() {
        return Ok(Vec::new());
    }
    let (id, indexes) = (batch.id, marked.iter().map(|(index, _)| *index));
    let indexes: Vec<i32> = indexes.collect();
    let rows = fetch::items(connection, &[id], &indexes).await?;
    let rows: HashMap<i32, StoredRow> = rows
        .into_iter()
        .map(|row| (row.key.rev.into(), row))
        .collect();
    let mut earlier = earlier(connection, id, &indexes, keys).await?;
    let (mut picked, mut wrong) = (Vec::new(), Vec::new());
    for (index, marked) in marked {
        let item = rows.get(&index).and_then(|row| genuine::item(row, keys));
        let kind = item.as_ref().map(|item| item.command.kind().as_str());
        if let Some(kind) = kind.filter(|kind| *kind != marked) {
            wrong.push((index, kind.to_owned()));
            continue;
        }
        picked.push(Picked {
            index: index.cast_unsigned(),
            item,
            earlier: earlier.remove(&index).unwrap_or_default(),
        });
    }
    correct(connection, id, wrong).await?;
    Ok(picked)
}

/// Marks them as picked: their indexes, in order, and their kinds as the working state has them.
async fn mark(
    connection: &mut PgConnection,
    batch: &Batch,
    kinds: &[Kind],
    (most, next_after): (i64, Option<Duration>),
) -> Result<Vec<(i32, String)>, sqlx::Error> {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    let marked = sqlx::query!(
        "update modgate.batch_item as item
         set picked_until = clock_timestamp() + make_interval(secs => $4),
             tried_until = coalesce(clock_timestamp() + make_interval(secs => $5), item.tried_until)
         from (select batch_index from modgate.batch_item
               where batch_id = $1 and batch_index < $6 and kind = any ($2) and not is_over
                 and picked_until < clock_timestamp()
                 and ($5::float8 is null or not exists (
                      select from modgate.batch_item where batch_id = $1 and tried_until > clock_timestamp()))
               order by batch_index limit $3 for update skip locked) as next
         where item.batch_id = $1 and item.batch_index = next.batch_index
         returning item.batch_index, item.kind",
        batch.id,
        &kinds,
        most,
        PICKED_FOR_SECONDS,
        next_after.map(|after| after.as_secs_f64()),
        batch.total.cast_signed(),
    );
    let marked = marked.fetch_all(&mut *connection).await?;
    let mut marked: Vec<(i32, String)> = marked
        .into_iter()
        .map(|row| (row.batch_index, row.kind))
        .collect();
    marked.sort_unstable();
    Ok(marked)
}

/// Whoever picks an item takes a permit for its kind: where another is said, the record is right.
async fn correct(
    connection: &mut PgConnection,
    id: Uuid,
    wrong: Vec<(i32, String)>,
) -> Result<(), sqlx::Error> {
    if wrong.is_empty() {
        return Ok(());
    }
    let (indexes, kinds): (Vec<i32>, Vec<String>) = wrong.into_iter().unzip();
    let correct = sqlx::query!(
        "update modgate.batch_item as item set kind = right_one.kind, picked_until = '-infinity'
         from unnest($2::integer[], $3::text[]) as right_one (batch_index, kind)
         where item.batch_id = $1 and item.batch_index = right_one.batch_index",
        id,
        &indexes,
        &kinds,
    );
    correct.execute(connection).await?;
    Ok(())
}
