//! An export, or a report, as lines of JSON, or as CSV.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::{Action, Slot, millis};
use crate::http::json::{ActionJson, parameter, time, until};

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON object a line, with nothing left out. The last line says that it is the last.
    #[default]
    Ndjson,
    /// RFC 4180, for spreadsheets, which take UTF-8 for the code page of their country unless the file
    /// begins with a byte order mark.
    Csv,
}

/// The columns of an export as CSV: the members of the action's JSON.
const COLUMNS: [&str; 32] = [
    "id",
    "kind",
    "state",
    "moderator",
    "moderator_name",
    "user_id",
    "room_id",
    "data",
    "reason",
    "case_ref",
    "supersedes",
    "batch_id",
    "requested_at",
    "completed_at",
    "duration_ms",
    "tencent_action_status",
    "tencent_error_code",
    "tencent_error_info",
    "tencent_request_id",
    "attempts",
    "recorded",
    "genuine",
    "silent",
    "seconds",
    "forever",
    "until",
    "channels",
    "undoes",
    "shortens",
    "probe_in_effect",
    "probe_at",
    "probe_until",
];

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, &'static str> {
        let named = Self::ALL.into_iter().find(|format| format.as_str() == word);
        named.ok_or("must be ndjson or csv")
    }
}

impl Format {
    /// Every format.
    pub(super) const ALL: [Self; 2] = [Self::Ndjson, Self::Csv];

    /// The word for it in a query, and at the end of a file's name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    /// What stands before the first action.
    pub(super) fn head(self) -> Vec<u8> {
        self.head_of(&COLUMNS)
    }

    /// What stands before the first row of a file with these columns.
    pub(super) fn head_of(self, columns: &[&str]) -> Vec<u8> {
        let mut head = Vec::new();
        if self == Self::Csv {
            head.extend_from_slice("\u{FEFF}".as_bytes());
            let names = columns.iter().map(|name| (*name).to_owned());
            write_cells(&names.collect::<Vec<_>>(), &mut head);
        }
        head
    }

    pub(super) fn row(self, action: &Action, out: &mut Vec<u8>) {
        self.row_of(&ActionJson::from(action), || cells(action).into(), out);
    }

    /// A row, as JSON or as the cells of its columns.
    pub(super) fn row_of(
        self,
        json: &impl Serialize,
        cells: impl FnOnce() -> Vec<String>,
        out: &mut Vec<u8>,
    ) {
        match self {
            Self::Ndjson => {
                serde_json::to_writer(&mut *out, json).expect("a row is plain data");
                out.push(b'\n');
            }
            Self::Csv => {
                let cells: Vec<String> = cells().into_iter().map(defused).collect();
                write_cells(&cells, out);
            }
        }
    }

    /// What stands after the last of so many rows.
    pub(super) fn end(self, rows: u64, out: &mut Vec<u8>) {
        if self == Self::Ndjson {
            let end = json!({"end": true, "rows": rows});
            out.extend_from_slice(end.to_string().as_bytes());
            out.push(b'\n');
        }
    }
}

/// In the order of [`COLUMNS`].
fn cells(action: &Action) -> [String; COLUMNS.len()] {
    let answer = action.last_answer();
    [
        action.id.to_string(),
        action.kind.as_str().to_owned(),
        action.state.as_str().to_owned(),
        action.moderator.clone(),
        cell(action.moderator_name.as_ref()),
        cell(action.user_id.as_ref()),
        cell(action.room_id.as_ref()),
        cell(action.data.as_ref()),
        cell(action.reason.as_ref()),
        cell(action.case_ref.as_ref()),
        cell(action.supersedes),
        cell(action.batch_id),
        time(action.requested_at),
        cell(action.completed_at.map(time)),
        cell(action.duration.map(millis)),
        cell(answer.and_then(|answer| answer.action_status.as_ref())),
        cell(answer.map(|answer| answer.error_code)),
        cell(answer.map(|answer| &answer.error_info)),
        cell(answer.and_then(|answer| answer.request_id.as_ref())),
        action.attempts.len().to_string(),
        action.recorded.to_string(),
        action.genuine.to_string(),
        cell(parameter(action, Slot::Silent)),
        cell(parameter(action, Slot::Seconds)),
        cell(parameter(action, Slot::Forever)),
        cell(until(action).map(time)),
        cell(parameter(action, Slot::Channels).and_then(Value::as_str)),
        cell(parameter(action, Slot::Undoes).and_then(Value::as_str)),
        cell(parameter(action, Slot::Shortens).and_then(Value::as_str)),
        cell(action.probe.and_then(|probe| probe.in_effect)),
        cell(action.probe.map(|probe| time(probe.at))),
        cell(action.probe.and_then(|probe| probe.until).map(time)),
    ]
}

/// A cell; an empty one where there is no value.
pub(super) fn cell(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A spreadsheet takes what begins like that for a formula, and carries it out; the full-width forms too
/// where people type those (OWASP, "CSV Injection").
fn defused(mut cell: String) -> String {
    let beginnings = [
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}',
    ];
    if cell.starts_with(beginnings) {
        cell.insert(0, '\'');
    }
    cell
}

/// Every cell is quoted. Else a program whose separator is `;` would take what follows one for a cell
/// of its own, and perhaps for a formula.
fn write_cells(cells: &[String], out: &mut Vec<u8>) {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    let written = writer
        .write_record(cells)
        .and_then(|()| Ok(writer.flush()?));
    written.expect("memory takes what is written to it");
}
