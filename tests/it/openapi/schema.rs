//! Whether a value is what a schema says, with nothing in it that the schema does not name.

use chrono::DateTime;
use regex::Regex;
use serde_json::{Map, Value};
use uuid::Uuid;

/// What says nothing about a value.
const ANNOTATIONS: [&str; 6] = [
    "description",
    "title",
    "example",
    "examples",
    "default",
    "discriminator",
];

/// Every fault of `value`, with the place where it is. Panics at a keyword it does not know.
pub(super) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    faults_of(document, schema, value, false)
}

fn faults_of(document: &Value, schema: &Value, value: &Value, in_part: bool) -> Vec<String> {
    let mut check = Check {
        document,
        in_part,
        faults: Vec::new(),
    };
    check.value(schema, value, "");
    check.faults
}

/// What `value` refers to, if it is a reference.
pub(super) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} refers to nothing")),
        None => value,
    }
}

struct Check<'a> {
    document: &'a Value,
    /// Whether another schema names all members.
    in_part: bool,
    faults: Vec<String>,
}

impl Check<'_> {
    fn fault(&mut self, place: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{place}: {what}"));
    }

    fn value(&mut self, schema: &Value, value: &Value, place: &str) {
        let schema = resolved(self.document, schema);
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "type" if !has_type(rule, value) => self.fault(place, format!("is not {rule}")),
                "enum" if !rule.as_array().expect("a list").contains(value) => {
                    self.fault(place, format!("{value} is not one of {rule}"));
                }
                "oneOf" => self.one_of(rule, value, place),
                "allOf" => self.all_of(rule, value, place),
                "properties" => self.members(rule, value, place),
                "required" => self.required(rule, value, place),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(rule, item, &format!("{place}/{index}"));
                    }
                }
                // Of a map; a body says that there are no others.
                "additionalProperties" if rule.is_object() => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        self.value(rule, member, &format!("{place}/{name}"));
                    }
                }
                "propertyNames" => {
                    for (name, _) in value.as_object().into_iter().flatten() {
                        self.value(rule, &name.as_str().into(), place);
                    }
                }
                "uniqueItems" => {
                    let items = value.as_array().map_or(&[][..], Vec::as_slice);
                    let twice =
                        (1..items.len()).any(|index| items[..index].contains(&items[index]));
                    if twice {
                        self.fault(place, "has something twice");
                    }
                }
                "pattern" | "minLength" | "maxLength" | "format" | "minimum" | "maximum"
                | "minItems" | "maxItems" => {
                    if !holds(keyword, rule, value) {
                        self.fault(place, format!("{value} breaks {keyword} {rule}"));
                    }
                }
                "type" | "enum" | "additionalProperties" => {}
                known if ANNOTATIONS.contains(&known) => {}
                other => panic!("{other} is not looked at"),
            }
        }
    }

    fn one_of(&mut self, schemas: &Value, value: &Value, place: &str) {
        let schemas = schemas.as_array().expect("a list");
        let each: Vec<Vec<String>> = schemas
            .iter()
            .map(|schema| faults_of(self.document, schema, value, self.in_part))
            .collect();
        if each.iter().filter(|faults| faults.is_empty()).count() != 1 {
            self.fault(place, format!("is not exactly one of: {each:?}"));
        }
    }

    /// The first names all members.
    fn all_of(&mut self, schemas: &Value, value: &Value, place: &str) {
        let mut schemas = schemas.as_array().expect("a list").iter();
        self.value(schemas.next().expect("it is not empty"), value, place);
        for schema in schemas {
            let faults = faults_of(self.document, schema, value, true);
            self.faults.extend(faults);
        }
    }

    fn members(&mut self, properties: &Value, value: &Value, place: &str) {
        for (name, member) in value.as_object().into_iter().flatten() {
            match properties.get(name) {
                Some(schema) => self.value(schema, member, &format!("{place}/{name}")),
                None if self.in_part => {}
                None => self.fault(place, format!("{name} is not named")),
            }
        }
    }

    fn required(&mut self, names: &Value, value: &Value, place: &str) {
        let nothing = Map::new();
        let members = value.as_object().unwrap_or(&nothing);
        for name in names.as_array().expect("a list") {
            let name = name.as_str().expect("a name");
            if !members.contains_key(name) {
                self.fault(place, format!("{name} is missing"));
            }
        }
    }
}

fn has_type(rule: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    match rule {
        Value::String(name) => is(name),
        names => names
            .as_array()
            .expect("a list of types")
            .iter()
            .any(|name| is(name.as_str().expect("a name"))),
    }
}

fn holds(keyword: &str, rule: &Value, value: &Value) -> bool {
    let text = value.as_str();
    let length = text.map(|text| text.chars().count() as u64);
    let items = value.as_array().map(|items| items.len() as u64);
    let bound = || rule.as_u64().expect("a length");
    match (keyword, rule.as_str()) {
        ("minLength", _) => length.is_none_or(|length| length >= bound()),
        ("maxLength", _) => length.is_none_or(|length| length <= bound()),
        ("minItems", _) => items.is_none_or(|items| items >= bound()),
        ("maxItems", _) => items.is_none_or(|items| items <= bound()),
        ("minimum", _) => value.as_f64() >= rule.as_f64().filter(|_| value.is_number()),
        ("maximum", _) => {
            let limit = rule.as_f64().expect("a number");
            value.as_f64().is_none_or(|number| number <= limit)
        }
        ("pattern", Some(rule)) => {
            let pattern = Regex::new(rule).expect("a regular expression");
            text.is_none_or(|text| pattern.is_match(text))
        }
        ("format", Some("uuid")) => text.is_none_or(|text| Uuid::try_parse(text).is_ok()),
        ("format", Some("date-time")) => {
            text.is_none_or(|text| DateTime::parse_from_rfc3339(text).is_ok())
        }
        ("format", Some("int32")) => value.as_i64().is_none_or(|n| i32::try_from(n).is_ok()),
        ("format", Some("int64")) => value.is_null() || value.is_i64(),
        ("format", Some("double")) => true,
        other => panic!("{other:?} is not looked at"),
    }
}
