//! What the migrations make, as each version of Postgres describes it.

use std::collections::BTreeMap;

/// Made by `.ci/schema-prepare`: Postgres, object, part, what holds of it, definition.
const LINES: &str = include_str!("expected.tsv");

/// What holds of a part, in words, and its definition, or the hash of a long one.
pub(super) type Form<'a> = (&'a str, &'a str);

/// Each object's parts; of some, more than one form, as a restored dump has another.
pub(super) type Objects = BTreeMap<&'static str, BTreeMap<&'static str, Vec<Form<'static>>>>;

/// What a server of this major version should say; `None` of one that came after this build.
pub(super) fn objects(major: i32) -> Option<Objects> {
    let major = major.to_string();
    let mut objects = Objects::new();
    for line in LINES.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let (versions, object, part, words, definition) = (next(), next(), next(), next(), next());
        if versions.split(',').any(|version| version == major) {
            let parts = objects.entry(object).or_default();
            parts.entry(part).or_default().push((words, definition));
        }
    }
    (!objects.is_empty()).then_some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_supported_version_is_described_and_no_other() {
        for major in 15..=18 {
            let objects = objects(major).expect("it is described");
            for object in [
                "table audit.action",
                "table audit.event by month",
                "view audit.actions",
            ] {
                assert!(objects.contains_key(object), "{object} in {major}");
            }
            let parts = &objects["table audit.seal"];
            assert!(parts.contains_key("trigger append_only"), "{parts:?}");
        }
        assert!(objects(14).is_none() && objects(19).is_none());
    }
}
