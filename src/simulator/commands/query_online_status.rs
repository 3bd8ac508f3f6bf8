//! `openim/query_online_status`

use serde_json::{Map, Value, json};

use super::{Answered, Command, Run};
use crate::simulator::world::World;

const MOST_ACCOUNTS_QUERIED: usize = 500;

pub(super) static QUERY_ONLINE_STATUS: Command = Command {
    word: "query_online_status",
    path: "/v4/openim/query_online_status",
    gives_request_id: false,
    gives_action_status: true,
    run: Run::Ask(run),
};

fn run(world: &World, body: &Value) -> Answered {
    let Some(accounts) = body
        .get("To_Account")
        .and_then(Value::as_array)
        .filter(|accounts| !accounts.is_empty())
    else {
        return Err(90001);
    };
    if accounts.len() > MOST_ACCOUNTS_QUERIED {
        return Err(90011);
    }
    let Some(accounts) = accounts
        .iter()
        .map(Value::as_str)
        .collect::<Option<Vec<_>>>()
    else {
        return Err(90003);
    };
    let (known, unknown): (Vec<&str>, Vec<&str>) = accounts
        .into_iter()
        .partition(|account| world.has_account(account));
    let online = |account: &&str| json!({"To_Account": account, "Status": "Online"});
    let missing = |account: &&str| json!({"To_Account": account, "ErrorCode": 70107});
    let mut members = Map::new();
    members.insert("QueryResult".to_owned(), known.iter().map(online).collect());
    if !unknown.is_empty() {
        members.insert(
            "ErrorList".to_owned(),
            unknown.iter().map(missing).collect(),
        );
    }
    Ok(members)
}
