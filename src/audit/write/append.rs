//! Intents and events are appended here, and nowhere else.

use std::time::{Duration, Instant};

use super::event::{Event, TargetKey, insert_event};
use super::intent::{Claim, Claims, insert_action};
use super::token::{OpenAction, SendToken};
use crate::audit::proof::keys::SealKeys;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, Pool};
use crate::domain::{Attempt, Command, End, Intent, State};
use sqlx::PgConnection;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// An unknown end may turn into a definite one for this long, by the process that sent it.
pub(super) const LATE_TRUTH: Duration = Duration::from_mins(10);

/// The intent is not in the record, or nobody knows whether it is. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// It is not.
    #[error("the intent was not committed")]
    NotCommitted(#[source] sqlx::Error),
    /// It is not, and never will be: the database cannot store what it says.
    #[error("the database cannot store the intent")]
    Unstorable(#[source] sqlx::Error),
    /// It is not: another action has its `Idempotency-Key`.
    #[error("the idempotency key belongs to another action")]
    KeyTaken,
    /// It is not: since its claims were looked up, another action was begun on its target, or got its
    /// `Idempotency-Key`.
    #[error("another action was begun on the target")]
    Overtaken,
    /// The connection broke before Postgres confirmed: it may be.
    #[error("it is unclear whether the intent was committed")]
    Unclear(#[source] sqlx::Error),
}

impl AuditLog {
    /// Commits the intent and, with it, the announcement of the first attempt, if it gets what it `claims`.
    pub async fn begin(
        &self,
        intent: &Intent,
        random: u32,
        claims: Claims,
    ) -> Result<(OpenAction, SendToken), BeginError> {
        let inserted = match self.insert_intent(intent, random, claims).await {
            // The connection may have been dead all along. Of both tries at most one commits, since they
            // have one id: what this one inserted is the intent. That it did not can have many reasons.
            Err(BeginError::Unclear(error)) => {
                let again = self.insert_intent(intent, random, claims).await;
                again
                    .ok()
                    .filter(|inserted| *inserted == 1)
                    .ok_or(BeginError::Unclear(error))?
            }
            known => known?,
        };
        if inserted == 0 && claims.turn.is_some() {
            return Err(BeginError::Overtaken);
        }
        if inserted == 0 && intent.request.idempotency_key.is_some() {
            return Err(BeginError::KeyTaken);
        }
        if inserted == 0 {
            // The id has been settled as `not_sent` while this statement was on its way.
            return Err(BeginError::NotCommitted(sqlx::Error::RowNotFound));
        }
        let token = SendToken {
            number: 1,
            random,
            command: intent.request.command.clone(),
        };
        Ok((
            OpenAction {
                id: intent.id,
                next_rev: 1,
                began: Instant::now(),
            },
            token,
        ))
    }

    async fn insert_intent(
        &self,
        intent: &Intent,
        random: u32,
        claims: Claims,
    ) -> Result<u64, BeginError> {
        let mut connection = Connection::acquire(&self.writing)
            .await
            .map_err(BeginError::NotCommitted)?;
        let claim = Claim::Both(claims);
        let (deployment, keys) = (&self.deployment, self.keys.load_full());
        let inserting = insert_action(
            &mut connection,
            intent,
            Some(random),
            claim,
            deployment,
            &keys,
        );
        let inserted = inserting.await.map_err(begin_error)?;
        connection.release();
        Ok(inserted)
    }

    /// Records an attempt that is over, and announces the next one, unless another action was begun on the target of
    /// one that restricts or lifts: the repeat would be the last word.
    pub async fn retry(
        &self,
        open: &mut OpenAction,
        command: &Command,
        over: &Attempt,
        random: u32,
    ) -> Result<SendToken, Error> {
        let turn_on = TargetKey::of(command, self.deployment.sdk_app_id);
        let event = Event {
            turn_on,
            ..Event::retrying(over, random, open.began.elapsed())
        };
        match self.append(open, &event).await {
            Ok(0) => return Err(Error::Ended),
            Ok(_) => {}
            // As at begin.
            Err(error) if error.is_broken() => {
                if !matches!(self.append(open, &event).await, Ok(1)) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        open.next_rev += 1;
        Ok(SendToken {
            number: over.number + 1,
            random,
            command: command.clone(),
        })
    }

    async fn append(&self, open: &OpenAction, event: &Event<'_>) -> Result<u64, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let keys = self.keys.load_full();
        let inserted = insert_event(&mut connection, open.id, open.next_rev, event, &keys).await?;
        connection.release();
        Ok(inserted)
    }

    /// Appends the end of an action. May be repeated after an error: an end that is already
    /// there is not written twice, and `unknown` gives way to the truth.
    pub async fn finish(&self, open: &OpenAction, end: &End) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let event = Event::from(end);
        let keys = self.keys.load_full();
        if insert_event(&mut connection, open.id, open.next_rev, &event, &keys).await? == 0 {
            give_way(&mut connection, open, end, &event, &keys).await?;
        }
        connection.release();
        Ok(())
    }

    /// Records an action together with its end, in one transaction: a denial.
    pub async fn record_denied(&self, intent: &Intent, end: &End) -> Result<(), Error> {
        again_if_broken(|| self.record_ended(&self.denials, intent, None, end)).await
    }

    /// Ends an action whose begin was unclear. If the intent is not there it is written with its
    /// end, and a begin that is still on its way will then find the id taken.
    pub async fn settle(&self, intent: &Intent, random: u32, end: &End) -> Result<(), Error> {
        self.record_ended(&self.writing, intent, Some(random), end)
            .await
    }

    async fn record_ended(
        &self,
        pool: &Pool,
        intent: &Intent,
        random: Option<u32>,
        end: &End,
    ) -> Result<(), Error> {
        let (deployment, keys) = (&self.deployment, self.keys.load_full());
        let mut connection = Connection::acquire(pool).await?;
        let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
        insert_action(
            &mut transaction,
            intent,
            random,
            Claim::None,
            deployment,
            &keys,
        )
        .await?;
        insert_event(&mut transaction, intent.id, 1, &Event::from(end), &keys).await?;
        transaction.commit().await?;
        connection.release();
        Ok(())
    }
}

/// `SQLSTATE` class "data exception": it is about the values, and comes again with them.
const DATA_EXCEPTION: &str = "22";

fn begin_error(error: sqlx::Error) -> BeginError {
    // Anything but a plain error ends the session, possibly just after the commit.
    let refusal = error
        .as_database_error()
        .and_then(|refusal| refusal.try_downcast_ref::<PgDatabaseError>())
        .filter(|refusal| refusal.severity() == PgSeverity::Error);
    match refusal {
        Some(refusal) if refusal.code().starts_with(DATA_EXCEPTION) => {
            BeginError::Unstorable(error)
        }
        Some(_) => BeginError::NotCommitted(error),
        None => BeginError::Unclear(error),
    }
}

/// The rev is taken: by this very end, or by the announcement of an attempt that was then not
/// made, if their commits were not confirmed; or by recovery, whose `unknown` gives way to what is
/// known.
async fn give_way(
    connection: &mut PgConnection,
    open: &OpenAction,
    end: &End,
    event: &Event<'_>,
    keys: &SealKeys,
) -> Result<(), sqlx::Error> {
    let taken = sqlx::query!(
        r#"select rev, state, at, decided_by, audit.is_end(state) as "is_end!"
           from audit.event where action_id = $1 and rev >= $2 order by rev"#,
        open.id,
        open.next_rev
    );
    let taken = taken.fetch_all(&mut *connection).await?;
    let last = taken.last().map_or(open.next_rev, |row| row.rev);
    let ended = taken.iter().filter(|row| row.is_end);
    let mine = |at, state: &str, decided_by: &str| {
        at == event.at && state == event.state && decided_by == event.decided_by.as_str()
    };
    let (mut is_open, mut is_mine) = (true, false);
    for row in ended {
        is_open = false;
        is_mine |= mine(row.at, &row.state, &row.decided_by);
    }
    let truth = matches!(end.state, State::Succeeded | State::Refused) && open.age() <= LATE_TRUTH;
    if is_open || (truth && !is_mine) {
        insert_event(connection, open.id, last + 1, event, keys).await?;
    }
    Ok(())
}
