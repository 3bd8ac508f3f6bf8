//! The settings of the record: its keys, and how long it is kept.

use std::sync::Arc;
use std::time::Duration;

use super::Reader;
use crate::audit::seal::Witness;
use crate::audit::{PublicKeys, SealKeys};

pub(super) fn seal_keys(reader: &mut Reader<'_>) -> Option<Arc<SealKeys>> {
    const NAME: &str = "MODGATE_SEAL_KEY";
    let Some(text) = reader.secret(NAME) else {
        return (!reader.is_faulty(NAME)).then(Arc::default);
    };
    let keys = SealKeys::parse(&text);
    let fault = |error| reader.fault(NAME, error);
    keys.map_err(fault).ok().map(Arc::new)
}

pub(super) fn public_keys(reader: &mut Reader<'_>) -> Option<PublicKeys> {
    const NAME: &str = "MODGATE_SEAL_PUBLIC_KEY_FILE";
    let Some(path) = reader.text(NAME) else {
        return Some(PublicKeys::default());
    };
    let text = reader.file(NAME, &path)?;
    let fault = |error| reader.fault(NAME, error);
    PublicKeys::parse(&text).map_err(fault).ok()
}

/// `Some(None)` where there is none.
#[expect(clippy::option_option, reason = "faulty, none, or this file")]
pub(super) fn witness(reader: &mut Reader<'_>) -> Option<Option<Witness>> {
    const NAME: &str = "MODGATE_SEAL_WITNESS_FILE";
    let Some(path) = reader.text(NAME) else {
        return Some(None);
    };
    let opened = Witness::open(path.into()).map(Some);
    opened
        .map_err(|error| reader.fault(NAME, crate::telemetry::causes(&error)))
        .ok()
}

/// `Some(None)` for ever.
#[expect(clippy::option_option, reason = "faulty, for ever, or this long")]
pub(super) fn retention(reader: &mut Reader<'_>) -> Option<Option<Duration>> {
    reader.with("MODGATE_RETENTION", |text| {
        if text == "forever" {
            return Ok(None);
        }
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        let days = days.filter(|days| (1..=36_500).contains(days));
        days.map(|days: u64| Some(Duration::from_hours(24 * days)))
            .ok_or("must be forever or days from 1d to 36500d")
    })
}

/// Faults in what only other commands use are better known before those are needed.
pub(super) fn of_other_commands(reader: &mut Reader<'_>) -> Option<()> {
    let (public_keys, retention) = (public_keys(reader), retention(reader));
    public_keys.zip(retention).map(|_| ())
}
