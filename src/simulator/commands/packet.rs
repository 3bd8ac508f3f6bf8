//! What a command demands of its body. Each gives the code that it refuses with.

use serde_json::{Map, Value, json};

use super::Answered;
use crate::simulator::{restrictions::Restriction, world::World};

const LONGEST_USER_ID_BYTES: usize = 32;

/// A text that must be there, of at most so many bytes.
pub(super) fn text<'a>(
    body: &'a Value,
    name: &str,
    longest: usize,
    code: i64,
) -> Result<&'a str, i64> {
    let text = body.get(name).and_then(Value::as_str).ok_or(code)?;
    if text.len() > longest {
        return Err(code);
    }
    Ok(text)
}

/// The name of a room or a group.
pub(super) fn room<'a>(body: &'a Value, name: &str, code: i64) -> Result<&'a str, i64> {
    let room = text(body, name, 48, code)?;
    if room.is_empty() { Err(code) } else { Ok(room) }
}

/// Users: at least one, and at most so many.
pub(super) fn accounts<'a>(
    body: &'a Value,
    name: &str,
    most: usize,
    code: i64,
) -> Result<Vec<&'a str>, i64> {
    let accounts = body.get(name).and_then(Value::as_array).ok_or(code)?;
    let accounts: Option<Vec<&str>> = accounts.iter().map(Value::as_str).collect();
    let accounts = accounts.ok_or(code)?;
    let fits = |user: &&str| !user.is_empty() && user.len() <= LONGEST_USER_ID_BYTES;
    if (1..=most).contains(&accounts.len()) && accounts.iter().all(fits) {
        Ok(accounts)
    } else {
        Err(code)
    }
}

/// Whole seconds, 0 to 4294967295.
pub(super) fn seconds(body: &Value, name: &str, code: i64) -> Result<u32, i64> {
    let seconds = body.get(name).and_then(Value::as_u64).ok_or(code)?;
    u32::try_from(seconds).map_err(|_| code)
}

/// Restricts all of them in the room.
pub(super) fn restrict(
    world: &mut World,
    of: Restriction,
    room: &str,
    users: &[&str],
    seconds: u32,
) {
    let now = world.now();
    for user in users {
        world.restrictions.set(of, room, user, seconds, now);
    }
}

/// An end as the lists give it; the number of an end that never comes is not documented.
pub(super) fn until(end: u64) -> u64 {
    end.min(u64::from(u32::MAX))
}

/// What the room engine's answers wrap: members under `Response`.
pub(super) fn response(response: Value) -> Map<String, Value> {
    [("Response".to_owned(), response)].into_iter().collect()
}

/// A page of who is banned: `Limit` from 1 to 100, from `Offset`; `NextOffset` is 0 on the last.
pub(super) fn banned_page(body: &Value, banned: &[(&str, u64)]) -> Answered {
    let number = |name| body.get(name).map_or(Some(0), Value::as_u64).ok_or(100_002);
    let (offset, limit) = (number("Offset")?, number("Limit")?);
    let (Ok(offset), Ok(limit @ 1..=100)) = (usize::try_from(offset), usize::try_from(limit))
    else {
        return Err(100_002);
    };
    let page = banned.iter().skip(offset).take(limit);
    let page: Value = page
        .map(|(user, end)| json!({"Member_Account": user, "BannedUntil": until(*end)}))
        .collect();
    let next = offset.saturating_add(limit);
    let next = if next < banned.len() { next } else { 0 };
    Ok(response(
        json!({"BannedAccountList": page, "NextOffset": next}),
    ))
}
