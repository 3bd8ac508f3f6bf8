//! The members of JSON objects, of which no two may have one name.
//!
//! `serde_json::Value` keeps the last of two members with one name, other parsers the first: what one
//! service checks and another reads must not mean two things (RFC 8259, 4; RFC 7519, 4; RFC 8725, 2.4).

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The members of an object, in the order they came, also those of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Members<T>(pub(crate) Vec<(String, T)>);

impl<T> Members<T> {
    /// These members, if each has a name of its own.
    pub(crate) fn distinct<E: Error>(self) -> Result<Vec<(String, T)>, E> {
        let mut names = HashSet::with_capacity(self.0.len());
        match self.0.iter().find(|(name, _)| !names.insert(name)) {
            Some((name, _)) => Err(E::custom(format_args!("duplicate field `{name}`"))),
            None => Ok(self.0),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

struct MembersVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MembersVisitor<T> {
    type Value = Members<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<T>, A::Error> {
        let mut members = Vec::with_capacity(map.size_hint().unwrap_or_default());
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// The JSON object in `bytes`, if it is one and nothing in it, at any depth, is named twice.
pub(crate) fn object(bytes: &[u8]) -> Option<Value> {
    let Unambiguous(value) = serde_json::from_slice(bytes).ok()?;
    value.is_object().then_some(value)
}

/// A value in which nothing, at any depth, is named twice.
#[derive(Clone, Debug)]
pub(crate) struct Unambiguous(pub(crate) Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

/// `value` in the form of RFC 8785: members in the order of their names, and nothing between them. Names are ASCII, and
/// numbers whole.
pub(crate) fn rfc8785(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let members = MembersVisitor::<Unambiguous>(PhantomData).visit_map(map)?;
        let members = members.distinct()?.into_iter();
        Ok(Value::Object(
            members
                .map(|(name, Unambiguous(value))| (name, value))
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_member_named_twice_is_refused_at_any_depth_and_however_it_is_written() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":3}"#,
            r#"{"o":{"a":null,"a":null}}"#,
            r#"{"o":[{"a":1},{"a":1,"a":2}]}"#,
        ] {
            assert_eq!(object(bad.as_bytes()), None, "{bad}");
        }
        assert!(object(br#"{"a":{"a":1},"A":{"a":1}}"#).is_some());
    }

    #[test]
    fn members_come_in_their_order_with_those_of_one_name() {
        let members = |text| serde_json::from_str::<Members<i32>>(text).map_err(|e| e.to_string());
        let both = members(r#"{"b":1,"a":2,"b":3}"#).expect("it is an object");
        let (b, a, again) = (
            ("b".to_owned(), 1),
            ("a".to_owned(), 2),
            ("b".to_owned(), 3),
        );
        assert_eq!(both.0, [b, a, again]);
        let refused = both
            .distinct::<serde_json::Error>()
            .map_err(|e| e.to_string());
        assert_eq!(refused, Err("duplicate field `b`".to_owned()));
        let none = members("[]").expect_err("no object");
        assert!(none.contains("expected a JSON object"), "{none}");
    }

    #[test]
    fn only_one_whole_object_is_an_object() {
        let deep = "[".repeat(4000);
        for bad in ["", "1", "[]", "null", "{} {}", "{", "\u{feff}{}", &deep] {
            assert_eq!(object(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), None);
        assert_eq!(object(br#"{"a":"\ud800"}"#), None);
        assert_eq!(object(br#"{"a":1e999}"#), None);
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_as_the_usual_parser_reads_it(text in r#"\{("[ab]":(1|-2|0.5|"c"|null|true|\[1,\{"a":2\}\])(,"[ab]":3)?)?\}"#) {
            if let Some(value) = object(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
