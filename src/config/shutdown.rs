//! The settings of how a process ends.

use std::time::Duration;

use super::Reader;
use super::parse::{self, AT_MOST_AN_HOUR};
use super::variable::Variable;

pub(super) const TIMEOUT: Variable = Variable::plain("MODGATE_SHUTDOWN_TIMEOUT", "20s");

pub(super) fn timeout(reader: &mut Reader<'_>) -> Option<Duration> {
    reader.duration(TIMEOUT, AT_MOST_AN_HOUR)
}

pub(super) const DRAIN_DELAY: Variable = Variable::plain("MODGATE_DRAIN_DELAY", "0s");

pub(super) fn drain_delay(reader: &mut Reader<'_>) -> Option<Duration> {
    reader.with(DRAIN_DELAY, |text| {
        parse::duration_or_zero(text, AT_MOST_AN_HOUR)
    })
}
