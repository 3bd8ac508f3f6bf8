//! The settings of the use case: whom no action may meet, how long one may take, and how many there may be in an hour.

use super::Reader;
use super::parse::{self, AT_MOST_AN_HOUR};
use super::variable::Variable;
use crate::domain::UserId;
use crate::moderation;

pub(super) const PROTECTED_USERS: Variable = Variable::plain("MODGATE_PROTECTED_USERS", "");
pub(super) const ACTION_DEADLINE: Variable = Variable::plain("MODGATE_ACTION_DEADLINE", "10s");

pub(super) const MODERATOR_HOURLY: Variable =
    Variable::plain("MODGATE_MODERATOR_HOURLY", UNLIMITED);

pub(super) const UNLIMITED: &str = "unlimited";

pub(super) fn rules(reader: &mut Reader<'_>) -> Option<moderation::Rules> {
    let protected_users = reader.list(PROTECTED_USERS, |item| {
        UserId::try_from(item.to_owned()).map(|user| user.to_string())
    });
    let action_deadline = reader.duration(ACTION_DEADLINE, AT_MOST_AN_HOUR);
    let moderator_hourly = reader.with(MODERATOR_HOURLY, hourly);
    Some(moderation::Rules {
        protected_users: protected_users?,
        action_deadline: action_deadline?,
        moderator_hourly: moderator_hourly?,
    })
}

fn hourly(text: &str) -> Result<Option<u32>, String> {
    if text == UNLIMITED {
        return Ok(None);
    }
    let number = parse::number(text, 1, 1_000_000);
    number
        .map(Some)
        .map_err(|rule| format!("{rule}, or {UNLIMITED}"))
}
