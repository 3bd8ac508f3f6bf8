//! `openim/query_online_status`

use serde_json::{Value, json};

use super::{Api, Command, Run};
use crate::simulator::{answer::Answer, backend::Held};

const MOST_ACCOUNTS_QUERIED: usize = 500;

pub(super) static QUERY_ONLINE_STATUS: Command = Command {
    word: "query_online_status",
    path: "/v4/openim/query_online_status",
    gives_request_id: false,
    run: Run::Ask(run),
};

fn run(held: &mut Held, sequence: u64, body: &Value) -> Answer {
    let refuse = |code| Answer::with_code(Api::QUERY_ONLINE_STATUS, sequence, code);
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
