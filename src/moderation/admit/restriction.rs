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
    Action, Command, Failure, InForce, Intent, Kind, Moderator, Scope, Slot, Span, TargetAction,
    in_force, not_taken_back,
};
use crate::moderation::{Moderation, Outcome, Refusal};
use crate::service::ReadError;

/// How far clocks and the way to Tencent may differ: what ends that much earlier counts as equally long.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Why what is in force does not let an action go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::moderation) enum Objection {
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

impl Objection {
    /// Why an item of a batch that meets it is not done.
    pub(in crate::moderation) const fn failure(self) -> Failure {
        match self {
            Self::OfAnother => Failure::MissingLift,
            Self::WouldShorten { .. } => Failure::WouldShorten,
            Self::NamesNothing { .. } => Failure::NamesNothing,
        }
    }
}

impl Moderation {
    /// The turn that the action takes on its target, if it restricts or lifts; or why it must not.
    pub(super) async fn turn_on_target(
        self: &Arc<Self>,
        intent: &Intent,
        arrived: Instant,
    ) -> Result<Option<TargetTurn>, Box<Result<Outcome, Refusal>>> {
        let looked_at = self.look_at_target(intent).await;
        let looked_at = looked_at.map_err(|error| Box::new(Err(error.into())))?;
        let refusal = match looked_at {
            Ok(turn) => return Ok(turn),
            Err(Objection::OfAnother) => {
                self.deny(intent.clone(), Failure::MissingLift, arrived)
                    .await
            }
            Err(Objection::WouldShorten { restriction, until }) => Refusal::WouldShorten {
                restriction,
                until,
                action: self.visible(restriction, &intent.moderator).await,
            },
            Err(Objection::NamesNothing { slot, set_by }) => Refusal::NamesNothing { slot, set_by },
        };
        Err(Box::new(Err(refusal)))
    }

    /// The turn that the action takes on its target, or what is in force there and does not let it go on.
    pub(in crate::moderation) async fn look_at_target(
        &self,
        intent: &Intent,
    ) -> Result<Result<Option<TargetTurn>, Objection>, ReadError> {
        let Some(set_by) = intent.request.command.kind().restriction() else {
            return Ok(Ok(None));
        };
        let (audit, command) = (self.audit.clone(), intent.request.command.clone());
        let for_item = intent.item.is_some();
        let looking = async move { audit.target(&command, set_by, for_item).await };
        let target = self.service.on_main_runtime(looking).await?;
        let (command, moderator) = (&intent.request.command, &intent.moderator);
        let after = target.last_action;
        Ok(
            match objection(command, moderator, &target.actions, Utc::now()) {
                None => Ok(Some(TargetTurn { set_by, after })),
                Some(objection) => Err(objection),
            },
        )
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

/// Whether `command` would end before one of `actions`, on the same target, and does not name it.
pub fn would_shorten(command: &Command, moderator: &Moderator, actions: &[TargetAction]) -> bool {
    let objection = objection(command, moderator, actions, Utc::now());
    matches!(objection, Some(Objection::WouldShorten { .. }))
}

fn objection(
    command: &Command,
    moderator: &Moderator,
    actions: &[TargetAction],
    now: DateTime<Utc>,
) -> Option<Objection> {
    let targets = command.targets();
    let channels = targets.channels.unwrap_or_default();
    let lifts = command.kind().lifts();
    let is_ended = |restriction: &InForce<'_>| {
        restriction.channels.overlap(channels)
            && (lifts.is_some() || ends_before(targets.span, restriction, now))
    };
    if let Some(objection) = names_nothing(command, actions, now) {
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
    let mut ended = not_taken_back(actions, now).into_iter().filter(is_ended);
    let of_another = ended.any(|restriction| !restriction.action.is_by(moderator));
    (of_another && !moderator.may(Scope::LIFT)).then_some(Objection::OfAnother)
}

/// What an undo undoes must have been done, or may have been; what is shortened must be in force, or may be.
fn names_nothing(
    command: &Command,
    actions: &[TargetAction],
    now: DateTime<Utc>,
) -> Option<Objection> {
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
