//! What was set and lifted for one target: what is in force, as far as the record can know.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, Pool};
use crate::domain::{Channels, Command, Ended, Kind, Slot, Span, State, TargetAction, Word};

/// What somebody who is about to restrict a target, or to lift what restricts it, must know.
#[derive(Debug)]
pub struct Target {
    /// The action that was begun last, if one was: [`begin`](AuditLog::begin) refuses where it is another by then.
    pub last_action: Option<Uuid>,
    /// What was done to it, or may have been, and may still be in force.
    pub actions: Vec<TargetAction>,
}

/// An action that restricts or lifts, as the record has it.
#[derive(FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    kind: String,
    user_id: Option<String>,
    issuer: String,
    moderator: String,
    pub(super) room_id: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) case_ref: Option<String>,
    parameters: Option<String>,
    requested_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    state: Option<String>,
    completed_at: Option<DateTime<Utc>>,
    end_recorded_at: Option<DateTime<Utc>>,
    proved_until: Option<DateTime<Utc>>,
    is_shown_off: bool,
}

/// So many of the newest actions on a target, or on all targets of a user, are looked at: who looks waits for it.
const MOST: i64 = 5_000;

impl AuditLog {
    /// What restricts the target of `command`, or may; `set_by` is the kind that restricts it so.
    /// `for_item`: for an item of a batch, which takes no connection that people need.
    pub async fn target(
        &self,
        command: &Command,
        set_by: Kind,
        for_item: bool,
    ) -> Result<Target, Error> {
        let pool = if for_item { &self.items } else { &self.lookups };
        again_if_broken(|| self.look_at(pool, command, set_by)).await
    }

    async fn look_at(&self, pool: &Pool, command: &Command, set_by: Kind) -> Result<Target, Error> {
        let mut connection = Connection::acquire(pool).await?;
        // First: what is begun after it makes the other begin fail.
        let last_action = sqlx::query_scalar!(
            "select last_action from modgate.target
             where sdk_app_id = $1 and restriction = $2 and room_id = $3 and user_id = $4",
            i64::from(self.deployment.sdk_app_id),
            set_by.as_str(),
            command.room_id().unwrap_or_default(),
            command.user_id().unwrap_or_default(),
        );
        let last_action = last_action.fetch_optional(&mut *connection).await?;
        // By the one column of each that is indexed.
        let of_target = match (command.user_id(), command.room_id()) {
            (Some(_), Some(_)) => "user_id = $1 and room_id = $2",
            (Some(_), None) => "user_id = $1 and room_id is null and $2::text is null",
            (None, _) => "room_id = $2 and user_id is null and $1::text is null",
        };
        let asked = Asked {
            of_target,
            user_id: command.user_id(),
            room_id: command.room_id(),
            set_by: &[set_by],
            named: command.targets().undoes.into_iter().collect(),
        };
        let rows = self.rows(&mut connection, &asked).await?;
        connection.release();
        Ok(Target {
            last_action,
            actions: rows.iter().map(action).collect::<Result<_, _>>()?,
        })
    }

    /// The same of many targets at once, each a user and a room: of those that anything was done to. `None` where there is
    /// more than can be looked at; of one alone the newest are.
    pub async fn targets(
        &self,
        targets: &[(Option<String>, Option<String>)],
        set_by: &[Kind],
    ) -> Result<Option<Vec<TargetAction>>, Error> {
        again_if_broken(|| self.look_at_many(targets, set_by)).await
    }

    async fn look_at_many(
        &self,
        targets: &[(Option<String>, Option<String>)],
        set_by: &[Kind],
    ) -> Result<Option<Vec<TargetAction>>, Error> {
        let users: Vec<&str> = targets
            .iter()
            .filter_map(|(user, _)| user.as_deref())
            .collect();
        let alone = targets.iter().filter(|(user, _)| user.is_none());
        let rooms: Vec<&str> = alone.filter_map(|(_, room)| room.as_deref()).collect();
        let kinds = set_by
            .iter()
            .flat_map(|kind| [Some(*kind), kind.undone_by()]);
        let kinds: Vec<&str> = kinds.flatten().map(Kind::as_str).collect();
        let mut connection = Connection::acquire(&self.reading).await?;
        let of_target = "(user_id = any ($1) or user_id is null and room_id = any ($2))";
        let rows: Vec<Row> = sqlx::query_as(AssertSqlSafe(statement(of_target)))
            .bind(users)
            .bind(rooms)
            .bind(kinds)
            .bind(i64::from(self.deployment.sdk_app_id))
            .bind(since(set_by))
            .bind(MOST)
            .bind(Vec::<Uuid>::new())
            .fetch_all(&mut *connection)
            .await?;
        connection.release();
        // Of one target the newest are what counts, as where somebody acts on it.
        if targets.len() > 1 && rows.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
            return Ok(None);
        }
        rows.iter().map(action).collect::<Result<_, _>>().map(Some)
    }

    /// What may still be in force, oldest first.
    pub(super) async fn rows(
        &self,
        connection: &mut PgConnection,
        asked: &Asked<'_>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let set_by = asked.set_by.iter().copied();
        let kinds = set_by.flat_map(|kind| [Some(kind), kind.undone_by()]);
        let kinds: Vec<&str> = kinds.flatten().map(Kind::as_str).collect();
        sqlx::query_as(AssertSqlSafe(statement(asked.of_target)))
            .bind(asked.user_id)
            .bind(asked.room_id)
            .bind(kinds)
            .bind(i64::from(self.deployment.sdk_app_id))
            .bind(since(asked.set_by))
            .bind(MOST)
            .bind(&asked.named)
            .fetch_all(connection)
            .await
    }
}

/// What may still be in force, oldest first, of those whom this condition lets through.
fn statement(of_target: &str) -> String {
    format!(
            "select a.id, a.kind, a.user_id, a.issuer, a.moderator, a.room_id, a.reason, a.case_ref, a.parameters, a.requested_at,
                    a.recorded_at, ended.state,
                    -- What a probe has proved was sent before its outcome became unknown.
                    coalesce(lost.at, ended.at) as completed_at,
                    coalesce(lost.recorded_at, ended.recorded_at) as end_recorded_at,
                    (select p.details::jsonb ->> 'until' from audit.event p
                     where p.action_id = a.id and p.state = 'probed' and p.rev < ended.rev
                       and ended.decided_by = 'probe'
                     order by p.rev desc limit 1)::timestamptz as proved_until,
                    coalesce((select p.details::jsonb ->> 'in_effect' = 'false' from audit.event p
                              where p.action_id = a.id and p.state = 'probed'
                              order by p.rev desc limit 1), false) as is_shown_off
             from (select * from audit.action a
                   where {of_target} and a.kind = any($3) and a.sdk_app_id = $4 and a.id >= audit.uuid7_floor($5)
                     -- What is over cannot be in force.
                     and (a.id = any($7) or (a.parameters::jsonb ->> 'seconds') is null
                          or a.recorded_at > now() - interval '10 minutes'
                                             - make_interval(secs => (a.parameters::jsonb ->> 'seconds')::float8))
                   order by a.id desc limit $6) a
             left join lateral (
                 select e.state, e.at, e.recorded_at, e.rev, e.decided_by from audit.event e
                 where e.action_id = a.id and audit.is_end(e.state)
                 order by (e.state = 'unknown'), e.rev desc limit 1) ended on true
             left join lateral (
                 select e.at, e.recorded_at from audit.event e
                 where e.action_id = a.id and e.state = 'unknown' and ended.decided_by = 'probe') lost on true
             where ended.state is null or ended.state in ('succeeded', 'unknown')
             order by a.id"
        )
}

/// Whose restrictions are asked for.
pub(super) struct Asked<'a> {
    /// A condition on `$1` and `$2`.
    pub(super) of_target: &'static str,
    pub(super) user_id: Option<&'a str>,
    pub(super) room_id: Option<&'a str>,
    /// The kinds that set them.
    pub(super) set_by: &'a [Kind],
    /// Those that are looked for even if they are over.
    pub(super) named: Vec<Uuid>,
}

/// What is older has ended, unless it is of a kind that may have no end.
fn since(set_by: &[Kind]) -> DateTime<Utc> {
    let has_an_end = |kind: &Kind| kind.has(Slot::Seconds) && !kind.has(Slot::Forever);
    let longest = TimeDelta::seconds(Span::LONGEST.into()) + TimeDelta::days(1);
    if set_by.iter().all(has_an_end) {
        Utc::now() - longest
    } else {
        DateTime::UNIX_EPOCH
    }
}

pub(super) fn action(row: &Row) -> Result<TargetAction, Error> {
    let foreign = |column| Error::Foreign { id: row.id, column };
    let parameters = row.parameters.as_deref().unwrap_or("{}");
    let parameters: Value = serde_json::from_str(parameters).map_err(|_| foreign("parameters"))?;
    let seconds = parameters[Slot::Seconds.as_str()].as_u64();
    let channels = parameters[Slot::Channels.as_str()].as_str();
    let channels: Option<Channels> = channels.and_then(|word| word.parse().ok());
    let state = row.state.as_deref().map(Word::<State>::read);
    let state = state.and_then(|state| state.known());
    let times = row.completed_at.zip(row.end_recorded_at);
    let ended = |(state, (completed_at, recorded_at)): (State, (_, DateTime<Utc>))| Ended {
        state,
        completed_at,
        // The clock of the database may have been set back.
        recorded_at: recorded_at.max(row.recorded_at),
        proved_until: row.proved_until,
    };
    Ok(TargetAction {
        id: row.id,
        kind: row.kind.parse().map_err(|_| foreign("kind"))?,
        user_id: row.user_id.clone(),
        room_id: row.room_id.clone(),
        moderator: (row.issuer.clone(), row.moderator.clone()),
        span: seconds.and_then(Span::of_seconds),
        channels: channels.unwrap_or_default(),
        requested_at: row.requested_at,
        begun_at: row.recorded_at,
        end: state.zip(times).map(ended),
        is_shown_off: row.is_shown_off,
    })
}
