//! Whom an action is done to, where, and how.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Channels, Data, RoomId, Slot, Span, UserId};

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
    /// How long it lasts.
    pub span: Option<Span>,
    /// Which messages it is about.
    pub channels: Option<Channels>,
    /// The action that it takes back.
    pub undoes: Option<Uuid>,
    /// The restriction that it shortens.
    pub shortens: Option<Uuid>,
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

    /// How long it lasts as Tencent's numbers say it: 4294967295 without an end (Muting Group Members, product
    /// 1047), and 0 for what lifts.
    pub const fn tencent_seconds(&self) -> u32 {
        match self.span {
            Some(Span::Seconds(seconds)) => seconds,
            Some(Span::Forever) => u32::MAX,
            None => 0,
        }
    }

    /// Which fields have a value.
    pub(super) fn given(&self) -> [(Slot, bool); 9] {
        let Self {
            user_id,
            room_id,
            data,
            silent,
            span,
            channels,
            undoes,
            shortens,
        } = self;
        [
            (Slot::UserId, user_id.is_some()),
            (Slot::RoomId, room_id.is_some()),
            (Slot::Data, data.is_some()),
            (Slot::Silent, silent.is_some()),
            (Slot::Seconds, span.is_some()),
            (Slot::Forever, *span == Some(Span::Forever)),
            (Slot::Channels, channels.is_some()),
            (Slot::Undoes, undoes.is_some()),
            (Slot::Shortens, shortens.is_some()),
        ]
    }

    /// What the record has no column for, by the names of the fields.
    pub fn parameters(&self) -> Map<String, Value> {
        let (seconds, forever) = match self.span {
            Some(Span::Seconds(seconds)) => (Some(seconds), None),
            Some(Span::Forever) => (None, Some(true)),
            None => (None, None),
        };
        let members = [
            (Slot::Silent, self.silent.map(|silent| json!(silent))),
            (Slot::Seconds, seconds.map(|seconds| json!(seconds))),
            (Slot::Forever, forever.map(|forever| json!(forever))),
            (
                Slot::Channels,
                self.channels.map(|channels| json!(channels.as_str())),
            ),
            (Slot::Undoes, self.undoes.map(|undoes| json!(undoes))),
            (
                Slot::Shortens,
                self.shortens.map(|shortens| json!(shortens)),
            ),
        ];
        let given = members
            .into_iter()
            .filter_map(|(slot, value)| Some((slot, value?)));
        given
            .map(|(slot, value)| (slot.as_str().to_owned(), value))
            .collect()
    }
}
