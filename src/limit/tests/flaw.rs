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
    /// A lease is given up though a call is under way, or its permit rests.
    GivenUpInUse,
    /// A table without leases is taken for one whose leases were all given up.
    EmptyIsGivenUp,
    /// A lease that nobody gave up is taken for given up as soon as nothing may be sent under it.
    OverIsGivenUp,
    /// What was given up before a standby was promoted is evidence after.
    GivenUpElsewhere,
    /// A process that is told to end before its cold start is over leaves evidence.
    ColdEvidence,
    /// Each lease is renewed in a statement of its own: leases are lost, but the limit is kept.
    OneStatementForEach,
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
            Self::GivenUpInUse => Subject::Turns,
            Self::EmptyIsGivenUp
            | Self::OverIsGivenUp
            | Self::GivenUpElsewhere
            | Self::ColdEvidence => Subject::Failover,
            Self::OneStatementForEach => Subject::Slow(15),
        }
    }

    /// Those that break the promise.
    pub(super) const ALL: [Self; 17] = [
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
        Self::GivenUpInUse,
        Self::EmptyIsGivenUp,
        Self::OverIsGivenUp,
        Self::GivenUpElsewhere,
        Self::ColdEvidence,
    ];
}
