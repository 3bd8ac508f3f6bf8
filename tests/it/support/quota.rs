//! Reads `RateLimit-Policy` and `RateLimit`, as strictly as the strictest client.

use std::collections::BTreeMap;

use regex::Regex;

use super::persona::Answer;

/// The one item of `RateLimit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) policy: String,
    pub(crate) remaining: u64,
    pub(crate) seconds: u64,
}

/// A list of strings with integer parameters, as RFC 9651 (4.1) says how to write it.
fn list(field: &str) -> Vec<(String, Vec<(String, u64)>)> {
    let item = r#"^"([ !#-\[\]-~]*)"((?:;[a-z*][a-z0-9_.*-]*=(?:0|[1-9][0-9]{0,14}))*)$"#;
    let item = Regex::new(item).expect("it is a regular expression");
    let items = field.split(", ").map(|text| {
        let parts = item
            .captures(text)
            .unwrap_or_else(|| panic!("no item of a structured list: {text:?} in {field:?}"));
        let parameters = parts[2].split(';').skip(1).map(|parameter| {
            let (name, value) = parameter.split_once('=').expect("it has one");
            let value = value.parse().expect("it has at most 15 digits");
            (name.to_owned(), value)
        });
        (parts[1].to_owned(), parameters.collect())
    });
    items.collect()
}

fn names(parameters: &[(String, u64)]) -> Vec<&str> {
    parameters.iter().map(|(name, _)| name.as_str()).collect()
}

impl Answer {
    /// The field, which must not be there twice.
    pub(crate) fn only(&self, name: &str) -> Option<&str> {
        assert!(self.headers.get_all(name).iter().count() <= 1, "{name}");
        self.header(name)
    }

    /// What is left; also checks what both fields must always hold.
    pub(crate) fn left(&self) -> Left {
        let field = |name| self.only(name).unwrap_or_else(|| panic!("no {name}"));
        let mut policies = BTreeMap::new();
        for (policy, parameters) in list(field("ratelimit-policy")) {
            assert_eq!(names(&parameters), ["q", "w"]);
            assert_eq!(parameters[1].1, 1, "all limits are by the second");
            assert_eq!(policies.insert(policy, parameters[0].1), None, "twice");
        }
        let items = list(field("ratelimit"));
        let [(policy, parameters)] = items.as_slice() else {
            panic!("one item: {items:?}");
        };
        assert_eq!(names(parameters), ["r", "t"]);
        let left = Left {
            policy: policy.clone(),
            remaining: parameters[0].1,
            seconds: parameters[1].1,
        };
        let quota = policies.get(policy).expect("its policy is given");
        assert!(left.remaining <= *quota && left.seconds >= 1, "{left:?}");
        if let Some(retry_after) = self.only("retry-after") {
            let retry_after: u64 = retry_after.parse().expect("it is a number");
            assert!(left.seconds <= retry_after, "{left:?}, {retry_after}");
        }
        left
    }
}

#[test]
fn the_reader_of_the_fields_is_strict() {
    let item = |name: &str, r| (name.to_owned(), vec![("r".to_owned(), r)]);
    assert_eq!(list(r#""a";r=0, "b";r=10"#), [item("a", 0), item("b", 10)]);
    for wrong in [
        "",
        "a;r=1",
        r#""a""b""#,
        r#""a"; r=1"#,
        r#""a";r=01"#,
        r#""a";r=-1"#,
        r#""a";r=1.0"#,
        r#""a";R=1"#,
        r#""a";r="1""#,
        r#""a";r=1,"#,
        r#""a";r=1,"b";r=1"#,
        r#""a";r=1;"#,
        r#""a";r=1234567890123456"#,
    ] {
        let read = std::panic::catch_unwind(|| list(wrong));
        assert!(read.is_err(), "{wrong}");
    }
}
