//! The settings of the record: its keys, and how long it is kept.

use std::sync::Arc;
use std::time::Duration;

use super::Reader;
use super::variable::Variable;
use crate::audit::seal::Witness;
use crate::audit::{PublicKeys, SealKeys};

pub(super) const SEAL_KEY: Variable = Variable::secret("MODGATE_SEAL_KEY");

pub(super) fn seal_keys(reader: &mut Reader<'_>) -> Option<Arc<SealKeys>> {
    let Some(text) = reader.secret(SEAL_KEY) else {
        return (!reader.is_faulty(SEAL_KEY)).then(Arc::default);
    };
    let keys = SealKeys::parse(&text);
    let fault = |error| reader.fault(SEAL_KEY, error);
    keys.map_err(fault).ok().map(Arc::new)
}

pub(super) const PUBLIC_KEY_FILE: Variable = Variable::plain("MODGATE_SEAL_PUBLIC_KEY_FILE", "");

pub(super) fn public_keys(reader: &mut Reader<'_>) -> Option<PublicKeys> {
    let Some(path) = reader.text(PUBLIC_KEY_FILE) else {
        return Some(PublicKeys::default());
    };
    let text = reader.file(PUBLIC_KEY_FILE, &path)?;
    let fault = |error| reader.fault(PUBLIC_KEY_FILE, error);
    PublicKeys::parse(&text).map_err(fault).ok()
}

pub(super) const WITNESS_FILE: Variable = Variable::plain("MODGATE_SEAL_WITNESS_FILE", "");

/// `Some(None)` where there is none.
#[expect(clippy::option_option, reason = "faulty, none, or this file")]
pub(super) fn witness(reader: &mut Reader<'_>) -> Option<Option<Witness>> {
    let Some(path) = reader.text(WITNESS_FILE) else {
        return Some(None);
    };
    let opened = Witness::open(path.into()).map(Some);
    opened
        .map_err(|error| reader.fault(WITNESS_FILE, crate::telemetry::causes(&error)))
        .ok()
}

pub(super) const RETENTION: Variable = Variable::plain("MODGATE_RETENTION", "forever");

/// `Some(None)` for ever.
#[expect(clippy::option_option, reason = "faulty, for ever, or this long")]
pub(super) fn retention(reader: &mut Reader<'_>) -> Option<Option<Duration>> {
    reader.with(RETENTION, |text| {
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
