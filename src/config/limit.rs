//! The settings of the limit on calls, and of what each moderator may ask for.

use std::time::Duration;

use super::Reader;
use super::parse::{self, AT_MOST_AN_HOUR};
use super::variable::Variable;
use crate::limit;

pub(super) const TENCENT_QPS: Variable = Variable::plain("MODGATE_TENCENT_QPS", "200");
pub(super) const QUEUE_TIMEOUT: Variable = Variable::plain("MODGATE_QUEUE_TIMEOUT", "2s");
pub(super) const MODERATOR_QPS: Variable = Variable::plain("MODGATE_MODERATOR_QPS", "20");

pub(super) fn limit(
    reader: &mut Reader<'_>,
    attempt_timeout: Option<Duration>,
) -> Option<limit::Settings> {
    let calls = reader.with(TENCENT_QPS, |text| parse::number(text, 1, 100_000));
    let queue_timeout = reader.duration(QUEUE_TIMEOUT, AT_MOST_AN_HOUR);
    let moderator = reader.with(MODERATOR_QPS, |text| parse::number(text, 1, 1_000_000));
    Some(limit::Settings {
        calls_per_second: calls?,
        queue_timeout: queue_timeout?,
        moderator_requests_per_second: moderator?,
        cold_start: limit::COLD_START,
        idle_lease: limit::IDLE_LEASE,
        attempt_timeout: attempt_timeout?,
    })
}
