//! What programs do to a table on its way here, before it changes whom an action hits.
//!
//! Spreadsheets take an id for a number, of which they keep fifteen digits, and save texts in the code page of their country.

use std::fmt::Display;

use crate::http::fields::Place;
use crate::http::problem::FieldFault;

/// The field of what is wrong with a table, or with a row, as a whole.
pub(super) const BODY: &str = "body";

/// The digits of a number that a spreadsheet keeps.
const KEPT_DIGITS: usize = 15;

const SAVE_AS: &str = "save it as UTF-8: in Excel as the file type \"CSV UTF-8 (comma delimited)\", in LibreOffice with the \
                       character set \"Unicode (UTF-8)\"";

/// The text of `body` without a byte order mark.
pub(super) fn text(body: &[u8]) -> Result<&str, FieldFault> {
    if body.starts_with(b"\xFF\xFE") || body.starts_with(b"\xFE\xFF") {
        let rule = format!("must not be UTF-16, which some programs call Unicode: {SAVE_AS}");
        return Err(on_line(1, rule));
    }
    let text = str::from_utf8(body).map_err(|error| {
        let line = line_behind(&body[..error.valid_up_to()]);
        let rule = format!("must be UTF-8, and on this line it is not: {SAVE_AS}");
        on_line(line, rule)
    })?;
    if let Some(at) = text.find('\0') {
        let line = line_behind(&body[..at]);
        let rule = format!("must not hold a NUL, as UTF-16 does: {SAVE_AS}");
        return Err(on_line(line, rule));
    }
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

/// That the body breaks `rule` on this line.
pub(super) fn on_line(line: u64, rule: impl Display) -> FieldFault {
    let place = Place {
        index: None,
        line: Some(line),
    };
    place.fault(BODY, rule)
}

/// The line that goes on behind this.
pub(super) fn line_behind(before: &[u8]) -> u64 {
    before.split(|byte| *byte == b'\n').count() as u64
}

/// What a spreadsheet has done to this id, if it shows. `accept_rounded`: somebody has looked at the zeros at its end.
pub(super) fn spoilt_id(id: &str, accept_rounded: bool) -> Option<&'static str> {
    if is_scientific(id) {
        return Some(
            "must be the id itself: a spreadsheet has turned it into a number, and its last digits are lost. Format the \
             column as text there, and enter the ids anew",
        );
    }
    if id.starts_with('\'') {
        return Some(
            "must not begin with ', which spreadsheets and exports put before what is no formula: it is not part of the \
             id. Where it is, send the item as JSON",
        );
    }
    if is_rounded(id) && !accept_rounded {
        return Some(
            "must not have more than 15 digits and end in 00: a spreadsheet rounds such an id to that of somebody else. \
             Format the column as text there, and enter the ids anew; or, if they do end in 00, add accept_rounded=true \
             to the query",
        );
    }
    None
}

/// As in `1.23E+16`; some languages write a comma.
fn is_scientific(id: &str) -> bool {
    let Some((number, exponent)) = id.split_once(['E', 'e']) else {
        return false;
    };
    let exponent = exponent.strip_prefix(['+', '-']);
    let number = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    are_digits(whole) && are_digits(fraction) && exponent.is_some_and(are_digits)
}

fn is_rounded(id: &str) -> bool {
    id.len() > KEPT_DIGITS && id.ends_with("00") && are_digits(id)
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn an_id_that_a_spreadsheet_has_spoilt_is_told_from_one_that_looks_odd() {
        let told = |id: &str| {
            let rule = spoilt_id(id, false);
            assert_eq!(
                spoilt_id(id, true),
                rule.filter(|rule| !rule.contains("end in 00"))
            );
            rule.unwrap_or("good")
        };
        for (id, part) in [
            ("1.23E+16", "its last digits are lost"),
            ("1,5e+20", "its last digits are lost"),
            ("1E+16", "its last digits are lost"),
            ("-1.5E-007", "its last digits are lost"),
            ("12.3E+15", "its last digits are lost"),
            ("'007", "must not begin with '"),
            ("'=1+1", "must not begin with '"),
            ("'@TGS#2J4SZEAEL", "must not begin with '"),
            ("'", "must not begin with '"),
            ("12345678901234500", "end in 00"),
            ("1234567890123400", "end in 00"),
            ("00000000000000000000000000000000", "end in 00"),
        ] {
            assert!(told(id).contains(part), "{id}: {}", told(id));
        }
        for id in [
            "123456789012300",
            "12345678901234501",
            "1234567890123450",
            "a12345678901234500",
            "1e5",
            "12E16",
            "E+16",
            "1.E+16",
            ".5E+16",
            "1.2.3E+16",
            "1.23E+16a",
            "1.23E+",
            "@TGS#2J4SZEAEL",
            "=1+1",
            "-1",
            "1.5",
            "user'",
        ] {
            assert_eq!(told(id), "good", "{id}");
        }
    }

    #[test]
    fn what_is_not_utf_8_is_refused_by_line_and_with_what_to_do() {
        let utf_16 = |bytes: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
            let text = format!("{mark}kind\n");
            text.encode_utf16().flat_map(bytes).collect()
        };
        let latin = b"kind,data\nkick_seat,ok\nkick_seat,b\xE9\n".to_vec();
        for (body, line, told) in [
            (latin, 3, "on this line"),
            (b"\xC0\xAF".to_vec(), 1, "on this line"),
            (b"a\n\xED\xA0\x80".to_vec(), 2, "on this line"),
            (utf_16(u16::to_le_bytes, "\u{FEFF}"), 1, "UTF-16, which"),
            (utf_16(u16::to_be_bytes, "\u{FEFF}"), 1, "UTF-16, which"),
            (utf_16(u16::to_le_bytes, ""), 1, "NUL"),
            (b"a\n\nb\0".to_vec(), 3, "NUL"),
        ] {
            let fault = text(&body).expect_err("it is no UTF-8");
            assert_eq!((fault.line, fault.field.as_str()), (Some(line), BODY));
            assert_eq!(fault.index, None);
            for told in [told, SAVE_AS] {
                assert!(fault.rule.contains(told), "{}", fault.rule);
            }
        }
    }

    #[test]
    fn one_mark_at_the_beginning_is_no_part_of_the_text() {
        assert_eq!(text("\u{FEFF}kind\u{e9}".as_bytes()), Ok("kind\u{e9}"));
        assert_eq!(text(b"kind"), Ok("kind"));
        assert_eq!(text(b""), Ok(""));
        assert_eq!(text("\u{FEFF}\u{FEFF}".as_bytes()), Ok("\u{FEFF}"));
    }
}
