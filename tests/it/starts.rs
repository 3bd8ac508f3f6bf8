//! Whatever keeps `modgate serve` from starting, `modgate check --live` finds before, and names the same
//! setting.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use crate::record::roles::{AUDITOR, OWNER, SERVICE, sql_as, url_as, with_roles};
use crate::record::run;
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::{Gateway, Log, modgate};
use crate::support::world::World;

type Variables = BTreeMap<String, String>;

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// More than each command needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lines that a command wrote to both streams, and whether it succeeded. One that does not end by
/// itself fails the test.
async fn end_of(variables: &Variables, arguments: &[&str]) -> (bool, Vec<String>) {
    let mut child = modgate(variables)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be run");
    let log = Log::default();
    log.follow(child.stderr.take().expect("it is piped"));
    let deadline = std::time::Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().expect("the process is ours") {
            Some(status) => break status,
            None if std::time::Instant::now() > deadline => {
                child.kill().expect("the process is ours");
                panic!("{arguments:?} goes on: {:?}", log.lines());
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let mut stdout = child.stdout.take().expect("it is piped");
    let said = std::io::read_to_string(&mut stdout).expect("it writes UTF-8");
    // The reader of the other stream may still be at it.
    let lines = eventually("it has said why", PATIENCE, async || {
        let lines: Vec<String> = said.lines().map(str::to_owned).chain(log.lines()).collect();
        (status.success() || lines.iter().any(|line| line.starts_with("modgate: ")))
            .then_some(lines)
    });
    (status.success(), lines.await)
}

fn with(variables: &Variables, changes: &[(&str, &str)]) -> Variables {
    let mut variables = variables.clone();
    for (name, value) in changes {
        variables.insert((*name).to_owned(), (*value).to_owned());
    }
    variables
}

/// `serve` refuses to start, and says `why`; `check --live` says it, too, of `setting`.
async fn assert_both(variables: &Variables, setting: &str, why: &str) {
    let (started, said) = end_of(variables, &["serve"]).await;
    let told = said.iter().any(|line| line.contains(why));
    assert!(!started && told, "serve, {setting}, {why}: {said:#?}");
    assert_found(variables, setting, why).await;
}

/// `check --live` names `setting`, and says `why`.
async fn assert_found(variables: &Variables, setting: &str, why: &str) {
    let (content, said) = end_of(variables, &["check", "--live"]).await;
    let named = format!(" {setting}: ");
    let told = said.iter().any(|line| {
        let is_fault = line.starts_with("wrong: ") && line.contains(&named);
        (is_fault || line.starts_with(&named[1..])) && line.contains(why)
    });
    assert!(!content && told, "check, {setting}, {why}: {said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_cannot_be_had_is_named_before_the_start() {
    let world = World::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let taken = taken.local_addr().map(|address| (address, taken));
    let (address, _listener) = taken.expect("it is bound");
    for setting in ["MODGATE_LISTEN", "MODGATE_OPS_LISTEN"] {
        let changed = |value: &str| with(&world.variables, &[(setting, value)]);
        let why = format!("cannot listen on {address}: Address already in use");
        assert_both(&changed(&address.to_string()), setting, &why).await;
        // An address of documentation (RFC 5737), which no machine has.
        let why = "cannot listen on 192.0.2.1:8080: Cannot assign requested address";
        assert_both(&changed("192.0.2.1:8080"), setting, why).await;
    }
    let same = address.to_string();
    let both = [
        ("MODGATE_LISTEN", same.as_str()),
        ("MODGATE_OPS_LISTEN", same.as_str()),
    ];
    let why = "must not be the same port as MODGATE_OPS_LISTEN";
    assert_both(&with(&world.variables, &both), "MODGATE_LISTEN", why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_modgate_that_runs_its_ports_are_no_fault() {
    let world = with_roles().await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let (api, ops) = (gateway.addr.to_string(), gateway.ops_addr.to_string());
    let beside = [
        ("MODGATE_LISTEN", api.as_str()),
        ("MODGATE_OPS_LISTEN", ops.as_str()),
    ];
    let beside = with(&world.variables, &beside);
    let (content, said) = end_of(&beside, &["check", "--live"]).await;
    assert!(content, "{said:#?}");
    for (setting, address) in [("MODGATE_LISTEN", &api), ("MODGATE_OPS_LISTEN", &ops)] {
        let warning = format!("warning: ports: {setting}: a modgate listens on {address} already");
        let warned = said.iter().any(|line| line.starts_with(&warning));
        assert!(warned, "{warning}: {said:#?}");
    }
    // Each is the other's: that is no second look at the same service.
    let swapped = [
        ("MODGATE_LISTEN", ops.as_str()),
        ("MODGATE_OPS_LISTEN", api.as_str()),
    ];
    let swapped = with(&world.variables, &swapped);
    assert_both(&swapped, "MODGATE_LISTEN", "Address already in use").await;
    assert_found(&swapped, "MODGATE_OPS_LISTEN", "Address already in use").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_serve_refuses_is_named_before_the_start() {
    let world = with_roles().await;
    let url = "MODGATE_DATABASE_URL";
    let service = url_as(&world, SERVICE);
    let name = service.rsplit('/').next().expect("it names a database");
    let other = |value: String| with(&world.variables, &[(url, &value)]);
    let wrong_password = service.replace("only", "not");
    assert_both(
        &other(wrong_password),
        url,
        "password authentication failed",
    )
    .await;
    let elsewhere = service.replace(name, "modgate_nowhere");
    assert_both(&other(elsewhere), url, "does not exist").await;
    let cluster = world.cluster.as_ref().expect("it has one");
    let empty = cluster.create_database(None).await;
    assert_both(&other(empty.url.clone()), url, "migrations are pending").await;
    // They are listed, and what they made is gone.
    world
        .execute("alter schema audit rename to elsewhere")
        .await;
    let why = "schema \"audit\" does not exist";
    assert_both(&world.variables, url, why).await;
    world
        .execute("alter schema elsewhere rename to audit")
        .await;
    // Each right that the service uses, and all of them at once.
    let auditor = other(url_as(&world, AUDITOR));
    let why = "this role may not do what the service does (delete on table modgate.batch_item, ";
    assert_both(&auditor, url, why).await;
    for (revoke, grant, missing) in [
        (
            "revoke insert (id) on audit.action from modgate_service",
            "grant insert (id) on audit.action to modgate_service",
            "insert on table audit.action",
        ),
        (
            "revoke update on modgate.permit_lease from modgate_service",
            "grant update on modgate.permit_lease to modgate_service",
            "update on table modgate.permit_lease",
        ),
        (
            "revoke execute on function audit.ensure_partitions(timestamptz, integer) from modgate_service",
            "grant execute on function audit.ensure_partitions(timestamptz, integer) to modgate_service",
            "execute on function audit.ensure_partitions(timestamp with time zone,integer)",
        ),
        (
            "revoke usage on schema modgate from modgate_service",
            "grant usage on schema modgate to modgate_service",
            "usage on schema modgate",
        ),
    ] {
        let mut owner = sql_as(&world, OWNER).await;
        run(&mut owner, revoke).await.expect(revoke);
        let why = format!("this role may not do what the service does ({missing})");
        assert_both(&world.variables, url, &why).await;
        run(&mut owner, grant).await.expect(grant);
    }
    let (content, said) = end_of(&world.variables, &["check", "--live"]).await;
    assert!(content, "{said:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_serve_from_migrating_is_named_before_the_start() {
    let world = with_roles().await;
    let owner_url = "MODGATE_OWNER_DATABASE_URL";
    let owner = url_as(&world, OWNER);
    let migrating = with(&world.variables, &[("MODGATE_MIGRATE", "true")]);
    let other = |value: &str| with(&migrating, &[(owner_url, value)]);
    let (content, said) = end_of(&other(&owner), &["check", "--live"]).await;
    assert!(content, "{said:#?}");
    // Nothing is pending, and `serve` would migrate all the same.
    let wrong_password = owner.replace("only", "not");
    assert_both(
        &other(&wrong_password),
        owner_url,
        "password authentication failed",
    )
    .await;
    for role in [SERVICE, AUDITOR] {
        let variables = other(&url_as(&world, role));
        let (started, said) = end_of(&variables, &["serve"]).await;
        let denied = "MODGATE_OWNER_DATABASE_URL: the database cannot be migrated";
        assert!(
            !started && said.iter().any(|line| line.contains(denied)),
            "{said:#?}"
        );
        let why = "this role cannot migrate (it does not own ";
        assert_found(&variables, owner_url, why).await;
    }
    // Without an owner's URL it is the service that migrates.
    let why = "this role cannot migrate (it does not own ";
    assert_found(&migrating, "MODGATE_DATABASE_URL", why).await;
    let cluster = world.cluster.as_ref().expect("it has one");
    let another = cluster.create_database(None).await;
    let why = "leads to another database than MODGATE_DATABASE_URL";
    assert_found(&other(&another.url), owner_url, why).await;
    let mut sql = sql_as(&world, OWNER).await;
    let change = "update public._sqlx_migrations set checksum = 'x' where version = 2";
    run(&mut sql, change).await.expect("it may");
    let why = "migration 2 was previously applied but has been modified";
    assert_both(&other(&owner), owner_url, why).await;
    let change = "update public._sqlx_migrations set success = false where version = 2";
    run(&mut sql, change).await.expect("it may");
    let why = "migration 2 is partially applied; fix and remove row from `_sqlx_migrations` table";
    assert_both(&other(&owner), owner_url, why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_could_not_make_the_schema_is_named_before_the_start() {
    let mut world = with_roles().await;
    let cluster = world.cluster.as_ref().expect("it has one");
    let name = |url: &str| url.rsplit('/').next().expect("a database").to_owned();
    let (before, empty) = (
        world.database.url.clone(),
        cluster.create_database(None).await,
    );
    let as_owner = url_as(&world, OWNER).replace(&name(&before), &name(&empty.url));
    world = world
        .set("MODGATE_MIGRATE", "true")
        .set("MODGATE_DATABASE_URL", &empty.url)
        .set("MODGATE_OWNER_DATABASE_URL", &as_owner);
    let (started, said) = end_of(&world.variables, &["serve"]).await;
    assert!(
        !started && said.iter().any(|line| line.contains("permission denied")),
        "{said:#?}"
    );
    for why in [
        "it may not make schemas in database",
        "it may not make tables in schema public",
    ] {
        let owner = "MODGATE_OWNER_DATABASE_URL";
        let (_, said) = end_of(&world.variables, &["check", "--live"]).await;
        let prefix = format!("wrong: migration: {owner}: this role cannot migrate (");
        let told = said
            .iter()
            .any(|line| line.starts_with(&prefix) && line.contains(why));
        assert!(told, "{why}: {said:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_key_or_an_endpoint_that_serve_refuses_is_named_before_the_start() {
    let world = World::new().await.set("MODGATE_SEAL_KEY", SEED);
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    eventually("it is sealed", PATIENCE, async || {
        (world.count("select count(*) from audit.seal").await > 0).then_some(())
    })
    .await;
    gateway.kill();
    for (name, value, why) in [
        (
            "MODGATE_SEAL_KEY",
            "0f".repeat(32),
            "to change keys, the old one goes in a further line",
        ),
        // What is no URI passes for a URL of a collector.
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://127.0.0.1:4318/<tenant>".to_owned(),
            "the exporter of traces cannot be set up",
        ),
    ] {
        assert_both(&with(&world.variables, &[(name, &value)]), name, why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_beside_which_nothing_would_be_sealed_is_named_before_the_start() {
    let file = TemporaryFile::nowhere();
    let setting = "MODGATE_SEAL_WITNESS_FILE";
    let world = World::new()
        .await
        .set("MODGATE_SEAL_KEY", SEED)
        .set(setting, file.path());
    let missing = "MODGATE_SEAL_WITNESS_FILE is missing or empty, though the record has seals";
    let (_, said) = end_of(&world.variables, &["check", "--live"]).await;
    assert!(!said.iter().any(|line| line.contains(missing)), "{said:#?}");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    assert_eq!(
        gateway.moderator("alice").kick_login("one").await.status,
        200
    );
    eventually("it is written down", PATIENCE, async || {
        let seen = std::fs::read_to_string(file.path()).ok()?;
        seen.contains("\"no\":1,").then_some(())
    })
    .await;
    let right = "ok: database: the chain of seals is the one that was seen before".to_owned();
    let (_, said) = end_of(&world.variables, &["check", "--live"]).await;
    assert!(said.contains(&right), "{said:#?}");
    gateway.kill();
    // `serve` runs without it, seals nothing, and says the same.
    let lost = TemporaryFile::nowhere();
    let lost = with(&world.variables, &[(setting, lost.path())]);
    assert_found(&lost, setting, missing).await;
    assert!(!std::path::Path::new(&lost[setting]).exists());
    let gateway = Gateway::start(&lost).await;
    let log = gateway.log();
    let broken = eventually("it says so", PATIENCE, async || {
        log.events("chain_broken").pop()
    });
    assert!(broken.await.to_string().contains(missing));
    gateway.kill();
    // One that remembers what is not there.
    let seen = std::fs::read_to_string(file.path()).expect("it is there");
    let cut = "alter table audit.seal disable trigger append_only; truncate audit.seal;
               alter table audit.seal enable always trigger append_only";
    run(&mut world.sql().await, cut).await.expect(cut);
    let lines = seen.lines().count();
    let why = format!("seal {lines} was seen, and is not in the record any more");
    let no_setting = "no setting, see \"When the chain is broken\" in the README";
    assert_found(&world.variables, no_setting, &why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_cannot_be_made_where_it_should_be_is_a_fault() {
    let world = World::new().await;
    for path in ["/proc/witness", "/nonexistent/witness"] {
        let variables = with(&world.variables, &[("MODGATE_SEAL_WITNESS_FILE", path)]);
        let why = "cannot be read and appended to";
        assert_both(&variables, "MODGATE_SEAL_WITNESS_FILE", why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_schema_of_a_later_build_rights_are_that_builds_affair() {
    let world = with_roles().await;
    let later = "insert into public._sqlx_migrations (version, description, success, checksum, execution_time)
                 values (9999, 'of a later build', true, 'x', 0);
                 create table audit.later (id uuid)";
    let mut owner = sql_as(&world, OWNER).await;
    for statement in later.split(';') {
        run(&mut owner, statement).await.expect(statement);
    }
    Gateway::start(&world.variables).await.ready().await.kill();
}
