//! Rows that were changed, and rows that were removed.

use sqlx::Connection as _;
use uuid::Uuid;

use super::{Actions, Copy, Finding, Recorded, finding};
use crate::record::leaves::{action_leaf, event_leaf};

fn action(id: Uuid) -> String {
    format!("update audit.action set SET where id = '{id}'")
}

fn event(id: Uuid, rev: i16) -> String {
    format!("update audit.event set SET where action_id = '{id}' and rev = {rev}")
}

/// What is done, and to which rows: 0 is the action, others are its events.
type Change = (&'static str, String, Vec<(Uuid, i16)>);

fn changes(actions: &Actions) -> Vec<Change> {
    let Actions {
        succeeded,
        refused,
        seated,
        unknown,
        denied,
        muted,
        last,
    } = *actions;
    let of_action =
        |what, id: Uuid, set: &str| (what, action(id).replace("SET", set), vec![(id, 0)]);
    let of_event = |what, id: Uuid, rev, set: &str| {
        (what, event(id, rev).replace("SET", set), vec![(id, rev)])
    };
    let reason_and_leaf = format!(
        "{}; {}",
        action(succeeded).replace("SET", "reason = 'kindness'"),
        action(succeeded).replace("SET", &format!("leaf_hash = {}", action_leaf()))
    );
    let outcome_and_leaf = format!(
        "{}; {}",
        event(unknown, 1).replace("SET", "state = 'succeeded', error_code = 0"),
        event(unknown, 1).replace("SET", &format!("leaf_hash = {}", event_leaf()))
    );
    vec![
        of_action("a reason", succeeded, "reason = 'kindness'"),
        of_action("a moderator", last, "moderator = 'bob'"),
        of_action("a name", denied, "moderator_name = null"),
        of_action("a target", seated, "user_id = 'nobody'"),
        of_action("nothing to an empty text", refused, "reason = ''"),
        of_action("an address", last, "client_ip = '127.0.0.2'"),
        of_action("an address to a network", last, "client_ip = '127.0.0.1/8'"),
        of_action("when it was asked for", unknown, "requested_at = requested_at + interval '1 us'"),
        of_action("when it was recorded", unknown, "recorded_at = recorded_at + interval '1 us'"),
        of_action("the mac", seated, "mac = sha256('')"),
        of_action("the mac to none", seated, "mac = null"),
        of_event("when it ended", last, 1, "at = at - interval '1 us'"),
        of_event("when its end was recorded", last, 1, "recorded_at = recorded_at - interval '1 us'"),
        of_event("an outcome", refused, 1, "state = 'succeeded'"),
        of_event("a denial", denied, 1, "state = 'not_sent', failure = null"),
        of_event("who decided", unknown, 1, "decided_by = 'recovery', attempt = null"),
        of_action("for how long", muted, "parameters = '{\"seconds\":60}'"),
        of_event("what a probe has shown", muted, 2, "details = replace(details, 'true', 'false')"),
        of_event("who asked", muted, 2, "details = replace(details, 'alice', 'bob')"),
        of_event("that it was proved", muted, 1, "decided_by = 'probe'"),
        of_event("a retry's random", seated, 1, "next_random = next_random + 1"),
        ("a reason with its hash", reason_and_leaf, vec![(succeeded, 0)]),
        ("an outcome with its hash", outcome_and_leaf, vec![(unknown, 1)]),
        (
            "the contents of two rows",
            format!(
                "update audit.action a set moderator = b.moderator, user_id = b.user_id, reason = b.reason,
                        token_id = b.token_id, http_request_id = b.http_request_id,
                        requested_at = b.requested_at, recorded_at = b.recorded_at,
                        tencent_random = b.tencent_random, leaf_hash = b.leaf_hash, mac = b.mac
                 from audit.action b
                 where (a.id, b.id) in (('{succeeded}', '{last}'), ('{last}', '{succeeded}'))"
            ),
            vec![(succeeded, 0), (last, 0)],
        ),
    ]
}

async fn findings(copy: &mut Copy, rows: &[(Uuid, i16)], wrong: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &(id, rev) in rows {
        let no = copy.seal_of(id, rev).await;
        let row = if rev == 0 {
            format!("action {id}")
        } else {
            format!("event {id} rev {rev}")
        };
        findings.push(finding(row, format!("{wrong} (seal {no})")));
    }
    findings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_is_named() {
    let recorded = Recorded::shared().await;
    let copy = recorded.copy().await;
    copy.verdicts(recorded.key()).assert_intact("nothing");
    for (what, statement, rows) in changes(&recorded.actions) {
        let mut copy = recorded.copy().await;
        copy.run(&statement).await;
        let wrong = findings(&mut copy, &rows, "changed after it was sealed").await;
        copy.verdicts(recorded.key()).assert_found(what, &wrong);
        copy.sql.close().await.unwrap();
    }

    let mut copy = recorded.copy().await;
    let id = recorded.actions.succeeded;
    copy.run(&action(id).replace("SET", "leaf_hash = sha256('')"))
        .await;
    let wrong = finding(
        format!("action {id}"),
        "its leaf_hash is not that of its fields",
    );
    copy.verdicts(recorded.key())
        .assert_found("a hash alone", &[wrong]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_removed_is_named() {
    let recorded = Recorded::shared().await;
    let Actions {
        succeeded,
        seated,
        muted,
        last,
        ..
    } = recorded.actions;
    let delete_action = |id| format!("delete from audit.action where id = '{id}'");
    let delete_events = |id| format!("delete from audit.event where action_id = '{id}'");
    for (what, statement, rows) in [
        ("an action", delete_action(succeeded), vec![(succeeded, 0)]),
        ("an event", delete_events(succeeded), vec![(succeeded, 1)]),
        (
            "a retry",
            format!("{} and rev = 1", delete_events(seated)),
            vec![(seated, 1)],
        ),
        (
            "a probe",
            format!("{} and rev = 2", delete_events(muted)),
            vec![(muted, 2)],
        ),
        (
            "the last of all",
            format!("{}; {}", delete_action(last), delete_events(last)),
            vec![(last, 0), (last, 1)],
        ),
    ] {
        let mut copy = recorded.copy().await;
        let wrong = findings(&mut copy, &rows, "missing").await;
        copy.run(&statement).await;
        copy.verdicts(recorded.key()).assert_found(what, &wrong);
    }

    let mut copy = recorded.copy().await;
    let mut wrong = findings(&mut copy, &[(seated, 2)], "missing").await;
    let moved = event(seated, 2).replace("SET", "rev = 3");
    copy.run(&moved).await;
    let named = format!("event {seated} rev 3");
    wrong.push(finding(named, "its leaf_hash is not that of its fields"));
    copy.verdicts(recorded.key())
        .assert_found("an event at another place", &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_was_dropped_without_retain_is_missing_row_by_row() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    // Around the first of a month there may be two.
    let dropped = "do $$ declare month regclass; begin
        foreach month in array array(select distinct tableoid::regclass from audit.action) loop
            execute 'drop table ' || month;
        end loop; end $$";
    let Actions {
        succeeded,
        refused,
        seated,
        unknown,
        denied,
        muted,
        last,
    } = recorded.actions;
    let actions = [succeeded, refused, seated, unknown, denied, muted, last].map(|id| (id, 0));
    let wrong = findings(&mut copy, &actions, "missing").await;
    // Which the schema shows, too: the month has the other table.
    let months = "select distinct tableoid::regclass::text from audit.action";
    let months: Vec<String> = sqlx::query_scalar(months)
        .fetch_all(&mut copy.sql)
        .await
        .unwrap();
    let tables: Vec<String> = months
        .iter()
        .map(|month| format!("table {month}"))
        .collect();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    copy.run(dropped).await;
    copy.verdicts(recorded.key())
        .assert_found_beside("a month", &wrong, &tables);

    // A record of the prune, written by hand, explains nothing.
    let id = Uuid::now_v7();
    let prune = format!(
        "insert into audit.prune (id, month, actions, events, pruned_at, pruned_by, leaf_hash)
         select '{id}', date_trunc('month', now() at time zone 'UTC'), 6, count(*), now(), 'modgate_owner', sha256('')
         from audit.event"
    );
    copy.run(&prune).await;
    let mut with_prune = wrong;
    with_prune.push(finding(format!("prune {id}"), "in no seal"));
    copy.verdicts(recorded.key())
        .assert_found("a prune record by hand", &with_prune);
}
