//! The settings of batches.

use super::moderation::{MODERATOR_HOURLY, UNLIMITED};
use super::variable::Variable;
use super::{Reader, parse};
use crate::batches::Rules;
use crate::http::RequestRules;

pub(super) const APPROVAL_ABOVE: Variable = Variable::plain("MODGATE_BATCH_APPROVAL_ABOVE", "");

/// Read after the hourly limit. A batch may hold every kind that there is here.
pub(super) fn rules(reader: &mut Reader<'_>, requests: Option<&RequestRules>) -> Option<Rules> {
    let above = reader.text(APPROVAL_ABOVE);
    let above = above.map(|text| parse::number(&text, 0, 1_000_000));
    let above = above.transpose();
    let above = above.map_err(|rule| reader.fault(APPROVAL_ABOVE, rule));
    let approval_above = above.ok()?;
    if approval_above.is_some() && reader.is_in_effect(MODERATOR_HOURLY, UNLIMITED) {
        let rule = "a loop of single actions would go around it";
        let rule = format!("must not be set while {MODERATOR_HOURLY} is {UNLIMITED}: {rule}");
        reader.fault(APPROVAL_ABOVE, rule);
        return None;
    }
    let kinds = requests?.kinds.clone();
    Some(Rules {
        approval_above,
        kinds,
    })
}
