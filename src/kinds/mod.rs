//! The kinds of action, and Tencent's APIs that they call: one file for each kind,
//! with the kind that takes it back.
//!
//! Whatever there is of each kind follows this table: routes and the parser of requests, the OpenAPI document, scopes,
//! metrics, limits and leases. A new kind is a file here and its lines below, and the same in the simulator, which
//! shares nothing with it.

pub mod ban_live_member;
pub mod ban_room_member;
pub mod kick_login;
pub mod kick_room_member;
pub mod kick_seat;
mod listed;
pub mod mute_group;
pub mod mute_group_member;
pub mod mute_live_member;
pub mod mute_live_room;
pub mod mute_user;
pub mod remove_group_member;
mod scopes;

use std::str::FromStr;
use std::sync::LazyLock;

use crate::domain::{Api, Kind, Moderator, Scope, UnknownWord};

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        kick_login::KIND,
        kick_seat::KIND,
        mute_user::KIND,
        mute_user::UNDO,
        mute_group_member::KIND,
        mute_group_member::UNDO,
        remove_group_member::KIND,
        mute_group::KIND,
        mute_group::UNDO,
        mute_live_member::KIND,
        mute_live_member::UNDO,
        ban_live_member::KIND,
        ban_live_member::UNDO,
        mute_live_room::KIND,
        mute_live_room::UNDO,
        kick_room_member::KIND,
        ban_room_member::KIND,
        ban_room_member::UNDO,
    ];
}

impl FromStr for Kind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let mut kinds = Self::ALL.iter().copied();
        kinds
            .find(|kind| kind.as_str() == word)
            .ok_or(UnknownWord(&RULE))
    }
}

static RULE: LazyLock<String> = LazyLock::new(|| {
    let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    match words.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("must be {} or {last}", others.join(", "))
        }
        _ => format!("must be {}", words.concat()),
    }
});

impl Api {
    /// Every API that a kind calls, once, in the order of the kinds; and then those that are asked what is in force.
    pub fn all() -> &'static [&'static Self] {
        static ALL: LazyLock<Vec<&Api>> = LazyLock::new(|| {
            let acting = Kind::ALL.iter().map(|kind| kind.api);
            let asked = Kind::ALL.iter().filter_map(|kind| kind.probe);
            let mut all: Vec<&Api> = Vec::new();
            for api in acting.chain(asked.map(|question| question.api)) {
                if !all.contains(&api) {
                    all.push(api);
                }
            }
            all
        });
        &ALL
    }
}

impl Scope {
    /// Every scope, once: those of the kinds in their order, and then the others.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Scope>> = LazyLock::new(|| {
            let mut all: Vec<Scope> = Vec::new();
            for scope in Kind::ALL.iter().map(|kind| kind.scope()) {
                if !all.contains(&scope) {
                    all.push(scope);
                }
            }
            all.extend([
                Scope::LIFT,
                Scope::BATCH_SUBMIT,
                Scope::BATCH_APPROVE,
                Scope::BATCH_SOLO,
                Scope::FREEZE,
                Scope::THAW,
                Scope::AUDIT_READ,
            ]);
            all
        });
        &ALL
    }
}

impl Moderator {
    /// The scopes that the token grants, of those that there are.
    pub fn held(&self) -> impl Iterator<Item = Scope> {
        let all = Scope::all().iter().copied();
        all.filter(|scope| self.may(*scope))
    }
}

#[cfg(test)]
pub(crate) mod tests;
