//! Whom an action is done to, and where.

use super::{Data, RoomId, UserId};

/// The values of the fields that kinds have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Whom it is done to.
    pub user_id: Option<UserId>,
    /// Where.
    pub room_id: Option<RoomId>,
    /// Sent to that user.
    pub data: Option<Data>,
}

impl Targets {
    /// The user that it is done to.
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_ref().map(UserId::as_str)
    }

    /// The room.
    pub fn room_id(&self) -> Option<&str> {
        self.room_id.as_ref().map(RoomId::as_str)
    }

    /// The text for the user.
    pub fn data(&self) -> Option<&str> {
        self.data.as_ref().map(Data::as_str)
    }
}
