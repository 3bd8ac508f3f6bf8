//! How an action looks once it has ended, and the one log line it leaves.

use std::time::Instant;

use chrono::{SubsecRound, Utc};

use super::run::Ending;
use crate::domain::{Action, Attempt, DecidedBy, End, Failure, Intent, State, millis};
use crate::metrics::Metrics;

/// The end that the attempts of an action prove, now.
pub(super) fn of(ending: Ending, arrived: Instant) -> End {
    end(ending.verdict.state(), arrived, ending.attempt, None)
}

/// An end that this process decides now.
pub(super) fn end(
    state: State,
    arrived: Instant,
    attempt: Option<Attempt>,
    failure: Option<Failure>,
) -> End {
    End {
        state,
        decided_by: DecidedBy::Gateway,
        completed_at: Utc::now().trunc_subsecs(6),
        duration: Some(arrived.elapsed()),
        attempt,
        failure,
    }
}

/// The action of `intent` with this end.
pub(super) fn ended(intent: &Intent, end: &End, attempts: Vec<Attempt>, recorded: bool) -> Action {
    Action {
        state: end.state.into(),
        completed_at: Some(end.completed_at),
        duration: end.duration,
        attempts,
        failure: end.failure,
        recorded,
        ..Action::pending(intent)
    }
}

/// Counts the action and writes its log line.
pub(super) fn report(
    metrics: &Metrics,
    intent: &Intent,
    action: &Action,
    failure: Option<Failure>,
) {
    let state = &action.state;
    let kind = intent.request.command.kind();
    if let Some(state) = state.known() {
        metrics.action_ended(kind, state);
    }
    let attempt = action.attempts.last();
    let answer = action.last_answer();
    let failure = attempt.and_then(Attempt::failure).or(failure);
    tracing::info!(
        event = "action",
        action.id = %action.id,
        kind = kind.as_str(),
        state = state.as_str(),
        moderator = action.moderator,
        user_id = action.user_id,
        room_id = action.room_id,
        case_ref = action.case_ref,
        tencent.random = attempt.map(|attempt| attempt.random),
        tencent.error_code = answer.map(|answer| answer.error_code),
        tencent.error_info = answer.map(|answer| answer.error_info.as_str()).filter(|info| !info.is_empty()),
        tencent.request_id = answer.and_then(|answer| answer.request_id.as_deref()),
        failure = failure.map(Failure::as_str),
        attempts = action.attempts.len(),
        duration_ms = action.duration.map(millis),
        recorded = action.recorded,
        http_request_id = intent.origin.http_request_id,
        trace_id = intent.origin.trace_id,
        "action {}", state.as_str()
    );
}
