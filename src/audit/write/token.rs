//! The right to call Tencent once.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::domain::Command;

/// The right to one attempt, with what is to be sent. It exists only once a row that announces
/// the attempt, with its `random`, is committed, and it is gone when it is used: it can be
/// neither made nor copied outside the record.
///
/// ```compile_fail
/// let token = modgate::audit::SendToken { number: 1, random: 7, command: todo!() };
/// ```
///
/// ```compile_fail
/// fn send_twice(token: modgate::audit::SendToken) {
///     let again = token.clone();
/// }
/// ```
#[derive(Debug)]
#[must_use = "an announced attempt is either sent or reported as not sent"]
pub struct SendToken {
    pub(super) number: u16,
    pub(super) random: u32,
    pub(super) command: Command,
}

impl SendToken {
    /// The number of the attempt, from 1.
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// The `random` that the record announces for this attempt.
    pub const fn random(&self) -> u32 {
        self.random
    }

    /// What to send.
    pub const fn command(&self) -> &Command {
        &self.command
    }
}

/// An action that has begun and not ended in the record.
#[derive(Debug)]
#[must_use = "an action that has begun must be finished"]
pub struct OpenAction {
    pub(super) id: Uuid,
    pub(super) next_rev: i16,
    pub(super) began: Instant,
    pub(super) of_item: bool,
}

impl OpenAction {
    /// The action.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// How long ago the intent was committed; late ends are accepted for ten minutes.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }
}
