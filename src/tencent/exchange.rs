//! A request that is over, and how its permit was used.

use std::time::Duration;

use super::envelope::{Judgement, judge};
use crate::domain::{Api, Failure, Verdict};

/// How a permit was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PermitUse {
    /// No byte of the request left.
    Unused,
    /// The answer was read to its end.
    Answered,
    /// The socket was closed without that.
    Abandoned,
}

/// A request that is over.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) permit_use: PermitUse,
    pub(super) duration: Duration,
    pub(super) http_status: Option<u16>,
    pub(super) judgement: Judgement,
}

/// A failure that is none of connecting came when bytes may have left.
pub(super) fn judge_exchange(
    api: &Api,
    fetched: Result<(u16, Vec<u8>), Failure>,
    secrets: &[&str],
) -> (PermitUse, Judgement) {
    let (permit_use, verdict, failure) = match fetched {
        Ok((status, body)) => return (PermitUse::Answered, judge(api, status, &body, secrets)),
        Err(failure @ (Failure::Connect | Failure::DeadlinePassed | Failure::LeaseLapsed)) => {
            (PermitUse::Unused, Verdict::NotSent, failure)
        }
        Err(failure) => (PermitUse::Abandoned, Verdict::Unknown(None), failure),
    };
    (
        permit_use,
        Judgement {
            answer: None,
            failure: Some(failure),
            verdict,
        },
    )
}
