//! What undoes what somebody has set.

use std::collections::{BTreeSet, HashMap};

use chrono::Utc;
use uuid::Uuid;

use super::before::Target;
use super::{BatchRefusal, Batches};
use crate::audit::Setting;
use crate::domain::{
    Channels, Command, InForce, Item, Kind, MOST_ITEMS, Slot, TargetAction, Targets, UndoOf,
    in_force,
};

impl Batches {
    /// The items that lift what `undo` names and is still in force.
    pub(super) async fn what_to_undo(&self, undo: &UndoOf) -> Result<Vec<Item>, BatchRefusal> {
        let all = || Kind::ALL.iter().copied();
        let restricting = || all().filter(|kind| kind.undone_by().is_some()).collect();
        let kinds: Vec<Kind> = undo.kind.map_or_else(restricting, |kind| vec![kind]);
        let (audit, asked) = (self.service.audit.clone(), undo.clone());
        let most = i64::try_from(MOST_ITEMS + 1).unwrap_or(i64::MAX);
        let looking = async move { audit.settings_of(&asked, &kinds, most).await };
        let mut settings = self.service.on_main_runtime(looking).await?;
        if settings.len() > MOST_ITEMS {
            return Err(BatchRefusal::TooMuchToUndo);
        }
        settings.reverse();
        let known = self.known_of(settings.iter().filter_map(target)).await;
        let known = known.ok_or(BatchRefusal::AuditUnavailable)?;
        let items = of_targets(&settings);
        let items = items
            .iter()
            .filter_map(|(target, ids)| lifting(known.get(target)?, ids));
        let items: Vec<Item> = items.collect();
        if items.is_empty() {
            return Err(BatchRefusal::NothingToUndo);
        }
        Ok(items)
    }
}

/// Nothing, of a kind that only a newer release knows.
fn target(setting: &Setting) -> Option<Target> {
    let kind = setting.kind.parse::<Kind>().ok()?;
    Some((
        kind.as_str(),
        setting.room_id.clone(),
        setting.user_id.clone(),
    ))
}

/// What was set for each target, in the order of the first for each.
fn of_targets(settings: &[Setting]) -> Vec<(Target, BTreeSet<Uuid>)> {
    let (mut of_targets, mut places) = (Vec::<(Target, BTreeSet<Uuid>)>::new(), HashMap::new());
    for setting in settings {
        let Some(target) = target(setting) else {
            continue;
        };
        let place = *places.entry(target.clone()).or_insert(of_targets.len());
        if place == of_targets.len() {
            of_targets.push((target, BTreeSet::new()));
        }
        of_targets[place].1.insert(setting.id);
    }
    of_targets
}

/// What lifts those of these that are in force: one item, which names the newest. Nothing, where something else was set
/// since for the same messages, by anybody: who lifts one lifts the other.
fn lifting(actions: &[TargetAction], ids: &BTreeSet<Uuid>) -> Option<Item> {
    let (named, others): (Vec<_>, Vec<_>) = in_force(actions, Utc::now())
        .into_iter()
        .partition(|one| ids.contains(&one.action.id));
    let it = named.iter().max_by_key(|one| one.action.id)?.action;
    let clashes = |other: &InForce<'_>| {
        let mut named = named.iter();
        named.any(|one| other.action.id > one.action.id && other.channels.overlap(one.channels))
    };
    if others.iter().any(clashes) {
        return None;
    }
    let kind = it.kind.undone_by()?;
    let channels = named.iter().map(|one| one.channels);
    let channels = channels.reduce(|one, other| if one == other { one } else { Channels::All });
    let targets = Targets {
        user_id: it.user_id.clone().map(TryInto::try_into).transpose().ok()?,
        room_id: it.room_id.clone().map(TryInto::try_into).transpose().ok()?,
        channels: channels.filter(|_| kind.has(Slot::Channels)),
        undoes: kind.has(Slot::Undoes).then_some(it.id),
        ..Targets::default()
    };
    Some(Item {
        command: Command::new(kind, targets)?,
        reason: None,
        case_ref: None,
    })
}
