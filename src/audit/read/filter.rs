//! Which actions are read.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{Kind, State};

/// Which actions. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this action.
    pub id: Option<Uuid>,
    /// Only those of this moderator, by issuer and subject: what a moderator without `audit:read` sees.
    pub visible_to: Option<(String, String)>,
    /// Any of these kinds.
    pub kinds: Vec<Kind>,
    /// Any of these states.
    pub states: Vec<State>,
    /// By this subject.
    pub moderator: Option<String>,
    /// Done to this user.
    pub user_id: Option<String>,
    /// In this room.
    pub room_id: Option<String>,
    /// For this case.
    pub case_ref: Option<String>,
    /// An attempt of it got this `RequestId` from Tencent.
    pub tencent_request_id: Option<String>,
    /// Tencent's last `ErrorCode`.
    pub error_code: Option<i64>,
    /// Asked for with this `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Part of this batch.
    pub batch_id: Option<Uuid>,
    /// `requested_at` from here on, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// `requested_at` before this.
    pub until: Option<DateTime<Utc>>,
}

impl Filter {
    /// Each column of `audit.action` that must have one of some values, and those. What usually
    /// leaves the fewest rows comes first.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let (issuer, subject) = self.visible_to.clone().unzip();
        let ids = [("id", self.id), ("batch_id", self.batch_id)];
        let texts = [
            ("idempotency_key", self.idempotency_key.clone()),
            ("case_ref", self.case_ref.clone()),
            ("user_id", self.user_id.clone()),
            ("room_id", self.room_id.clone()),
            ("moderator", subject),
            ("moderator", self.moderator.clone()),
            ("issuer", issuer),
        ];
        let ids = ids.into_iter().filter_map(|(column, id)| {
            let values = Values::Ids(vec![id?]);
            Some(Condition { column, values })
        });
        let texts = texts.into_iter().filter_map(|(column, text)| {
            let values = Values::Texts(vec![text?]);
            Some(Condition { column, values })
        });
        let kinds = words(&self.kinds, Kind::ALL, Kind::as_str).map(|values| Condition {
            column: "kind",
            values: Values::Texts(values),
        });
        ids.chain(texts).chain(kinds).collect()
    }

    /// What a moderator's own actions have, if only those are read.
    pub(super) fn own(&self) -> Option<Condition> {
        let (_, subject) = self.visible_to.clone()?;
        Some(Condition {
            column: "moderator",
            values: Values::Texts(vec![subject]),
        })
    }

    /// Whether it asks for another's actions, and only one's own are read.
    pub(super) fn finds_nothing(&self) -> bool {
        match (&self.visible_to, &self.moderator) {
            (Some((_, own)), Some(other)) => own != other,
            _ => false,
        }
    }

    /// The code that one of an action's events must have. Nearly all have 0, and no index holds it.
    pub(super) fn code(&self) -> Option<Condition> {
        let code = self.error_code.filter(|code| *code != 0)?;
        Some(Condition {
            column: "error_code",
            values: Values::Codes(vec![code]),
        })
    }

    /// The states that an action may have, unless it may have any.
    pub(super) fn states(&self) -> Option<Vec<String>> {
        words(&self.states, State::ALL, State::as_str)
    }

    /// From which id on, and before which: months are divided by id.
    pub(super) fn ids(&self, cursor: Option<Uuid>) -> (Option<Uuid>, Option<Uuid>) {
        let from = self.since.map(|since| first_id(since.timestamp_millis()));
        let before = self.until.map(|until| {
            let begun = i64::from(!is_whole(until));
            first_id(until.timestamp_millis() + begun)
        });
        (from, before.into_iter().chain(cursor).min())
    }

    /// `since` and `until` as far as no id says them: an id has the millisecond of `requested_at`.
    pub(super) fn within_a_millisecond(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let part = |moment: Option<DateTime<Utc>>| moment.filter(|moment| !is_whole(*moment));
        (part(self.since), part(self.until))
    }
}

fn is_whole(moment: DateTime<Utc>) -> bool {
    moment.timestamp_subsec_nanos().is_multiple_of(1_000_000)
}

/// A column of `audit.action` that must have one of the values.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) column: &'static str,
    pub(super) values: Values,
}

impl Condition {
    /// Whether it usually leaves few rows.
    pub(super) fn is_narrow(&self) -> bool {
        !matches!(self.column, "moderator" | "issuer" | "kind")
    }
}

/// Values of one type, to be bound.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Texts(Vec<String>),
    Ids(Vec<Uuid>),
    Codes(Vec<i64>),
}

impl Values {
    pub(super) const fn is_one(&self) -> bool {
        match self {
            Self::Texts(texts) => texts.len() == 1,
            Self::Ids(ids) => ids.len() == 1,
            Self::Codes(codes) => codes.len() == 1,
        }
    }
}

/// The words of `wanted`, each once; none if any of `all` will do.
fn words<T: PartialEq + Copy>(
    wanted: &[T],
    all: &[T],
    word: fn(T) -> &'static str,
) -> Option<Vec<String>> {
    let of = all.iter().copied().filter(|value| wanted.contains(value));
    let words: Vec<String> = of.map(|value| word(value).to_owned()).collect();
    (!words.is_empty() && words.len() < all.len()).then_some(words)
}

/// The lowest `UUIDv7` of a millisecond, as `audit.uuid7_floor` has it.
fn first_id(millis: i64) -> Uuid {
    Uuid::from_u128(u128::from(millis.unsigned_abs()) << 80)
}
