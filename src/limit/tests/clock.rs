//! The clocks of the simulation: each goes at its own speed, and none steps.

/// The time that Tencent's window is measured in, from the beginning of the run; or an interval.
pub(super) type Micros = i64;

pub(super) const MILLISECOND: Micros = 1_000;
pub(super) const SECOND: Micros = 1_000_000;

/// The most that a clock is wrong by, in parts of a million.
pub(super) const WORST: i64 = 100;

/// A clock that reads `offset` at the beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) offset: Micros,
    pub(super) parts_per_million: i64,
}

impl Clock {
    pub(super) const fn reading(self, now: Micros) -> Micros {
        self.offset + now + now * self.parts_per_million / SECOND
    }

    /// When it first reads this or more.
    pub(super) const fn when(self, reading: Micros) -> Micros {
        let mut moment = (reading - self.offset) * SECOND / (SECOND + self.parts_per_million) - 2;
        while self.reading(moment) < reading {
            moment += 1;
        }
        moment
    }
}
