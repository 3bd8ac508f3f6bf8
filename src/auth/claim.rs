//! What the value of one claim may be.

use std::time::{Duration, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::printable;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// Whether `text` holds nothing that hides or reorders other text.
pub(super) fn is_printable(text: &str) -> bool {
    printable(text, text.len()) == text
}

/// A `NumericDate` (RFC 7519, 2): seconds since 1970, with a fraction or without. What lies before
/// 1970 counts as 1970, what lies after the year 9999 as its end.
pub(super) fn time(claim: &Value) -> Option<DateTime<Utc>> {
    let seconds = claim.as_f64()?.clamp(0.0, LAST_SECOND);
    let since_epoch = Duration::try_from_secs_f64(seconds).ok()?;
    Some(DateTime::from(UNIX_EPOCH + since_epoch))
}
