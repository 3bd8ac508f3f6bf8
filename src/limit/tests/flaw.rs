//! What the protocol must not do. Each is done here on purpose, to see that the simulation finds it.

use super::plan::Subject;

/// A step of the protocol that is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A lease counts no longer than its holder may send.
    NoGrace,
    /// The deadline is the row's `expires_at`, by a wall clock that is seconds off.
    WallClock,
    /// The database carries out what comes late as if it were new.
    Unnumbered,
    /// The deadline is counted from the answer, not from before the question.
    CountedFromTheAnswer,
    /// The holder goes on with all it had while it asks for less.
    NotLowered,
    /// The database is told that permits are free which are in use.
    GivesUpWhatIsBusy,
    /// A permit is free again with its answer.
    NoRest,
    /// A drained replica's permits are given up while they rest.
    ReleasedUnrested,
    /// Two renewals see what was leased before either had the lock.
    SeenBeforeTheLock,
    /// A holder whose row has been dropped keeps what it asks to keep.
    KeptOutOfNothing,
    /// A holder that comes back after a lapse keeps nothing, though its last calls are under way.
    KeepsNothingAfterALapse,
    /// What was set aside under an earlier lease is sent under the next, whatever that gave.
    OutlivesItsLease,
}

impl Flaw {
    /// The worlds in which it comes out.
    pub(super) const fn subject(self) -> Subject {
        match self {
            Self::WallClock
            | Self::CountedFromTheAnswer
            | Self::ReleasedUnrested
            | Self::KeptOutOfNothing
            | Self::OutlivesItsLease => Subject::Processes,
            Self::NoGrace | Self::Unnumbered | Self::GivesUpWhatIsBusy | Self::NoRest => {
                Subject::Network
            }
            Self::NotLowered | Self::SeenBeforeTheLock => Subject::Rollout,
            Self::KeepsNothingAfterALapse => Subject::Lapse,
        }
    }

    pub(super) const ALL: [Self; 12] = [
        Self::NoGrace,
        Self::WallClock,
        Self::Unnumbered,
        Self::CountedFromTheAnswer,
        Self::NotLowered,
        Self::GivesUpWhatIsBusy,
        Self::NoRest,
        Self::ReleasedUnrested,
        Self::SeenBeforeTheLock,
        Self::KeptOutOfNothing,
        Self::KeepsNothingAfterALapse,
        Self::OutlivesItsLease,
    ];
}
