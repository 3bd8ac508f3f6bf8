//! JSON in which no member is named twice.
//!
//! `serde_json::Value` keeps the last of two members with one name, other parsers the first: a token
//! that one service checks and another reads must not mean two things (RFC 7519, 4; RFC 8725, 2.4).

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The JSON object in `bytes`, if it is one and nothing in it, at any depth, is named twice.
pub(super) fn object(bytes: &[u8]) -> Option<Value> {
    let Unambiguous(value) = serde_json::from_slice(bytes).ok()?;
    value.is_object().then_some(value)
}

/// `value` without the members that are null, in objects at any depth: some serializers write null
/// for what is not there, and nothing that is read here tells the two apart.
pub(super) fn without_nulls(mut value: Value) -> Value {
    drop_nulls(&mut value);
    value
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
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

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unambiguous(value))) = members.next_entry::<String, _>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Value::Object(object))
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
    fn null_members_go_and_null_items_stay() {
        let value =
            serde_json::json!({"a": null, "b": {"c": null, "d": [null, {"e": null}]}, "f": false});
        let left = serde_json::json!({"b": {"d": [null, {}]}, "f": false});
        assert_eq!(without_nulls(value), left);
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
