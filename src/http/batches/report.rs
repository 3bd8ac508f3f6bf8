//! All items of a batch as a file, however many there are.

use std::sync::Arc;

use super::item;
use crate::batches::{Batches, Seen, SeenItem};
use crate::domain::ItemState;
use crate::http::AppState;
use crate::http::export::{Page, PageTurns, Rows};
use crate::http::format::Format;
use crate::limit::Place;
use crate::service::{ReadError, Service};

/// The items of a batch that are in any of some states.
pub(super) struct Report {
    _place: Place,
    service: Arc<Service>,
    batches: Arc<Batches>,
    turns: PageTurns,
    batch: Seen,
    states: Vec<ItemState>,
}

impl Report {
    /// Of the items of `batch` in these states; of all if there are none. `place` is held until it ends.
    pub(super) fn new(batch: Seen, states: Vec<ItemState>, place: Place, state: &AppState) -> Self {
        Self {
            _place: place,
            service: Arc::clone(&state.service),
            batches: Arc::clone(&state.batches),
            turns: state.page_turns.clone(),
            batch,
            states,
        }
    }
}

impl Rows for Report {
    type Row = SeenItem;
    type Cursor = u32;

    async fn page(&self, from: Option<u32>, length: u16) -> Result<Page<Self>, ReadError> {
        let turn = self.turns.turn().await;
        let (batches, seen) = (Arc::clone(&self.batches), self.batch.clone());
        let (states, from) = (self.states.clone(), from.unwrap_or_default());
        let reading = async move { Ok(batches.items(&seen, &states, from, length).await) };
        let page = self.service.while_awaited(turn, reading).await??;
        Ok((page.items, page.next))
    }

    fn head(format: Format) -> Vec<u8> {
        item::head(format)
    }

    fn write(format: Format, item: &SeenItem, out: &mut Vec<u8>) {
        item::write(format, item, out);
    }
}
