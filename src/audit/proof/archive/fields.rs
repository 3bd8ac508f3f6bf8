//! The members of a row in an export.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

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
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the members of a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields, A::Error> {
        let mut fields = HashMap::with_capacity(members.size_hint().unwrap_or_default());
        while let Some((name, value)) = members.next_entry::<String, Option<String>>()? {
            if fields.contains_key(&name) {
                let twice = format_args!("duplicate field `{name}`");
                return Err(A::Error::custom(twice));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
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
