//! What is frozen at present.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::brake::{Brake, BrakeAuthor, BrakeRow, BrakeScope, NewBrake, Reach};
use super::{Kind, Moderator, Scope};

/// Why nothing is thawed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThawRefusal {
    /// Whoever asks is frozen.
    #[error("whoever asks is frozen")]
    Frozen,
    /// There is no such freeze.
    #[error("nothing is frozen with exactly this scope")]
    NothingFrozen,
    /// A command froze it.
    #[error("a command froze it, and only a command (`modgate thaw`) thaws it")]
    OfACommand,
}

/// What is frozen, by the genuine rows there are. In which order they become known makes no difference.
#[derive(Clone, Debug, Default)]
pub struct Brakes {
    rows: BTreeMap<Uuid, BrakeRow>,
    /// Oldest first.
    in_force: Vec<BrakeRow>,
}

impl Brakes {
    /// Takes more genuine rows into account.
    pub fn extend(&mut self, rows: impl IntoIterator<Item = BrakeRow>) {
        self.rows.extend(rows.into_iter().map(|row| (row.id, row)));
        self.in_force = in_force(self.rows.values());
    }

    /// The freezes that are in force, oldest first. Who froze again what was frozen already has changed nothing.
    pub fn in_force(&self) -> &[BrakeRow] {
        &self.in_force
    }

    /// The newest row of this scope, whatever it says.
    pub fn newest_of(&self, scope: &BrakeScope) -> Option<&BrakeRow> {
        let mut newest = self.rows.values().rev();
        newest.find(|row| row.scope == *scope)
    }

    /// Whether a freeze of exactly this scope is in force.
    pub fn has(&self, scope: &BrakeScope) -> bool {
        self.in_force.iter().any(|freeze| freeze.scope == *scope)
    }

    /// Whether `asked` is a freeze that is in force already, over the API or by a command as this one is.
    pub fn has_the_same(&self, asked: &NewBrake) -> bool {
        let of_command = matches!(asked.author, BrakeAuthor::Command { .. });
        let mut freezes = self.in_force.iter();
        asked.brake == Brake::Freeze
            && freezes
                .any(|freeze| freeze.scope == asked.scope && freeze.is_of_a_command() == of_command)
    }

    /// Whether an action of `kind` by `moderator` must not begin. What holders of `action:lift` take back passes a
    /// freeze of everything.
    pub fn forbid(&self, moderator: &Moderator, kind: Kind) -> bool {
        let takes_back = kind.lifts().is_some() && moderator.may(Scope::LIFT);
        self.in_force.iter().any(|freeze| {
            freeze.scope.covers(moderator, kind)
                && !(takes_back && freeze.scope.reach() == Reach::All)
        })
    }

    /// Whether `asked` may be recorded. A freeze always may; a thaw not where whoever asks is frozen, alone or with all
    /// of the same issuer, if only for one kind of action.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, asked: &NewBrake) -> Result<(), ThawRefusal> {
        if asked.brake == Brake::Freeze {
            return Ok(());
        }
        let by_moderator = match &asked.author {
            BrakeAuthor::Moderator(who) if self.name(who.0.key()) => {
                return Err(ThawRefusal::Frozen);
            }
            BrakeAuthor::Moderator(_) => true,
            BrakeAuthor::Command { .. } => false,
        };
        let in_force = self.in_force.iter();
        let mut frozen = in_force
            .filter(|freeze| freeze.scope == asked.scope)
            .peekable();
        if frozen.peek().is_none() {
            return Err(ThawRefusal::NothingFrozen);
        }
        if by_moderator && frozen.all(BrakeRow::is_of_a_command) {
            return Err(ThawRefusal::OfACommand);
        }
        Ok(())
    }

    /// Whether a freeze names this issuer and subject, alone or with all of the same issuer.
    pub fn name(&self, moderator: (&str, &str)) -> bool {
        let mut freezes = self.in_force.iter();
        freezes.any(|freeze| freeze.scope.names(moderator))
    }
}

/// What these rows make, which come in their order. What a command froze, only a command thaws; and a command thaws
/// whatever there is.
fn in_force<'a>(rows: impl Iterator<Item = &'a BrakeRow>) -> Vec<BrakeRow> {
    let mut frozen: Vec<BrakeRow> = Vec::new();
    for row in rows {
        let of_command = row.is_of_a_command();
        let is_same =
            |known: &BrakeRow| known.scope == row.scope && known.is_of_a_command() == of_command;
        match row.brake {
            Brake::Freeze if frozen.iter().any(is_same) => {}
            Brake::Freeze => frozen.push(row.clone()),
            Brake::Thaw if of_command => frozen.retain(|known| known.scope != row.scope),
            Brake::Thaw => frozen.retain(|known| !is_same(known)),
        }
    }
    frozen
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::BrakedBy;
    use crate::kinds::{kick_login, mute_user};

    fn moderator(issuer: &str, subject: &str, scopes: &[Scope]) -> Moderator {
        Moderator {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            name: None,
            token_id: None,
            client_id: None,
            actor: None,
            scopes: scopes
                .iter()
                .map(|scope| scope.as_str().to_owned())
                .collect::<BTreeSet<_>>(),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    fn scope(kind: &str, issuer: &str, moderator: &str) -> BrakeScope {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        BrakeScope {
            kind: given(kind),
            issuer: given(issuer),
            moderator: given(moderator),
        }
    }

    fn row(number: u128, brake: Brake, scope: BrakeScope, of_command: bool) -> BrakeRow {
        let by = if of_command {
            BrakedBy::Command {
                operator: "root".to_owned(),
                host: "host".to_owned(),
            }
        } else {
            BrakedBy::Moderator {
                issuer: "i".to_owned(),
                moderator: "lead".to_owned(),
                name: None,
            }
        };
        BrakeRow {
            id: Uuid::from_u128(number),
            brake,
            scope,
            reason: "raid".to_owned(),
            requested_at: DateTime::UNIX_EPOCH,
            by,
        }
    }

    fn frozen(scope: BrakeScope) -> Brakes {
        let mut brakes = Brakes::default();
        brakes.extend([row(1, Brake::Freeze, scope, false)]);
        brakes
    }

    #[test]
    fn a_freeze_stops_what_its_scope_names_and_nothing_else() {
        let [alice, bob] = ["alice", "bob"].map(|subject| moderator("i", subject, &[Scope::LIFT]));
        let other = moderator("j", "alice", &[Scope::LIFT]);
        let (kick, mute, unmute) = (kick_login::KIND, mute_user::KIND, mute_user::UNDO);
        // By alice: kick, mute, unmute; a kick by bob, and by another issuer's alice.
        for (named, expected) in [
            (scope("", "", ""), [true, true, false, true, true]),
            (
                scope("kick_login", "", ""),
                [true, false, false, true, true],
            ),
            (
                scope("unmute_user", "", ""),
                [false, false, true, false, false],
            ),
            (scope("", "i", ""), [true, true, true, true, false]),
            (scope("", "i", "alice"), [true, true, true, false, false]),
            (
                scope("mute_user", "i", "alice"),
                [false, true, false, false, false],
            ),
        ] {
            let brakes = frozen(named.clone());
            let by_alice = [kick, mute, unmute].map(|kind| brakes.forbid(&alice, kind));
            let others = [&bob, &other].map(|who| brakes.forbid(who, kick));
            assert_eq!([&by_alice[..], &others[..]].concat(), expected, "{named:?}");
        }
        let without = moderator("i", "alice", &[]);
        assert!(frozen(scope("", "", "")).forbid(&without, unmute));
    }

    #[test]
    fn what_a_command_froze_only_a_command_thaws() {
        let everything = || scope("", "", "");
        let mut brakes = Brakes::default();
        let stopped = |brakes: &Brakes| brakes.in_force().len();
        brakes.extend([row(1, Brake::Freeze, everything(), true)]);
        brakes.extend([row(2, Brake::Freeze, everything(), false)]);
        assert_eq!(stopped(&brakes), 2);
        brakes.extend([row(3, Brake::Thaw, everything(), false)]);
        assert_eq!(stopped(&brakes), 1, "the command's is still there");
        brakes.extend([row(4, Brake::Freeze, everything(), false)]);
        brakes.extend([row(5, Brake::Thaw, everything(), true)]);
        assert_eq!(stopped(&brakes), 0, "a command thaws both");
        brakes.extend([row(6, Brake::Thaw, scope("kick_login", "", ""), true)]);
        brakes.extend([row(7, Brake::Freeze, everything(), false)]);
        brakes.extend([row(8, Brake::Thaw, scope("", "i", ""), true)]);
        assert_eq!(stopped(&brakes), 1, "other scopes' thaws change nothing");
    }

    proptest! {
        #[test]
        fn in_whatever_order_rows_become_known_the_newest_counts(
            rows in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..12),
            order in any::<u64>(),
        ) {
            let rows: Vec<BrakeRow> = (1..).zip(&rows).map(|(number, (freezes, of_command, of_kind))| {
                let brake = if *freezes { Brake::Freeze } else { Brake::Thaw };
                row(number, brake, scope(if *of_kind { "kick_login" } else { "" }, "", ""), *of_command)
            }).collect();
            let mut told = Brakes::default();
            let mut shuffled = rows.clone();
            shuffled.sort_by_key(|row| row.id.as_u128().wrapping_mul(u128::from(order) | 1) % 101);
            for row in shuffled {
                told.extend([row]);
            }
            let mut at_once = Brakes::default();
            at_once.extend(rows.clone());
            prop_assert_eq!(told.in_force(), at_once.in_force());
            // Of each scope: frozen since the first freeze after the last thaw that could end it.
            for freeze in told.in_force() {
                let same = rows.iter().filter(|row| row.scope == freeze.scope);
                let ends = |row: &&BrakeRow| {
                    row.brake == Brake::Thaw && (row.is_of_a_command() || !freeze.is_of_a_command())
                };
                let thawed = same.clone().filter(ends).map(|row| row.id).max();
                let mut freezes = same.filter(|row| {
                    row.brake == Brake::Freeze && row.is_of_a_command() == freeze.is_of_a_command()
                        && Some(row.id) > thawed
                });
                prop_assert_eq!(freezes.next(), Some(freeze));
            }
            for row in rows.iter().filter(|row| row.brake == Brake::Freeze) {
                let later = |other: &&BrakeRow| {
                    other.id > row.id && other.scope == row.scope && other.brake == Brake::Thaw
                        && (other.is_of_a_command() || !row.is_of_a_command())
                };
                let is_frozen = told.in_force().iter().any(|freeze| {
                    freeze.scope == row.scope && freeze.is_of_a_command() == row.is_of_a_command()
                });
                prop_assert!(is_frozen || rows.iter().any(|other| later(&other)));
            }
        }
    }
}
