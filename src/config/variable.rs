//! What one setting is called, and what is in effect when it is not set.
//!
//! Each is declared above the function that reads it, and listed in [`super::variables::ALL`].

use std::fmt;

/// The variable of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name. A secret may also be given as a file, named by `<NAME>_FILE`.
    pub name: &'static str,
    /// What is in effect when it is not set; empty for nothing.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether white space around the value would be a part of it, so that nobody but its owner can
    /// take it off.
    pub exact: bool,
}

impl Variable {
    /// One whose value may be shown; an empty default is none.
    pub(super) const fn plain(name: &'static str, default: &'static str) -> Self {
        Self {
            name,
            default,
            secret: false,
            exact: false,
        }
    }

    /// A secret; it has no default.
    pub(super) const fn secret(name: &'static str) -> Self {
        Self {
            name,
            default: "",
            secret: true,
            exact: false,
        }
    }

    /// A secret that may be any text.
    pub(super) const fn exact_secret(name: &'static str) -> Self {
        Self {
            exact: true,
            ..Self::secret(name)
        }
    }

    /// The variable that names a file with the value, if it is a secret.
    pub(super) fn file_name(self) -> String {
        format!("{}_FILE", self.name)
    }
}

/// Its name.
impl fmt::Display for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
