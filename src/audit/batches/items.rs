//! The items of a batch, with what became of each.

use std::collections::HashMap;

use serde_json::{Map, Value};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::audit::read::assemble;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{Action, Failure, Kind, State, Word};

/// How an action ended, as far as it matters whether its item begins again.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its state.
    pub state: State,
    /// Why, where no answer of Tencent's says it.
    pub failure: Option<Failure>,
    /// Its kind, if this release knows it.
    pub kind: Option<Kind>,
    /// Tencent's error code, of one that is refused.
    pub error_code: Option<i64>,
}

/// An item of a batch.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// From 0, in the order in which they were submitted.
    pub index: u32,
    /// What it is to do.
    pub kind: Word<Kind>,
    /// To whom.
    pub user_id: Option<String>,
    /// Where.
    pub room_id: Option<String>,
    /// What that user is told.
    pub data: Option<String>,
    /// What the record has no column for.
    pub parameters: Map<String, Value>,
    /// Its own reason.
    pub reason: Option<String>,
    /// Its own case.
    pub case_ref: Option<String>,
    /// Its last action, if it has begun.
    pub action: Option<Action>,
    /// How many actions it had.
    pub tries: u16,
}

/// Some items of a batch, in order.
#[derive(Clone, Debug)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<BatchItem>,
    /// The index to go on from, if there are more.
    pub next: Option<u32>,
}

#[derive(FromRow)]
struct Row {
    batch_index: i32,
    kind: String,
    user_id: Option<String>,
    room_id: Option<String>,
    data: Option<String>,
    reason: Option<String>,
    case_ref: Option<String>,
    parameters: Option<String>,
    action_id: Option<Uuid>,
    tries: i64,
}

impl AuditLog {
    /// Up to `limit` items of the batch `id` from the index `from` on, with their last actions.
    pub async fn batch_items(&self, id: Uuid, from: u32, limit: u16) -> Result<ItemPage, Error> {
        again_if_broken(|| self.items_from(id, from, limit)).await
    }

    async fn items_from(&self, id: Uuid, from: u32, limit: u16) -> Result<ItemPage, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let mut rows = rows(&mut connection, id, from, i64::from(limit) + 1).await?;
        let more = rows.len() > usize::from(limit);
        rows.truncate(limit.into());
        let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.action_id).collect();
        let intents = assemble::intents(&mut connection, &ids).await?;
        let events = assemble::events(&mut connection, &ids).await?;
        connection.release();
        let mut actions: HashMap<Uuid, Action> = HashMap::new();
        for (id, intent) in &intents {
            let events = events.get(id).map_or(&[][..], Vec::as_slice);
            actions.insert(*id, assemble::action(intent, events)?);
        }
        let next = rows.last().map(|last| last.batch_index.cast_unsigned() + 1);
        let items = rows.into_iter().map(|row| item(row, &mut actions));
        Ok(ItemPage {
            items: items.collect(),
            next: next.filter(|_| more),
        })
    }
}

fn item(row: Row, actions: &mut HashMap<Uuid, Action>) -> BatchItem {
    let parameters = row
        .parameters
        .and_then(|text| serde_json::from_str(&text).ok());
    BatchItem {
        index: row.batch_index.cast_unsigned(),
        kind: Word::read(&row.kind),
        user_id: row.user_id,
        room_id: row.room_id,
        data: row.data,
        parameters: parameters.unwrap_or_default(),
        reason: row.reason,
        case_ref: row.case_ref,
        action: row.action_id.and_then(|id| actions.remove(&id)),
        tries: u16::try_from(row.tries).unwrap_or(u16::MAX),
    }
}

async fn rows(
    connection: &mut PgConnection,
    id: Uuid,
    from: u32,
    count: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query_as(
        "select item.batch_index, item.kind, item.user_id, item.room_id, item.data, item.reason, item.case_ref,
                item.parameters, begun.ids[1] as action_id, coalesce(cardinality(begun.ids), 0)::bigint as tries
         from (select * from audit.batch_item where batch_id = $1 and batch_index >= $2
               order by batch_index limit $3) as item
         left join lateral (
               select array_agg(action.id order by action.id desc) as ids from audit.action action
               where action.batch_id = $1 and action.batch_index = item.batch_index
                 and action.id >= audit.uuid7_floor(audit.uuid7_time($1) - interval '5 minutes')) as begun on true
         order by item.batch_index",
    );
    rows.bind(id)
        .bind(from.cast_signed())
        .bind(count)
        .fetch_all(connection)
        .await
}
