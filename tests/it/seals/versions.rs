//! Rows of each version beside one another, and tables that nothing writes yet.

use std::time::Duration;

use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::broken::{accept_break, decision};
use super::genuine::Genuine;
use super::guard::{self, UNGUARD};
use super::restored::load;
use super::{Evidence, SEED, all_sealed, finding, heads, keyed, public_key_of, run, verdicts};
use crate::record::id_of;
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, modgate};
use crate::support::world::{World, migrate};
use crate::verifier;

/// What a build wrote that knew version 1 alone.
fn data(name: &str) -> String {
    format!(
        "{}/tests/it/data/record_row_format_1.{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// The schema that it had, and its rows.
fn dump() -> TemporaryFile {
    let migrations = [
        include_str!("../../../migrations/0001_record.sql"),
        include_str!("../../../migrations/0002_idempotency.sql"),
        include_str!("../../../migrations/0003_permit_lease.sql"),
        include_str!("../../../migrations/0004_seal.sql"),
        include_str!("../../../migrations/0005_decisions.sql"),
        include_str!("../../../migrations/0006_locks.sql"),
    ];
    let list = "
        create table public._sqlx_migrations (
            version bigint primary key, description text not null, installed_on timestamptz not null default now(),
            success boolean not null, checksum bytea not null, execution_time bigint not null);
        select audit.ensure_partitions('2026-11-29 12:00:00+00');";
    let rows = std::fs::read_to_string(data("sql")).expect("it is there");
    TemporaryFile::new(format!(
        "begin;\n{}\n{list}\ncommit;\n{rows}",
        migrations.join("\n")
    ))
}

fn key_and_heads(heads: &str) -> Evidence<'_> {
    static KEY: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| data("pem"));
    Evidence {
        public_key: Some(&KEY),
        heads: Some(heads),
        ..Evidence::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_rows_of_version_1_is_checked_as_the_build_that_made_it_did() {
    let (key, heads, export) = (data("pem"), data("heads"), data("ndjson"));
    let variables = [("MODGATE_SEAL_PUBLIC_KEY_FILE".to_owned(), key.clone())];
    let mut command = modgate(&variables.into());
    let command = command.args(["verify", "--from", &export, "--seal-file", &heads]);
    let output = command.output().expect("the binary can be run");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("intact: 14 rows in 3 seals"), "{output:?}");
    let output = verifier::verify(&[&export, "--public-key", &key, "--seal-file", &heads]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with("intact: 14 rows in 3 seals"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_version_1_keep_their_proof_and_rows_of_version_2_follow() {
    let world = load(World::new().await, dump().path()).await;
    let url = &world.database.url;
    migrate(url).await;
    let kept = data("heads");
    let evidence = key_and_heads(&kept);
    verdicts(url, evidence).assert_intact("migrated");
    let before = std::fs::read_to_string(&kept).expect("it is there");
    assert_eq!(heads(url, 1), before, "no seal is another");

    // What version 1 does not hash it does not have.
    let action = "01a227b4-7744-7ee3-9367-33d612b09b37";
    let mut sql = world.sql().await;
    for (set, back) in [
        ("parameters = '{}'", "parameters = null"),
        ("salt = ''", "salt = null"),
    ] {
        let update = |set| format!("update audit.action set {set} where id = '{action}'");
        run(&mut sql, UNGUARD).await;
        run(&mut sql, &update(set)).await;
        guard::restore(url);
        let wrong = finding(
            format!("action {action}"),
            "changed after it was sealed (seal 2)",
        );
        verdicts(url, evidence).assert_found(set, &[wrong]);
        run(&mut sql, UNGUARD).await;
        run(&mut sql, &update(back)).await;
        guard::restore(url);
    }

    let gateway = Gateway::start(&world.variables).await.ready().await;
    let log = gateway.log();
    let restored = eventually("restored", Duration::from_mins(1), async || {
        log.events("chain_broken").pop()
    });
    restored.await;
    let accepted = decision(&accept_break(&world, Some(&kept)));
    let alice = gateway.moderator("alice");
    for user in ["one", "two"] {
        assert_eq!(alice.kick_login(user).await.status, 200);
    }
    all_sealed(&world).await;
    gateway.kill();
    verdicts(url, evidence).assert_decided(&accepted);
    let of_2 = "select count(*) * 10 + count(distinct salt) from
                (select row_format, salt from audit.action union all select row_format, salt from audit.event) as new
                where row_format = 2";
    assert_eq!(
        world.count(of_2).await,
        44,
        "two actions and their ends, each with its own"
    );
    assert_eq!(
        world
            .count("select max(format)::bigint from audit.seal")
            .await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_build_records_is_sealed_and_what_it_seals_is_refused() {
    let world = keyed().await;
    let mut sql = world.sql().await;
    // The statement of a sealer of format 2; and that of format 1, which named none.
    let seal = |no: i64, format: Option<i32>| {
        let (name, value) = format.map_or((String::new(), String::new()), |format| {
            ("format, ".to_owned(), format!("{format}, "))
        });
        format!(
            "insert into audit.seal (no, epoch, {name}prev, n, leaves, sealed_at, head, signature, key_id, snapshot)
             values ({no}, 1, {value}sha256(''), 0, '', timestamptz 'epoch' + 5::bigint * interval '1 microsecond',
                     sha256(''), null, null, pg_current_snapshot())"
        )
    };
    let refused = async |sql: &mut sqlx::PgConnection, statement: String| {
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(sql).await;
        done.expect_err("it is refused").to_string()
    };
    let newer =
        "of format 2, but this record is sealed in format 3 by now: a newer release seals it";
    let told = refused(&mut sql, seal(1, Some(2))).await;
    assert!(told.contains(newer), "{told}");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    all_sealed(&world).await;

    let id = id_of(Duration::ZERO);
    let of_1 = Genuine::action(id)
        .with("row_format", json!(1))
        .with("salt", json!(null));
    of_1.insert(&mut sql).await;
    assert_eq!(
        gateway.moderator("alice").kick_login("bob").await.status,
        200
    );
    eventually("both are sealed", Duration::from_mins(1), async || {
        (world.count(super::UNSEALED).await == 0).then_some(())
    })
    .await;
    let next = world.count("select max(no) + 1 from audit.seal").await;
    let told = refused(&mut sql, seal(next, Some(2))).await;
    assert!(told.contains(newer), "{told}");
    let told = refused(&mut sql, seal(next, None)).await;
    assert!(told.contains("null value in column \"format\""), "{told}");
    gateway.kill();
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    verdicts(&world.database.url, evidence).assert_intact("both versions");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_brakes_are_sealed_and_whatever_is_done_to_them_is_found() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let mut sql = world.sql().await;
    let [batch, brake, forged] = [(); 3].map(|()| id_of(Duration::ZERO));
    Genuine::batch(batch).insert(&mut sql).await;
    for index in 0..2 {
        Genuine::item(batch, index).insert(&mut sql).await;
    }
    for (rev, event) in [(1, "submitted"), (2, "approved")] {
        Genuine::batch_event(batch, rev, event)
            .insert(&mut sql)
            .await;
    }
    Genuine::brake(brake, "freeze").insert(&mut sql).await;
    let item = Genuine::action(id_of(Duration::ZERO))
        .with("batch_id", json!(batch))
        .with("batch_index", json!(0))
        .with("parameters", json!("{\"seconds\":60}"));
    item.insert(&mut sql).await;
    let sealed = async || {
        eventually("all is sealed", Duration::from_mins(1), async || {
            (world.count(super::UNSEALED).await == 0).then_some(())
        })
        .await;
    };
    sealed().await;
    let (url, key) = (&world.database.url, public_key_of(SEED));
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    verdicts(url, evidence).assert_intact("filled");
    let shown = "select count(*) from audit.actions where batch_index = 0 and (parameters ->> 'seconds')::int = 60";
    assert_eq!(world.count(shown).await, 1);

    let guessed = json!(format!("\\x{}", "00".repeat(32)));
    let thaw = Genuine::brake(forged, "thaw").with("mac", guessed);
    thaw.insert(&mut sql).await;
    sealed().await;
    gateway.kill();
    run(&mut sql, UNGUARD).await;
    let changes = format!(
        "update audit.batch set reason = 'none' where id = '{batch}';
         delete from audit.batch_item where batch_id = '{batch}' and batch_index = 1;
         update audit.batch_event set moderator = 'bob' where batch_id = '{batch}' and rev = 2;
         update audit.brake set brake = 'thaw' where id = '{brake}'"
    );
    run(&mut sql, &changes).await;
    guard::restore(url);
    let wrong = [
        finding(format!("batch {batch}"), "changed after it was sealed"),
        finding(format!("batch_item {batch} index 1"), "missing (seal "),
        finding(
            format!("batch_event {batch} rev 2"),
            "changed after it was sealed",
        ),
        finding(format!("brake {brake}"), "changed after it was sealed"),
        finding(format!("brake {forged}"), "written without the key (seal "),
    ];
    verdicts(url, evidence).assert_found("batches and brakes", &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hashed_column_of_version_2_counts() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let id = async |user: &str| -> Uuid {
        let action = alice.kick_login(user).await.action();
        action["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a UUID")
    };
    let [one, two, three] = [id("one").await, id("two").await, id("three").await];
    all_sealed(&world).await;
    gateway.kill();
    let mut sql = world.sql().await;
    run(&mut sql, UNGUARD).await;
    let changes = format!(
        "update audit.action set parameters = '{{}}' where id = '{one}';
         update audit.action set salt = sha256('') where id = '{two}';
         update audit.event set details = '{{}}' where action_id = '{two}';
         update audit.event set salt = sha256('') where action_id = '{three}';
         update audit.action set row_format = 1 where id = '{three}'"
    );
    run(&mut sql, &changes).await;
    let url = &world.database.url;
    guard::restore(url);
    let wrong = [
        format!("action {one}"),
        format!("action {two}"),
        format!("event {two} rev 1"),
        format!("event {three} rev 1"),
        format!("action {three}"),
    ];
    let wrong = wrong.map(|row| finding(row, "changed after it was sealed"));
    verdicts(url, Evidence::default()).assert_found("version 2", &wrong);
}
