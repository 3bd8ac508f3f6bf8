//! What was done before a batch to its targets: what whoever submits it should know.

use std::collections::{BTreeSet, HashMap};

use super::{Batches, Submission, Warnings};
use crate::domain::{Command, Item, Kind, TargetAction};
use crate::moderation::would_shorten;

/// How many targets are looked at in one statement.
const AT_A_TIME: usize = 200;

/// A target of mutes or bans: the kind that sets what is set there, and whom and where.
pub(super) type Target = (&'static str, Option<String>, Option<String>);

impl Batches {
    pub(super) async fn warnings(&self, submission: &Submission, items: &[Item]) -> Warnings {
        let (audit, all) = (self.service.audit.clone(), items.to_vec());
        let counting = async move { audit.recently_done(&all).await };
        let recently_done = self.service.on_main_runtime(counting).await.ok();
        Warnings {
            recently_done,
            would_shorten: self.how_many_would_shorten(submission, items).await,
        }
    }

    async fn how_many_would_shorten(&self, submission: &Submission, items: &[Item]) -> Option<u32> {
        let restricts = |item: &&Item| item.command.kind().undone_by().is_some();
        let commands: Vec<&Command> = items
            .iter()
            .filter(restricts)
            .map(|item| &item.command)
            .collect();
        let known = self
            .known_of(commands.iter().map(|command| target(command)))
            .await?;
        let would_shorten = commands.iter().filter(|command| {
            let actions = known.get(&target(command));
            actions.is_some_and(|actions| would_shorten(command, &submission.moderator, actions))
        });
        u32::try_from(would_shorten.count()).ok()
    }

    /// What is known of these targets; `None` if that could not be found out in time.
    pub(super) async fn known_of(
        &self,
        targets: impl Iterator<Item = Target>,
    ) -> Option<HashMap<Target, Vec<TargetAction>>> {
        let targets: BTreeSet<Target> = targets.collect();
        let targets: Vec<Target> = targets.into_iter().collect();
        let mut known: HashMap<Target, Vec<TargetAction>> = HashMap::new();
        let mut left: Vec<&[Target]> = targets.chunks(AT_A_TIME).collect();
        while let Some(some) = left.pop() {
            let Some(actions) = self.actions_on(some).await? else {
                // Too much was done to them: fewer at a time.
                let (first, second) = some.split_at_checked(some.len() / 2)?;
                if first.is_empty() {
                    return None;
                }
                left.extend([second, first]);
                continue;
            };
            for action in actions {
                let Some(set_by) = action.kind.restriction() else {
                    continue;
                };
                let target = (
                    set_by.as_str(),
                    action.room_id.clone(),
                    action.user_id.clone(),
                );
                let actions = known.entry(target).or_default();
                if !actions.iter().any(|one| one.id == action.id) {
                    actions.push(action);
                }
            }
        }
        Some(known)
    }

    /// `None` if they could not be looked at; and in it, if there is more than one can look at.
    async fn actions_on(&self, some: &[Target]) -> Option<Option<Vec<TargetAction>>> {
        let is_among = |kind: &Kind| some.iter().any(|(set_by, ..)| *set_by == kind.as_str());
        let set_by: Vec<Kind> = Kind::ALL.iter().copied().filter(is_among).collect();
        let asked = some
            .iter()
            .map(|(_, room, user)| (user.clone(), room.clone()));
        let (audit, asked): (_, Vec<_>) = (self.service.audit.clone(), asked.collect());
        let looking = async move { audit.targets(&asked, &set_by).await };
        self.service.on_main_runtime(looking).await.ok()
    }
}

fn target(command: &Command) -> Target {
    let set_by = command.kind().restriction().map_or("", Kind::as_str);
    let text = |text: Option<&str>| text.map(str::to_owned);
    (set_by, text(command.room_id()), text(command.user_id()))
}
