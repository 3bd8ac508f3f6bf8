//! What the seals show of those who write to the record with its triggers off.
//!
//! Each case is done to a copy of one recorded log, and `modgate verify` is asked, of the database and of an
//! export, and the second verifier.

mod attacks;
mod broken;
mod chain;
mod copies;
mod cut;
mod decisions;
pub(crate) mod forge;
pub(crate) mod genuine;
mod guard;
mod inserted;
mod members;
mod newer;
mod of_0_1;
pub(crate) mod restored;
mod rows;
mod schema;
mod strength;
mod uncheckable;
mod untouched;
mod versions;
mod witness;

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use modgate::simulator::{Fault, FaultKind};
use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

use guard::UNGUARD;

use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::persona::{Answer, KICK_LOGIN, Persona};
use crate::support::postgres::{Cluster, Database};
use crate::support::process::{Gateway, modgate};
use crate::support::quiet::{self, Presence};
use crate::support::world::{World, token};
use crate::verifier;

pub(crate) const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_SEED: &str = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";

pub(crate) const UNSEALED: &str = "
    select count(*) from (select id, 0::smallint as rev from audit.action
                          union all select action_id, rev from audit.event
                          union all select id, 0::smallint from audit.batch
                          union all select batch_id, batch_index::smallint from audit.batch_item
                          union all select batch_id, rev from audit.batch_event
                          union all select id, 0::smallint from audit.brake) r
    where not exists (select from audit.seal where position(uuid_send(r.id) || int2send(r.rev) in leaves) > 0)";

/// A gateway's world in which rows have a mac and seals a signature.
async fn keyed() -> World {
    World::new().await.set("MODGATE_SEAL_KEY", SEED)
}

/// Until each row is in a seal, and none is awaited.
async fn all_sealed(world: &World) {
    eventually("all is sealed", Duration::from_mins(1), async || {
        let pending = world.count("select count(*) from audit.actions where state = 'pending'");
        (pending.await == 0 && world.count(UNSEALED).await == 0).then_some(())
    })
    .await;
}

/// The public key of `seed`, as `modgate` prints it.
fn public_key_of(seed: &str) -> TemporaryFile {
    let variables = [("MODGATE_SEAL_KEY".to_owned(), seed.to_owned())];
    let mut command = modgate(&variables.into());
    let printed = command.args(["seals", "--public-key"]).output();
    let printed = printed.expect("the binary can be run");
    assert!(printed.status.success(), "{printed:?}");
    TemporaryFile::new(printed.stdout)
}

/// The heads in the database of `url`, from seal `since` on.
fn heads(url: &str, since: i64) -> String {
    let variables = [("MODGATE_DATABASE_URL".to_owned(), url.to_owned())];
    let mut command = modgate(&variables.into());
    let printed = command
        .args(["seals", "--since", &since.to_string()])
        .output();
    let printed = printed.expect("the binary can be run");
    assert!(printed.status.success(), "{printed:?}");
    String::from_utf8(printed.stdout).expect("JSON is UTF-8")
}

/// A sealed record with an action for each way to end, in a database that others are copied from.
struct Recorded {
    world: World,
    name: String,
    public_key: TemporaryFile,
    /// Half from the gateway's log, half from `modgate seals`.
    heads: TemporaryFile,
    actions: Actions,
}

/// The actions of the record by what became of them.
struct Actions {
    succeeded: Uuid,
    refused: Uuid,
    /// After a retry.
    seated: Uuid,
    unknown: Uuid,
    denied: Uuid,
    /// A mute that was probed.
    muted: Uuid,
    last: Uuid,
}

impl Recorded {
    /// Made once: each test tampers with copies of its own.
    async fn shared() -> &'static Self {
        static SHARED: OnceCell<Recorded> = OnceCell::const_new();
        SHARED.get_or_init(Self::new).await
    }

    async fn new() -> Self {
        let mut world = keyed().await;
        let gateway = Gateway::start(&world.variables).await.ready().await;
        let actions = act(&world, &gateway).await;
        let seals = world.count("select count(*) from audit.seal").await;
        assert!(seals >= 4, "one for each wait: {seals}");
        let log = gateway.log();
        eventually("all are logged", Duration::from_secs(5), async || {
            (i64::try_from(log.events("seal").len()) == Ok(seals)).then_some(())
        })
        .await;
        let log = log.lines().join("\n");
        gateway.kill();
        world.leave();
        let later = heads(&world.database.url, seals / 2);
        let name = world.to_be_copied().await;
        // The last one is among the later ones alone.
        let last = format!("\"seal.no\":{seals},");
        let earlier: Vec<&str> = log.lines().filter(|line| !line.contains(&last)).collect();
        Self {
            world,
            name,
            public_key: public_key_of(SEED),
            heads: TemporaryFile::new(format!("{}\n{later}", earlier.join("\n"))),
            actions,
        }
    }

    /// A copy to be tampered with.
    async fn copy(&self) -> Copy {
        let presence = quiet::among_others().await;
        let database = Cluster::shared()
            .await
            .create_database(Some(&self.name))
            .await;
        let sql = PgConnection::connect(&database.url)
            .await
            .expect("it was just made");
        Copy {
            sql,
            database,
            _presence: presence,
        }
    }

    /// What an auditor has: the public key.
    fn key(&self) -> Evidence<'_> {
        Evidence {
            public_key: Some(self.public_key.path()),
            ..Evidence::default()
        }
    }

    /// The heads that were kept as well.
    fn key_and_heads(&self) -> Evidence<'_> {
        Evidence {
            heads: Some(self.heads.path()),
            ..self.key()
        }
    }
}

/// Every way to end, sealed in several steps.
async fn act(world: &World, gateway: &Gateway) -> Actions {
    let alice = gateway.moderator("alice");
    let spam = serde_json::json!({"user_id": "succeeded", "reason": "spam"});
    let succeeded = alice.post(KICK_LOGIN, &spam).await;
    all_sealed(world).await;
    world.simulator.declare_account("nobody", false);
    let refused = alice.kick_login("nobody").await;
    let passing = FaultKind::ErrorCode {
        code: 70500,
        info: None,
    };
    world.simulator.fail(Fault::next(passing));
    let seated = alice.kick_seat("room", "seated", "").await;
    all_sealed(world).await;
    world
        .simulator
        .fail(Fault::next(FaultKind::Cut { reset: true }));
    let unknown = alice.kick_login("unknown").await;
    let mallory = Persona::new(gateway.addr, Some(token("mallory", &[])));
    let denied = mallory.kick_login("denied").await;
    let ten_minutes = serde_json::json!({"user_id": "muted", "seconds": 600});
    let muted = alice.post("/v1/actions/mute_user", &ten_minutes).await;
    let path = format!(
        "/v1/actions/{}/probe",
        muted.action()["id"].as_str().expect("it has one")
    );
    assert_eq!(alice.post_text(&path, "").await.status, 200);
    all_sealed(world).await;
    let last = alice.kick_login("last").await;
    all_sealed(world).await;

    let id_of = |answer: Answer, state: &str| {
        let action = answer.action();
        assert_eq!(action["state"], state, "{action}");
        let id = action["id"].as_str().expect("an action has an id");
        id.parse().expect("it is a UUID")
    };
    Actions {
        succeeded: id_of(succeeded, "succeeded"),
        refused: id_of(refused, "refused"),
        seated: id_of(seated, "succeeded"),
        unknown: id_of(unknown, "unknown"),
        denied: id_of(denied, "denied"),
        muted: id_of(muted, "succeeded"),
        last: id_of(last, "succeeded"),
    }
}

/// Runs `statement`, again if it was ended by a deadlock: a gateway that is still running may lock the same tables in
/// another order.
async fn run(sql: &mut PgConnection, statement: &str) {
    const DEADLOCK: &str = "40P01";
    for _ in 0..10 {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *sql);
        let Err(error) = done.await else { return };
        let code = error.as_database_error().and_then(DatabaseError::code);
        assert!(code.as_deref() == Some(DEADLOCK), "{statement}: {error}");
    }
    panic!("ten deadlocks in a row: {statement}");
}

/// A copy of a recorded log, as a superuser has it.
struct Copy {
    // Closed before the database is dropped.
    sql: PgConnection,
    database: Database,
    _presence: Presence,
}

impl Copy {
    /// Past the guards, which are up again when verdicts are asked for.
    async fn run(&mut self, statement: &str) {
        run(&mut self.sql, UNGUARD).await;
        run(&mut self.sql, statement).await;
    }

    async fn number(&mut self, query: &str) -> i64 {
        let number = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        number
            .fetch_one(&mut self.sql)
            .await
            .expect("Postgres answers")
    }

    /// Which seal holds an action, or an event of it.
    async fn seal_of(&mut self, id: Uuid, rev: i16) -> i64 {
        let seal =
            "select no from audit.seal where position(uuid_send($1) || int2send($2) in leaves) > 0";
        let seal = sqlx::query_scalar(seal).bind(id).bind(rev);
        seal.fetch_one(&mut self.sql).await.expect("it is in one")
    }

    fn verdicts(&self, evidence: Evidence<'_>) -> Verdicts {
        guard::restore(&self.database.url);
        verdicts(&self.database.url, evidence)
    }
}

/// What a check is given besides the record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence<'a> {
    public_key: Option<&'a str>,
    heads: Option<&'a str>,
    /// The id of a decision that is known.
    accepted: Option<&'a str>,
    /// From when on everything must be proven.
    proven_since: Option<&'a str>,
}

impl<'a> Evidence<'a> {
    /// What both verifiers are told in the same way.
    fn arguments(&self) -> Vec<&'a str> {
        let options = [
            ("--seal-file", self.heads),
            ("--accepted", self.accepted),
            ("--proven-since", self.proven_since),
        ];
        let given = options
            .into_iter()
            .filter_map(|(option, value)| Some([option, value?]));
        given.flatten().collect()
    }
}

/// What `modgate verify` says of the database and of an export, and what the second verifier says of the export.
pub(crate) struct Verdicts([(&'static str, Output); 3]);

pub(crate) fn verdicts(url: &str, evidence: Evidence<'_>) -> Verdicts {
    let export = export(url);
    let checking = |variable: Option<(&str, &str)>, arguments: &[&str]| {
        let key = evidence
            .public_key
            .map(|path| ("MODGATE_SEAL_PUBLIC_KEY_FILE", path));
        let variables = variable.into_iter().chain(key);
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut command = modgate(&variables.collect());
        command.arg("verify").args(arguments);
        command.args(evidence.arguments());
        command.output().expect("the binary can be run")
    };
    let mut arguments = vec![export.path()];
    let key = evidence.public_key.into_iter();
    arguments.extend(key.flat_map(|path| ["--public-key", path]));
    arguments.extend(evidence.arguments());
    Verdicts([
        (
            "the database",
            checking(Some(("MODGATE_DATABASE_URL", url)), &[]),
        ),
        ("an export", checking(None, &["--from", export.path()])),
        ("the second verifier", verifier::verify(&arguments)),
    ])
}

fn export(url: &str) -> TemporaryFile {
    let export = TemporaryFile::new("");
    let variables = [("MODGATE_DATABASE_URL".to_owned(), url.to_owned())];
    let mut command = modgate(&variables.into());
    let exported = command.args(["export", "--output", export.path()]).output();
    let exported = exported.expect("the binary can be run");
    assert!(exported.status.success(), "{exported:?}");
    export
}

/// What is wrong, and with what.
type Finding = (String, String);

fn finding(what: impl std::fmt::Display, wrong: impl Into<String>) -> Finding {
    (what.to_string(), wrong.into())
}

impl Verdicts {
    pub(crate) fn assert_intact(&self, what: &str) {
        for (of, output) in &self.0 {
            assert_eq!(output.status.code(), Some(0), "{what}, {of}: {output:?}");
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(
                told.contains("\nintact: ") || told.starts_with("intact: "),
                "{what}, {of}: {told}"
            );
        }
    }

    /// None of them could check anything.
    fn assert_unchecked(&self, what: &str) {
        for (of, output) in &self.0 {
            assert_eq!(output.status.code(), Some(2), "{what}, {of}: {output:?}");
            assert!(
                output.stdout.is_empty() && !output.stderr.is_empty(),
                "{what}, {of}: {output:?}"
            );
        }
    }

    /// Each has a line with both.
    fn assert_tells(&self, one: &str, other: &str) {
        for (of, output) in &self.0 {
            let told = String::from_utf8_lossy(&output.stdout);
            let is_told = told
                .lines()
                .any(|line| line.contains(one) && line.contains(other));
            assert!(is_told, "{of}: {told}");
        }
    }

    /// All of them find nothing but that this was decided.
    fn assert_decided(&self, id: &str) {
        for (of, output) in &self.0 {
            assert_eq!(output.status.code(), Some(3), "{of}: {output:?}");
            let told = String::from_utf8_lossy(&output.stdout);
            let is_told = told
                .lines()
                .any(|line| line.starts_with(&format!("decided: {id}: ")));
            assert!(is_told && !told.contains("tampered: "), "{of}: {told}");
        }
    }

    /// All of them find these things, and wrong things with nothing else.
    fn assert_found(&self, what: &str, findings: &[Finding]) {
        self.assert_found_beside(what, findings, &[]);
    }

    /// As [`assert_found`](Self::assert_found), and in the database, which alone has a schema, these objects of it.
    fn assert_found_beside(&self, what: &str, findings: &[Finding], objects: &[&str]) {
        self.assert_at_least_found(what, findings);
        for (of, output) in &self.0 {
            let mut expected: BTreeSet<&str> =
                findings.iter().map(|(named, _)| named.as_str()).collect();
            if *of == "the database" {
                expected.extend(objects);
            }
            let told = String::from_utf8_lossy(&output.stdout);
            let named = told
                .lines()
                .filter_map(|line| line.strip_prefix("tampered: ")?.split_once(": "));
            let named: BTreeSet<&str> = named.map(|(named, _)| named).collect();
            assert_eq!(named, expected, "{what}, {of}: {told}");
        }
    }

    fn assert_at_least_found(&self, what: &str, findings: &[Finding]) {
        for (of, output) in &self.0 {
            assert_eq!(output.status.code(), Some(1), "{what}, {of}: {output:?}");
            let told = String::from_utf8_lossy(&output.stdout);
            for (named, wrong) in findings {
                // The second one has its own words.
                let wrong = if *of == "the second verifier" {
                    ""
                } else {
                    wrong
                };
                let line = format!("tampered: {named}: {wrong}");
                let found = told.lines().any(|told| told.starts_with(&line));
                assert!(found, "{what}, {of}: no {line:?} in {told}");
            }
        }
    }
}
