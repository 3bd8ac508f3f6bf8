//! Reading the record: one action, or a page of them.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, FromRow, PgConnection};
use uuid::Uuid;

use super::filter::{Filter, select};
use super::{AuditLog, Error};
use crate::db::Connection;
use crate::domain::{Action, Answer, Attempt};

/// One page, newest first.
#[derive(Debug)]
pub struct Page {
    /// The actions.
    pub items: Vec<Action>,
    /// The last id of the page, if there are more after it.
    pub next: Option<Uuid>,
}

#[derive(FromRow)]
struct ActionRow {
    id: Uuid,
    kind: String,
    state: String,
    moderator: String,
    moderator_name: Option<String>,
    user_id: String,
    room_id: Option<String>,
    data: Option<String>,
    reason: Option<String>,
    case_ref: Option<String>,
    supersedes: Option<Uuid>,
    batch_id: Option<Uuid>,
    requested_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
    duration_ms: Option<f64>,
}

impl AuditLog {
    /// One action, if it is there and visible to `visible_to`.
    pub async fn get(
        &self,
        id: Uuid,
        visible_to: Option<(String, String)>,
    ) -> Result<Option<Action>, Error> {
        let filter = Filter {
            id: Some(id),
            visible_to,
            ..Filter::default()
        };
        Ok(self.list(&filter, 1, None).await?.items.pop())
    }

    /// Up to `limit` actions that `filter` lets through, newest first, those after `cursor`.
    pub async fn list(
        &self,
        filter: &Filter,
        limit: u16,
        cursor: Option<Uuid>,
    ) -> Result<Page, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        // One snapshot for both statements, so that an action and its attempts agree.
        let mut snapshot = connection
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        let mut query = select(filter, cursor);
        query
            .push(" order by id desc limit ")
            .push_bind(i64::from(limit) + 1);
        let mut rows: Vec<ActionRow> = query.build_query_as().fetch_all(&mut *snapshot).await?;
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut attempts = attempts(&mut snapshot, &ids).await?;
        snapshot.commit().await?;
        connection.release();
        let items = rows
            .into_iter()
            .map(|row| {
                let attempts = attempts.remove(&row.id).unwrap_or_default();
                row.into_action(attempts)
            })
            .collect::<Result<Vec<Action>, Error>>()?;
        Ok(Page {
            next: if more { ids.last().copied() } else { None },
            items,
        })
    }
}

async fn attempts(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Attempt>>, Error> {
    let rows = sqlx::query!(
        r#"select action_id, attempt as "attempt!", tencent_random as "tencent_random!",
                  attempt_duration_us as "attempt_duration_us!", http_status, action_status,
                  error_code, error_info, tencent_request_id, failure
           from audit.event where action_id = any($1) and attempt is not null
           order by action_id, rev"#,
        ids
    );
    let mut attempts: HashMap<Uuid, Vec<Attempt>> = HashMap::new();
    for row in rows.fetch_all(connection).await? {
        let foreign = |column| Error::Foreign {
            id: row.action_id,
            column,
        };
        let failure = row
            .failure
            .as_deref()
            .map(|word| word.parse().map_err(|_| foreign("failure")));
        let attempt = Attempt {
            number: u16::try_from(row.attempt).map_err(|_| foreign("attempt"))?,
            random: u32::try_from(row.tencent_random).map_err(|_| foreign("tencent_random"))?,
            duration: duration(row.attempt_duration_us).ok_or(foreign("attempt_duration_us"))?,
            http_status: row.http_status.map(i16::cast_unsigned),
            answer: row.error_code.map(|error_code| Answer {
                action_status: row.action_status,
                error_code,
                error_info: row.error_info.unwrap_or_default(),
                request_id: row.tencent_request_id,
            }),
            failure: failure.transpose()?,
        };
        let attempts = attempts.entry(row.action_id).or_default();
        // An answer that came too late tells of the same attempt again, and better.
        attempts.retain(|earlier| earlier.number != attempt.number);
        attempts.push(attempt);
    }
    Ok(attempts)
}

fn duration(micros: i64) -> Option<Duration> {
    u64::try_from(micros).ok().map(Duration::from_micros)
}

impl ActionRow {
    fn into_action(self, attempts: Vec<Attempt>) -> Result<Action, Error> {
        let foreign = |column| Error::Foreign {
            id: self.id,
            column,
        };
        let duration = self
            .duration_ms
            .map(|millis| Duration::try_from_secs_f64(millis / 1000.0));
        Ok(Action {
            id: self.id,
            kind: self.kind.parse().map_err(|_| foreign("kind"))?,
            state: self.state.parse().map_err(|_| foreign("state"))?,
            moderator: self.moderator,
            moderator_name: self.moderator_name,
            user_id: self.user_id,
            room_id: self.room_id,
            data: self.data,
            reason: self.reason,
            case_ref: self.case_ref,
            supersedes: self.supersedes,
            batch_id: self.batch_id,
            requested_at: self.requested_at,
            completed_at: self.completed_at,
            duration: duration.transpose().map_err(|_| foreign("duration_us"))?,
            attempts,
            recorded: true,
        })
    }
}
