//! The spans of an action's steps: where the time of one action went.
//!
//! They are children of the request's span, and do not keep it open: the work may outlive the
//! request. People are left out of them; the record and the log have those, by the action's id.

use tokio::time::error::Elapsed;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::retry::NoRetry;
use crate::audit::BeginError;
use crate::domain::{Attempt, Failure, Intent, State, Verdict};
use crate::limit::QueueError;
use crate::telemetry::Parent;

/// The spans of one action.
#[derive(Debug)]
pub(super) struct Spans {
    /// The request's span, if anybody takes spans.
    request: Option<Parent>,
    id: Uuid,
    kind: &'static str,
}

/// A step's span; all have these fields, and those that are given.
macro_rules! step {
    ($spans:expr, $name:literal $(, $($field:tt)+)?) => {
        $spans.adopt(tracing::info_span!(
            parent: None,
            $name,
            otel.status_code = Empty,
            error.type = Empty,
            action.id = %$spans.id,
            kind = $spans.kind,
            $($($field)+)?
        ))
    };
}

impl Spans {
    /// Children of the span that this runs in.
    pub(super) fn of(intent: &Intent) -> Self {
        Self {
            request: Parent::of(&Span::current()),
            id: intent.id,
            kind: intent.request.command.kind().as_str(),
        }
    }

    fn adopt(&self, span: Span) -> Span {
        match &self.request {
            Some(parent) => parent.adopt(span),
            None => span,
        }
    }

    /// Waits for the turn.
    pub(super) async fn queue<T>(
        &self,
        waiting: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        let span = step!(self, "queue");
        let turn = waiting.instrument(span.clone()).await;
        match &turn {
            Ok(_) => {}
            Err(QueueError::Full { .. }) => failed(&span, "full"),
            Err(QueueError::Unleased) => failed(&span, "unleased"),
            Err(QueueError::Closed) => failed(&span, "closed"),
        }
        turn
    }

    /// Commits the intent.
    pub(super) async fn begin<T>(
        &self,
        committing: impl Future<Output = Result<Result<T, BeginError>, Elapsed>>,
    ) -> Result<Result<T, BeginError>, Elapsed> {
        let span = step!(self, "begin");
        let begun = committing.instrument(span.clone()).await;
        match &begun {
            Ok(Ok(_)) => {}
            Ok(Err(BeginError::NotCommitted(_))) => failed(&span, "not_committed"),
            Ok(Err(BeginError::Unstorable(_))) => failed(&span, "unstorable"),
            Ok(Err(BeginError::KeyTaken)) => failed(&span, "key_taken"),
            Ok(Err(BeginError::Overtaken)) => failed(&span, "overtaken"),
            Ok(Err(BeginError::RefusedBySchema(_))) => failed(&span, "refused_by_schema"),
            Ok(Err(BeginError::Stopped)) => failed(&span, "stopped"),
            Ok(Err(BeginError::ItemTaken)) => failed(&span, "item_taken"),
            Ok(Err(BeginError::Frozen)) => failed(&span, "frozen"),
            Ok(Err(BeginError::HourFull { .. })) => failed(&span, "hour_full"),
            Ok(Err(BeginError::Unclear(_))) => failed(&span, "unclear"),
            Err(_) => failed(&span, "timed_out"),
        }
        begun
    }

    /// Makes one attempt.
    pub(super) async fn attempt<GivenUp>(
        &self,
        number: u16,
        attempting: impl Future<Output = (Attempt, Verdict, GivenUp)>,
    ) -> (Attempt, Verdict, GivenUp) {
        let span = step!(
            self,
            "attempt",
            otel.kind = "client",
            attempt.number = number,
            http.request.method = "POST",
            http.response.status_code = Empty,
            tencent.error_code = Empty,
            tencent.request_id = Empty,
            state = Empty
        );
        let over = attempting.instrument(span.clone()).await;
        tried(&span, &over.0, over.1);
        over
    }

    /// Waits until another attempt may be made.
    pub(super) async fn retry<T>(
        &self,
        announcing: impl Future<Output = Result<T, NoRetry>>,
    ) -> Result<T, NoRetry> {
        let span = step!(self, "retry");
        let next = announcing.instrument(span.clone()).await;
        if matches!(next, Err(NoRetry::Impossible)) {
            failed(&span, "not_repeated");
        }
        next
    }

    /// Commits the end.
    pub(super) async fn finish(
        &self,
        state: State,
        finishing: impl Future<Output = Result<(), Elapsed>>,
    ) -> Result<(), Elapsed> {
        let span = step!(self, "finish", state = state.as_str());
        let finished = finishing.instrument(span.clone()).await;
        if finished.is_err() {
            failed(&span, "timed_out");
        }
        finished
    }
}

fn tried(span: &Span, attempt: &Attempt, verdict: Verdict) {
    span.record("state", verdict.state().as_str());
    span.record("http.response.status_code", attempt.http_status);
    if let Some(answer) = &attempt.answer {
        span.record("tencent.error_code", answer.error_code);
        span.record("tencent.request_id", answer.request_id.as_deref());
    }
    let error = match (attempt.failure().map(Failure::as_str), verdict) {
        (Some(failure), _) => failure,
        (None, Verdict::Succeeded) => return,
        (None, Verdict::Refused(class) | Verdict::Unknown(Some(class))) => class.as_str(),
        (None, Verdict::Unknown(None) | Verdict::NotSent) => verdict.state().as_str(),
    };
    failed(span, error);
}

fn failed(span: &Span, error: &'static str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", error);
}
