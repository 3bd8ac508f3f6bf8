//! Batches as they are shown: with how far they are. All of it reads the record, on the main runtime alone.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::board::{BatchNews, Board, Known};
use super::ended::{ends_of, ends_of_action};
use super::refusal::unavailable;
use super::shown::{BatchPage, Items, Seen, SeenItem};
use super::{BatchRefusal, Batches};
use crate::audit::{BatchFilter, BatchItem};
use crate::domain::{Batch, BatchState, Counts, Ends, ItemState, Moderator};
use crate::service::{ReadError, Service, bounded};

/// How long after the end of a batch what became of its items is counted anew: one of unknown outcome may become known.
const COUNTED_ANEW_FOR: TimeDelta = TimeDelta::minutes(15);

/// Of those in some states so many items are looked at in one statement, and so often for one page.
const LOOKED_AT: u16 = 500;
const MOST_LOOKS: usize = 8;

impl Batches {
    /// News of batches.
    pub fn listen(&self) -> BatchNews {
        self.board.listen()
    }

    /// The batch `id`, if it is there and `moderator` may see it.
    pub async fn get(&self, id: Uuid, moderator: &Moderator) -> Result<Option<Seen>, ReadError> {
        let batch = bounded(self.service.audit.batch(id)).await?;
        match batch.filter(|batch| batch.is_visible_to(moderator)) {
            Some(batch) => self.seen(Arc::new(batch)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Up to `limit` batches that `filter` lets through, newest first, those before `cursor`.
    pub async fn list(
        &self,
        filter: BatchFilter,
        limit: u16,
        cursor: Option<Uuid>,
    ) -> Result<BatchPage, ReadError> {
        let listing = self.service.audit.list_batches(&filter, limit, cursor);
        let (batches, next) = bounded(listing).await?;
        let mut items = Vec::with_capacity(batches.len());
        for batch in batches {
            items.push(self.seen(Arc::new(batch)).await?);
        }
        Ok(BatchPage { items, next })
    }

    /// Up to `limit` items of a batch from the index `from` on, in these states, or in any if there are none. A page is
    /// shorter though there is a next where thousands of others are before that.
    pub async fn items(
        &self,
        seen: &Seen,
        states: &[ItemState],
        from: u32,
        limit: u16,
    ) -> Result<Items, ReadError> {
        let batch = &seen.batch;
        let (mut items, mut next, most) = (Vec::new(), Some(from), usize::from(limit));
        for _ in 0..MOST_LOOKS {
            let Some(from) = next.filter(|_| items.len() < most) else {
                break;
            };
            let at_once = if states.is_empty() {
                limit
            } else {
                limit.max(LOOKED_AT)
            };
            let page = bounded(self.service.audit.batch_items(batch.id, from, at_once)).await?;
            next = page.next;
            for item in page.items {
                let item = with_state(item, batch.state());
                if !states.is_empty() && !states.contains(&item.state) {
                    continue;
                }
                if items.len() == most {
                    next = Some(item.item.index);
                    break;
                }
                items.push(item);
            }
        }
        Ok(Items { items, next })
    }

    /// The batch as the record has it at this moment, for who has changed it.
    pub(super) async fn fresh(&self, id: Uuid) -> Result<Seen, BatchRefusal> {
        let batch = self.service.audit.batch_to_change(id).await;
        let batch = batch.map_err(|error| unavailable(&error))?;
        let batch = batch.ok_or(BatchRefusal::NotFound)?;
        let batch = Arc::new(batch);
        match self.seen(Arc::clone(&batch)).await {
            Ok(seen) => Ok(seen),
            Err(error) => self.last_seen(batch).ok_or_else(|| error.into()),
        }
    }

    /// With its counts as they were last, whenever that was.
    fn last_seen(&self, batch: Arc<Batch>) -> Option<Seen> {
        let (ends, counted_at) = self.board.last(batch.id)?;
        Some(Seen {
            counts: Counts::of(batch.state(), batch.total, &ends),
            counted_at,
            estimate: None,
            batch,
        })
    }

    /// With its counts, which may be a few seconds old while it runs.
    pub(super) async fn seen(&self, batch: Arc<Batch>) -> Result<Seen, ReadError> {
        let state = batch.state();
        let progress = batch.progress();
        let of_its_end = progress.ended.and_then(|end| {
            let is_over = Utc::now() - end.at > COUNTED_ANEW_FOR;
            let counts = end.details.get("counts")?.as_object()?;
            let counts = Counts::read(counts)?;
            // What nobody knew then somebody may have found out.
            let is_known = is_over && counts.get(ItemState::Unknown) == 0;
            (is_known || progress.started.is_none()).then_some((counts, end.at))
        });
        let (counts, counted_at) = if let Some(counted) = of_its_end {
            counted
        } else if progress.started.is_none() {
            (Counts::of(state, batch.total, &[]), Utc::now())
        } else {
            let (ends, counted_at) = self.ends(&batch).await?;
            (Counts::of(state, batch.total, &ends), counted_at)
        };
        let runs = state == BatchState::Running;
        let estimate = self.board.estimate(batch.id, &counts, batch.total);
        Ok(Seen {
            counts,
            counted_at,
            estimate: estimate.filter(|_| runs),
            batch,
        })
    }

    async fn ends(&self, batch: &Arc<Batch>) -> Result<(Arc<Vec<Ends>>, DateTime<Utc>), ReadError> {
        match self.board.known(batch.id, batch.last_rev) {
            Known::Fresh(ends, at) => Ok((ends, at)),
            Known::Old(ends, at) => {
                // For whoever asks next.
                let (service, board) = (Arc::clone(&self.service), Arc::clone(&self.board));
                let batch = Arc::clone(batch);
                let counting = async move {
                    let _ = count(&service, &board, &batch).await;
                };
                drop(self.service.runtime.spawn(counting));
                Ok((ends, at))
            }
            Known::Unknown => {
                let counting = self.board.counting(batch.id);
                let _turn = counting.lock().await;
                match self.board.known(batch.id, batch.last_rev) {
                    Known::Fresh(ends, at) => Ok((ends, at)),
                    _ => count(&self.service, &self.board, batch).await,
                }
            }
        }
    }
}

fn with_state(item: BatchItem, batch: BatchState) -> SeenItem {
    let state = match &item.action {
        None => Counts::unbegun(batch),
        Some(action) => ends_of_action(action, item.tries).item_state(batch),
    };
    SeenItem { item, state }
}

async fn count(
    service: &Service,
    board: &Board,
    batch: &Batch,
) -> Result<(Arc<Vec<Ends>>, DateTime<Utc>), ReadError> {
    let id = batch.id;
    match bounded(service.audit.batch_ends(id, batch.total)).await {
        Ok(counted) => {
            let ends: Vec<Ends> = counted.iter().map(ends_of).collect();
            let ended = Counts::of(batch.state(), batch.total, &ends).ended();
            Ok(board.counted((id, batch.last_rev), ends, ended))
        }
        Err(error) => {
            board.not_counted(id);
            Err(error)
        }
    }
}
