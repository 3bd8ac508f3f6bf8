//! Counts the calls of one API in every sliding window.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const SECOND: Duration = Duration::from_secs(1);
const ARRIVALS_KEPT: usize = 1_000_000;

/// Arrival times of one API, in order.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    times: VecDeque<Instant>,
    last_second: VecDeque<Instant>,
    largest_second: usize,
    total: u64,
}

impl Arrivals {
    /// Counts an arrival and returns how many there were in the second that ends with it, itself
    /// included. One that came exactly a second earlier is no longer in it.
    pub(super) fn count(&mut self, now: Instant) -> usize {
        while self
            .last_second
            .front()
            .is_some_and(|earlier| now.duration_since(*earlier) >= SECOND)
        {
            self.last_second.pop_front();
        }
        self.last_second.push_back(now);
        if self.times.len() == ARRIVALS_KEPT {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.total += 1;
        self.largest_second = self.largest_second.max(self.last_second.len());
        self.last_second.len()
    }

    /// The most arrivals in any half-open window of this length, among the arrivals kept.
    pub(super) fn largest_window(&self, length: Duration) -> usize {
        let mut first = 0;
        let mut largest = 0;
        for (last, end) in self.times.iter().enumerate() {
            while first < last && end.duration_since(self.times[first]) >= length {
                first += 1;
            }
            largest = largest.max(last - first + 1);
        }
        largest
    }

    /// The most arrivals in any second since the last [`Arrivals::forget`], however many arrivals
    /// there were.
    pub(super) fn largest_second(&self) -> usize {
        self.largest_second
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Forgets what was seen; the running second stays, because the limit is measured by it.
    pub(super) fn forget(&mut self) {
        self.times.clear();
        self.largest_second = 0;
        self.total = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_half_open() {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        let counts: Vec<usize> = [0, 400, 999, 1000, 1001, 1400]
            .into_iter()
            .map(|millis| arrivals.count(start + Duration::from_millis(millis)))
            .collect();
        assert_eq!(counts, [1, 2, 3, 3, 4, 4]);
        assert_eq!(arrivals.largest_second(), 4);
        assert_eq!(arrivals.largest_window(Duration::from_secs(1)), 4);
        assert_eq!(arrivals.largest_window(Duration::from_millis(1)), 1);
        assert_eq!(arrivals.largest_window(Duration::from_millis(2)), 2);
        assert_eq!(arrivals.largest_window(Duration::from_mins(1)), 6);
    }
}
