//! What changes in the record, in one order that every replica sees.
//!
//! # What is a change
//! Each state that an action takes: its intent, then each end, so that an `unknown` that turns out
//! as `succeeded` is three; and what a probe has shown. Where the end comes with the intent, as with a
//! denial, the intent is none. A change shows the action as of then.
//!
//! # Order
//! By (xid, id, rev), among the rows below the horizon: the oldest transaction that still runs.
//! Nothing can appear there any more, so a reader that remembers the last row it has seen misses no
//! late commit, and whichever replica it asks next goes on from there. A transaction that writes
//! and stays open, in any database of the server, holds all changes up until it ends.
//!
//! # Positions
//! A position is that of a row, not of the horizon. The row proves that this is still the record
//! that the position was taken from: after a fail-over that lost it, or in a copy restored into
//! another server, it is not there, and the reader is told so. And a server that crashes may give
//! the numbers of transactions that left no trace to others, but none below those of a row.
//!
//! Rows that were restored from a dump keep the `xid` of the server they came from, which means
//! nothing here. Postgres' own `xmin` tells them from rows that were written here.

mod matching;
mod position;

use std::collections::HashMap;

use sqlx::{Connection as _, FromRow, PgConnection};
use uuid::Uuid;

use super::assemble::{self, EventRow, IntentRow};
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, in_time};
use crate::domain::Action;

pub use position::{Position, Unreadable};

/// The most changes read at once.
const SEGMENT: i64 = 200;

/// A state that an action took, or what a probe of it has shown.
#[derive(Debug)]
pub struct Change {
    /// Where it stands in the order.
    pub position: Position,
    /// The action as of then.
    pub action: Action,
    issuer: String,
    idempotency_key: Option<String>,
    /// Tencent's last `ErrorCode` as of then.
    error_code: Option<i64>,
    /// The `RequestId` of each attempt as of then.
    tencent_request_ids: Vec<String>,
}

/// Changes that follow one another.
#[derive(Debug)]
pub struct Segment {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The last of them; where the reading began if there is none.
    pub end: Position,
    /// Whether there are more already.
    pub more: bool,
    /// Whether the first of them was recorded more than a quarter of an hour ago.
    pub begins_long_ago: bool,
}

/// One snapshot for all statements. Planned without looking at the parameters, because the planner
/// takes the rows after a position for fewer than they may be, and then sorts all of them.
const BEGIN: &str = "begin isolation level repeatable read read only; \
                     set local plan_cache_mode = force_generic_plan";

/// The newest row of the last thousand below the horizon, if one was written here; else the
/// horizon itself.
const NEWEST: &str = "
    with seen as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as horizon),
         latest as (
             (select a.xid, a.id, 0::smallint as rev, a.xmin as written from audit.action a
              where a.xid < (select horizon from seen) order by a.xid desc limit 1000)
             union all
             (select e.xid, e.action_id, e.rev, e.xmin from audit.event e
              where e.xid < (select horizon from seen) order by e.xid desc limit 1000))
    select coalesce(latest.xid, seen.horizon)::text as xid,
           coalesce(latest.id, '00000000-0000-0000-0000-000000000000') as id,
           coalesce(latest.rev, 0::smallint) as rev
    from seen left join latest on latest.written = latest.xid::xid
    order by latest.xid desc nulls last, latest.id desc, latest.rev desc limit 1";

/// The changes after a position, and whether the record has that position. One row at least.
const AFTER: &str = "
    with seen as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as horizon)
    select case when $2 = '00000000-0000-0000-0000-000000000000' then $1::xid8 <= seen.horizon
                when $3 = 0 then exists (
                    select from audit.action a
                    where a.id = $2 and a.xid = $1::xid8 and a.xmin = a.xid::xid)
                else exists (
                    select from audit.event e
                    where e.action_id = $2 and e.rev = $3 and e.xid = $1::xid8 and e.xmin = e.xid::xid)
           end as known,
           change.xid::text, change.id, change.rev,
           change.recorded_at < clock_timestamp() - interval '15 minutes' as long_ago
    from seen left join lateral (
        (select a.xid, a.id, 0::smallint as rev, a.recorded_at from audit.action a
         where a.xid >= $1::xid8 and a.xid < seen.horizon and a.xmin = a.xid::xid
           and (a.xid, a.id, 0::smallint) > ($1::xid8, $2, $3)
           and not exists (select from audit.event e
                           where e.action_id = a.id and audit.is_end(e.state) and e.xid <= a.xid)
         order by a.xid, a.id limit $4)
        union all
        (select e.xid, e.action_id, e.rev, e.recorded_at from audit.event e
         where e.xid >= $1::xid8 and e.xid < seen.horizon and e.xmin = e.xid::xid
           and (e.xid, e.action_id, e.rev) > ($1::xid8, $2, $3)
           and (audit.is_end(e.state) or e.state = 'probed')
         order by e.xid, e.action_id, e.rev limit $4)
        order by 1, 2, 3 limit $4) as change on true
    order by change.xid, change.id, change.rev";

/// A change, or, with nulls, that there is none.
#[derive(FromRow)]
struct Found {
    known: bool,
    xid: Option<String>,
    id: Option<Uuid>,
    rev: Option<i16>,
    long_ago: Option<bool>,
}

impl Found {
    fn position(&self) -> Option<Result<Position, sqlx::Error>> {
        Some(position(self.xid.as_deref()?, self.id?, self.rev?))
    }
}

fn position(xid: &str, id: Uuid, rev: i16) -> Result<Position, sqlx::Error> {
    let xid = xid.parse();
    let xid = xid.map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Position { xid, id, rev })
}

impl AuditLog {
    /// The present end of the order.
    pub async fn newest_change(&self) -> Result<Position, Error> {
        again_if_broken(|| self.read_newest()).await
    }

    async fn read_newest(&self) -> Result<Position, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let mut snapshot = in_time(connection.begin_with(BEGIN)).await?;
        let newest = sqlx::query_as(NEWEST).fetch_one(&mut *snapshot);
        let (xid, id, rev): (String, Uuid, i16) = in_time(newest).await?;
        in_time(snapshot.commit()).await?;
        connection.release();
        Ok(position(&xid, id, rev)?)
    }

    /// The changes after `position`; `None` if the record does not have that position.
    pub async fn changes_after(&self, position: Position) -> Result<Option<Segment>, Error> {
        again_if_broken(|| self.read_after(position)).await
    }

    async fn read_after(&self, position: Position) -> Result<Option<Segment>, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        let mut snapshot = in_time(connection.begin_with(BEGIN)).await?;
        let found = sqlx::query_as(AFTER)
            .bind(position.xid.to_string())
            .bind(position.id)
            .bind(position.rev)
            .bind(SEGMENT);
        let found: Vec<Found> = in_time(found.fetch_all(&mut *snapshot)).await?;
        let positions = found.iter().filter_map(Found::position);
        let positions = positions.collect::<Result<Vec<Position>, _>>()?;
        let changes = in_time(changes_at(&mut snapshot, &positions)).await?;
        in_time(snapshot.commit()).await?;
        connection.release();
        let known = found.iter().all(|found| found.known);
        Ok(known.then(|| Segment {
            changes,
            end: positions.last().copied().unwrap_or(position),
            more: i64::try_from(positions.len()) == Ok(SEGMENT),
            begins_long_ago: found
                .first()
                .is_some_and(|first| first.long_ago == Some(true)),
        }))
    }
}

async fn changes_at(
    connection: &mut PgConnection,
    positions: &[Position],
) -> Result<Vec<Change>, sqlx::Error> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = positions.iter().map(|position| position.id).collect();
    let intents = assemble::intents(connection, &ids).await?;
    let events = assemble::events(connection, &ids).await?;
    let changes = positions.iter().filter_map(|position| {
        let change = change_at(*position, &intents, &events);
        change.unwrap_or_else(|error| {
            // Nobody else shall wait behind a row that only an intruder can have written.
            tracing::error!(event = "foreign_row", %error, "a change cannot be shown");
            None
        })
    });
    Ok(changes.collect())
}

/// `None` if the row at `position` changed nothing that is shown, or is gone.
fn change_at(
    position: Position,
    intents: &HashMap<Uuid, IntentRow>,
    events: &HashMap<Uuid, Vec<EventRow>>,
) -> Result<Option<Change>, Error> {
    let Some(intent) = intents.get(&position.id) else {
        return Ok(None);
    };
    let events = events.get(&position.id).map_or(&[][..], Vec::as_slice);
    let so_far = &events[..events.partition_point(|event| event.rev <= position.rev)];
    let is_shown = |event: &EventRow| event.rev == position.rev && event.is_probe();
    let is_end = assemble::end(so_far).map_or(0, |end| end.rev) == position.rev;
    if !is_end && !so_far.last().is_some_and(is_shown) {
        return Ok(None);
    }
    let request_ids = so_far
        .iter()
        .filter_map(|event| event.tencent_request_id.clone());
    Ok(Some(Change {
        position,
        action: assemble::action(intent, so_far)?,
        issuer: intent.issuer.clone(),
        idempotency_key: intent.idempotency_key.clone(),
        error_code: so_far.iter().rev().find_map(|event| event.error_code),
        tencent_request_ids: request_ids.collect(),
    }))
}
