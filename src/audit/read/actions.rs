//! Reading the record: one action, or a page of them.

use std::cmp::Reverse;

use sqlx::Connection as _;
use uuid::Uuid;

use super::filter::Filter;
use super::{assemble, own, page};
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, Pool};
use crate::domain::Action;

/// One page, newest first.
#[derive(Debug)]
pub struct Page {
    /// The actions.
    pub items: Vec<Action>,
    /// The last id of the page, if there are more after it.
    pub next: Option<Uuid>,
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
        again_if_broken(|| self.page(&self.reading, filter, limit, cursor)).await
    }

    /// One action, over a connection of `pool`.
    pub(in crate::audit) async fn action(
        &self,
        pool: &Pool,
        id: Uuid,
    ) -> Result<Option<Action>, Error> {
        let filter = Filter {
            id: Some(id),
            ..Filter::default()
        };
        Ok(self.page(pool, &filter, 1, None).await?.items.pop())
    }

    async fn page(
        &self,
        pool: &Pool,
        filter: &Filter,
        limit: u16,
        cursor: Option<Uuid>,
    ) -> Result<Page, Error> {
        if filter.finds_nothing() {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        // Before the snapshot: what has ended by then has ended in it.
        let ended_before = self.ended_before.get();
        let mut connection = Connection::acquire(pool).await?;
        let mut snapshot = connection.begin_with(page::BEGIN).await?;
        let outnumbered = match own::outnumbered(filter, cursor) {
            Some(mut counting) => {
                let counting = counting.build_query_scalar();
                counting.fetch_one(&mut *snapshot).await?
            }
            None => false,
        };
        let count = i64::from(limit) + 1;
        let mut ids = page::ids(filter, cursor, ended_before, outnumbered, count);
        let mut ids: Vec<Uuid> = ids.build_query_scalar().fetch_all(&mut *snapshot).await?;
        ids.sort_unstable_by_key(|id| Reverse(*id));
        let more = ids.len() > usize::from(limit);
        ids.truncate(usize::from(limit));
        // Not through the view: it would look for the events of each in every month.
        let intents = assemble::intents(&mut snapshot, &ids).await?;
        let events = assemble::events(&mut snapshot, &ids).await?;
        snapshot.commit().await?;
        connection.release();
        let items = ids.iter().filter_map(|id| {
            let events = events.get(id).map_or(&[][..], Vec::as_slice);
            Some(assemble::action(intents.get(id)?, events))
        });
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next: if more { ids.last().copied() } else { None },
        })
    }
}
