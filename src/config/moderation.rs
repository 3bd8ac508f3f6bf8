//! The settings of the use case: whom no action may meet, and how long one may take.

use super::Reader;
use super::parse::AT_MOST_AN_HOUR;
use super::variable::Variable;
use crate::domain::UserId;
use crate::moderation;

pub(super) const PROTECTED_USERS: Variable = Variable::plain("MODGATE_PROTECTED_USERS", "");
pub(super) const ACTION_DEADLINE: Variable = Variable::plain("MODGATE_ACTION_DEADLINE", "10s");

pub(super) fn rules(reader: &mut Reader<'_>) -> Option<moderation::Rules> {
    let protected_users = reader.list(PROTECTED_USERS, |item| {
        UserId::try_from(item.to_owned()).map(|user| user.to_string())
    });
    let action_deadline = reader.duration(ACTION_DEADLINE, AT_MOST_AN_HOUR);
    Some(moderation::Rules {
        protected_users: protected_users?,
        action_deadline: action_deadline?,
    })
}
