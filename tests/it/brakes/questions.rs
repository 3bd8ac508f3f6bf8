//! The questions of `docs/stolen-token.md`, asked of what has happened.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{FREEZE, THAW, app, assert_frozen, brakes, leads, with};

const GUIDE: &str = include_str!("../../../docs/stolen-token.md");

fn questions() -> Vec<&'static str> {
    let blocks = GUIDE.split("```sql\n").skip(1);
    let ends = blocks.map(|block| block.split_once(";\n```").expect("it ends"));
    ends.map(|(question, _)| question).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_leads_from_the_freeze_to_the_undo() {
    let app = app().await;
    let [fred, thea] = leads(app.addr);
    let mallory = app.moderator("mallory");
    let mute = json!({"user_id": "user", "seconds": 600});
    let muted = mallory.post("/v1/actions/mute_user", &mute).await;
    assert_eq!(muted.status, 200, "{}", muted.text);
    // The bodies of the guide, as they stand there.
    let bodies = GUIDE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("-d '"));
    let bodies: Vec<Value> = bodies
        .map(|body| serde_json::from_str(body.trim_end_matches('\'')).expect("it is JSON"))
        .collect();
    let [freeze, unmute, thaw] = bodies.as_slice() else {
        panic!("a freeze, an undo, a thaw: {bodies:?}")
    };
    assert_eq!(fred.post(FREEZE, freeze).await.status, 200);
    assert_frozen(&mallory.kick_login("user").await);
    brakes(&fred, FREEZE, &json!({})).await;

    let mut sql = app.sql().await;
    let mut ask = async |question: &str| -> Vec<Value> {
        let rows = format!("select to_jsonb(found) from ({question}) found");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut sql);
        rows.await
            .unwrap_or_else(|error| panic!("{error}: {question}"))
    };
    let [which_tokens, what, brakes_there_were] = questions()[..] else {
        panic!("three questions")
    };
    let tokens = ask(which_tokens).await;
    assert_eq!([&tokens[0]["actions"], &tokens[0]["succeeded"]], [1, 1]);
    // Tokens of the tests have no id.
    let what = what.replace("a.token_id = 'the-token-id'", "a.moderator = 'mallory'");
    let done = ask(&what).await;
    assert_eq!(done.len(), 1, "{done:?}");
    let mut undo = unmute.clone();
    undo["user_id"] = done[0]["user_id"].clone();
    undo["undoes"] = done[0]["id"].clone();
    let lead = with(app.addr, "lea", &["action:lift"]);
    let undone = lead.post("/v1/actions/unmute_user", &undo).await;
    assert_eq!(undone.status, 200, "{}", undone.text);
    assert_eq!(thea.post(THAW, thaw).await.status, 200);
    brakes(&thea, THAW, &json!({})).await;
    assert_eq!(mallory.kick_login("user").await.status, 200);
    let told = ask(brakes_there_were).await;
    let told = told
        .iter()
        .map(|row| json!([row["brake"], row["moderator"], row["by"]]));
    let expected = [
        json!(["freeze", "mallory", "fred"]),
        json!(["freeze", null, "fred"]),
        json!(["thaw", "mallory", "thea"]),
        json!(["thaw", null, "thea"]),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    app.stop().await;
}
