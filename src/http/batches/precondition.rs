//! `If-Match` (RFC 9110, 13.1.1): what somebody has looked at is what they approve or reject.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::http::fields::Fields;

/// What [`tags`] takes, as far as a regular expression can say it.
pub(in crate::http) const PATTERN: &str = r#"^(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)$"#;

const SPACES: [char; 2] = [' ', '\t'];

/// The strong tags of `If-Match`, without their quotes, or `*` alone; `None` if there is no such header, or one that is
/// wrong. A weak tag never matches, so it is left out.
pub(super) fn if_match(fields: &mut Fields, request: &HttpRequest) -> Option<Vec<String>> {
    let lines = request.headers().get_all(header::IF_MATCH);
    let lines: Vec<&[u8]> = lines.map(header::HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return None;
    }
    let list = lines.join(&b", "[..]);
    let tags = std::str::from_utf8(&list).ok().and_then(tags);
    if tags.is_none() {
        fields.fault(
            "If-Match",
            "must be the ETag of the batch, with its quotes, or a list of such",
        );
    }
    tags
}

fn tags(list: &str) -> Option<Vec<String>> {
    let mut rest = list.trim_matches(SPACES);
    if rest == "*" {
        return Some(vec!["*".to_owned()]);
    }
    let (mut strong, mut count) = (Vec::new(), 0);
    loop {
        // A list may have empty elements (RFC 9110, 5.6.1.2).
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (count > 0).then_some(strong);
        }
        let opaque = rest.strip_prefix("W/");
        let is_strong = opaque.is_none();
        let (tag, after) = opaque.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        let after = after.trim_start_matches(SPACES);
        let in_tag = |character: char| !character.is_ascii() || character.is_ascii_graphic();
        if !tag.chars().all(in_tag) || !(after.is_empty() || after.starts_with(',')) {
            return None;
        }
        if is_strong {
            strong.push(tag.to_owned());
        }
        (rest, count) = (after, count + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_taken_apart_and_weak_ones_are_left_out() {
        for (list, expected) in [
            ("\"a.queued\"", &["a.queued"][..]),
            (" \"a\" ,\"b\"", &["a", "b"]),
            (", \"a\",, \"b,c\" ,", &["a", "b,c"]),
            ("W/\"a\"", &[]),
            ("W/\"a\", \"b\"", &["b"]),
            ("\"*\"", &["*"]),
            ("\"\"", &[""]),
            ("*", &["*"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|tag| (*tag).to_owned()).collect();
            assert_eq!(tags(list), Some(expected), "{list}");
        }
        for wrong in [
            "",
            " , ",
            "a.queued",
            "\"a",
            "a\"",
            "\"a\" \"b\"",
            "\"a\"b",
            "*, \"a\"",
            "w/\"a\"",
            "W/ \"a\"",
            "\"a b\"",
            "'a'",
        ] {
            assert_eq!(tags(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_the_document_allows_is_taken() {
        let pattern = regex::Regex::new(PATTERN).expect("it is a regular expression");
        for (list, fits) in [
            ("*", true),
            ("\"a.queued\"", true),
            ("W/\"a\", \"b\"", true),
            ("\"a\",\"b\"", true),
            ("a.queued", false),
            ("\"a\" \"b\"", false),
            ("", false),
        ] {
            assert_eq!(pattern.is_match(list), fits, "{list}");
            assert_eq!(tags(list).is_some(), fits, "{list}");
        }
    }
}
