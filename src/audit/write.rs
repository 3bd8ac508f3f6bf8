//! Intents and events are appended here, and nowhere else.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, PgPool};

use super::canonical::{action_leaf, event_leaf};
use super::connection::Connection;
use super::event::{Event, insert_event};
use super::{AuditLog, Deployment, Error, OpenAction, SendToken};
use crate::domain::{CaseRef, Data, End, Intent, Reason, RoomId, State};

/// An unknown end may turn into a definite one for this long, by the process that sent it.
pub(super) const LATE_TRUTH: Duration = Duration::from_mins(10);

/// The intent is not in the record, or nobody knows whether it is. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// It is not.
    #[error("the intent was not committed")]
    NotCommitted(#[source] sqlx::Error),
    /// The connection broke before Postgres confirmed: it may be.
    #[error("it is unclear whether the intent was committed")]
    Unclear(#[source] sqlx::Error),
}

impl AuditLog {
    /// Commits the intent and, with it, the announcement of the first attempt.
    pub async fn begin(
        &self,
        intent: &Intent,
        random: u32,
    ) -> Result<(OpenAction, SendToken), BeginError> {
        let mut connection = Connection::acquire(&self.writing)
            .await
            .map_err(BeginError::NotCommitted)?;
        let inserted = insert_action(&mut connection, intent, Some(random), &self.deployment)
            .await
            .map_err(|error| match error {
                // Class 57P: the server is going down, possibly just after the commit.
                sqlx::Error::Database(refusal)
                    if !refusal.code().is_some_and(|code| code.starts_with("57P")) =>
                {
                    BeginError::NotCommitted(sqlx::Error::Database(refusal))
                }
                error => BeginError::Unclear(error),
            })?;
        connection.release();
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

    /// Appends the end of an action. May be repeated after an error: an end that is already
    /// there is not written twice, and `unknown` gives way to the truth.
    pub async fn finish(&self, open: &OpenAction, end: &End) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let event = Event::from(end);
        if insert_event(&mut connection, open.id, open.next_rev, &event).await? == 0 {
            give_way(&mut connection, open, end, &event).await?;
        }
        connection.release();
        Ok(())
    }

    /// Records an action together with its end, in one transaction: a denial.
    pub async fn record_denied(&self, intent: &Intent, end: &End) -> Result<(), Error> {
        record_ended(&self.reading, intent, None, end, &self.deployment).await
    }

    /// Ends an action whose begin was unclear. If the intent is not there it is written with its
    /// end, and a begin that is still on its way will then find the id taken.
    pub async fn settle(&self, intent: &Intent, random: u32, end: &End) -> Result<(), Error> {
        record_ended(&self.writing, intent, Some(random), end, &self.deployment).await
    }
}

async fn record_ended(
    pool: &PgPool,
    intent: &Intent,
    random: Option<u32>,
    end: &End,
    deployment: &Deployment,
) -> Result<(), Error> {
    let mut connection = Connection::acquire(pool).await?;
    let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
    insert_action(&mut transaction, intent, random, deployment).await?;
    insert_event(&mut transaction, intent.id, 1, &Event::from(end)).await?;
    transaction.commit().await?;
    connection.release();
    Ok(())
}

/// The rev is taken: by this very end, whose commit was not confirmed, or by recovery, whose
/// `unknown` gives way to what is known.
async fn give_way(
    connection: &mut PgConnection,
    open: &OpenAction,
    end: &End,
    event: &Event<'_>,
) -> Result<(), sqlx::Error> {
    let same = sqlx::query_scalar!(
        r#"select exists (select from audit.event where action_id = $1 and leaf_hash = $2) as "same!""#,
        open.id,
        event_leaf(open.id, open.next_rev, event)
    );
    let same = same.fetch_one(&mut *connection).await?;
    let truth = matches!(end.state, State::Succeeded | State::Refused);
    if !same && truth && open.age() <= LATE_TRUTH {
        insert_event(connection, open.id, open.next_rev + 1, event).await?;
    }
    Ok(())
}

pub(super) fn deadline_ms(intent: &Intent) -> i32 {
    i32::try_from(intent.deadline.as_millis()).expect("settings keep the deadline below an hour")
}

#[expect(
    clippy::too_many_lines,
    reason = "one statement and its parameters in order"
)]
async fn insert_action(
    connection: &mut PgConnection,
    intent: &Intent,
    random: Option<u32>,
    deployment: &Deployment,
) -> Result<u64, sqlx::Error> {
    let (moderator, request, origin) = (&intent.moderator, &intent.request, &intent.origin);
    let command = &request.command;
    let inserted = sqlx::query!(
        "insert into audit.action
             (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id,
              room_id, data, reason, case_ref, supersedes, client_ip, peer_ip, user_agent, trace_id,
              http_request_id, instance, version, sdk_app_id, tencent_host, requested_at,
              deadline_ms, tencent_random, leaf_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::inet,
                 $16::text::inet, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
         on conflict (id) do nothing",
        intent.id,
        command.kind().as_str(),
        moderator.subject,
        moderator.name,
        moderator.issuer,
        moderator.token_id,
        moderator.client_id,
        moderator.actor,
        command.user_id().as_str(),
        command.room_id().map(RoomId::as_str),
        command.data().map(Data::as_str),
        request.reason.as_ref().map(Reason::as_str),
        request.case_ref.as_ref().map(CaseRef::as_str),
        request.supersedes,
        origin.client_ip.to_string(),
        origin.peer_ip.to_string(),
        origin.user_agent,
        origin.trace_id,
        origin.http_request_id,
        deployment.instance,
        deployment.version,
        i64::from(deployment.sdk_app_id),
        deployment.tencent_host,
        intent.requested_at,
        deadline_ms(intent),
        random.map(i64::from),
        action_leaf(intent, random, deployment),
    );
    Ok(inserted.execute(connection).await?.rows_affected())
}
