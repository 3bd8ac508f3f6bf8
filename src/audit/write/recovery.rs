//! Actions whose process fell silent come to an honest end: `unknown`.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::event::{Event, insert_event};
use crate::audit::proof::fetch;
use crate::audit::proof::genuine::Judge;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::table::{Key, Table};
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time};
use crate::domain::{DecidedBy, End, Failure, State};

/// How many ids one statement looks at, so that a start over years of history holds no statement
/// for longer than a few milliseconds.
const STRIDE: i64 = 5_000;

/// What a sweep found.
#[derive(Clone, Copy, Debug)]
pub struct Swept {
    /// How many actions it ended as `unknown`.
    pub ended: usize,
    /// Since when the oldest action that is still pending has been so, by the database's clock.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// Where the next sweep may start: every action before it has ended.
    pub next_from: Uuid,
}

/// Before which id every action has ended, as far as the sweeps of this process have seen. For
/// readers: what is still pending is after it.
#[derive(Clone, Debug, Default)]
pub(in crate::audit) struct Watermark(Arc<Mutex<Uuid>>);

impl Watermark {
    pub(in crate::audit) fn get(&self) -> Uuid {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn raise(&self, to: Uuid) {
        let mut mark = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *mark = to.max(*mark);
    }
}

impl AuditLog {
    /// Ends every action from `from` on whose deadline passed more than five seconds ago without
    /// an end. Any number of replicas may do it at once.
    ///
    /// An insert may commit late, but not for long: the schema holds `requested_at`, and with it
    /// the id, to within a minute of the insert. Ten minutes back are therefore looked at again.
    pub async fn recover(&self, from: Uuid) -> Result<Swept, Error> {
        let keys = self.keys.load_full();
        let mut connection = Connection::acquire(&self.writing).await?;
        let mut swept = Swept {
            ended: 0,
            oldest_pending: None,
            next_from: from,
        };
        let mut oldest_pending_id = None;
        let mut stride = Some(from);
        while let Some(start) = stride {
            let next = sqlx::query_scalar!(
                "select id from audit.action where id >= $1 order by id offset $2 limit 1",
                start,
                STRIDE
            );
            let end = in_time(next.fetch_optional(&mut *connection)).await?;
            for pending in in_time(pending_between(&mut connection, start, end)).await? {
                if pending.overdue {
                    swept.ended +=
                        usize::from(in_time(abandon(&mut connection, &pending, &keys)).await?);
                } else {
                    oldest_pending_id.get_or_insert(pending.id);
                    swept.oldest_pending.get_or_insert(pending.recorded_at);
                }
            }
            stride = end;
        }
        let horizon = sqlx::query_scalar!(
            r#"select audit.uuid7_floor(clock_timestamp() - interval '10 minutes') as "floor!""#
        );
        let horizon = in_time(horizon.fetch_one(&mut *connection)).await?;
        connection.release();
        swept.next_from = oldest_pending_id.map_or(horizon, |id: Uuid| id.min(horizon));
        self.ended_before.raise(swept.next_from);
        Ok(swept)
    }
}

struct Pending {
    id: Uuid,
    recorded_at: DateTime<Utc>,
    overdue: bool,
    next_rev: i16,
}

/// The actions without an end from `start` on, before `end`.
///
/// The events of each action are looked up by its id: `limit` keeps Postgres from joining the tables
/// instead, which it does badly, as it cannot tell how many ids are between two. For the same reason
/// there always is an upper bound, which a plan for any bounds can use.
async fn pending_between(
    connection: &mut PgConnection,
    start: Uuid,
    end: Option<Uuid>,
) -> Result<Vec<Pending>, sqlx::Error> {
    let pending = sqlx::query_as!(
        Pending,
        r#"select a.id, a.recorded_at,
                  a.recorded_at + a.deadline_ms * interval '1 millisecond'
                      + interval '5 seconds' < clock_timestamp() as "overdue!",
                  (select coalesce(max(e.rev), 0) + 1 from audit.event e
                    where e.action_id = a.id)::smallint as "next_rev!"
           from audit.action a
           where a.id >= $1 and a.id < $2
             and (select true from audit.event e
                  where e.action_id = a.id and audit.is_end(e.state) limit 1) is null
           order by a.id"#,
        start,
        end.unwrap_or(Uuid::max())
    );
    pending.fetch_all(connection).await
}

/// Ends the action as `unknown`, unless somebody was faster, or no gateway began it: what is not
/// genuine gets no genuine end.
async fn abandon(
    connection: &mut PgConnection,
    pending: &Pending,
    keys: &SealKeys,
) -> Result<bool, sqlx::Error> {
    // The sealer has named it, once.
    if !is_genuine(connection, pending.id, keys).await? {
        return Ok(false);
    }
    let event = abandoned();
    let event = Event::from(&event);
    let inserted = insert_event(connection, pending.id, pending.next_rev, &event, keys).await?;
    if inserted == 1 {
        tracing::warn!(
            event = "recovered", action.id = %pending.id,
            "an action without an end was recorded as unknown"
        );
    }
    Ok(inserted == 1)
}

/// Without a key nobody can tell, and an action without an end is the worse of the two.
async fn is_genuine(
    connection: &mut PgConnection,
    id: Uuid,
    keys: &SealKeys,
) -> Result<bool, sqlx::Error> {
    if keys.is_empty() {
        return Ok(true);
    }
    let key = Key {
        id,
        rev: 0,
        table: Table::Action,
    };
    let rows = fetch::rows(connection, &[key]).await?;
    match rows.get(&key) {
        Some(row) if row.is_known() => Judge::new(keys).is_genuine(connection, row).await,
        // A replica of the release that wrote it will tell.
        Some(_) | None => Ok(false),
    }
}

fn abandoned() -> End {
    End {
        state: State::Unknown,
        decided_by: DecidedBy::Recovery,
        completed_at: Utc::now().trunc_subsecs(6),
        duration: None,
        attempt: None,
        failure: Some(Failure::Abandoned),
    }
}
