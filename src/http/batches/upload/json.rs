//! A batch in JSON.
//!
//! What is in it is taken apart one member, and one item, at a time: a tree of all its values may be a hundred times as
//! large as the text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::faults::Faults;
use super::guard::line_behind;
use super::items::Items;
use super::undo::{self, UNDO};
use super::{Asked, Envelope, Upload};
use crate::batches::Content;
use crate::domain::MOST_ITEMS;
use crate::http::body::{malformed, unreadable, values};
use crate::http::fields::{Fields, Place};
use crate::http::problem::{ApiError, FieldFault};
use crate::members::{Members, Unambiguous};

/// The member of the body that the items stand in.
const ACTIONS: &str = "actions";

/// The most members of the body: more than it has names.
const MOST_MEMBERS: usize = 32;

/// The longest item, and the longest other member, in bytes: as the body of a single action.
const LARGEST: usize = 16 * 1024;

/// Reads `body`.
pub(super) fn read(body: &[u8], asked: &Asked) -> Result<Upload, ApiError> {
    let text = str::from_utf8(body).map_err(|error| {
        let line = line_behind(&body[..error.valid_up_to()]);
        malformed(&format!("the body is not UTF-8 (line {line})"))
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let top: Top<'_> = serde_json::from_str(text)
        .map_err(|error| unreadable(text.as_bytes(), &error, "the body has too many members"))?;
    let mut faults = Faults::default();
    let parts = top.parts(&mut faults);
    let mut fields = Fields::of(parts.others);
    let envelope = Envelope::read(&mut fields, asked);
    faults.extend(fields.into_faults("is not a member of a batch"));
    let content = match (parts.actions, parts.undo) {
        (Some(actions), None) => items(actions, asked, envelope.has_reason, &mut faults),
        (None, Some(undo)) => undo_of(undo, asked, envelope.has_reason, &mut faults),
        (Some(_), Some(_)) => {
            faults.extend([FieldFault::new(UNDO, "must not be given beside actions")]);
            None
        }
        (None, None) => {
            faults.extend([FieldFault::new(ACTIONS, "is required, or undo")]);
            None
        }
    };
    faults.end(content).map(|content| envelope.around(content))
}

fn items(
    actions: &RawValue,
    asked: &Asked,
    has_reason: bool,
    faults: &mut Faults,
) -> Option<Content> {
    let Ok(elements) = serde_json::from_str::<Elements<'_>>(actions.get()) else {
        faults.extend([FieldFault::new(ACTIONS, "must be an array of objects")]);
        return None;
    };
    let mut items = Items::new(&asked.rules, has_reason);
    for element in &elements.first {
        // There are no more of them than are read.
        let place = items.place(None).unwrap_or_default();
        match object(element) {
            Ok(members) => items.read(Fields::at(place, members)),
            Err(rule) => items.refuse(place.fault(ACTIONS, rule)),
        }
    }
    items.pass(elements.more);
    let (items, of_items) = items.finish(ACTIONS);
    faults.merge(of_items);
    Some(Content::Items(items))
}

fn undo_of(
    undo: &RawValue,
    asked: &Asked,
    has_reason: bool,
    faults: &mut Faults,
) -> Option<Content> {
    if asked.rules.require_reason && !has_reason {
        faults.extend([FieldFault::new("reason", "is required")]);
    }
    let members = object(undo).map_err(|rule| vec![FieldFault::new(UNDO, rule)]);
    let undo = members.and_then(|members| undo::read(members, &asked.issuer));
    undo.map_err(|of_undo| faults.extend(of_undo))
        .ok()
        .map(Content::Undo)
}

/// The members of an object that stands for itself.
fn object(raw: &RawValue) -> Result<Members<Value>, &'static str> {
    if !raw.get().starts_with('{') {
        return Err("must be a JSON object");
    }
    plain::<Members<Unambiguous>>(raw).map(values)
}

/// A value that is not large, and in which nothing is named twice.
fn plain<'t, T: Deserialize<'t>>(raw: &'t RawValue) -> Result<T, &'static str> {
    if raw.get().len() > LARGEST {
        return Err("must be at most 16 KiB");
    }
    serde_json::from_str(raw.get()).map_err(|error| match error.classify() {
        Category::Data => "must not hold an object that names a member twice",
        // The form of it was looked at before.
        _ => {
            "must not hold a number out of range, half of a surrogate pair, or more than 127 levels"
        }
    })
}

/// The members of the body as they stand there.
struct Top<'t>(Vec<(String, &'t RawValue)>);

/// The same, sorted out.
struct Parts<'t> {
    actions: Option<&'t RawValue>,
    undo: Option<&'t RawValue>,
    others: Members<Value>,
}

impl<'t> Top<'t> {
    fn parts(self, faults: &mut Faults) -> Parts<'t> {
        let (mut actions, mut undo, mut others) = (None, None, Vec::new());
        let here = Place::default();
        for (name, raw) in self.0 {
            let large = match name.as_str() {
                ACTIONS => &mut actions,
                UNDO => &mut undo,
                _ => {
                    match plain(raw) {
                        Ok(Unambiguous(value)) => others.push((name, value)),
                        Err(rule) => faults.extend([here.fault(&name, rule)]),
                    }
                    continue;
                }
            };
            if large.replace(raw).is_some() {
                faults.extend([here.fault(&name, "must not be given twice")]);
            }
        }
        let is_given = |raw: &&RawValue| raw.get() != "null";
        Parts {
            actions: actions.filter(is_given),
            undo: undo.filter(is_given),
            others: Members(others),
        }
    }
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            if members.len() == MOST_MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            members.push(member);
        }
        Ok(Top(members))
    }
}

/// The first elements of an array as they stand there, and how many follow.
struct Elements<'t> {
    first: Vec<&'t RawValue>,
    more: usize,
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Elements<'de>, A::Error> {
        let (mut first, mut more) = (Vec::new(), 0);
        while first.len() < MOST_ITEMS {
            let Some(element) = array.next_element()? else {
                break;
            };
            first.push(element);
        }
        while array.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        Ok(Elements { first, more })
    }
}
