//! Which accounts, rooms and seats there are.

use std::collections::HashMap;

use super::{restrictions::Restrictions, usersig::unix_seconds};

/// What was declared, and what holds for everything else.
#[derive(Debug)]
pub(super) struct World {
    open: bool,
    accounts: HashMap<String, bool>,
    rooms: HashMap<String, Room>,
    /// Since when, in Unix seconds, the `UserSig`s that a user had before are void.
    usersigs_void_since: HashMap<String, u64>,
    pub(super) restrictions: Restrictions,
    /// How many seconds the clock is ahead.
    pub(super) clock_ahead: i64,
}

#[derive(Debug)]
struct Room {
    exists: bool,
    seats: HashMap<String, bool>,
}

impl World {
    /// In an open world everything not declared exists, and stays as it is when kicked.
    pub(super) fn new(open: bool) -> Self {
        Self {
            open,
            accounts: HashMap::new(),
            rooms: HashMap::new(),
            usersigs_void_since: HashMap::new(),
            restrictions: Restrictions::default(),
            clock_ahead: 0,
        }
    }

    /// The time, in Unix seconds, by its own clock.
    pub(super) fn now(&self) -> u64 {
        unix_seconds().saturating_add_signed(self.clock_ahead)
    }

    pub(super) fn declare_account(&mut self, user: &str, exists: bool) {
        self.accounts.insert(user.to_owned(), exists);
    }

    pub(super) fn declare_room(&mut self, room: &str, exists: bool) {
        self.room(room).exists = exists;
    }

    /// Declares that the user is on a seat of the room, or is not; the room comes to exist.
    pub(super) fn declare_seat(&mut self, room: &str, user: &str, taken: bool) {
        let room = self.room(room);
        room.exists = true;
        room.seats.insert(user.to_owned(), taken);
    }

    fn room(&mut self, room: &str) -> &mut Room {
        let new = || Room {
            exists: true,
            seats: HashMap::new(),
        };
        self.rooms.entry(room.to_owned()).or_insert_with(new)
    }

    pub(super) fn has_account(&self, user: &str) -> bool {
        self.accounts.get(user).copied().unwrap_or(self.open)
    }

    pub(super) fn has_room(&self, room: &str) -> bool {
        self.rooms.get(room).map_or(self.open, |room| room.exists)
    }

    pub(super) fn is_seated(&self, room: &str, user: &str) -> bool {
        let declared = self.rooms.get(room).and_then(|room| room.seats.get(user));
        declared.copied().unwrap_or(self.open)
    }

    /// Voids the `UserSig`s that the user has.
    pub(super) fn void_usersigs(&mut self, user: &str) {
        self.usersigs_void_since
            .insert(user.to_owned(), unix_seconds());
    }

    /// Since when, in Unix seconds; 0 if none was ever voided.
    pub(super) fn usersigs_void_since(&self, user: &str) -> u64 {
        let since = self.usersigs_void_since.get(user);
        since.copied().unwrap_or_default()
    }

    /// Empties a declared seat.
    pub(super) fn leave_seat(&mut self, room: &str, user: &str) {
        if let Some(taken) = self
            .rooms
            .get_mut(room)
            .and_then(|room| room.seats.get_mut(user))
        {
            *taken = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_an_open_world_only_what_is_declared_is_missing_or_changes() {
        let mut world = World::new(true);
        assert!(
            world.has_account("anyone")
                && world.has_room("any")
                && world.is_seated("any", "anyone")
        );
        world.leave_seat("any", "anyone");
        assert!(world.is_seated("any", "anyone"));
        world.declare_account("ghost", false);
        world.declare_room("gone", false);
        world.declare_seat("room", "guest", true);
        world.leave_seat("room", "guest");
        assert!(
            !world.has_account("ghost")
                && !world.has_room("gone")
                && !world.is_seated("room", "guest")
        );
    }

    #[test]
    fn in_a_closed_world_only_what_is_declared_exists() {
        let mut world = World::new(false);
        world.declare_seat("room", "guest", true);
        assert!(
            !world.has_account("anyone")
                && !world.has_room("any")
                && !world.is_seated("room", "anyone")
        );
        assert!(world.has_room("room") && world.is_seated("room", "guest"));
    }
}
