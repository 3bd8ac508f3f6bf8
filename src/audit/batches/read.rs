//! Batches are read: one, those of a list, and those that are open.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::genuine;
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;
use crate::audit::proof::table::Table;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, Pool};
use crate::domain::{Batch, BatchState};

/// How many batches are looked at for one page at most, and at a time.
const MOST_LOOKED_AT: usize = 2_000;
const AT_A_TIME: i64 = 100;

/// Which batches. What is `None`, or empty, is any.
#[derive(Clone, Debug, Default)]
pub struct BatchFilter {
    /// Only those that this issuer and subject submitted.
    pub visible_to: Option<(String, String)>,
    /// And those of everybody that are open.
    pub sees_open: bool,
    /// Any of these states.
    pub states: Vec<BatchState>,
    /// Submitted by this subject.
    pub moderator: Option<String>,
    /// For this case.
    pub case_ref: Option<String>,
    /// Submitted at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Submitted before this.
    pub until: Option<DateTime<Utc>>,
}

impl BatchFilter {
    fn lets(&self, batch: &Batch) -> bool {
        let state = batch.state();
        let is_own = self
            .visible_to
            .as_ref()
            .is_none_or(|(issuer, subject)| batch.moderator.key() == (issuer, subject));
        let is_visible = is_own || self.sees_open && !state.is_end();
        is_visible
            && (self.states.is_empty() || self.states.contains(&state))
            && self.since.is_none_or(|since| batch.submitted_at >= since)
            && self.until.is_none_or(|until| batch.submitted_at < until)
    }
}

/// What was read, and how many rows nobody with one of the keys wrote as they are.
type Read = (Vec<Batch>, usize);

impl AuditLog {
    /// The batch `id` of this app, if it is there and genuine.
    pub async fn batch(&self, id: Uuid) -> Result<Option<Batch>, Error> {
        Ok(self.batches(&self.reading, &[id]).await?.0.pop())
    }

    /// The same, for whoever is about to change it.
    pub async fn batch_to_change(&self, id: Uuid) -> Result<Option<Batch>, Error> {
        Ok(self.batches(&self.lookups, &[id]).await?.0.pop())
    }

    /// These batches of this app as far as they are genuine, and how many rows of them are not.
    pub async fn batches_with_ids(&self, ids: &[Uuid]) -> Result<Read, Error> {
        // Whoever reads for people does not keep batches from being run.
        self.batches(&self.items, ids).await
    }

    async fn batches(&self, pool: &Pool, ids: &[Uuid]) -> Result<Read, Error> {
        let keys = self.keys.load_full();
        let reading = || async {
            let mut connection = Connection::acquire(pool).await?;
            let read = self.read(&mut connection, ids, &keys).await?;
            connection.release();
            Ok(read)
        };
        again_if_broken(reading).await
    }

    pub(super) async fn read(
        &self,
        connection: &mut PgConnection,
        ids: &[Uuid],
        keys: &Arc<SealKeys>,
    ) -> Result<Read, sqlx::Error> {
        if ids.is_empty() || keys.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let app = self.deployment.sdk_app_id.to_string();
        let mut rows = fetch::all_of(connection, Table::Batch, ids).await?;
        rows.retain(|row| row.field("sdk_app_id") == Some(&app));
        let mut events: HashMap<Uuid, Vec<StoredRow>> = HashMap::new();
        for event in fetch::all_of(connection, Table::BatchEvent, ids).await? {
            events.entry(event.key.id).or_default().push(event);
        }
        let (mut batches, mut refused) = (Vec::new(), 0);
        for row in rows {
            let events = events.remove(&row.key.id).unwrap_or_default();
            let judged = genuine::judge(&row, events, keys);
            refused += judged.refused;
            batches.extend(judged.batch);
        }
        Ok((batches, refused))
    }

    /// Up to `limit` batches that `filter` lets through, newest first, those before `cursor`; and where to go on, if there
    /// may be more.
    pub async fn list_batches(
        &self,
        filter: &BatchFilter,
        limit: u16,
        cursor: Option<Uuid>,
    ) -> Result<(Vec<Batch>, Option<Uuid>), Error> {
        let keys = self.keys.load_full();
        let reading = || async {
            let mut connection = Connection::acquire(&self.reading).await?;
            let page = self
                .page_of(&mut connection, filter, (limit, cursor), &keys)
                .await?;
            connection.release();
            Ok(page)
        };
        again_if_broken(reading).await
    }

    async fn page_of(
        &self,
        connection: &mut PgConnection,
        filter: &BatchFilter,
        (limit, mut cursor): (u16, Option<Uuid>),
        keys: &Arc<SealKeys>,
    ) -> Result<(Vec<Batch>, Option<Uuid>), sqlx::Error> {
        let (limit, mut looked_at) = (usize::from(limit), 0);
        let mut page: Vec<Batch> = Vec::new();
        loop {
            let ids = self.ids_of(connection, filter, cursor).await?;
            let is_last = i64::try_from(ids.len()).unwrap_or(i64::MAX) < AT_A_TIME;
            let (mut batches, _) = self.read(connection, &ids, keys).await?;
            batches.sort_unstable_by_key(|batch| std::cmp::Reverse(batch.id));
            page.extend(batches.into_iter().filter(|batch| filter.lets(batch)));
            if page.len() > limit {
                page.truncate(limit);
                let next = page.last().map(|batch| batch.id);
                return Ok((page, next));
            }
            looked_at += ids.len();
            cursor = ids.last().copied();
            if is_last {
                return Ok((page, None));
            }
            if looked_at >= MOST_LOOKED_AT {
                return Ok((page, cursor));
            }
        }
    }

    async fn ids_of(
        &self,
        connection: &mut PgConnection,
        filter: &BatchFilter,
        cursor: Option<Uuid>,
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let own = filter.visible_to.as_ref().filter(|_| !filter.sees_open);
        let ids = sqlx::query_scalar!(
            "select id from audit.batch
             where sdk_app_id = $1 and ($2::uuid is null or id < $2) and ($3::text is null or moderator = $3)
               and ($4::text is null or case_ref = $4)
               and ($5::timestamptz is null or id >= audit.uuid7_floor($5))
               and ($6::timestamptz is null or id < audit.uuid7_floor($6 + interval '1 millisecond'))
               and ($7::text is null or moderator = $7)
             order by id desc limit $8",
            i64::from(self.deployment.sdk_app_id),
            cursor,
            filter.moderator,
            filter.case_ref,
            filter.since,
            filter.until,
            own.map(|(_, subject)| subject),
            AT_A_TIME,
        );
        ids.fetch_all(connection).await
    }

    /// The batches of this app that may be open, but those that are `known` to have ended, each with the rev of its newest
    /// event. Those of the last day and an hour; with `older_too`, those of the last month that have no end.
    pub async fn open_batch_ids(
        &self,
        known: &[Uuid],
        older_too: bool,
    ) -> Result<Vec<(Uuid, i16)>, Error> {
        let reading = || async {
            let mut connection = Connection::acquire(&self.items).await?;
            let ids = sqlx::query!(
                r#"select id, (select coalesce(max(event.rev), 0::smallint) from audit.batch_event event
                               where event.batch_id = batch.id) as "rev!"
                   from audit.batch batch
                   where sdk_app_id = $1 and id <> all ($2)
                     and (id >= audit.uuid7_floor(now() - interval '25 hours')
                          or $3 and id >= audit.uuid7_floor(now() - interval '32 days')
                             and not exists (select from audit.batch_event event where event.batch_id = batch.id
                                             and event.event in ('rejected', 'cancelled', 'expired', 'done')))"#,
                i64::from(self.deployment.sdk_app_id),
                known,
                older_too,
            );
            let ids = ids.fetch_all(&mut *connection).await?;
            connection.release();
            Ok(ids.into_iter().map(|row| (row.id, row.rev)).collect())
        };
        again_if_broken(reading).await
    }
}
