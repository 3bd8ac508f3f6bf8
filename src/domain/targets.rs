//! Whom an action is done to, where, and how.

use serde_json::{Map, Value, json};

use super::{Data, Kind, RoomId, Slot, UserId};

/// The values of the fields that kinds have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Whom it is done to.
    pub user_id: Option<UserId>,
    /// Where.
    pub room_id: Option<RoomId>,
    /// Sent to that user.
    pub data: Option<Data>,
    /// Whether nobody is told.
    pub silent: Option<bool>,
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

    /// Whether `kind` takes these: all that it requires, and nothing that it has no field for.
    pub(super) fn fit(&self, kind: Kind) -> bool {
        let Self {
            user_id,
            room_id,
            data,
            silent,
        } = self;
        let given = [
            (Slot::UserId, user_id.is_some()),
            (Slot::RoomId, room_id.is_some()),
            (Slot::Data, data.is_some()),
            (Slot::Silent, silent.is_some()),
        ];
        given.into_iter().all(|(slot, is_given)| {
            let field = kind.field(slot);
            field.map_or(!is_given, |field| is_given || !field.required)
        })
    }

    /// What the record has no column for, by the names of the fields.
    pub fn parameters(&self) -> Map<String, Value> {
        let silent = self.silent.map(|silent| (Slot::Silent, json!(silent)));
        let members = silent.into_iter();
        members
            .map(|(slot, value)| (slot.as_str().to_owned(), value))
            .collect()
    }
}
