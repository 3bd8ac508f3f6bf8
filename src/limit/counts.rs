//! How the permits of one API are used, at one moment.

/// How the permits of one API are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Leased to this process; 0 when its lease has run out.
    pub held: usize,
    /// Of those, free to be taken.
    pub free: usize,
    /// Set aside for a turn or held by a call.
    pub in_use: usize,
    /// Resting for their second.
    pub resting: usize,
    /// Withheld because Tencent throttles.
    pub cut: usize,
    /// Leased to other replicas.
    pub leased_to_others: usize,
    /// N in force: the least that any replica is configured with.
    pub calls_per_second: usize,
    /// Whether a lease is needed, and could not be had, or renewed, in time.
    pub lapsed: bool,
}

impl Counts {
    /// How many permits there are in each state, under the word of the state.
    pub const fn by_state(&self) -> [(&'static str, usize); 6] {
        [
            ("held", self.held),
            ("free", self.free),
            ("in_use", self.in_use),
            ("resting", self.resting),
            ("cut", self.cut),
            ("leased_to_others", self.leased_to_others),
        ]
    }
}
