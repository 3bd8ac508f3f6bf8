//! Questions to Tencent about what is in force on a target.

use serde_json::Value;

use super::{Api, Packet, Targets};

/// A question to Tencent: a read, which does nothing to anyone.
#[derive(Debug)]
pub struct Question {
    /// What it calls.
    pub api: &'static Api,
    /// The body of the call, for the page that begins at this offset; 0 is the first.
    pub packet: fn(&Targets, u64) -> Packet,
    /// What the answer says of the target; `None` if it says nothing that can be understood.
    pub read: fn(&Value, &Targets) -> Option<Finding>,
}

/// What an answer says of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is not on this page. The next begins at this offset.
    NextPage(u64),
    /// What is in force. Where Tencent does not tell messages to one other user from those to groups, both are the
    /// same.
    InForce {
        /// For messages to one other user.
        direct: Option<Until>,
        /// For messages to groups.
        groups: Option<Until>,
    },
}

/// When something that is in force ends, by Tencent's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many seconds after the answer.
    SecondsLeft(u32),
    /// At this time, in Unix seconds.
    At(i64),
    /// Not before it is lifted.
    Lifted,
}

impl Finding {
    /// The same for all messages.
    pub const fn of_all(until: Option<Until>) -> Self {
        Self::InForce {
            direct: until,
            groups: until,
        }
    }
}
