//! Tencent's lists of who is muted or banned.

use serde_json::{Value, json};

use crate::domain::{Finding, Packet, Targets, Until};

/// The most that Tencent puts on a page.
const PAGE: u64 = 100;

/// The body of a question for a page of who is banned from a room. Tencent's page names the offset `Next` in its table
/// and `Offset` in its sample: this is the sample's.
pub(super) fn page(targets: &Targets, offset: u64) -> Packet {
    vec![
        ("RoomId", json!(targets.room_id())),
        ("Offset", json!(offset)),
        ("Limit", json!(PAGE)),
    ]
}

/// What such a page says.
pub(super) fn banned(answer: &Value, targets: &Targets) -> Option<Finding> {
    let response = answer.get("Response")?;
    let list = response.get("BannedAccountList")?;
    let found = listed(list, "BannedUntil", targets)?;
    if found != Finding::of_all(None) {
        return Some(found);
    }
    // On the last page it is 0. A whole page that does not say so may be followed by another.
    let is_whole = list.as_array()?.len() as u64 >= PAGE;
    match response.get("NextOffset").and_then(Value::as_u64) {
        Some(next) if next > 0 => Some(Finding::NextPage(next)),
        Some(_) => Some(found),
        None => (!is_whole).then_some(found),
    }
}

/// What a list of who is muted says.
pub(super) fn muted(list: &Value, targets: &Targets) -> Option<Finding> {
    listed(list, "MutedUntil", targets)
}

/// What a list says of the target; `None` if that is no list, or nothing that can be understood.
fn listed(list: &Value, until: &str, targets: &Targets) -> Option<Finding> {
    let mut list = list.as_array()?.iter();
    let is_target =
        |one: &Value| one.get("Member_Account").and_then(Value::as_str) == targets.user_id();
    let Some(one) = list.find(|one| is_target(one)) else {
        return Some(Finding::of_all(None));
    };
    let at = one.get(until)?.as_i64()?;
    // What Tencent says of one without an end is not documented.
    let lifted = at >= i64::from(u32::MAX);
    Some(Finding::of_all(Some(if lifted {
        Until::Lifted
    } else {
        Until::At(at)
    })))
}
