//! The actions that the record has of items, as far as they are genuine.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::items::Ended;
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::Table;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{State, Word};

/// How many items are judged at a time.
const AT_A_TIME: i32 = 500;

/// An action of an item that the record has.
#[derive(Clone, Copy, Debug)]
pub struct Earlier {
    /// Which.
    pub id: Uuid,
    /// How it ended, or that it has not; `None` if a row of it was written with no key in use.
    pub ended: Option<Ended>,
}

impl AuditLog {
    /// The actions of each begun item of the batch `id`, which has `total`, oldest first.
    pub async fn batch_actions(&self, id: Uuid, total: u32) -> Result<Vec<Vec<Earlier>>, Error> {
        let keys = self.keys.load_full();
        let reading = || async {
            let mut connection = Connection::acquire(&self.reading).await?;
            let (mut actions, total) = (Vec::new(), total.cast_signed());
            let mut first = 0;
            while first < total {
                let indexes: Vec<i32> = (first..total.min(first + AT_A_TIME)).collect();
                let some = earlier(&mut connection, id, &indexes, &keys).await?;
                actions.extend(some.into_values());
                first += AT_A_TIME;
            }
            connection.release();
            Ok(actions)
        };
        again_if_broken(reading).await
    }
}

/// The actions that the record has of these items, oldest first.
pub(super) async fn earlier(
    connection: &mut PgConnection,
    id: Uuid,
    indexes: &[i32],
    keys: &SealKeys,
) -> Result<HashMap<i32, Vec<Earlier>>, sqlx::Error> {
    let begun = sqlx::query!(
        r#"select id, batch_index as "index!" from audit.action
           where batch_id = $1 and batch_index = any ($2)
             and id >= audit.uuid7_floor(audit.uuid7_time($1) - interval '5 minutes')
           order by id"#,
        id,
        indexes,
    );
    let begun = begun.fetch_all(&mut *connection).await?;
    if begun.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = begun.iter().map(|row| row.id).collect();
    let intents = fetch::all_of(connection, Table::Action, &ids).await?;
    let events = fetch::all_of(connection, Table::Event, &ids).await?;
    let mut earlier: HashMap<i32, Vec<Earlier>> = HashMap::new();
    for row in begun {
        let intent = intents.iter().find(|intent| intent.key.id == row.id);
        let events = events.iter().filter(|event| event.key.id == row.id);
        let events: Vec<&StoredRow> = events.collect();
        let ended = intent.and_then(|intent| ended(intent, &events, keys));
        let earlier = earlier.entry(row.index).or_default();
        earlier.push(Earlier { id: row.id, ended });
    }
    Ok(earlier)
}

/// How an action ended, if each of its rows is genuine.
fn ended(intent: &StoredRow, events: &[&StoredRow], keys: &SealKeys) -> Option<Ended> {
    let is_genuine = |row: &StoredRow| row.is_known() && row.is_authentic(keys);
    if !is_genuine(intent) || !events.iter().all(|event| is_genuine(event)) {
        return None;
    }
    let state = |event: &StoredRow| event.field("state").map(Word::<State>::read)?.known();
    let mut ends: Vec<(State, &StoredRow)> = events
        .iter()
        .filter_map(|event| Some((state(event)?, *event)))
        .collect();
    ends.sort_unstable_by_key(|(state, event)| (*state != State::Unknown, event.key.rev));
    let last = ends.last();
    let field = |column| last.and_then(|(_, event)| event.field(column));
    Some(Ended {
        state: last.map_or(State::Pending, |(state, _)| *state),
        failure: field("failure").and_then(|word| word.parse().ok()),
        kind: intent.field("kind").and_then(|word| word.parse().ok()),
        error_code: field("error_code").and_then(|code| code.parse().ok()),
    })
}
