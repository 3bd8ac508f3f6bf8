//! What differs between two descriptions of a schema, in words.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};

use super::Line;
use super::expected::{Form, Objects};
use crate::audit::proof::verify::{Error, Report};

/// As long as a definition may be to be expected as it is, and not as its hash.
const LONGEST: usize = 160;

/// What stands for the whole of a month among the expected objects.
const BY_MONTH: &str = " by month";

/// The parts of one object that is there.
struct Found<'a> {
    like_object: &'a str,
    /// Not a month that no parent has.
    is_whole: bool,
    parts: BTreeMap<&'a str, Vec<(&'a str, String)>>,
}

/// Reports each difference between the schema and what was expected.
pub(super) fn compare(
    lines: &[Line],
    expected: &Objects,
    pruned: &BTreeSet<String>,
    report: &mut Report,
) -> Result<(), Error> {
    let mut found: BTreeMap<&str, Found<'_>> = BTreeMap::new();
    for line in lines {
        let definition = line.definition.as_deref().ok_or_else(|| {
            Error::Schema(format!("{} changed while it was looked at", line.object))
        })?;
        let object = found.entry(&line.object).or_insert_with(|| Found {
            like_object: line.like_object.trim_end_matches(BY_MONTH),
            is_whole: line.month.is_none() || line.attached,
            parts: BTreeMap::new(),
        });
        let form = (line.words.as_str(), short(definition));
        object.parts.entry(&line.part).or_default().push(form);
    }
    let own = expected.keys().filter(|object| !object.ends_with(BY_MONTH));
    for object in own.filter(|object| !found.contains_key(*object)) {
        report.find(format_args!("{object}: missing"));
    }
    for (object, parts) in &found {
        compare_object(object, parts, expected, report);
    }
    find_lone_months(lines, pruned, report);
    Ok(())
}

/// A definition as it is expected: a long one is there as its hash.
fn short(definition: &str) -> String {
    let is_short = definition.chars().count() <= LONGEST && !definition.contains(['\n', '\t']);
    if is_short {
        definition.to_owned()
    } else {
        format!(
            "sha256 {}",
            hex::encode(digest(&SHA256, definition.as_bytes()))
        )
    }
}

fn compare_object(object: &str, found: &Found<'_>, expected: &Objects, report: &mut Report) {
    let like = found.like_object;
    let Some(parts) = expected.get(like) else {
        return report.find(format_args!("{object}: the migrations made no such thing"));
    };
    // By its own name it is what the parent is; as a month, what all months are.
    let by_month = (like != object).then(|| expected.get(format!("{like}{BY_MONTH}").as_str()));
    let whole = by_month.flatten().and_then(|parts| parts.get(""));
    // What a detached month has is its own.
    let parts = parts
        .iter()
        .filter(|(part, _)| found.is_whole || part.is_empty());
    for (&part, forms) in parts.clone() {
        let forms = match whole {
            Some(whole) if part.is_empty() => whole,
            _ => forms,
        };
        match found.parts.get(part).map(Vec::as_slice) {
            None => report.find(format_args!("{object}: lacks {part}")),
            Some([one]) => compare_part(object, part, one, forms, report),
            Some(many) => {
                report.find(format_args!(
                    "{object}: {part} is there {} times",
                    many.len()
                ));
            }
        }
    }
    let known: BTreeSet<&str> = parts.map(|(part, _)| *part).collect();
    let others = found
        .parts
        .keys()
        .filter(|part| found.is_whole && !known.contains(*part));
    for part in others {
        report.find(format_args!("{object}: {part} is not of the migrations"));
    }
}

fn compare_part(
    object: &str,
    part: &str,
    (words, definition): &(&str, String),
    forms: &[Form<'_>],
    report: &mut Report,
) {
    if forms.contains(&(words, definition.as_str())) {
        return;
    }
    let what = if part.is_empty() {
        format!("{object}:")
    } else {
        format!("{object}: {part} is")
    };
    let alike = forms.iter().find(|(_, expected)| expected == definition);
    if alike.is_none() {
        report.find(format_args!("{what} not the one that the migrations made"));
    }
    let (expected, _) = alike.or(forms.first()).copied().unwrap_or_default();
    let (found, expected) = (set(words), set(expected));
    let wrong = found.difference(&expected).map(|&word| word.to_owned());
    let missing = expected
        .difference(&found)
        .map(|word| format!("not {word}"));
    let differences: Vec<String> = wrong.chain(missing).collect();
    if !differences.is_empty() {
        report.find(format_args!("{what} {}", differences.join(", ")));
    }
}

fn set(words: &str) -> BTreeSet<&str> {
    words.split("; ").filter(|word| !word.is_empty()).collect()
}

/// A month has all tables of a group, unless it is being dropped. Those of batches came later.
fn find_lone_months(lines: &[Line], pruned: &BTreeSet<String>, report: &mut Report) {
    let months = |table: &str| -> BTreeSet<&str> {
        let parts = lines.iter().filter(|line| line.like_object == table);
        parts.filter_map(|line| line.month.as_deref()).collect()
    };
    let groups = [
        ["action", "event"].as_slice(),
        &["batch", "batch_item", "batch_event"],
    ];
    for group in groups {
        let tables = group.iter().map(|table| format!("table audit.{table}"));
        let tables: Vec<String> = tables.collect();
        let all = tables.iter().flat_map(|table| months(table));
        let all: BTreeSet<&str> = all.filter(|month| !pruned.contains(*month)).collect();
        for table in &tables {
            for month in all.difference(&months(table)) {
                let missing = month.replace('-', "");
                report.find(format_args!("{table}_{missing}: missing"));
            }
        }
    }
}
