//! The members of a row in an export.

use std::collections::HashMap;

use serde::de::{Deserialize, Deserializer};

use crate::members::Members;

/// Each member is there once. Of two of one name, readers would take one or the other, and what is
/// verified here would not be what is read elsewhere.
#[derive(Debug, Default)]
pub(in crate::audit) struct Fields(HashMap<String, Option<String>>);

impl Fields {
    /// The members by their names.
    pub(super) fn into_map(self) -> HashMap<String, Option<String>> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?.distinct()?;
        Ok(Self(members.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_there_twice_is_refused_also_if_both_say_the_same() {
        let read =
            |text: &str| serde_json::from_str::<Fields>(text).map_err(|error| error.to_string());
        let fields = read(r#"{"id": "a", "mac": null}"#).expect("each is there once");
        assert_eq!(fields.0.len(), 2);
        for twice in [
            r#"{"id": "a", "id": "b"}"#,
            r#"{"mac": null, "id": "a", "mac": null}"#,
            r#"{"mac": null, "m\u0061c": null}"#,
        ] {
            let refused = read(twice).expect_err(twice);
            assert!(refused.contains("duplicate field `"), "{refused}");
        }
    }
}
