//! What is in force on the target of an action that restricts, or lifts.
//!
//! At Tencent the last word holds: "mute for a second" is an unmute. So whoever would shorten a restriction must name
//! it, and whoever would shorten or lift another moderator's needs a scope for that.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::audit::TargetTurn;
use crate::domain::{
    Channels, Failure, InForce, Intent, Kind, Scope, Span, TargetAction, in_force,
};
use crate::moderation::{Moderation, Outcome, Refusal};

/// How far clocks and the way to Tencent may differ: what ends that much earlier counts as equally long.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Why what is in force does not let an action go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objection {
    /// It would shorten this restriction, and does not name it.
    WouldShorten {
        restriction: Uuid,
        until: Option<DateTime<Utc>>,
    },
    /// What it would shorten or lift is another moderator's.
    OfAnother,
    /// What it is to undo is not there.
    UndoesNothing(Kind),
}

impl Moderation {
    /// The turn that the action takes on its target, if it restricts or lifts; or why it must not.
    pub(super) async fn turn_on_target(
        self: &Arc<Self>,
        intent: &Intent,
        arrived: Instant,
    ) -> Result<Option<TargetTurn>, Box<Result<Outcome, Refusal>>> {
        let kind = intent.request.command.kind();
        let Some(set_by) = kind.lifts().or(kind.undone_by().map(|_| kind)) else {
            return Ok(None);
        };
        let (audit, command) = (self.audit.clone(), intent.request.command.clone());
        let looking = async move { audit.target(&command, set_by).await };
        let target = self.service.on_main_runtime(looking).await;
        let target = target.map_err(|error| Box::new(Err(error.into())))?;
        let refusal = match objection(intent, &target.actions, Utc::now()) {
            None => {
                let after = target.last_action;
                return Ok(Some(TargetTurn { set_by, after }));
            }
            Some(Objection::OfAnother) => {
                self.deny(intent.clone(), Failure::MissingLift, arrived)
                    .await
            }
            Some(Objection::WouldShorten { restriction, until }) => {
                Refusal::WouldShorten { restriction, until }
            }
            Some(Objection::UndoesNothing(set_by)) => Refusal::UndoesNothing(set_by),
        };
        Err(Box::new(Err(refusal)))
    }
}

fn objection(intent: &Intent, actions: &[TargetAction], now: DateTime<Utc>) -> Option<Objection> {
    let targets = intent.request.command.targets();
    let channels = targets.channels.unwrap_or_default();
    let touched = in_force(actions, now);
    let touched = touched
        .into_iter()
        .filter(|restriction| restriction.channels.overlap(channels));
    let touched: Vec<InForce<'_>> = if let Some(set_by) = intent.request.command.kind().lifts() {
        let is_there = |undoes| undoes_one_of(undoes, set_by, channels, actions);
        if !targets.undoes.is_none_or(is_there) {
            return Some(Objection::UndoesNothing(set_by));
        }
        touched.collect()
    } else {
        let shortened: Vec<_> = touched
            .filter(|restriction| ends_before(targets.span, restriction, now))
            .collect();
        // What ends last stands for those that end before it.
        let last = shortened
            .iter()
            .max_by_key(|restriction| (restriction.until.is_none(), restriction.until))?;
        let restriction = last.action.id;
        if targets.shortens != Some(restriction) {
            let until = last.until;
            return Some(Objection::WouldShorten { restriction, until });
        }
        shortened
    };
    let moderator = &intent.moderator;
    let of_another = touched
        .iter()
        .any(|restriction| !restriction.action.is_by(moderator));
    (of_another && !moderator.may(Scope::LIFT)).then_some(Objection::OfAnother)
}

/// Whether what lasts for `span` from now on, or until it is lifted, ends before `restriction`.
fn ends_before(span: Option<Span>, restriction: &InForce<'_>, now: DateTime<Utc>) -> bool {
    let Some(duration) = span.and_then(Span::duration) else {
        return false;
    };
    let end = TimeDelta::from_std(duration).ok();
    let end = end.and_then(|duration| now.checked_add_signed(duration + TOLERANCE));
    end.is_some_and(|end| restriction.until.is_none_or(|until| end < until))
}

fn undoes_one_of(undoes: Uuid, set_by: Kind, channels: Channels, actions: &[TargetAction]) -> bool {
    let is_it = |action: &TargetAction| {
        action.id == undoes && action.kind == set_by && action.channels.overlap(channels)
    };
    actions.iter().any(is_it)
}
