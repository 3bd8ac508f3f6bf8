//! CSV (RFC 4180), row by row, and nothing else: what readers take for different things is refused.
//!
//! The reader of the `csv` crate takes every text for some table: it closes what was left open, and drops quotes, as other
//! readers do otherwise. One stray quote can make a hundred rows a single cell, or cut an id. Behind a CRLF it also has the
//! line of a row wrong.

use std::borrow::Cow;

/// The most cells of a row that are kept: more than a table has columns. Of a row there may be as many as the body has
/// bytes.
const MOST_CELLS: usize = 32;

/// What remains to be read of a table.
#[derive(Debug)]
pub(super) struct Rows<'t> {
    rest: &'t str,
    /// The line that it begins on.
    line: u64,
}

/// A row that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The line that it begins on.
    pub(super) line: u64,
    /// How many cells it has.
    pub(super) cells: usize,
    /// Whether any of them is not empty.
    pub(super) is_filled: bool,
}

/// From here on it is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The line where it goes wrong.
    pub(super) line: u64,
    /// What must hold.
    pub(super) rule: String,
}

/// What follows a cell.
#[derive(PartialEq)]
enum Next {
    Cell,
    Row,
}

impl<'t> Rows<'t> {
    /// Those of `text`.
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            rest: text,
            line: 1,
        }
    }

    /// Reads the next row that is no blank line, if there is one; `cells` are its first cells.
    pub(super) fn read(&mut self, cells: &mut Vec<Cow<'t, str>>) -> Result<Option<Row>, Broken> {
        cells.clear();
        while self.ends_line() {}
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Row {
            line: self.line,
            cells: 0,
            is_filled: false,
        };
        loop {
            let cell = self.cell()?;
            row.cells += 1;
            row.is_filled |= !cell.is_empty();
            if cells.len() < MOST_CELLS {
                cells.push(cell);
            }
            if self.follows()? == Next::Row {
                return Ok(Some(row));
            }
        }
    }

    /// Goes on to the next line, if this one ends here.
    fn ends_line(&mut self) -> bool {
        let ends = ["\n", "\r\n"];
        let after = ends.iter().find_map(|end| self.rest.strip_prefix(*end));
        let Some(after) = after else {
            return false;
        };
        self.rest = after;
        self.line += 1;
        true
    }

    fn cell(&mut self) -> Result<Cow<'t, str>, Broken> {
        if let Some(within) = self.rest.strip_prefix('"') {
            return self.quoted(within);
        }
        let end = self.rest.find([',', '\n', '\r', '"']);
        let (cell, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Ok(Cow::Borrowed(cell))
    }

    /// A cell in quotes, from the first one on. In it a quote stands twice, and lines may end.
    fn quoted(&mut self, mut within: &'t str) -> Result<Cow<'t, str>, Broken> {
        let mut cell = Cow::Borrowed("");
        let mut lines = 0;
        loop {
            let Some((piece, after)) = within.split_once('"') else {
                let rule =
                    "must not end within a cell: a quote opens on this line, and none closes it";
                return Err(self.broken(rule));
            };
            lines += piece.matches('\n').count() as u64;
            join(&mut cell, piece);
            let Some(more) = after.strip_prefix('"') else {
                self.rest = after;
                break;
            };
            cell.to_mut().push('"');
            within = more;
        }
        let closed = [",", "\n", "\r\n"];
        if !self.rest.is_empty() && !closed.iter().any(|end| self.rest.starts_with(*end)) {
            let last = self.line + lines;
            let rule = format!(
                "must have a comma or the end of the line behind a quote that closes a cell (on line {last}; it opens on this \
                 line): a quote within a cell is written twice, and nothing but commas separates cells"
            );
            return Err(self.broken(rule));
        }
        self.line += lines;
        // Within a cell the end of a line is a part of the text, of which JSON knows one form.
        if cell.contains("\r\n") {
            cell = Cow::Owned(cell.replace("\r\n", "\n"));
        }
        Ok(cell)
    }

    /// What follows the cell that was read last.
    fn follows(&mut self) -> Result<Next, Broken> {
        if let Some(after) = self.rest.strip_prefix(',') {
            self.rest = after;
            return Ok(Next::Cell);
        }
        if self.rest.is_empty() || self.ends_line() {
            return Ok(Next::Row);
        }
        Err(self.broken(if self.rest.starts_with('"') {
            "must not have a quote in a cell that does not begin with one: put the cell in quotes, and write the quotes \
             within it twice"
        } else {
            "must end its lines with LF or CRLF, not with CR alone"
        }))
    }

    fn broken(&self, rule: impl Into<String>) -> Broken {
        Broken {
            line: self.line,
            rule: rule.into(),
        }
    }
}

/// Adds `piece` to `cell`, without a copy if it is the first.
fn join<'t>(cell: &mut Cow<'t, str>, piece: &'t str) {
    if cell.is_empty() {
        *cell = Cow::Borrowed(piece);
    } else {
        cell.to_mut().push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The line and the cells of each row.
    fn read(text: &str) -> Result<Vec<(u64, Vec<String>)>, Broken> {
        let (mut rows, mut cells, mut all) = (Rows::new(text), Vec::new(), Vec::new());
        while let Some(row) = rows.read(&mut cells)? {
            assert_eq!(row.cells.min(MOST_CELLS), cells.len());
            assert_eq!(row.is_filled, cells.iter().any(|cell| !cell.is_empty()));
            let cells = cells.iter().map(|cell| cell.clone().into_owned());
            all.push((row.line, cells.collect()));
        }
        Ok(all)
    }

    fn lines(text: &str) -> Vec<u64> {
        let rows = read(text).expect("it is a table");
        rows.into_iter().map(|(line, _)| line).collect()
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        let rows = read(text).expect("it is a table");
        rows.into_iter().map(|(_, cells)| cells).collect()
    }

    /// As the library reads it, which never refuses anything.
    fn as_the_library(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let records = reader.records().map(|record| record.expect("it is UTF-8"));
        let cells = records.map(|record| {
            let cells = record.iter().map(|cell| cell.replace("\r\n", "\n"));
            cells.collect()
        });
        cells.collect()
    }

    #[test]
    fn a_row_begins_where_it_begins_however_lines_end() {
        for end in ["\n", "\r\n"] {
            let text = ["a,b", "c,\"d", "\"\"e\"", "", "f,g", "", "", "h,", ""].join(end);
            assert_eq!(lines(&text), [1, 2, 5, 8], "{text:?}");
            let expected = [["a", "b"], ["c", "d\n\"e"], ["f", "g"], ["h", ""]];
            assert_eq!(cells(&text), expected, "{text:?}");
        }
        assert_eq!(read(""), Ok(Vec::new()));
        assert_eq!(read("\n\r\n\n"), Ok(Vec::new()));
        assert_eq!(cells(","), [["", ""]]);
        assert_eq!(cells("\"\""), [[""]]);
        assert_eq!(cells(" a ,\"\tb\""), [[" a ", "\tb"]]);
    }

    #[test]
    fn what_readers_take_for_different_things_is_refused_where_it_begins() {
        for (text, line, told) in [
            ("a,b\nc,\"d\ne,f\n", 2, "none closes it"),
            ("a,b\nc,\"\"\"", 2, "none closes it"),
            ("a,\"b\nc\"\nd,\"", 3, "none closes it"),
            ("a,\"b\"c\n", 1, "(on line 1;"),
            ("a\nb,\"c\n\n\" ,d\n", 2, "(on line 4;"),
            ("a,\"b\"\r", 1, "behind a quote"),
            ("a\nb\"c\"\n", 2, "does not begin with one"),
            ("a\n \"c\"\n", 2, "does not begin with one"),
            ("a\rb\r", 1, "CR alone"),
            ("a\n\rb", 2, "CR alone"),
        ] {
            let broken = read(text).expect_err(text);
            assert_eq!(broken.line, line, "{text:?}: {}", broken.rule);
            assert!(broken.rule.contains(told), "{text:?}: {}", broken.rule);
        }
    }

    #[test]
    fn however_many_cells_a_row_has_few_are_kept() {
        let text = format!("{}\na,b", ",".repeat(1_000_000));
        let (mut rows, mut cells) = (Rows::new(&text), Vec::new());
        let row = rows.read(&mut cells);
        let row = row.expect("it is a table").expect("it has rows");
        assert_eq!((row.cells, cells.len()), (1_000_001, MOST_CELLS));
        assert!(cells.capacity() <= 2 * MOST_CELLS);
        let row = rows.read(&mut cells);
        let row = row.expect("it is a table").expect("it has two rows");
        assert_eq!((row.line, row.cells), (2, 2));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_what_the_library_takes(text in "[a\",\n\r;é ]{0,24}") {
            if let Ok(rows) = read(&text) {
                let cells: Vec<Vec<String>> = rows.into_iter().map(|(_, cells)| cells).collect();
                prop_assert_eq!(cells, as_the_library(&text));
            }
        }

        #[test]
        fn what_the_library_writes_is_read_as_it_was(
            rows in proptest::collection::vec(proptest::collection::vec("[a\",\n;é \t]{0,6}", 3), 0..6),
            crlf in any::<bool>(),
            always in any::<bool>(),
        ) {
            let mut writer = csv::WriterBuilder::new();
            if crlf {
                writer.terminator(csv::Terminator::CRLF);
            }
            if always {
                writer.quote_style(csv::QuoteStyle::Always);
            }
            let mut writer = writer.from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).expect("there is memory");
            }
            let text = String::from_utf8(writer.into_inner().expect("there is memory"));
            prop_assert_eq!(cells(&text.expect("it is UTF-8")), rows);
        }
    }
}
