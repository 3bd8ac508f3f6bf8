//! The commands themselves: what they demand of the body, what they do, what they answer.

use serde_json::{Value, json};

use super::{answer::Answer, backend::Held, record::Api, settings::KickField};

const LONGEST_USER_ID_BYTES: usize = 32;
const LONGEST_ROOM_ID_BYTES: usize = 48;
const MOST_ACCOUNTS_QUERIED: usize = 500;

/// Runs the command of a call that passed the front door. Code 0 means that it was carried out.
pub(super) fn run(held: &mut Held, api: Api, sequence: u64, body: &Value) -> Answer {
    let done = match api {
        Api::KickLogin => kick_login(held, body),
        Api::KickSeat => kick_seat(held, body),
        Api::QueryOnlineStatus => return query_online_status(held, sequence, body),
        Api::Unknown => Err(60009),
    };
    Answer::with_code(api, sequence, done.err().unwrap_or(0))
}

fn kick_login(held: &mut Held, body: &Value) -> Result<(), i64> {
    let user = match held.settings.kick_field {
        KickField::Either => body.get("UserID").or_else(|| body.get("Identifier")),
        KickField::Identifier => body.get("Identifier"),
        KickField::UserId => body.get("UserID"),
    };
    let user = user.ok_or(70402)?.as_str().ok_or(60015)?;
    if user.is_empty() || user.len() > LONGEST_USER_ID_BYTES {
        return Err(70402);
    }
    if !held.world.has_account(user) {
        return Err(70107);
    }
    held.front_door.void_usersigs(user, &held.settings);
    Ok(())
}

fn kick_seat(held: &mut Held, body: &Value) -> Result<(), i64> {
    let text = |name| body.get(name).and_then(Value::as_str).ok_or(100_002);
    let (room, user, _data) = (text("RoomId")?, text("Member_Account")?, text("Data")?);
    let fits = |value: &str, longest| !value.is_empty() && value.len() <= longest;
    if !fits(room, LONGEST_ROOM_ID_BYTES) || !fits(user, LONGEST_USER_ID_BYTES) {
        return Err(100_002);
    }
    if !held.world.has_room(room) {
        return Err(100_004);
    }
    if !held.world.is_seated(room, user) {
        return Err(100_206);
    }
    held.world.leave_seat(room, user);
    Ok(())
}

fn query_online_status(held: &Held, sequence: u64, body: &Value) -> Answer {
    let refuse = |code| Answer::with_code(Api::QueryOnlineStatus, sequence, code);
    let Some(accounts) = body
        .get("To_Account")
        .and_then(Value::as_array)
        .filter(|accounts| !accounts.is_empty())
    else {
        return refuse(90001);
    };
    if accounts.len() > MOST_ACCOUNTS_QUERIED {
        return refuse(90011);
    }
    let Some(accounts) = accounts
        .iter()
        .map(Value::as_str)
        .collect::<Option<Vec<_>>>()
    else {
        return refuse(90003);
    };
    let (known, unknown): (Vec<&str>, Vec<&str>) = accounts
        .into_iter()
        .partition(|account| held.world.has_account(account));
    let online = |account: &&str| json!({"To_Account": account, "Status": "Online"});
    let missing = |account: &&str| json!({"To_Account": account, "ErrorCode": 70107});
    let answer = refuse(0).and("QueryResult", known.iter().map(online).collect());
    if unknown.is_empty() {
        answer
    } else {
        answer.and("ErrorList", unknown.iter().map(missing).collect())
    }
}
