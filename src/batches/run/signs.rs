//! What the ends of items say about whether a batch should go on.

use std::collections::VecDeque;

use crate::domain::{Class, PauseCause, State};
use crate::tencent::is_quota_of_the_day;

/// Of the last so many ends of a batch, as this process saw them, so many may be unknown.
const LAST_ENDS: usize = 50;
const MOST_UNKNOWN: usize = 20;

/// So many refusals in a row may have the same fault of the gateway's.
const MOST_REFUSED: u32 = 10;

/// What this process saw of the ends of one batch.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Whether each of the last is unknown.
    last: VecDeque<bool>,
    /// The error code that Tencent refused with for a fault of the gateway's, and how often in a row.
    refused: Option<(i64, u32)>,
}

impl Signs {
    /// Notes how an item ended; why the batch should pause, if it should.
    pub(super) fn note(
        &mut self,
        state: State,
        class: Option<Class>,
        code: Option<i64>,
    ) -> Option<PauseCause> {
        self.last.push_back(state == State::Unknown);
        if self.last.len() > LAST_ENDS {
            self.last.pop_front();
        }
        let unknown = self.last.iter().filter(|unknown| **unknown).count();
        let refused = code.filter(|_| class.is_some_and(is_the_gateways));
        self.refused = refused.map(|code| {
            let before = self.refused.filter(|(same, _)| *same == code);
            (code, before.map_or(1, |(_, times)| times + 1))
        });
        if class == Some(Class::RateLimit) && code.is_some_and(is_quota_of_the_day) {
            Some(PauseCause::Quota)
        } else if self.refused.is_some_and(|(_, times)| times >= MOST_REFUSED) {
            Some(PauseCause::RefusesGateway)
        } else {
            (unknown >= MOST_UNKNOWN).then_some(PauseCause::Unknown)
        }
    }
}

/// Whether Tencent refused the gateway, and not what was asked.
const fn is_the_gateways(class: Class) -> bool {
    matches!(
        class,
        Class::Credential
            | Class::CredentialLockout
            | Class::Config
            | Class::GatewayBug
            | Class::Unlisted
    )
}
