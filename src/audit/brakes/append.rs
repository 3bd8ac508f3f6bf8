//! A freeze or a thaw is recorded.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::judge::{Judged, judge_all, key};
use super::{AuditLog, BrakeError, TRIES, wait};
use crate::audit::proof::canonical::{ROW_FORMAT, Salt};
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::{Deployment, Error};
use crate::db::{Connection, in_time, is_cancelled, is_refused};
use crate::domain::{Brake, BrakeAuthor, Brakes, NewBrake, Reach};

/// Freezes over the API that may be in force at a time, beside one of everything.
const MOST: usize = 1_000;

/// Who records it, beside who asked for it.
pub(super) enum Recorder<'a> {
    /// A service.
    Service(&'a Deployment),
    /// A command that connects as this role.
    Role(&'a str),
}

/// What was not recorded for certain, and the id of the row that may be.
pub(super) type NotAppended = (BrakeError, Option<Uuid>);

impl AuditLog {
    /// Records `asked`, unless the row `lost`, of an earlier try whose end nobody knows, is there.
    pub(super) async fn append_brake(
        &self,
        asked: &NewBrake,
        keys: &Arc<SealKeys>,
        lost: Option<Uuid>,
    ) -> Result<(), NotAppended> {
        let connection = Connection::acquire(&self.writing).await;
        let mut connection = connection.map_err(not_recorded)?;
        let recorder = Recorder::Service(&self.deployment);
        let known = self.brakes.judged.load_full();
        let appended = append(&mut connection, asked, &recorder, (&known, keys), lost).await;
        // Of anything else nobody knows what is on its way.
        if matches!(
            appended,
            Ok(_) | Err((BrakeError::Refused(_) | BrakeError::TooMany(_), _))
        ) {
            connection.release();
        }
        appended.map(drop)
    }

    /// After a freeze: those who may not have seen it.
    pub(super) async fn wait_for_those_who_begin(
        &self,
        asked: &NewBrake,
    ) -> Result<(), BrakeError> {
        if asked.brake == Brake::Thaw {
            return Ok(());
        }
        let connection = Connection::acquire(&self.writing).await;
        let unclear = |error| BrakeError::Unclear(Error::Database(error));
        let mut connection = connection.map_err(unclear)?;
        let waited = wait::for_those_who_begin(&mut connection).await;
        if matches!(waited, Ok(()) | Err(BrakeError::StillBeginning)) {
            connection.release();
        }
        waited
    }
}

fn not_recorded(error: sqlx::Error) -> NotAppended {
    (BrakeError::NotRecorded(Error::Database(error)), None)
}

/// Records `asked` on `connection`, if the rows that are there allow it. Those that are `known` are judged already. Nothing
/// is recorded where it is frozen already. What is known then, but for the new row.
pub(super) async fn append(
    connection: &mut PgConnection,
    asked: &NewBrake,
    recorder: &Recorder<'_>,
    (known, keys): (&Judged, &Arc<SealKeys>),
    lost: Option<Uuid>,
) -> Result<Judged, NotAppended> {
    let mut judged = known.clone();
    for _ in 0..TRIES {
        let now = judge_all(connection, &judged, keys, recorder.patience()).await;
        judged = now.map_err(not_recorded)?;
        if lost.is_some_and(|lost| judged.has_seen(lost)) || judged.brakes.has_the_same(asked) {
            return Ok(judged);
        }
        let allowed = judged.brakes.check(asked);
        allowed.map_err(|refusal| (refusal.into(), None))?;
        recorder.check_number(asked, &judged.brakes)?;
        let row = row(asked, recorder, &judged.brakes, keys);
        match in_time(insert(connection, &row, &judged, keys)).await {
            Ok(1..) => return Ok(judged),
            // Somebody was faster: what may be done is to be found out anew.
            Ok(0) => {}
            // Nobody waits for the answer to a request.
            Err(error) if is_cancelled(&error) && matches!(recorder, Recorder::Role(_)) => {}
            Err(error) if is_refused(&error) => return Err(not_recorded(error)),
            Err(error) => {
                let lost = Some(row.key.id);
                return Err((BrakeError::Unclear(Error::Database(error)), lost));
            }
        }
    }
    Err(not_recorded(sqlx::Error::RowNotFound))
}

impl Recorder<'_> {
    /// For how long rows may be judged before something is recorded.
    const fn patience(&self) -> Duration {
        match self {
            Self::Service(_) => Duration::from_secs(2),
            Self::Role(_) => Duration::from_mins(5),
        }
    }

    /// Whoever may freeze shall not fill the table.
    fn check_number(&self, asked: &NewBrake, known: &Brakes) -> Result<(), NotAppended> {
        if matches!(self, Self::Role(_))
            || asked.brake == Brake::Thaw
            || asked.scope.reach() == Reach::All
        {
            return Ok(());
        }
        let others = known
            .in_force()
            .iter()
            .filter(|freeze| !freeze.is_of_a_command());
        let others = others.count();
        if others >= MOST {
            return Err((BrakeError::TooMany(others), None));
        }
        Ok(())
    }
}

/// The row that `asked` becomes now: it is newer than each that is known of its scope, also where clocks differ.
fn row(asked: &NewBrake, recorder: &Recorder<'_>, known: &Brakes, keys: &SealKeys) -> StoredRow {
    let newest = known.newest_of(&asked.scope);
    let after = newest.map(|newest| newest.requested_at + TimeDelta::milliseconds(1));
    let at = after.max(Some(Utc::now())).unwrap_or_default();
    let at = at.trunc_subsecs(6);
    let id = Uuid::new_v7(timestamp(at));
    let scope = &asked.scope;
    let mut fields = vec![
        Some(id.to_string()),
        Some(asked.brake.as_str().to_owned()),
        scope.kind.clone(),
        scope.issuer.clone(),
        scope.moderator.clone(),
        Some(asked.reason.as_str().to_owned()),
        Some(at.timestamp_micros().to_string()),
    ];
    fields.extend(of_moderator(&asked.author, recorder));
    fields.extend(of_command(&asked.author, recorder));
    fields.push(Some(match recorder {
        Recorder::Service(deployment) => deployment.version.clone(),
        Recorder::Role(_) => env!("CARGO_PKG_VERSION").to_owned(),
    }));
    let salt: Salt = rand::random();
    StoredRow::salted(key(id), fields, salt.into(), keys)
}

/// `by_moderator` to `instance`.
fn of_moderator(author: &BrakeAuthor, recorder: &Recorder<'_>) -> [Option<String>; 12] {
    let BrakeAuthor::Moderator(who) = author else {
        return [const { None }; 12];
    };
    let (moderator, origin) = &**who;
    let instance = match recorder {
        Recorder::Service(deployment) => Some(deployment.instance.clone()),
        Recorder::Role(_) => None,
    };
    [
        Some(moderator.subject.clone()),
        moderator.name.clone(),
        Some(moderator.issuer.clone()),
        moderator.token_id.clone(),
        moderator.client_id.clone(),
        moderator.actor.clone(),
        Some(origin.client_ip.to_string()),
        Some(origin.peer_ip.to_string()),
        origin.user_agent.clone(),
        origin.trace_id.clone(),
        Some(origin.http_request_id.clone()),
        instance,
    ]
}

/// `decided_by`, `operator` and `host`.
fn of_command(author: &BrakeAuthor, recorder: &Recorder<'_>) -> [Option<String>; 3] {
    match (author, recorder) {
        (BrakeAuthor::Command { operator, host }, Recorder::Role(role)) => {
            [*role, operator, host].map(|text| Some(text.to_owned()))
        }
        _ => [const { None }; 3],
    }
}

fn timestamp(at: DateTime<Utc>) -> uuid::Timestamp {
    let (seconds, nanos) = (at.timestamp().unsigned_abs(), at.timestamp_subsec_nanos());
    uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)
}

const INSERT: &str = "
    insert into audit.brake
        (id, brake, kind, issuer, moderator, reason, requested_at, by_moderator, moderator_name, by_issuer, token_id,
         client_id, actor, client_ip, peer_ip, user_agent, trace_id, http_request_id, instance, decided_by, operator,
         host, version, row_format, salt, leaf_hash, mac)
    select $1::uuid, $2, $3, $4, $5, $6, timestamptz 'epoch' + $7::bigint * interval '1 us', $8, $9, $10, $11, $12,
           $13, $14::inet, $15::inet, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27
    where not modgate.has_unjudged_brake($28::xid8, $29)
    on conflict (id) do nothing";

/// Inserts `row`, if no row has come since those that were `judged`. How many were inserted.
async fn insert(
    connection: &mut PgConnection,
    row: &StoredRow,
    judged: &Judged,
    keys: &Arc<SealKeys>,
) -> Result<u64, sqlx::Error> {
    let mut insert = sqlx::query(INSERT);
    for field in &row.fields {
        insert = insert.bind(field);
    }
    let marks = judged.unjudged(keys);
    let inserted = insert
        .bind(ROW_FORMAT)
        .bind(&row.salt)
        .bind(&row.leaf_hash)
        .bind(&row.mac)
        .bind(marks.as_ref().map(|marks| marks.seen_before.as_str()))
        .bind(marks.as_ref().map(|marks| &marks.judged_since));
    Ok(inserted.execute(connection).await?.rows_affected())
}
