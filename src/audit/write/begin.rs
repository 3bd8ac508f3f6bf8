//! Intents are committed and repeats announced, which is what lets Tencent be called: unless a freeze covers them.

use std::time::{Duration, Instant};

use sqlx::error::DatabaseError;

use super::claims::Claims;
use super::event::{Event, TargetKey};
use super::intent::{Claim, Insertion, insert_action};
use super::token::{OpenAction, SendToken};
use crate::audit::brakes::Judged;
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, Pool, is_refused};
use crate::domain::{Attempt, Intent};

/// Somebody may freeze or thaw while an action begins; few do.
const TRIES: usize = 5;

/// The intent is not in the record, or nobody knows whether it is. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// It is not.
    #[error("the intent was not committed")]
    NotCommitted(#[source] sqlx::Error),
    /// It is not: it breaks a rule of the schema, as where the clocks of the gateway and the database are apart.
    #[error("the schema refuses the intent")]
    RefusedBySchema(#[source] sqlx::Error),
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
    /// It is not: it is frozen.
    #[error("it is frozen")]
    Frozen,
    /// It is not: the moderator has asked for as much as they may within the hour.
    #[error("the moderator's hourly limit is reached")]
    HourFull {
        /// When they may ask again.
        retry_after: Duration,
    },
    /// It is not: its batch has stopped, or does not run any more as far as was judged.
    #[error("its batch has stopped")]
    Stopped,
    /// It is not: the record has another action of the same item.
    #[error("the item has another action")]
    ItemTaken,
    /// The connection broke before Postgres confirmed: it may be.
    #[error("it is unclear whether the intent was committed")]
    Unclear(#[source] sqlx::Error),
}

impl AuditLog {
    /// Commits the intent and, with it, the announcement of the first attempt, if it gets what it `claims` and no freeze
    /// covers it.
    pub async fn begin(
        &self,
        intent: &Intent,
        random: u32,
        claims: &Claims,
    ) -> Result<(OpenAction, SendToken), BeginError> {
        match self.insert_unless_frozen(intent, random, claims).await? {
            Insertion::Done => {}
            Insertion::Stopped => return Err(BeginError::Stopped),
            Insertion::ItemTaken => return Err(BeginError::ItemTaken),
            Insertion::HourFull { retry_after } => {
                return Err(BeginError::HourFull { retry_after });
            }
            Insertion::Taken if claims.turn.is_some() => return Err(BeginError::Overtaken),
            Insertion::Taken if intent.request.idempotency_key.is_some() => {
                return Err(BeginError::KeyTaken);
            }
            // The id has been settled as `not_sent` while this statement was on its way, or somebody freezes and thaws
            // without a pause.
            Insertion::Taken | Insertion::Unjudged => {
                return Err(BeginError::NotCommitted(sqlx::Error::RowNotFound));
            }
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
                of_item: intent.item.is_some(),
            },
            token,
        ))
    }

    /// A freeze or a thaw that was not judged is judged first.
    async fn insert_unless_frozen(
        &self,
        intent: &Intent,
        random: u32,
        claims: &Claims,
    ) -> Result<Insertion, BeginError> {
        let mut inserted = Insertion::Unjudged;
        for _ in 0..TRIES {
            let judged = self.judged_to_let(intent).await;
            let judged = judged.map_err(|error| BeginError::NotCommitted(error.into_database()))?;
            let judged = judged.ok_or(BeginError::Frozen)?;
            inserted = match self.insert_intent(intent, random, claims, &judged).await {
                // The connection may have been dead all along. Of both tries at most one commits, since they
                // have one id: what this one inserted is the intent. That it did not can have many reasons.
                Err(BeginError::Unclear(error)) => {
                    let again = self.insert_intent(intent, random, claims, &judged).await;
                    again
                        .ok()
                        .filter(|again| *again == Insertion::Done)
                        .ok_or(BeginError::Unclear(error))?
                }
                known => known?,
            };
            if inserted != Insertion::Unjudged {
                break;
            }
            let judging = self.judged_now().await;
            judging.map_err(|error| BeginError::NotCommitted(error.into_database()))?;
        }
        Ok(inserted)
    }

    async fn insert_intent(
        &self,
        intent: &Intent,
        random: u32,
        claims: &Claims,
        judged: &Judged,
    ) -> Result<Insertion, BeginError> {
        let mut connection = Connection::acquire(self.writing_for(intent.item.is_some()))
            .await
            .map_err(BeginError::NotCommitted)?;
        let (deployment, keys) = (&self.deployment, self.keys.load_full());
        let unjudged = judged.unjudged(&keys);
        let claim = Claim::All(claims, unjudged.as_ref());
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

    /// Where what becomes of an action is written: items of batches leave people half of the connections.
    pub(super) const fn writing_for(&self, of_item: bool) -> &Pool {
        if of_item { &self.items } else { &self.writing }
    }

    /// Records an attempt that is over, and announces the next one, unless a freeze covers it; nor if another action was
    /// begun on the target of one that restricts or lifts: the repeat would be the last word.
    pub async fn retry(
        &self,
        open: &mut OpenAction,
        intent: &Intent,
        over: &Attempt,
        random: u32,
    ) -> Result<SendToken, Error> {
        self.announce(open, intent, over, random).await?;
        open.next_rev += 1;
        Ok(SendToken {
            number: over.number + 1,
            random,
            command: intent.request.command.clone(),
        })
    }

    /// Appends the announcement. A freeze or a thaw that was not judged is judged first.
    async fn announce(
        &self,
        open: &OpenAction,
        intent: &Intent,
        over: &Attempt,
        random: u32,
    ) -> Result<(), Error> {
        let command = &intent.request.command;
        let since_begin = open.began.elapsed();
        for _ in 0..TRIES {
            let judged = self.judged_to_let(intent).await?.ok_or(Error::Frozen)?;
            let unjudged = judged.unjudged(&self.keys.load_full());
            let event = Event {
                turn_on: TargetKey::of(command, self.deployment.sdk_app_id),
                unjudged: unjudged.as_ref(),
                ..Event::retrying(over, random, since_begin)
            };
            match self.append(open, &event).await {
                Ok(1..) => return Ok(()),
                Ok(0) if self.judged_now().await?.is_as(&judged) => return Err(Error::Ended),
                Ok(0) => {}
                // As at begin.
                Err(error) if error.is_broken() => {
                    let again = self.append(open, &event).await;
                    return again
                        .ok()
                        .filter(|appended| *appended == 1)
                        .map(drop)
                        .ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::Frozen)
    }
}

/// `SQLSTATE` class "data exception": it is about the values, and comes again with them.
const DATA_EXCEPTION: &str = "22";

/// A rule of the schema does not let it through.
const CHECK_VIOLATION: &str = "23514";

fn begin_error(error: sqlx::Error) -> BeginError {
    if !is_refused(&error) {
        return BeginError::Unclear(error);
    }
    let code = error.as_database_error().and_then(DatabaseError::code);
    match code.as_deref() {
        Some(code) if code.starts_with(DATA_EXCEPTION) => BeginError::Unstorable(error),
        Some(CHECK_VIOLATION) => BeginError::RefusedBySchema(error),
        _ => BeginError::NotCommitted(error),
    }
}
