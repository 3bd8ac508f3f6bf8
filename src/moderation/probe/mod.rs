//! Finding out what is in force at Tencent, where nobody knows whether an action was carried out.
//!
//! A probe is a read, with permits of its own API. What it shows is recorded; where that is [proof](proof), the action
//! of unknown outcome has succeeded.

mod asking;
mod by_hand;
mod proof;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Moderation, Suspended};
use crate::audit::{self, Probeable};
use crate::domain::{
    Command, Failure, Finding, Kind, LATEST, Moderator, Question, State, TargetAction, Targets,
    Until,
};
use crate::limit::QueueError;
use crate::metrics::ProbeResult;
use crate::tencent::Asked;
pub use by_hand::ProbeRefusal;
use proof::{Reading, Sent, Setting, Shown, shown};

/// How long after its `unknown` an action is probed by itself. Tencent's own time-out is 3 s.
pub(super) const AFTER: Duration = Duration::from_secs(6);

/// Why nothing was asked, or what was said is not in the record.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The record could not be read or written.
    #[error("the record could not be reached")]
    Record(#[from] audit::Error),
    /// There was no turn.
    #[error("there was no turn to ask Tencent")]
    Turn(#[from] QueueError),
    /// Calls to the API are suspended.
    #[error("calls to Tencent are suspended")]
    Suspended(Suspended),
    /// The lease on the permit ran out before anything was asked.
    #[error("the lease on the permit has run out")]
    LeaseLapsed,
    /// A bug ended the task.
    #[error("the probe was lost")]
    Lost,
}

impl From<Suspended> for ProbeError {
    fn from(suspended: Suspended) -> Self {
        Self::Suspended(suspended)
    }
}

impl Moderation {
    /// Asks Tencent what is in force on the target of the action `id`, and records what it says; for `moderator`, by
    /// whose turn it is asked, and in whose name if `by_hand`.
    ///
    /// # Errors
    /// Why nothing was asked, or nothing recorded.
    pub(super) async fn probe(
        self: &Arc<Self>,
        id: Uuid,
        moderator: &Moderator,
        by_hand: bool,
    ) -> Result<(), ProbeError> {
        let Some(action) = self.audit.probeable(id).await? else {
            return Ok(());
        };
        let Some(command) = &action.command else {
            return Ok(());
        };
        let Some(question) = command.kind().probe else {
            return Ok(());
        };
        let by = by_hand.then_some(moderator);
        let asking = self.find_out(id, &action, command, question, moderator, by);
        let result = asking.await;
        // Who finds no place in the queue may come again.
        if !matches!(result, Err(ProbeError::Turn(QueueError::Full { .. }))) {
            let result = result.as_ref().copied().unwrap_or(ProbeResult::Failed);
            self.metrics.probe_ended(question.api, result);
        }
        result.map(drop)
    }

    async fn find_out(
        self: &Arc<Self>,
        id: Uuid,
        action: &Probeable,
        command: &Command,
        question: &'static Question,
        turn_of: &Moderator,
        asked_by: Option<&Moderator>,
    ) -> Result<ProbeResult, ProbeError> {
        let kind = command.kind();
        let set_by = kind.restriction().unwrap_or(kind);
        let asked = self.ask(question, command.targets(), turn_of).await?;
        let others = self.audit.target(command, set_by, false).await?.actions;
        let others = others.iter().filter(|other| other.id != id);
        let others: Vec<Setting> = others.map(setting).collect();
        let shown = what_is_shown(command.targets(), action.sent, &others, &asked);
        let shown = Shown {
            proves: shown.proves && action.state == Some(State::Unknown),
            ..shown
        };
        let at = asked.at.trunc_subsecs(6);
        let details = details(asked_by, at, &asked, &shown);
        self.audit
            .record_probe(id, at, &details, shown.proves)
            .await?;
        report(id, kind, &asked, &shown);
        Ok(if asked.answer.is_some() {
            result(&shown)
        } else {
            ProbeResult::Failed
        })
    }
}

fn what_is_shown(
    targets: &Targets,
    sent: Option<(DateTime<Utc>, DateTime<Utc>)>,
    others: &[Setting],
    asked: &Asked,
) -> Shown {
    let reading = asked
        .finding
        .and_then(|finding| Reading::of(finding, asked.at, asked.date));
    // Where nobody knows when it was sent, it can prove nothing.
    let (from, to) = sent.unwrap_or_default();
    let of_action = Setting {
        sent: Sent { from, to },
        span: targets.span,
        channels: targets.channels.unwrap_or_default(),
    };
    reading.map_or(Shown::NOTHING, |reading| {
        shown(&of_action, others, &reading)
    })
}

/// One that is under way may arrive at any moment until now. Others' clocks may be off: that of the database counts as
/// well.
fn setting(other: &TargetAction) -> Setting {
    let to = other.end.map(|end| {
        let to = end.completed_at.max(end.recorded_at);
        let is_unknown = end.state == State::Unknown;
        if is_unknown { to + LATEST } else { to }
    });
    Setting {
        sent: Sent {
            from: other.requested_at.min(other.begun_at),
            to: to.unwrap_or_else(Utc::now),
        },
        span: other.span,
        channels: other.channels,
    }
}

/// JSON in the form of RFC 8785.
fn details(
    asked_by: Option<&Moderator>,
    at: DateTime<Utc>,
    asked: &Asked,
    shown: &Shown,
) -> String {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    let who = asked_by.map(|who| json!({"issuer": who.issuer, "subject": who.subject}));
    let members: BTreeMap<&str, Value> = [
        ("asked_by", json!(who)),
        ("at", json!(time(at))),
        (
            "error_code",
            json!(asked.answer.as_ref().map(|answer| answer.error_code)),
        ),
        ("failure", json!(asked.failure.map(Failure::as_str))),
        ("in_effect", json!(shown.in_effect)),
        ("read", read(asked.finding)),
        ("until", json!(shown.until.map(time))),
    ]
    .into();
    serde_json::to_string(&members).expect("texts are the keys")
}

/// What Tencent said, as it said it.
fn read(finding: Option<Finding>) -> Value {
    let until = |until: Option<Until>| match until {
        None => Value::Null,
        Some(Until::SecondsLeft(seconds)) => json!({"seconds_left": seconds}),
        Some(Until::At(second)) => json!({"at": second}),
        Some(Until::Lifted) => json!("lifted"),
    };
    match finding {
        Some(Finding::InForce { direct, groups }) => {
            json!({"direct": until(direct), "groups": until(groups)})
        }
        Some(Finding::NextPage(_)) | None => Value::Null,
    }
}

const fn result(shown: &Shown) -> ProbeResult {
    match shown {
        Shown { proves: true, .. } => ProbeResult::Succeeded,
        Shown {
            in_effect: Some(true),
            ..
        } => ProbeResult::InEffect,
        Shown {
            in_effect: Some(false),
            ..
        } => ProbeResult::NotInEffect,
        Shown {
            in_effect: None, ..
        } => ProbeResult::Unclear,
    }
}

fn report(id: Uuid, kind: Kind, asked: &Asked, shown: &Shown) {
    tracing::info!(
        event = "probe",
        action.id = %id,
        kind = kind.as_str(),
        in_effect = shown.in_effect,
        proves = shown.proves,
        tencent.error_code = asked.answer.as_ref().map(|answer| answer.error_code),
        tencent.request_id = asked.answer.as_ref().and_then(|answer| answer.request_id.as_deref()),
        failure = asked.failure.map(Failure::as_str),
        "Tencent was asked what is in force on the target of an action"
    );
}
