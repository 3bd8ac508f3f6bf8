//! Which restrictions of one target are in force, as far as the record can know.
//!
//! At Tencent the last word holds. Which of two calls came last is known only where one had ended before the other
//! began: a later one that was done then stands in the place of the earlier. Of two that were under way at once either
//! may be the last, and one of unknown outcome may or may not hold: both may be in force.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Channels, Kind, Moderator, Span, State};

/// An action that has set or lifted a restriction of a target, or may have.
#[derive(Clone, Debug)]
pub struct TargetAction {
    /// Its id.
    pub id: Uuid,
    /// Its kind, which restricts or lifts.
    pub kind: Kind,
    /// Who did it: issuer and subject.
    pub moderator: (String, String),
    /// How long it lasts; `None` of one that lifts, and of one that lasts until it is lifted.
    pub span: Option<Span>,
    /// The messages that it is about.
    pub channels: Channels,
    /// When it was asked for, by the gateway's clock.
    pub requested_at: DateTime<Utc>,
    /// When its intent came into the record, by the clock of the database: nothing was sent before.
    pub begun_at: DateTime<Utc>,
    /// Its end; `None` while it is under way.
    pub end: Option<Ended>,
}

/// How and when a [`TargetAction`] ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// [`State::Succeeded`] or [`State::Unknown`].
    pub state: State,
    /// When, by the gateway's clock.
    pub completed_at: DateTime<Utc>,
    /// When that came into the record, by the clock of the database.
    pub recorded_at: DateTime<Utc>,
}

/// A restriction that is in force, or may be.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// What has set it.
    pub action: &'a TargetAction,
    /// The messages that it is still about.
    pub channels: Channels,
    /// When it ends; `None` if it does not.
    pub until: Option<DateTime<Utc>>,
    /// Whether it is: it was done, and nothing else may have come after it.
    pub certain: bool,
}

impl TargetAction {
    /// Whether `moderator` did it.
    pub fn is_by(&self, moderator: &Moderator) -> bool {
        let (issuer, subject) = &self.moderator;
        moderator.key() == (issuer, subject)
    }

    /// Whether it is known that this one was over when `other` began.
    fn precedes(&self, other: &Self) -> bool {
        let end = self.end.as_ref();
        end.is_some_and(|end| end.recorded_at <= other.begun_at)
    }

    fn is_done(&self) -> bool {
        let end = self.end.as_ref();
        end.is_some_and(|end| end.state == State::Succeeded)
    }

    /// When what it has set ends: as if Tencent had done it when its answer came, or, without one, when it was asked.
    fn until(&self) -> Option<DateTime<Utc>> {
        let duration = self.span.and_then(Span::duration)?;
        let end = self.end.as_ref();
        let from = end.map_or(self.requested_at, |end| end.completed_at);
        from.checked_add_signed(TimeDelta::from_std(duration).ok()?)
    }

    /// Whether it is in force for this one of [`Channels::Direct`] and [`Channels::Groups`]: `None` if it is not, and
    /// else whether that is certain.
    fn stands(&self, actions: &[Self], channel: Channels) -> Option<bool> {
        let mut others = actions.iter().filter(|other| {
            other.id != self.id && other.channels.overlap(channel) && !other.precedes(self)
        });
        let mut alone = true;
        let replaced = others.any(|other| {
            alone = false;
            other.is_done() && self.precedes(other)
        });
        (!replaced).then_some(alone && self.is_done())
    }
}

/// Those of `actions`, all of one target, that are in force at `now`.
pub fn in_force(actions: &[TargetAction], now: DateTime<Utc>) -> Vec<InForce<'_>> {
    let setting = actions
        .iter()
        .filter(|action| action.kind.lifts().is_none());
    let lasting = setting.filter(|action| action.until().is_none_or(|until| until > now));
    let standing = lasting.filter_map(|action| {
        let of = |channel: Channels| {
            let is_about = action.channels.overlap(channel);
            is_about.then(|| action.stands(actions, channel)).flatten()
        };
        let (channels, certain) = match (of(Channels::Direct), of(Channels::Groups)) {
            (None, None) => return None,
            (Some(certain), None) => (Channels::Direct, certain),
            (None, Some(certain)) => (Channels::Groups, certain),
            (Some(direct), Some(groups)) => (Channels::All, direct && groups),
        };
        Some(InForce {
            action,
            channels,
            until: action.until(),
            certain,
        })
    });
    standing.collect()
}
