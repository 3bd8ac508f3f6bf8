//! JSON of serializers that write null for what is not there.

use serde_json::Value;

/// `value` without the members that are null, in objects at any depth: nothing that is read here tells
/// null from absent.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_members_go_and_null_items_stay() {
        let value =
            serde_json::json!({"a": null, "b": {"c": null, "d": [null, {"e": null}]}, "f": false});
        let left = serde_json::json!({"b": {"d": [null, {}]}, "f": false});
        assert_eq!(without_nulls(value), left);
    }
}
