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
    Action, Failure, InForce, Intent, Kind, Moderator, Scope, Slot, Span, TargetAction, in_force,
    not_taken_back,
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
    /// What it is to undo, or to shorten, is not there.
    NamesNothing { slot: Slot, set_by: Kind },
}

impl Moderation {
    /// The turn that the action takes on its target, if it restricts or lifts; or why it must not.
    pub(super) async fn turn_on_target(
        self: &Arc<Self>,
        intent: &Intent,
        arrived: Instant,
    ) -> Result<Option<TargetTurn>, Box<Result<Outcome, Refusal>>> {
        let kind = intent.request.command.kind();
        let Some(set_by) = kind.restriction() else {
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
            Some(Objection::WouldShorten { restriction, until }) => Refusal::WouldShorten {
                restriction,
                until,
                action: self.visible(restriction, &intent.moderator).await,
            },
            Some(Objection::NamesNothing { slot, set_by }) => {
                Refusal::NamesNothing { slot, set_by }
            }
        };
        Err(Box::new(Err(refusal)))
    }

    /// The action `id`, if `moderator` may see it and the record can be read.
    async fn visible(&self, id: Uuid, moderator: &Moderator) -> Option<Box<Action>> {
        let (issuer, subject) = moderator.key();
        let own = || (issuer.to_owned(), subject.to_owned());
        let visible_to = (!moderator.may(Scope::AUDIT_READ)).then(own);
        let audit = self.audit.clone();
        let reading = async move { audit.get(id, visible_to).await };
        let read = self.service.on_main_runtime(reading).await;
        read.ok().flatten().map(Box::new)
    }
}

fn objection(intent: &Intent, actions: &[TargetAction], now: DateTime<Utc>) -> Option<Objection> {
    let targets = intent.request.command.targets();
    let channels = targets.channels.unwrap_or_default();
    let lifts = intent.request.command.kind().lifts();
    let is_ended = |restriction: &InForce<'_>| {
        restriction.channels.overlap(channels)
            && (lifts.is_some() || ends_before(targets.span, restriction, now))
    };
    if let Some(objection) = names_nothing(intent, actions, now) {
        return Some(objection);
    }
    if lifts.is_none() {
        let shortened = in_force(actions, now).into_iter().filter(is_ended);
        // What ends last stands for those that end before it.
        let last = shortened.max_by_key(|one| (one.until.is_none(), one.until))?;
        let restriction = last.action.id;
        if targets.shortens != Some(restriction) {
            let until = last.until;
            return Some(Objection::WouldShorten { restriction, until });
        }
    }
    // Also what a longer one of one's own covers: whoever renews another's restriction does not own it.
    let moderator = &intent.moderator;
    let mut ended = not_taken_back(actions, now).into_iter().filter(is_ended);
    let of_another = ended.any(|restriction| !restriction.action.is_by(moderator));
    (of_another && !moderator.may(Scope::LIFT)).then_some(Objection::OfAnother)
}

/// What an undo undoes must have been done, or may have been; what is shortened must be in force, or may be.
fn names_nothing(
    intent: &Intent,
    actions: &[TargetAction],
    now: DateTime<Utc>,
) -> Option<Objection> {
    let command = &intent.request.command;
    let (kind, targets) = (command.kind(), command.targets());
    let channels = targets.channels.unwrap_or_default();
    let set_by = kind.lifts().unwrap_or(kind);
    let is_named = |named: Uuid, action: &TargetAction| {
        action.id == named && action.kind == set_by && action.channels.overlap(channels)
    };
    let undoes = |named| actions.iter().any(|action| is_named(named, action));
    let mut in_force = in_force(actions, now).into_iter();
    let mut shortens = |named| in_force.any(|one| is_named(named, one.action));
    let slot = match (targets.undoes, targets.shortens) {
        (Some(named), _) if !undoes(named) => Slot::Undoes,
        (_, Some(named)) if !shortens(named) => Slot::Shortens,
        _ => return None,
    };
    Some(Objection::NamesNothing { slot, set_by })
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
