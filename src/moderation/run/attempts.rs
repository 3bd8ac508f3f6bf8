//! What the attempts of an action have come to.

use super::evidence::Evidence;
use super::listening::Listening;
use crate::audit::OpenAction;

/// The attempts of an action so far.
#[derive(Debug)]
pub(super) struct Attempts {
    pub(super) open: OpenAction,
    pub(super) evidence: Evidence,
    pub(super) listening: Listening,
}
