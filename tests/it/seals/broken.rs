//! A chain of seals that is not what it was: nobody goes on from it, until the owner of the record decides.

use std::process::Output;
use std::time::Duration;

use super::cut::CUT;
use super::forge::{Signer, one_more_seal};
use super::{
    Evidence, OTHER_SEED, SEED, UNSEALED, all_sealed, finding, keyed, public_key_of, run, verdicts,
};
use crate::record::roles::{SERVICE, sql_as, with_roles};
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::persona::Persona;
use crate::support::process::{Gateway, Log, modgate};
use crate::support::world::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// Each trigger of the record, changed.
fn each_trigger(change: &str) -> String {
    format!(
        "do $$ declare what record; begin
             for what in select tgrelid::regclass as of, tgname from pg_trigger join pg_class c on c.oid = tgrelid
                         where relnamespace = 'audit'::regnamespace and not tgisinternal loop
                 execute format('alter table %s {change} trigger %I', what.of, what.tgname);
             end loop;
         end $$;"
    )
}

/// Without the triggers that are in the way.
pub(super) fn disarm() -> String {
    each_trigger("disable")
}

/// With the triggers as they were.
pub(super) fn arm() -> String {
    each_trigger("enable always")
}

/// What a superuser may do, with everything as it was afterwards but for `what`.
pub(super) async fn tamper(world: &World, what: &str) {
    let tampering = format!("{} {what}; {}", disarm(), arm());
    run(&mut world.sql().await, &tampering).await;
}

/// `modgate seals --accept-break`, as the owner.
pub(super) fn accept_break(world: &World, seal_file: Option<&str>) -> Output {
    accept_break_with(world, seal_file, &[])
}

fn accept_break_with(world: &World, seal_file: Option<&str>, more: &[&str]) -> Output {
    let mut variables = world.variables_of_the_record();
    variables.remove("MODGATE_SEAL_WITNESS_FILE");
    let mut command = modgate(&variables);
    command.args(["seals", "--accept-break", "--by", "olga"]);
    command
        .args(["--reason", "the backup of last night"])
        .args(more);
    if let Some(path) = seal_file {
        command.args(["--seal-file", path]);
    }
    command.output().expect("the binary can be run")
}

/// The id of the decision that a command printed.
pub(super) fn decision(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout);
    let id = told.lines().find_map(|line| line.strip_prefix("decision "));
    id.expect("it is printed").to_owned()
}

fn log_file(log: &Log) -> TemporaryFile {
    TemporaryFile::new(log.lines().join("\n"))
}

/// Until the gateway says that the chain is broken.
async fn says_that_it_is_broken(gateway: &Gateway) -> serde_json::Value {
    let log = gateway.log();
    eventually("it is said", PATIENCE, async || {
        log.events("chain_broken").pop()
    })
    .await
}

/// Nothing is sealed, whatever is done, and everybody who looks can see it.
async fn assert_stopped(world: &World, gateway: &Gateway) {
    says_that_it_is_broken(gateway).await;
    let seals = world.count("select count(*) from audit.seal").await;
    let kicked = gateway.moderator("alice").kick_login("after").await;
    assert_eq!(kicked.status, 200, "actions go on: {kicked:?}");
    let operator = gateway.operator();
    eventually("the lag grows", PATIENCE, async || {
        let text = operator.get("/metrics").await.text;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse::<f64>().ok()
        };
        let is_broken = value("modgate_record_breaks ")? > 0.0;
        (is_broken && value("modgate_seal_lag_seconds ")? > 2.0).then_some(())
    })
    .await;
    let ready = operator.get("/readyz").await;
    let degraded = ready.json()["degraded"].clone();
    let is_told = degraded
        .as_array()
        .is_some_and(|all| all.contains(&"seals".into()));
    assert!(ready.status == 200 && is_told, "{degraded}");
    assert_eq!(world.count("select count(*) from audit.seal").await, seals);
    assert!(world.count(UNSEALED).await > 0);
}

/// Sealed on after the decision, and `verify` says what was decided, and that it is known if it is.
async fn assert_goes_on(world: &World, decided: &Output, evidence: Evidence<'_>) {
    let id = decision(decided);
    all_sealed(world).await;
    let told = verdicts(&world.database.url, evidence);
    told.assert_decided(&id);
    let known = Evidence {
        accepted: Some(&id),
        ..evidence
    };
    verdicts(&world.database.url, known).assert_intact("the break is known");
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_that_were_cut_off_under_running_gateways_stop_all_of_them() {
    // What they write down tells what they have seen.
    let files = [TemporaryFile::nowhere(), TemporaryFile::nowhere()];
    let mut world = keyed()
        .await
        .set("MODGATE_SEAL_WITNESS_FILE", files[0].path());
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("one").await.status, 200);
    all_sealed(&world).await;
    std::fs::copy(files[0].path(), files[1].path()).unwrap();
    world = world.set("MODGATE_SEAL_WITNESS_FILE", files[1].path());
    let other = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(alice.kick_login("two").await.status, 200);
    all_sealed(&world).await;
    let last = world.count("select max(no) from audit.seal").await;
    for file in &files {
        eventually("it has seen the newest", PATIENCE, async || {
            let seen = std::fs::read_to_string(file.path()).ok()?;
            seen.contains(&format!("\"no\":{last},")).then_some(())
        })
        .await;
    }
    tamper(&world, &CUT.replace("FROM", &last.to_string())).await;
    for gateway in [&gateway, &other] {
        let said = says_that_it_is_broken(gateway).await;
        assert_eq!(said["seal.no"], last, "{said}");
        assert!(
            said["advice"]
                .as_str()
                .is_some_and(|advice| advice.contains("--accept-break"))
        );
    }
    assert_stopped(&world, &gateway).await;

    let key = public_key_of(SEED);
    let heads = TemporaryFile::new(
        [gateway.log().lines(), other.log().lines()]
            .concat()
            .join("\n"),
    );
    let evidence = Evidence {
        public_key: Some(key.path()),
        heads: Some(heads.path()),
        ..Evidence::default()
    };
    let cut = finding(
        format!("seal {last}"),
        "kept outside, but not in the record (cut off)",
    );
    verdicts(&world.database.url, evidence).assert_found("before the decision", &[cut]);
    let nothing_known = accept_break(&world, None);
    assert!(
        !nothing_known.status.success(),
        "the database alone shows no break: {nothing_known:?}"
    );
    let accepted = accept_break(&world, Some(heads.path()));
    assert_goes_on(&world, &accepted, evidence).await;
    let operator = other.operator();
    eventually("all is well again", PATIENCE, async || {
        let metrics = operator.get("/metrics").await.text;
        metrics.contains("modgate_record_breaks 0").then_some(())
    })
    .await;
    assert_eq!(
        world
            .count("select max(epoch)::bigint from audit.seal")
            .await,
        2
    );

    // What is cut off later is not explained by what was decided before.
    let last = world.count("select max(no) from audit.seal").await;
    tamper(&world, &CUT.replace("FROM", &last.to_string())).await;
    let log = gateway.log();
    let said = log.events("chain_broken").len();
    eventually("it is broken again", PATIENCE, async || {
        (log.events("chain_broken").len() > said).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_was_removed_as_a_whole_is_not_begun_anew() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    all_sealed(&world).await;
    tamper(
        &world,
        "update audit.action set reason = 'kindness', mac = null; delete from audit.seal",
    )
    .await;
    assert_stopped(&world, &gateway).await;
    let heads = log_file(&gateway.log());
    let none = accept_break(&world, None);
    assert!(!none.status.success(), "{none:?}");
    let accepted = accept_break(&world, Some(heads.path()));
    decision(&accepted);
    all_sealed(&world).await;
    assert_eq!(
        world
            .count("select max(epoch)::bigint from audit.seal")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_puts_at_the_end_of_the_chain_is_not_gone_on_from() {
    let world = with_roles().await.set("MODGATE_SEAL_KEY", SEED);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    all_sealed(&world).await;
    // All that the service's role can do, with any key but the right one.
    let forger = Signer::new(OTHER_SEED);
    let no = one_more_seal(&mut sql_as(&world, SERVICE).await, Some(&forger)).await;
    assert_stopped(&world, &gateway).await;
    // A process that starts anew does not go on from it either, and knows that its own key is right.
    let anew = Gateway::start(&world.variables).await.ready().await;
    says_that_it_is_broken(&anew).await;

    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    let foreign = finding(format!("seal {no}"), "signed by an unknown key");
    verdicts(&world.database.url, evidence).assert_found("before the decision", &[foreign]);
    // What would not count any more has to be said, for it may be that only its key is not at hand.
    let unsaid = accept_break(&world, None);
    let told = String::from_utf8_lossy(&unsaid.stderr).into_owned();
    assert!(
        !unsaid.status.success() && told.contains("--void-from"),
        "{told}"
    );
    let void_from = no.to_string();
    let accepted = accept_break_with(&world, None, &["--void-from", &void_from]);
    assert_goes_on(&world, &accepted, evidence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_starts_with_a_key_that_does_not_fit_the_seals() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    for _ in 0..3 {
        assert_eq!(
            gateway.moderator("alice").kick_login("one").await.status,
            200
        );
        all_sealed(&world).await;
    }
    let refused = |seed: Option<&str>| {
        let mut variables = world.variables.clone();
        variables.remove("MODGATE_SEAL_KEY");
        if let Some(seed) = seed {
            variables.insert("MODGATE_SEAL_KEY".to_owned(), seed.to_owned());
        }
        let output = modgate(&variables).arg("serve").output();
        let output = output.expect("the binary can be run");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && told.contains("MODGATE_SEAL_KEY"),
            "{told}"
        );
    };
    refused(Some(OTHER_SEED));
    // A replica that has not been given the key yet may start for ten minutes.
    let mut variables = world.variables.clone();
    variables.remove("MODGATE_SEAL_KEY");
    let keyless = Gateway::start(&variables).await;
    let log = keyless.log();
    eventually("it does not seal", PATIENCE, async || {
        log.events("not_sealed").pop()
    })
    .await;
    keyless.kill();
    tamper(
        &world,
        "update audit.seal set sealed_at = sealed_at - interval '1 hour' where no = 1",
    )
    .await;
    refused(None);
    tamper(
        &world,
        "update audit.seal set sealed_at = sealed_at + interval '1 hour' where no = 1",
    )
    .await;

    let both = Gateway::start(&world.clone_with_key(&format!("{OTHER_SEED}\n{SEED}"))).await;
    both.kill();
    assert_eq!(
        gateway.moderator("alice").kick_login("two").await.status,
        200
    );
    all_sealed(&world).await;
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    assert_eq!(
        world
            .count("select max(epoch)::bigint from audit.seal")
            .await,
        1
    );
    verdicts(&world.database.url, evidence).assert_intact("no other key got at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_does_not_take_a_key_that_does_not_fit() {
    let file = TemporaryFile::new(SEED);
    let world = World::new().await.set("MODGATE_SEAL_KEY_FILE", file.path());
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    assert_eq!(alice.kick_login("one").await.status, 200);
    all_sealed(&world).await;
    std::fs::write(file.path(), OTHER_SEED).unwrap();
    let log = gateway.log();
    let refused = eventually("it is refused", PATIENCE, async || {
        log.events("not_rotated").pop()
    });
    let faults = refused.await["faults"].to_string();
    assert!(faults.contains("MODGATE_SEAL_KEY"), "{faults}");
    assert_eq!(alice.kick_login("two").await.status, 200);
    all_sealed(&world).await;
    gateway.kill();
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        ..Evidence::default()
    };
    verdicts(&world.database.url, evidence).assert_intact("the old key stayed in use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_knows_no_decisions_makes_no_seal_beside_one_that_does() {
    let world = keyed().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    all_sealed(&world).await;
    let as_before = "insert into audit.seal (no, epoch, prev, n, leaves, sealed_at, head, signature, key_id, snapshot)
                     select no + 1, epoch, head, 0, '', now(), sha256(''), signature, key_id, snapshot
                     from audit.seal order by no desc limit 1";
    let refused = sqlx::query(as_before).execute(&mut world.sql().await).await;
    let refused = refused.expect_err("there is no format").to_string();
    assert!(refused.contains("\"format\""), "{refused}");
    let far_ahead =
        "insert into audit.seal (no, epoch, format, prev, n, leaves, sealed_at, head, snapshot)
                     select no + N, epoch + E, 2, head, 0, '', now(), sha256(''), snapshot
                     from audit.seal order by no desc limit 1";
    for (n, e) in [
        ("2", "0"),
        ("9000000000000", "0"),
        ("0", "0"),
        ("1", "2"),
        ("1", "-1"),
    ] {
        let insert = far_ahead.replace('N', n).replace('E', e);
        let insert = sqlx::query(sqlx::AssertSqlSafe(insert));
        let refused = insert.execute(&mut world.sql().await).await;
        let refused = refused.expect_err("it leaves no room").to_string();
        assert!(refused.contains("does not follow"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_savepoint_are_sealed_like_all_others() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice: Persona = gateway.moderator("alice");
    assert_eq!(alice.kick_login("one").await.status, 200);
    all_sealed(&world).await;
    let mut writer = world.sql().await;
    let row = |id: uuid::Uuid| crate::record::Row::action(id);
    run(&mut writer, "begin; savepoint one").await;
    let first = crate::record::id_of(Duration::ZERO);
    row(first).insert(&mut writer).await.unwrap();
    run(&mut writer, "savepoint two").await;
    row(crate::record::id_of(Duration::ZERO))
        .insert(&mut writer)
        .await
        .unwrap();
    // Others commit and are sealed while it is open.
    assert_eq!(alice.kick_login("two").await.status, 200);
    all_sealed(&world).await;
    run(&mut writer, "commit").await;
    eventually("they are sealed", Duration::from_secs(5), async || {
        (world.count(UNSEALED).await == 0).then_some(())
    })
    .await;
    gateway.kill();
    let rows = "select (select count(*) from audit.action) + (select count(*) from audit.event)
                       - (select sum(n) from audit.seal)::bigint";
    assert_eq!(world.count(rows).await, 0, "each is in one seal");
}
