//! Rows that an index does not account for: two of one key, and some that no key leads to.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Copy, Evidence, Recorded, export, guard};
use crate::support::file::TemporaryFile;
use crate::support::process::modgate;
use crate::verifier;

/// Lets a table take what its unique indexes refuse, and none of them shows it afterwards.
const UNBOUND: &str = "
    create temp table unbound as select indexrelid from pg_index where indrelid = 'TABLE'::regclass and indisunique;
    update pg_index set indisunique = false where indexrelid in (select indexrelid from unbound);
    INSERT;
    update pg_index set indisunique = true where indexrelid in (select indexrelid from unbound);
    drop table unbound";

/// Keeps what is inserted out of the primary key's index alone.
const UNINDEXED: &str = "
    update pg_index set indisready = false where indrelid = 'TABLE'::regclass and indisprimary;
    INSERT;
    update pg_index set indisready = true where indrelid = 'TABLE'::regclass and indisprimary";

/// With another index in the place of the unique one, which bears its name and its marks.
const REPLACED: &str = "
    create temp table lost as select indexrelid, indexrelid::regclass::text as name, indnatts as n
        from pg_index where indrelid = 'TABLE'::regclass and indisprimary;
    update pg_index set indisunique = false, indisprimary = false where indexrelid in (select indexrelid from lost);
    INSERT;
    do $$ begin execute 'reindex index ' || (select name from lost); end $$;
    update pg_index set indisunique = true, indisprimary = true where indexrelid in (select indexrelid from lost);
    drop table lost";

/// A row as it is, but for these members.
fn again(table: &str, of: &str, members: &str) -> String {
    format!(
        "insert into {table} select (jsonb_populate_record(r, '{members}')).* from {table} r where {of}"
    )
}

/// An action of the month once more.
fn again_of(id: Uuid, members: &str) -> String {
    again("audit.action_MONTH", &format!("id = '{id}'"), members)
}

/// What `modgate verify` says of a copy whose guards are up again: its exit code, and what it found.
fn verify(copy: &Copy, evidence: Evidence<'_>) -> (Option<i32>, Vec<String>, String) {
    guard::restore(&copy.database.url);
    let mut variables = BTreeMap::new();
    variables.insert("MODGATE_DATABASE_URL".to_owned(), copy.database.url.clone());
    if let Some(path) = evidence.public_key {
        variables.insert("MODGATE_SEAL_PUBLIC_KEY_FILE".to_owned(), path.to_owned());
    }
    let output = modgate(&variables).arg("verify").output();
    let output = output.expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = told
        .lines()
        .filter_map(|line| line.strip_prefix("tampered: "));
    let mut found: Vec<String> = found.map(str::to_owned).collect();
    // The last line counts.
    found.retain(|line| !line.ends_with(" seals"));
    (output.status.code(), found, told)
}

/// An export is refused, by the name of what is wrong.
fn assert_not_exported(copy: &Copy, what: &str, wrong: &str) {
    let variables = [("MODGATE_DATABASE_URL".to_owned(), copy.database.url.clone())];
    let file = TemporaryFile::new("");
    let mut command = modgate(&variables.into());
    let output = command.args(["export", "--output", file.path()]).output();
    let output = output.expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{what}: {told}");
    assert!(told.contains(wrong), "{what}: {told}");
    // Nor does what was written before pass for a record.
    let output = modgate(&BTreeMap::new())
        .args(["verify", "--from", file.path()])
        .output();
    let output = output.expect("the binary can be run");
    assert_eq!(output.status.code(), Some(2), "{what}: {output:?}");
}

async fn month_of(copy: &mut Copy, table: &str, id: Uuid) -> String {
    let key = if table == "audit.event" {
        "action_id"
    } else {
        "id"
    };
    let month =
        format!("select tableoid::regclass::text from {table} where {key} = '{id}' limit 1");
    let month = sqlx::query_scalar(AssertSqlSafe(month));
    month.fetch_one(&mut copy.sql).await.expect("it is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_row_of_one_key_is_named_however_it_got_past_the_unique_index() {
    let recorded = Recorded::shared().await;
    let (succeeded, refused) = (recorded.actions.succeeded, recorded.actions.refused);
    let seated = recorded.actions.seated;
    let false_one = again_of(succeeded, r#"{"user_id": "another"}"#);
    let same = again_of(refused, "{}");
    let end = again(
        "audit.event_MONTH",
        &format!("action_id = '{seated}' and rev = 2"),
        r#"{"tencent_request_id": "another"}"#,
    );
    for bypass in [UNBOUND, UNINDEXED, REPLACED] {
        let mut copy = recorded.copy().await;
        let mut named = vec![format!("action {succeeded}"), format!("action {refused}")];
        let table = month_of(&mut copy, "audit.action", succeeded).await;
        for insert in [&false_one, &same] {
            let insert = insert.replace("audit.action_MONTH", &table);
            copy.run(&bypass.replace("TABLE", &table).replace("INSERT", &insert))
                .await;
        }
        // The others do not let a second end past the other unique indexes.
        if bypass == UNBOUND {
            let table = month_of(&mut copy, "audit.event", seated).await;
            let insert = end.replace("audit.event_MONTH", &table);
            copy.run(&bypass.replace("TABLE", &table).replace("INSERT", &insert))
                .await;
            named.push(format!("event {seated} rev 2"));
        }
        let (code, found, told) = verify(&copy, recorded.key());
        assert_eq!(code, Some(1), "{bypass}: {told}");
        for row in &named {
            let twice = format!("{row}: there 2 times");
            assert!(found.contains(&twice), "{bypass}: {told}");
        }
        let is_named = |line: &&String| {
            named
                .iter()
                .any(|row| line.starts_with(&format!("{row}: ")))
        };
        assert_eq!(
            found.iter().filter(is_named).count(),
            found.len(),
            "{bypass}: {told}"
        );
        assert_not_exported(&copy, bypass, ": there 2 times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_seal_prune_or_decision_of_one_key_is_named() {
    let recorded = Recorded::shared().await;
    let id = Uuid::now_v7();
    let prune = format!(
        "insert into audit.prune (id, month, actions, events, pruned_at, pruned_by, leaf_hash)
         select '{id}', '2020-01-01'::date + make_interval(months => n), 0, 0, now(), 'x', sha256('') from generate_series(0, 2) n"
    );
    let decision = format!(
        "insert into audit.decision (id, kind, decided_at, decided_by, operator, host, reason, details, leaf_hash)
         select '{id}', 'break', now(), 'x', 'x', 'x', 'x', '{{}}', sha256('') from generate_series(0, 1) n"
    );
    for (table, insert, named) in [
        (
            "audit.seal",
            again("audit.seal", "no = 2", "{}"),
            "seal 2: there 2 times".to_owned(),
        ),
        ("audit.prune", prune, format!("prune {id}: there 3 times")),
        (
            "audit.decision",
            decision,
            format!("decision {id}: there 2 times"),
        ),
    ] {
        let mut copy = recorded.copy().await;
        let unbound = UNBOUND.replace("TABLE", table).replace("INSERT", &insert);
        copy.run(&unbound).await;
        let (code, found, told) = verify(&copy, recorded.key());
        assert_eq!(code, Some(1), "{table}: {told}");
        assert!(found.contains(&named), "{table}: {told}");
    }
    // One whose number nobody asks for.
    let mut copy = recorded.copy().await;
    copy.run(&again("audit.seal", "no = 2", r#"{"no": -2}"#))
        .await;
    let (code, found, told) = verify(&copy, recorded.key());
    let wrong = ["seal -2: there, but not found by its number"];
    assert_eq!(
        (code, found.as_slice()),
        (Some(1), &wrong.map(str::to_owned)[..]),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_no_key_leads_to_is_named() {
    let recorded = Recorded::shared().await;
    let last = recorded.actions.last;
    let of = format!("id = '{last}'");
    let other = Uuid::now_v7();
    let hidden = |id: Uuid| format!("action {id}: there, but not found by its key");

    // A new one that the index does not have.
    let mut copy = recorded.copy().await;
    let table = month_of(&mut copy, "audit.action", last).await;
    let new = again(&table, &of, &format!(r#"{{"id": "{other}"}}"#));
    let unindexed = UNINDEXED.replace("TABLE", &table);
    copy.run(&unindexed.replace("INSERT", &new)).await;
    let (code, found, told) = verify(&copy, recorded.key());
    assert_eq!((code, found), (Some(1), vec![hidden(other)]), "{told}");
    assert_not_exported(&copy, "a new row", &hidden(other));

    // One that is sealed, and is itself no longer in the index.
    let mut copy = recorded.copy().await;
    let no = copy.seal_of(last, 0).await;
    let moved = format!(
        "create temp table kept as select * from {table} where {of}; delete from {table} where {of};
         insert into {table} select * from kept; drop table kept"
    );
    copy.run(&unindexed.replace("INSERT", &moved)).await;
    let (code, mut found, told) = verify(&copy, recorded.key());
    found.sort();
    let missing = format!("action {last}: missing (seal {no})");
    assert_eq!(
        (code, found),
        (Some(1), vec![missing, hidden(last)]),
        "{told}"
    );
    assert_not_exported(&copy, "a sealed row", &hidden(last));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_in_the_table_of_another_month_is_named() {
    let recorded = Recorded::shared().await;
    let last = recorded.actions.last;
    let mut copy = recorded.copy().await;
    let other: String = sqlx::query_scalar("select max(inhrelid::regclass::text) from pg_inherits where inhparent = 'audit.action'::regclass")
        .fetch_one(&mut copy.sql)
        .await
        .unwrap();
    // Nothing is asked of a table that is no partition.
    let misplaced = format!(
        "update pg_class set relispartition = false where oid = '{other}'::regclass;
         insert into {other} select * from audit.action where id = '{last}';
         update pg_class set relispartition = true where oid = '{other}'::regclass"
    );
    copy.run(&misplaced).await;
    let (code, found, told) = verify(&copy, recorded.key());
    let wrong = format!("action {last}: in {other}, and not in the table of its month");
    assert_eq!((code, found), (Some(1), vec![wrong.clone()]), "{told}");
    assert_not_exported(&copy, "another month", &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_twice_in_an_export_is_named() {
    let recorded = Recorded::shared().await;
    let copy = recorded.copy().await;
    let text = std::fs::read_to_string(export(&copy.database.url).path()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (action, event) = (recorded.actions.succeeded, recorded.actions.seated);
    let at = |kind: &str, id: Uuid| {
        let found = lines.iter().position(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let row = &line[kind];
            row["id"] == id.to_string() || row["action_id"] == id.to_string()
        });
        found.expect("it is there")
    };
    let mut end: Value = serde_json::from_str(lines[lines.len() - 1]).unwrap();
    end["rows"] = (end["rows"].as_u64().unwrap() + 1).into();
    for (what, index, named) in [
        (
            "an action",
            at("action", action),
            format!("action {action}"),
        ),
        (
            "an event",
            at("event", event),
            format!("event {event} rev 1"),
        ),
    ] {
        let same = lines[index].to_owned();
        let other = same
            .replace("\"alice\"", "\"bob\"")
            .replace("70500", "70501");
        assert_ne!(same, other);
        for second in [same, other] {
            for place in [index, index + 1, lines.len() - 1] {
                let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
                *lines.last_mut().unwrap() = end.to_string();
                lines.insert(place, second.clone());
                let file = TemporaryFile::new(lines.join("\n"));
                let verify = modgate(&BTreeMap::new())
                    .args(["verify", "--from", file.path()])
                    .output();
                let twice = format!("tampered: {named}: there 2 times");
                for output in [verify.unwrap(), verifier::verify(&[file.path()])] {
                    let told = String::from_utf8_lossy(&output.stdout);
                    assert_eq!(output.status.code(), Some(1), "{what}: {output:?}");
                    assert!(told.lines().any(|line| line == twice), "{what}: {told}");
                }
            }
        }
    }
}
