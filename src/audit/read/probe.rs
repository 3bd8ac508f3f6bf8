//! What must be known of an action to find out whether it was carried out.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use sqlx::FromRow;
use uuid::Uuid;

use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{
    Channels, Command, Data, DecidedBy, Kind, RoomId, Slot, Span, State, Targets, UserId,
};

/// How far the clock of who sent an action and that of the database may differ.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// An action that may be asked about.
#[derive(Clone, Debug)]
pub struct Probeable {
    /// What was to be done; `None` if this release does not know such actions.
    pub command: Option<Command>,
    /// Who asked for it: issuer and subject.
    pub moderator: (String, String),
    /// In which state it is; `None` if this release does not know it.
    pub state: Option<State>,
    /// When its outcome became unknown, if a gateway said so: until [`LATEST`](crate::domain::LATEST) after that it may
    /// still arrive.
    pub unknown_since: Option<DateTime<Utc>>,
    /// Between which moments it can have arrived at Tencent: before the first byte, and when the last attempt was
    /// given up. `None` where nobody knows, as after recovery, or where the clock of who sent it was off.
    pub sent: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

#[derive(FromRow)]
struct IntentRow {
    kind: String,
    issuer: String,
    moderator: String,
    user_id: Option<String>,
    room_id: Option<String>,
    data: Option<String>,
    parameters: Option<String>,
}

#[derive(FromRow)]
struct EventRow {
    state: String,
    is_end: bool,
    at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    decided_by: String,
    attempt: Option<i16>,
    attempt_duration_us: Option<i64>,
}

impl EventRow {
    /// Whether the clock of who wrote it agrees with that of the database. A row may come in late; the clock of one that
    /// came in at once is right.
    fn was_in_time(&self) -> bool {
        (self.recorded_at - self.at).abs() <= TOLERANCE
    }
}

impl AuditLog {
    /// The action `id`, if there is one.
    pub async fn probeable(&self, id: Uuid) -> Result<Option<Probeable>, Error> {
        again_if_broken(|| self.read_probeable(id)).await
    }

    async fn read_probeable(&self, id: Uuid) -> Result<Option<Probeable>, Error> {
        let mut connection = Connection::acquire(&self.lookups).await?;
        let intent = sqlx::query_as(
            "select kind, issuer, moderator, user_id, room_id, data, parameters from audit.action where id = $1",
        );
        let intent: Option<IntentRow> = intent.bind(id).fetch_optional(&mut *connection).await?;
        let events = sqlx::query_as(
            "select state, audit.is_end(state) as is_end, at, recorded_at, decided_by, attempt, attempt_duration_us
             from audit.event where action_id = $1 order by rev",
        );
        let events: Vec<EventRow> = events.bind(id).fetch_all(&mut *connection).await?;
        connection.release();
        Ok(intent.map(|intent| probeable(intent, &events)))
    }
}

fn probeable(intent: IntentRow, events: &[EventRow]) -> Probeable {
    let moderator = (intent.issuer.clone(), intent.moderator.clone());
    let ends = events.iter().filter(|event| event.is_end);
    let end = ends.max_by_key(|end| end.state != State::Unknown.as_str());
    let state = end.map_or(Ok(State::Pending), |end| end.state.parse()).ok();
    let by_gateway = end.filter(|end| end.decided_by == DecidedBy::Gateway.as_str());
    let unknown = by_gateway.filter(|_| state == Some(State::Unknown));
    Probeable {
        command: command(intent),
        moderator,
        state,
        unknown_since: unknown.map(|end| end.recorded_at),
        sent: by_gateway.and_then(|end| sent(events, end)),
    }
}

/// The first attempt is told of by the first event that has one: it had begun its duration before that.
fn sent(events: &[EventRow], end: &EventRow) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    if !events.iter().any(EventRow::was_in_time) {
        return None;
    }
    let first = events.iter().find(|event| event.attempt == Some(1))?;
    let took = u64::try_from(first.attempt_duration_us?).ok()?;
    let took = TimeDelta::from_std(Duration::from_micros(took)).ok()?;
    Some((first.at.checked_sub_signed(took)?, end.at))
}

fn command(intent: IntentRow) -> Option<Command> {
    let kind: Kind = intent.kind.parse().ok()?;
    let parameters = intent.parameters.as_deref().unwrap_or("{}");
    let parameters: Map<String, Value> = serde_json::from_str(parameters).ok()?;
    let value = |slot: Slot| parameters.get(slot.as_str());
    let forever = value(Slot::Forever).is_some().then_some(Span::Forever);
    let seconds = value(Slot::Seconds).and_then(Value::as_u64);
    let channels = value(Slot::Channels).and_then(Value::as_str);
    let id = |slot: Slot| value(slot)?.as_str()?.parse().ok();
    let targets = Targets {
        user_id: text::<UserId>(intent.user_id)?,
        room_id: text::<RoomId>(intent.room_id)?,
        data: text::<Data>(intent.data)?,
        silent: value(Slot::Silent).and_then(Value::as_bool),
        span: seconds.and_then(Span::of_seconds).or(forever),
        channels: channels.and_then(|word| word.parse::<Channels>().ok()),
        undoes: id(Slot::Undoes),
        shortens: id(Slot::Shortens),
    };
    Command::new(kind, targets)
}

/// `None` if the text breaks the rule of this release.
#[expect(
    clippy::option_option,
    reason = "no text, and one that is none, are different things"
)]
fn text<T: TryFrom<String>>(text: Option<String>) -> Option<Option<T>> {
    text.map(T::try_from).transpose().ok()
}
