//! Who is muted or banned, where, and until when.

use std::collections::{BTreeMap, BTreeSet};

/// What a restriction keeps a user from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restriction {
    /// Sending messages to one other user.
    Direct,
    /// Sending messages to groups.
    Groups,
    /// Sending messages to this group.
    GroupMember,
    /// Sending messages to this live room.
    LiveMuted,
    /// Entering this live room.
    LiveBanned,
    /// Entering this room.
    RoomBanned,
}

/// The number of seconds that has no end.
const FOREVER: u32 = u32::MAX;

/// The ends, in Unix seconds. A room that has none is the empty text.
#[derive(Debug, Default)]
pub(super) struct Restrictions {
    ends: BTreeMap<(Restriction, String, String), u64>,
    /// Rooms and groups in which nobody but the staff may send.
    muted: BTreeSet<String>,
}

impl Restrictions {
    /// Restricts for so many seconds from `now`; 0 lifts. The last word holds, as at Tencent.
    pub(super) fn set(&mut self, of: Restriction, room: &str, user: &str, seconds: u32, now: u64) {
        let key = (of, room.to_owned(), user.to_owned());
        match seconds {
            0 => self.ends.remove(&key),
            FOREVER => self.ends.insert(key, u64::MAX),
            _ => self.ends.insert(key, now + u64::from(seconds)),
        };
    }

    /// When it ends; `None` where there is none.
    pub(super) fn until(&self, of: Restriction, room: &str, user: &str, now: u64) -> Option<u64> {
        let key = (of, room.to_owned(), user.to_owned());
        self.ends.get(&key).copied().filter(|end| *end > now)
    }

    /// The seconds that are left: 0 where there is none.
    pub(super) fn seconds_left(&self, of: Restriction, user: &str, now: u64) -> u32 {
        let end = self.until(of, "", user, now).unwrap_or(now);
        u32::try_from(end - now).unwrap_or(FOREVER)
    }

    /// All users whom it keeps from something in this room, and their ends, by name.
    pub(super) fn list(&self, of: Restriction, room: &str, now: u64) -> Vec<(&str, u64)> {
        let all = self.ends.iter();
        let of_room = all.filter(|((kind, of_room, _), end)| {
            (*kind, of_room.as_str()) == (of, room) && **end > now
        });
        of_room
            .map(|((_, _, user), end)| (user.as_str(), *end))
            .collect()
    }

    /// Mutes everybody in the room, or nobody any more.
    pub(super) fn mute_all(&mut self, room: &str, muted: bool) {
        if muted {
            self.muted.insert(room.to_owned());
        } else {
            self.muted.remove(room);
        }
    }

    /// Whether everybody in the room is muted.
    pub(super) fn are_all_muted(&self, room: &str) -> bool {
        self.muted.contains(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_holds_until_its_end() {
        let mut restrictions = Restrictions::default();
        let ban = Restriction::LiveBanned;
        restrictions.set(ban, "room", "user", 3600, 1000);
        restrictions.set(ban, "room", "other", FOREVER, 1000);
        assert_eq!(restrictions.until(ban, "room", "user", 1001), Some(4600));
        restrictions.set(ban, "room", "user", 10, 1001);
        assert_eq!(restrictions.until(ban, "room", "user", 1010), Some(1011));
        assert_eq!(restrictions.until(ban, "room", "user", 1011), None);
        assert_eq!(restrictions.until(ban, "elsewhere", "other", 1011), None);
        let listed = restrictions.list(ban, "room", 1011);
        assert_eq!(listed, [("other", u64::MAX)]);
        restrictions.set(ban, "room", "other", 0, 1011);
        assert!(restrictions.list(ban, "room", 1011).is_empty());
    }
}
