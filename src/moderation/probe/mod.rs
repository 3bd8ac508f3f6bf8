//! Finding out what is in force at Tencent, where nobody knows whether an action was carried out.
//!
//! A probe is a read, with permits of its own API. What it shows is recorded; where that is [proof](proof), the action
//! of unknown outcome has succeeded.

mod by_hand;
mod proof;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::Moderation;
use crate::audit::{self, Probeable};
use crate::domain::{Failure, Finding, Kind, Moderator, Question, State, TargetAction, Until};
use crate::limit::QueueError;
use crate::tencent::Asked;
pub use by_hand::ProbeRefusal;
use proof::{Reading, Sent, Setting, Shown, shown};

/// How long after its `unknown` an action is probed by itself. Tencent's own time-out is 3 s.
pub(super) const AFTER: Duration = Duration::from_secs(6);

/// The longest that one takes, with all its pages.
const LONGEST: Duration = Duration::from_secs(10);

/// Of a list with more, nothing is known.
const MOST_PAGES: usize = 100;

/// Why nothing was asked, or what was said is not in the record.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The record could not be read or written.
    #[error("the record could not be reached")]
    Record(#[from] audit::Error),
    /// There was no turn.
    #[error("there was no turn to ask Tencent")]
    Turn(#[from] QueueError),
    /// The lease on the permit ran out before anything was asked.
    #[error("the lease on the permit has run out")]
    LeaseLapsed,
    /// A bug ended the task.
    #[error("the probe was lost")]
    Lost,
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
        let kind = action.command.kind();
        let Some((question, set_by)) = kind.probe.zip(kind.lifts().or(Some(kind))) else {
            return Ok(());
        };
        let asked = self.ask(question, &action, moderator).await?;
        let others = self.audit.target(&action.command, set_by).await?.actions;
        let shown = what_is_shown(&action, id, &others, &asked);
        let proves = shown.proves && action.state == State::Unknown;
        let at = asked.at.trunc_subsecs(6);
        let details = details(by_hand.then_some(moderator), at, &asked, &shown);
        self.audit.record_probe(id, at, &details, proves).await?;
        report(id, kind, &asked, &shown, proves);
        Ok(())
    }

    /// Page by page, until the target is found.
    async fn ask(
        self: &Arc<Self>,
        question: &'static Question,
        action: &Probeable,
        moderator: &Moderator,
    ) -> Result<Asked, ProbeError> {
        let (deadline, mut offset, mut page) = (Instant::now() + LONGEST, 0, 0);
        loop {
            let turn = self.limiter.turn(question.api, moderator).await?;
            let permit = turn.permit().ok_or(ProbeError::LeaseLapsed)?;
            let deadline = self.tencent.call_deadline(deadline);
            let targets = action.command.targets();
            let asked = self
                .tencent
                .ask(question, targets, offset, permit, deadline)
                .await;
            page += 1;
            match asked.finding {
                Some(Finding::NextPage(next)) if next > offset && page < MOST_PAGES => {
                    offset = next;
                }
                _ => return Ok(asked),
            }
        }
    }
}

fn what_is_shown(action: &Probeable, id: Uuid, others: &[TargetAction], asked: &Asked) -> Shown {
    let reading = asked
        .finding
        .and_then(|finding| Reading::of(finding, asked.at, asked.date));
    let targets = action.command.targets();
    // Where nobody knows when it was sent, it can prove nothing.
    let (from, to) = action.sent.unwrap_or_default();
    let of_action = Setting {
        sent: Sent { from, to },
        span: targets.span,
        channels: targets.channels.unwrap_or_default(),
    };
    let others = others.iter().filter(|other| other.id != id);
    let others: Vec<Setting> = others.map(setting).collect();
    reading.map_or(Shown::NOTHING, |reading| {
        shown(&of_action, &others, &reading)
    })
}

/// One that is under way may arrive at any moment until now.
fn setting(other: &TargetAction) -> Setting {
    let to = other.end.map_or_else(Utc::now, |end| end.completed_at);
    Setting {
        sent: Sent {
            from: other.requested_at,
            to,
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

fn report(id: Uuid, kind: Kind, asked: &Asked, shown: &Shown, proves: bool) {
    tracing::info!(
        event = "probe",
        action.id = %id,
        kind = kind.as_str(),
        in_effect = shown.in_effect,
        proves,
        tencent.error_code = asked.answer.as_ref().map(|answer| answer.error_code),
        tencent.request_id = asked.answer.as_ref().and_then(|answer| answer.request_id.as_deref()),
        failure = asked.failure.map(Failure::as_str),
        "Tencent was asked what is in force on the target of an action"
    );
}
