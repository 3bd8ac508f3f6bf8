//! From roles and groups, as identity providers know them, to scopes.

use std::collections::BTreeMap;

use super::claim::is_printable;
use crate::domain::Scope;

/// Which scopes a role or a group stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeMap(BTreeMap<String, Vec<Scope>>);

impl ScopeMap {
    /// Whether nothing stands for any scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes that `name` stands for. Names are compared as they are.
    pub(super) fn scopes(&self, name: &str) -> &[Scope] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The text maps nothing, or something to what is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeMapError {
    /// An item without `=`, without a name, or without scopes.
    #[error(
        "must be items such as moderators=action:kick_login action:kick_seat, separated by semicolons"
    )]
    Form,
    /// A misspelt scope would be a right that nobody has.
    #[error("{0:?} is no scope: there are {words}", words = words(Scope::all()))]
    NoScope(String),
    /// No role or group of a token is ever equal to it.
    #[error("{0:?} holds a line end or another control character")]
    ControlCharacter(String),
    /// Which of the two is meant cannot be told.
    #[error("{0:?} is there twice")]
    Twice(String),
}

impl ScopeMap {
    /// Reads `name=scope scope;name=scope`. The last `=` counts: names such as `cn=mods,dc=example`
    /// have others.
    ///
    /// # Errors
    /// All that is wrong, each with the number of its item, from 1.
    pub fn parse(text: &str) -> Result<Self, Vec<(usize, ScopeMapError)>> {
        let (mut map, mut faults) = (BTreeMap::new(), Vec::new());
        let items = text.split(';').map(str::trim);
        for (index, item) in items.filter(|item| !item.is_empty()).enumerate() {
            let mut fault = |fault| faults.push((index + 1, fault));
            let Some((name, scopes)) = item.rsplit_once('=') else {
                fault(ScopeMapError::Form);
                continue;
            };
            let (name, words) = (name.trim(), scopes.split_whitespace());
            let mut scopes = Vec::new();
            for word in words.clone() {
                match Scope::all().iter().find(|scope| scope.as_str() == word) {
                    Some(scope) => scopes.push(*scope),
                    None => fault(ScopeMapError::NoScope(word.to_owned())),
                }
            }
            if name.is_empty() || words.count() == 0 {
                fault(ScopeMapError::Form);
            }
            if !is_printable(name) {
                fault(ScopeMapError::ControlCharacter(name.to_owned()));
            }
            if map.insert(name.to_owned(), scopes).is_some() {
                fault(ScopeMapError::Twice(name.to_owned()));
            }
        }
        if faults.is_empty() {
            Ok(Self(map))
        } else {
            Err(faults)
        }
    }
}

fn words(scopes: &[Scope]) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    let (last, others) = words.split_last().expect("there is a scope to read");
    format!("{} and {last}", others.join(", "))
}
