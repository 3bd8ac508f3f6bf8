//! What was done to the targets of a batch before it: what whoever submits it should know, and what an undo lifts.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{Item, Kind, UndoOf};

/// An action that may have set something that lasts, and its target.
#[derive(Clone, Debug, FromRow)]
pub struct Setting {
    /// The action.
    pub id: Uuid,
    /// The word of its kind.
    pub kind: String,
    /// To whom.
    pub user_id: Option<String>,
    /// Where.
    pub room_id: Option<String>,
}

impl AuditLog {
    /// To how many of the targets of `items` the same was done, or may have been, within the last ten minutes.
    pub async fn recently_done(&self, items: &[Item]) -> Result<u32, Error> {
        let column = |of: fn(&Item) -> Option<&str>| -> Vec<Option<String>> {
            items
                .iter()
                .map(|item| of(item).map(str::to_owned))
                .collect()
        };
        let kinds = column(|item| Some(item.command.kind().as_str()));
        let rooms = column(|item| item.command.room_id());
        let users = column(|item| item.command.user_id());
        let mut connection = Connection::acquire(&self.reading).await?;
        let done = sqlx::query_scalar!(
            r#"with asked as materialized (
                   select distinct kind, room_id, user_id
                   from unnest($1::text[], $2::text[], $3::text[]) as asked (kind, room_id, user_id)),
               done as materialized (
                   select distinct kind, room_id, user_id from audit.action action
                   where sdk_app_id = $4 and id >= audit.uuid7_floor(now() - interval '10 minutes')
                     and (user_id = any ($3) or user_id is null)
                     and exists (select from audit.event event where event.action_id = action.id
                                 and event.state in ('succeeded', 'unknown')))
               select count(*) as "done!" from asked
               where exists (select from done where done.kind = asked.kind
                             and done.room_id is not distinct from asked.room_id
                             and done.user_id is not distinct from asked.user_id)"#,
            &kinds as &[Option<String>],
            &rooms as &[Option<String>],
            &users as &[Option<String>],
            i64::from(self.deployment.sdk_app_id),
        );
        let done = done.fetch_one(&mut *connection).await?;
        connection.release();
        Ok(u32::try_from(done).unwrap_or(u32::MAX))
    }

    /// What `undo` names and was done, or may have been: newest first, at most `most`.
    pub async fn settings_of(
        &self,
        undo: &UndoOf,
        kinds: &[Kind],
        most: i64,
    ) -> Result<Vec<Setting>, Error> {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let looking = || async {
            let mut connection = Connection::acquire(&self.reading).await?;
            let settings = sqlx::query_as(AssertSqlSafe(SETTINGS))
                .bind(&undo.moderator)
                .bind(&undo.issuer)
                .bind(&kinds)
                .bind(i64::from(self.deployment.sdk_app_id))
                .bind(undo.since)
                .bind(undo.until.unwrap_or(
                    DateTime::<Utc>::MAX_UTC.min(Utc::now() + chrono::TimeDelta::days(1)),
                ))
                .bind(most);
            let settings = settings.fetch_all(&mut *connection).await?;
            connection.release();
            Ok(settings)
        };
        again_if_broken(looking).await
    }
}

const SETTINGS: &str = "
    select action.id, action.kind, action.user_id, action.room_id from audit.action action
    where moderator = $1 and issuer = $2 and kind = any ($3) and sdk_app_id = $4
      and id >= audit.uuid7_floor($5) and requested_at >= $5
      and id < audit.uuid7_floor($6 + interval '1 millisecond') and requested_at < $6
      and exists (select from audit.event event where event.action_id = action.id
                  and event.state in ('succeeded', 'unknown'))
    order by id desc limit $7";
