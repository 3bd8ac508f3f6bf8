//! The kinds of action, and Tencent's APIs that they call: one file for each kind.
//!
//! Whatever there is of each kind follows this table: routes and the parser of requests, the OpenAPI document, scopes,
//! metrics, limits and leases. A new kind is a file here and its two lines below, and the same in the simulator, which
//! shares nothing with it.

pub mod kick_login;
pub mod kick_room_member;
pub mod kick_seat;
pub mod remove_group_member;

use std::str::FromStr;
use std::sync::LazyLock;

use crate::domain::{Api, Kind, Moderator, Scope, UnknownWord};

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        kick_login::KIND,
        kick_seat::KIND,
        remove_group_member::KIND,
        kick_room_member::KIND,
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
    /// Every API that a kind calls, once, in the order of the kinds.
    pub fn all() -> &'static [&'static Self] {
        static ALL: LazyLock<Vec<&Api>> = LazyLock::new(|| {
            let mut all: Vec<&Api> = Vec::new();
            for kind in Kind::ALL {
                if !all.contains(&kind.api) {
                    all.push(kind.api);
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
            all.push(Scope::AUDIT_READ);
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
