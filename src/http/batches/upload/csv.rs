//! A batch in CSV: a head row of names, and an item a row. What is said of the whole batch stands in the query.
//!
//! A cell stands for the member of JSON that it is named after. An empty one is no member, as a spreadsheet knows no other
//! way to leave one out; but a kind that needs a text for the user takes it for an empty text. A row without any text is a
//! blank line.

use std::borrow::Cow;

use serde_json::Value;

use super::faults::Faults;
use super::guard::{self, BODY, on_line, spoilt_id};
use super::items::Items;
use super::rows::{Broken, Row, Rows};
use super::{Asked, Envelope, Upload};
use crate::batches::Content;
use crate::domain::{Item, Kind, Slot};
use crate::http::fields::{Fields, Place};
use crate::http::problem::{ApiError, FieldFault};
use crate::members::Members;

/// What a head row may name.
pub(super) const COLUMNS: [&str; 10] = [
    KIND, "user_id", "room_id", DATA, "reason", "case_ref", "seconds", "forever", "channels",
    "silent",
];

const KIND: &str = "kind";

/// An empty text is one.
const DATA: &str = "data";

/// Those that spreadsheets spoil.
const IDS: [&str; 2] = ["user_id", "room_id"];

/// What separates cells where a comma is the decimal sign, and in other formats.
const OTHER_SEPARATORS: [char; 3] = [';', '\t', '|'];

/// Reads `body`, with this query.
pub(super) fn read(
    body: &[u8],
    query: Vec<(String, String)>,
    asked: &Asked,
) -> Result<Upload, ApiError> {
    let mut faults = Faults::default();
    let mut fields = Fields::of(members(query, &mut faults));
    let envelope = Envelope::read(&mut fields, asked);
    let accept_rounded = fields.choice("accept_rounded").unwrap_or_default();
    faults.extend(fields.into_faults("is not a parameter of this request"));
    let items = Items::new(&asked.rules, envelope.has_reason);
    let table = guard::text(body).map_err(|fault| vec![fault]);
    let content = match table.and_then(|text| table_of(text, accept_rounded, items)) {
        Ok((items, of_items)) => {
            faults.merge(of_items);
            Some(Content::Items(items))
        }
        Err(of_table) => {
            faults.extend(of_table);
            None
        }
    };
    faults.end(content).map(|content| envelope.around(content))
}

/// The query as the members that JSON would have.
fn members(query: Vec<(String, String)>, faults: &mut Faults) -> Members<Value> {
    // It stands for bytes that were something else.
    let altered = query
        .iter()
        .filter(|(_, text)| text.contains(char::REPLACEMENT_CHARACTER));
    faults.extend(altered.map(|(name, _)| Place::default().fault(name, "must be UTF-8")));
    let members = query.into_iter().map(|(name, text)| {
        let value = value(&name, text);
        (name, value)
    });
    Members(members.collect())
}

/// What `text` is in JSON, or would have to be.
fn value(name: &str, text: String) -> Value {
    match name {
        "seconds" | "expires_in" if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            match text.parse::<u64>() {
                Ok(number) => number.into(),
                Err(_) => text.into(),
            }
        }
        "forever" | "silent" | "validate_only" | "accept_rounded" => {
            let is = |word: &str| text.eq_ignore_ascii_case(word);
            match (is("true"), is("false")) {
                (false, false) => text.into(),
                (is_true, _) => is_true.into(),
            }
        }
        _ => text.into(),
    }
}

/// The items of a table, and what is wrong with them; or what is wrong with the table.
fn table_of(
    text: &str,
    accept_rounded: bool,
    mut items: Items<'_>,
) -> Result<(Vec<Item>, Faults), Vec<FieldFault>> {
    if text.trim_start().starts_with(['{', '[']) {
        let rule =
            "must be a table: JSON, with its items in `actions`, is sent as application/json";
        return Err(vec![FieldFault::new(BODY, rule)]);
    }
    let (mut rows, mut cells) = (Rows::new(text), Vec::new());
    let columns = head(&mut rows, &mut cells)?;
    loop {
        match rows.read(&mut cells) {
            Ok(None) => break,
            Ok(Some(row)) if !row.is_filled => {}
            Ok(Some(row)) => {
                if let Some(place) = items.place(Some(row.line)) {
                    match item(&columns, row, &mut cells, place, accept_rounded) {
                        Ok(fields) => items.read(fields),
                        Err(fault) => items.refuse(fault),
                    }
                }
            }
            Err(Broken { line, rule }) => {
                if let Some(place) = items.place(Some(line)) {
                    let rule = format!("{rule}; what follows was not read");
                    items.refuse(place.fault(BODY, rule));
                }
                break;
            }
        }
    }
    Ok(items.finish(BODY))
}

/// The names of the columns, in their order.
fn head<'t>(
    rows: &mut Rows<'t>,
    cells: &mut Vec<Cow<'t, str>>,
) -> Result<Vec<&'static str>, Vec<FieldFault>> {
    loop {
        let row = rows.read(cells);
        let row = row.map_err(|Broken { line, rule }| vec![on_line(line, rule)])?;
        let Some(row) = row else {
            let rule = "must begin with a head row that names its columns, such as kind,user_id";
            return Err(vec![FieldFault::new(BODY, rule)]);
        };
        if row.is_filled {
            return columns(cells, row.line);
        }
    }
}

fn columns(names: &[Cow<'_, str>], line: u64) -> Result<Vec<&'static str>, Vec<FieldFault>> {
    let place = Place {
        index: None,
        line: Some(line),
    };
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    for name in names {
        match COLUMNS.into_iter().find(|column| column == name) {
            Some(column) if columns.contains(&column) => {
                faults.push(place.fault(name, "must not be there twice"));
            }
            Some(column) => columns.push(column),
            None if name.is_empty() => {
                faults.push(place.fault(BODY, "must have a name in each cell of the head row"));
            }
            None => faults.push(place.fault(name, unknown(name))),
        }
    }
    if faults.is_empty() && !columns.contains(&KIND) {
        faults.push(place.fault(KIND, "is required: a column must say what is to be done"));
    }
    if faults.is_empty() {
        Ok(columns)
    } else {
        Err(faults)
    }
}

fn unknown(name: &str) -> String {
    if name.contains(OTHER_SEPARATORS) || name.starts_with("sep=") {
        return "must be names of columns, separated by commas and by nothing else: a spreadsheet takes the separator from \
                the settings of its country; and leave a line such as sep=; out"
            .to_owned();
    }
    format!("must be one of the columns {}", COLUMNS.join(", "))
}

/// The fields of the item in this row. Its `cells` are taken.
fn item(
    columns: &[&'static str],
    row: Row,
    cells: &mut Vec<Cow<'_, str>>,
    place: Place,
    accept_rounded: bool,
) -> Result<Fields, FieldFault> {
    let (is, must_be) = (row.cells, columns.len());
    if is != must_be {
        let rule =
            format!("must have {must_be} cells in each row, as in its head, and has {is} here");
        return Err(place.fault(BODY, rule));
    }
    let named = || columns.iter().copied().zip(cells.iter());
    let kind = named().find(|(column, _)| *column == KIND);
    let kind = kind.and_then(|(_, word)| word.parse::<Kind>().ok());
    let takes_empty = kind.is_some_and(|kind| kind.has(Slot::Data));
    let ids = named().filter(|(column, _)| IDS.contains(column));
    let spoilt = ids.filter_map(|(column, id)| Some((column, spoilt_id(id, accept_rounded)?)));
    let spoilt: Vec<(&str, &str)> = spoilt.collect();
    let members = columns.iter().zip(cells.drain(..));
    let members = members
        .filter(|(column, cell)| !cell.is_empty() || (**column == DATA && takes_empty))
        .map(|(column, cell)| ((*column).to_owned(), value(column, cell.into_owned())));
    let mut fields = Fields::at(place, Members(members.collect()));
    for (column, rule) in spoilt {
        fields.fault(column, rule);
    }
    Ok(fields)
}
