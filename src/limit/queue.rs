//! Who is next: one line for each moderator, served in rounds; and behind all of them the items of batches.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::permit::Turn;

type Key = (String, String);

#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: Mutex<Lines>,
    arrived: Notify,
    /// How many items of batches are to come, beside those that wait here.
    backlog: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: HashMap<Key, VecDeque<oneshot::Sender<Turn>>>,
    /// The moderators with a line, in the order of the round.
    round: VecDeque<Key>,
    length: usize,
    /// Items of batches: served where no moderator waits.
    behind: VecDeque<oneshot::Sender<Turn>>,
    closed: bool,
}

/// A place in a line. Dropping it leaves the line.
#[derive(Debug)]
pub(super) struct Place<'a> {
    queue: &'a Queue,
    key: Key,
    turn: oneshot::Receiver<Turn>,
}

impl Place<'_> {
    /// Waits for the turn; `None` when the queue has been closed.
    pub(super) async fn turn(&mut self) -> Option<Turn> {
        (&mut self.turn).await.ok()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turn.close();
        self.queue.lock().forget_closed(&self.key);
    }
}

/// A place behind all lines. Dropping it leaves it.
#[derive(Debug)]
pub(super) struct PlaceBehind<'a> {
    queue: &'a Queue,
    turn: oneshot::Receiver<Turn>,
}

impl PlaceBehind<'_> {
    /// Waits for the turn; `None` when the queue has been closed.
    pub(super) async fn turn(&mut self) -> Option<Turn> {
        (&mut self.turn).await.ok()
    }
}

impl Drop for PlaceBehind<'_> {
    fn drop(&mut self) {
        self.turn.close();
        let mut lines = self.queue.lock();
        lines.behind.retain(|sender| !sender.is_closed());
    }
}

impl Queue {
    /// Joins the items of batches, ahead of them if its action is retried. `None` when the queue is closed.
    pub(super) fn join_behind(&self, is_retry: bool) -> Option<PlaceBehind<'_>> {
        let (sender, turn) = oneshot::channel();
        let mut lines = self.lock();
        if lines.closed {
            return None;
        }
        if is_retry {
            lines.behind.push_front(sender);
        } else {
            lines.behind.push_back(sender);
        }
        drop(lines);
        self.arrived.notify_one();
        Some(PlaceBehind { queue: self, turn })
    }

    /// So many items of batches are to come.
    pub(super) fn set_backlog(&self, items: usize) {
        self.backlog.store(items, Ordering::Relaxed);
    }

    /// How many turns could be used: by those who wait, and by the items that are to come.
    pub(super) fn demand(&self) -> usize {
        let lines = self.lock();
        lines.length + lines.behind.len() + self.backlog.load(Ordering::Relaxed)
    }

    /// Joins the head of the moderator's line: a retry, whose first attempt has had its turn.
    /// `None` when the queue is closed.
    pub(super) fn join_at_head(&self, key: Key) -> Option<Place<'_>> {
        let lines = self.lock();
        (!lines.closed).then(|| self.enter(lines, key, VecDeque::push_front))
    }

    /// Joins the moderator's line if `accept` agrees to the number of turns that will be handed
    /// out before this one. `None` when the queue is closed.
    pub(super) fn join<Refused>(
        &self,
        key: Key,
        accept: impl FnOnce(usize) -> Result<(), Refused>,
    ) -> Option<Result<Place<'_>, Refused>> {
        let lines = self.lock();
        if lines.closed {
            return None;
        }
        if let Err(refused) = accept(lines.ahead_of(&key)) {
            return Some(Err(refused));
        }
        Some(Ok(self.enter(lines, key, VecDeque::push_back)))
    }

    fn enter(
        &self,
        mut lines: MutexGuard<'_, Lines>,
        key: Key,
        place: fn(&mut VecDeque<oneshot::Sender<Turn>>, oneshot::Sender<Turn>),
    ) -> Place<'_> {
        let (sender, turn) = oneshot::channel();
        if !lines.waiting.contains_key(&key) {
            lines.round.push_back(key.clone());
        }
        place(lines.waiting.entry(key.clone()).or_default(), sender);
        lines.length += 1;
        drop(lines);
        self.arrived.notify_one();
        Place {
            queue: self,
            key,
            turn,
        }
    }

    /// Waits until somebody waits.
    pub(super) async fn occupied(&self) {
        loop {
            let arrived = self.arrived.notified();
            if self.lock().are_occupied() {
                return;
            }
            arrived.await;
        }
    }

    /// Waits until a person waits.
    pub(super) async fn has_people(&self) {
        loop {
            let arrived = self.arrived.notified();
            if self.length() > 0 {
                return;
            }
            arrived.await;
        }
    }

    /// Gives the turn to the next in the round who is still there, or else to an item; nobody: it is given back.
    pub(super) fn hand_out(&self, mut turn: Turn) {
        let mut lines = self.lock();
        while let Some(next) = lines.next() {
            match next.send(turn) {
                Ok(()) => return,
                Err(returned) => turn = returned,
            }
        }
    }

    pub(super) fn length(&self) -> usize {
        self.lock().length
    }

    /// Sends everyone away, for good.
    pub(super) fn close(&self) {
        let mut lines = self.lock();
        *lines = Lines {
            closed: true,
            ..Lines::default()
        };
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // A panic while it is held can at worst lose a place, whose owner then times out.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Served before a newcomer with this key: its own line, and of every other as many as there
    /// are rounds until then.
    fn ahead_of(&self, key: &Key) -> usize {
        let own = self.waiting.get(key).map_or(0, VecDeque::len);
        let others = self.waiting.iter().filter(|(other, _)| *other != key);
        own + others
            .map(|(_, line)| line.len().min(own + 1))
            .sum::<usize>()
    }

    fn are_occupied(&self) -> bool {
        self.length > 0 || !self.behind.is_empty()
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.next_person().or_else(|| self.behind.pop_front())
    }

    fn next_person(&mut self) -> Option<oneshot::Sender<Turn>> {
        let key = self.round.pop_front()?;
        let line = self.waiting.get_mut(&key)?;
        let sender = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.round.push_back(key);
        }
        self.length -= usize::from(sender.is_some());
        sender
    }

    fn forget_closed(&mut self, key: &Key) {
        let Some(line) = self.waiting.get_mut(key) else {
            return;
        };
        let before = line.len();
        line.retain(|sender| !sender.is_closed());
        self.length -= before - line.len();
        if line.is_empty() {
            self.waiting.remove(key);
            self.round.retain(|other| other != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::permits::Permits;
    use super::*;

    fn join<'a>(queue: &'a Queue, who: &str) -> Place<'a> {
        let accepted: Option<Result<Place<'_>, ()>> =
            queue.join((String::new(), who.to_owned()), |_| Ok(()));
        accepted.expect("open").expect("accepted")
    }

    async fn served(queue: &Queue, places: &mut [(&str, Place<'_>)]) -> Vec<String> {
        let permits = Permits::leased(100, Duration::ZERO);
        let mut order = Vec::new();
        while queue.length() > 0 {
            queue.hand_out(Turn::reserve(&permits).await);
            for (who, place) in places.iter_mut() {
                if let Ok(turn) = place.turn.try_recv() {
                    order.push((*who).to_owned());
                    drop(turn);
                }
            }
        }
        order
    }

    #[tokio::test]
    async fn turns_go_round_the_moderators() {
        let queue = Queue::default();
        let mut places: Vec<(&str, Place<'_>)> = ["a", "a", "a", "b", "c", "b"]
            .map(|who| (who, join(&queue, who)))
            .into();
        assert_eq!(
            served(&queue, &mut places).await,
            ["a", "b", "c", "a", "b", "a"]
        );
    }

    #[tokio::test]
    async fn a_retry_is_ahead_of_its_moderators_own_line_and_of_nobody_elses() {
        let queue = Queue::default();
        let mut places = vec![("b", join(&queue, "b")), ("a", join(&queue, "a"))];
        let retry = queue
            .join_at_head((String::new(), "a".to_owned()))
            .expect("open");
        places.push(("a again", retry));
        assert_eq!(served(&queue, &mut places).await, ["b", "a again", "a"]);
    }

    #[tokio::test]
    async fn items_are_served_where_no_moderator_waits_and_their_retries_before_the_others() {
        let queue = Queue::default();
        let permits = Permits::leased(100, Duration::ZERO);
        let mut first = queue.join_behind(false).expect("open");
        let mut retry = queue.join_behind(true).expect("open");
        drop(queue.join_behind(false));
        let mut person = join(&queue, "a");
        assert_eq!((queue.length(), queue.demand()), (1, 3));
        queue.hand_out(Turn::reserve(&permits).await);
        assert!(person.turn.try_recv().is_ok());
        queue.hand_out(Turn::reserve(&permits).await);
        assert!(first.turn.try_recv().is_err() && retry.turn.try_recv().is_ok());
        queue.hand_out(Turn::reserve(&permits).await);
        assert!(first.turn.try_recv().is_ok());
        queue.set_backlog(7);
        assert_eq!(queue.demand(), 7);
        queue.close();
        assert!(queue.join_behind(false).is_none());
    }

    #[tokio::test]
    async fn whoever_leaves_is_not_counted_and_not_served() {
        let queue = Queue::default();
        let gone = join(&queue, "a");
        let mut places = vec![("b", join(&queue, "b"))];
        drop(gone);
        assert_eq!(queue.length(), 1);
        assert_eq!(served(&queue, &mut places).await, ["b"]);
        assert!(queue.lock().waiting.is_empty() && queue.lock().round.is_empty());
    }

    #[test]
    fn a_flood_of_one_moderator_is_not_ahead_of_another() {
        let queue = Queue::default();
        let _flood: Vec<Place<'_>> = (0..50).map(|_| join(&queue, "a")).collect();
        let mut ahead = None;
        let _ = queue.join((String::new(), "b".to_owned()), |turns| {
            ahead = Some(turns);
            Err(())
        });
        assert_eq!(ahead, Some(1));
        assert_eq!(queue.lock().ahead_of(&(String::new(), "a".to_owned())), 50);
    }

    #[tokio::test]
    async fn a_closed_queue_sends_everyone_away() {
        let queue = Queue::default();
        let mut place = join(&queue, "a");
        queue.close();
        assert!(place.turn().await.is_none());
        assert!(
            queue
                .join((String::new(), "b".to_owned()), |_| Ok::<(), ()>(()))
                .is_none()
        );
    }
}
