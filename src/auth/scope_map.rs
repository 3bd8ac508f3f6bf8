//! From roles and groups, as identity providers know them, to scopes.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::claims::is_printable;
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
    #[error("{0:?} is no scope: there are action:kick_login, action:kick_seat and audit:read")]
    NoScope(String),
    /// No role or group of a token is ever equal to it.
    #[error("{0:?} holds a line end or another control character")]
    ControlCharacter(String),
    /// Which of the two is meant cannot be told.
    #[error("{0:?} is there twice")]
    Twice(String),
}

impl FromStr for ScopeMap {
    type Err = ScopeMapError;

    /// `name=scope scope;name=scope`. The last `=` counts: names such as `cn=mods,dc=example` have
    /// others.
    fn from_str(text: &str) -> Result<Self, ScopeMapError> {
        let mut map = BTreeMap::new();
        for item in text
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (name, scopes) = item.rsplit_once('=').ok_or(ScopeMapError::Form)?;
            let (name, scopes) = (name.trim(), scopes.split_whitespace());
            let scopes = scopes.map(|word| {
                let scope = Scope::ALL.iter().find(|scope| scope.as_str() == word);
                scope
                    .copied()
                    .ok_or_else(|| ScopeMapError::NoScope(word.to_owned()))
            });
            let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
            if name.is_empty() || scopes.is_empty() {
                return Err(ScopeMapError::Form);
            }
            if !is_printable(name) {
                return Err(ScopeMapError::ControlCharacter(name.to_owned()));
            }
            if map.insert(name.to_owned(), scopes).is_some() {
                return Err(ScopeMapError::Twice(name.to_owned()));
            }
        }
        Ok(Self(map))
    }
}
