//! Values that need more than `FromStr`.

use std::time::Duration;

/// The longest of the durations that bound one request.
pub(super) const AT_MOST_AN_HOUR: Duration = Duration::from_hours(1);

/// Refuses what nobody types and pasting leaves: white space at either end, and characters that no
/// screen shows, such as the byte order mark of an editor.
pub(super) fn pasted(text: &str) -> Result<&str, String> {
    if text.starts_with(char::is_whitespace) {
        return Err("must not begin with white space".to_owned());
    }
    if text.ends_with(char::is_whitespace) {
        return Err("must not end with white space".to_owned());
    }
    match text.chars().find(|character| is_invisible(*character)) {
        None => Ok(text),
        Some(character) => Err(format!(
            "must not hold the invisible character U+{:04X}",
            u32::from(character)
        )),
    }
}

/// Control characters but line ends and tabs; and what takes no room: soft hyphens, zero-width spaces,
/// joiners and direction marks, byte order marks (the default ignorable code points that get into
/// texts by pasting: Unicode, 5.21).
fn is_invisible(character: char) -> bool {
    character.is_control() && !matches!(character, '\n' | '\r' | '\t')
        || matches!(
            character,
            '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
        )
}

/// A duration above zero and at most `longest`, as in `1500ms`, `5s`, `24h`, `400d`.
pub(super) fn duration(text: &str, longest: Duration) -> Result<Duration, String> {
    let rule = || {
        let longest = humantime::format_duration(longest);
        format!("must be a duration such as 1500ms, 5s or 24h, above zero and at most {longest}")
    };
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() && duration <= longest => Ok(duration),
        _ => Err(rule()),
    }
}

/// How long a `UserSig` is valid: at least a minute, or it would expire between minting and use.
pub(super) fn usersig_ttl(text: &str) -> Result<Duration, String> {
    let ttl = duration(text, Duration::from_hours(24 * 365))?;
    if ttl < Duration::from_mins(1) {
        Err("must be at least 1m".to_owned())
    } else {
        Ok(ttl)
    }
}

/// As [`duration`], and zero is allowed.
pub(super) fn duration_or_zero(text: &str, longest: Duration) -> Result<Duration, String> {
    match text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic()) {
        "0" => Ok(Duration::ZERO),
        _ => duration(text, longest),
    }
}

/// A whole number from `least` to `most`.
pub(super) fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}

/// `true` or `false`.
pub(super) fn flag(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

/// The items between commas, without outer spaces and empty ones.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}
