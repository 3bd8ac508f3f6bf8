//! `modgate check --live`: what is wrong is named by the setting to change, and nobody is kicked.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use modgate::simulator::{Api, Fault, FaultKind, Simulator};
use serde_json::json;

use crate::record::roles::with_roles;
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::file::TemporaryFile;
use crate::support::process::modgate;
use crate::support::provider::{Answer, Provider, SigningKey};
use crate::support::world::{JWT_SECRET, World};

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

/// What one run says.
#[derive(Debug)]
struct Report {
    exit_code: Option<i32>,
    lines: Vec<String>,
}

impl Report {
    /// Runs it in `world`, with these variables changed.
    async fn of(world: &World, changes: &[(&str, &str)]) -> Self {
        let mut variables = world.variables.clone();
        for (name, value) in changes {
            variables.insert((*name).to_owned(), (*value).to_owned());
        }
        Self::with(variables).await
    }

    async fn with(variables: BTreeMap<String, String>) -> Self {
        let secrets = [
            "MODGATE_TENCENT_SECRET_KEY",
            "MODGATE_TENCENT_USERSIG",
            "MODGATE_DATABASE_URL",
            "MODGATE_SEAL_KEY",
        ];
        let secrets = secrets.map(|name| variables.get(name).cloned());
        let mut command = modgate(&variables);
        command.args(["check", "--live"]);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("it does not panic");
        let output = output.expect("the binary can be run");
        let [stdout, stderr] = [output.stdout, output.stderr].map(String::from_utf8);
        let said = format!("{}{}", stdout.expect("a text"), stderr.expect("a text"));
        let secrets = secrets.into_iter().flatten();
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            assert!(!said.contains(&secret), "a secret is shown: {said}");
        }
        assert!(!said.contains(JWT_SECRET) && !said.contains("usersig="));
        Self {
            exit_code: output.status.code(),
            lines: said.lines().map(str::to_owned).collect(),
        }
    }

    /// The faults of one subject, each from the setting on.
    fn wrong(&self, subject: &str) -> Vec<&str> {
        let prefix = format!("wrong: {subject}: ");
        let lines = self.lines.iter();
        let faults: Vec<&str> = lines
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect();
        assert!(faults.is_empty() || self.exit_code == Some(1), "{self:?}");
        faults
    }

    /// Whether the only fault of `subject` begins with `setting` and says `what`.
    fn assert_wrong(&self, subject: &str, setting: &str, what: &str) {
        let [fault] = self.wrong(subject)[..] else {
            panic!("one fault is expected, of {setting}: {self:?}")
        };
        let named = fault.starts_with(setting) && fault.contains(what);
        assert!(named, "{setting}, {what}: {self:?}");
    }

    fn is_ok(&self, subject: &str) -> bool {
        let prefix = format!("ok: {subject}: ");
        self.wrong(subject).is_empty() && self.lines.iter().any(|line| line.starts_with(&prefix))
    }
}

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it is bound")
}

/// A server that takes connections, in its queue, and says nothing.
fn silence() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn assert_nobody_was_kicked(simulator: &Simulator) {
    for api in [Api::KICK_LOGIN, Api::KICK_SEAT, Api::UNKNOWN] {
        assert_eq!(simulator.calls_to(api).len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_with_the_roles_and_a_credential_that_is_right() {
    let world = with_roles().await;
    let report = Report::of(&world, &[]).await;
    assert_eq!(report.exit_code, Some(0), "{report:?}");
    for subject in ["ports", "Tencent", "database", "token keys"] {
        assert!(report.is_ok(subject), "{subject}: {report:?}");
    }
    // One question, about the admin itself; no kick, no row, no permit.
    let calls = world.simulator.calls();
    let [call] = &calls[..] else {
        panic!("one call: {calls:?}")
    };
    assert_eq!(call.api, Api::QUERY_ONLINE_STATUS);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&call.body).expect("JSON"),
        json!({"To_Account": ["administrator"]})
    );
    assert_nobody_was_kicked(&world.simulator);
    assert_eq!(world.count("select count(*) from audit.action").await, 0);
    assert_eq!(
        world
            .count("select count(*) from modgate.permit_lease")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_tencent_refuses_is_named_by_its_setting() {
    let world = World::new().await;
    let wrong = [
        ("MODGATE_TENCENT_SECRET_KEY", "0123456789abcdef", "70009"),
        ("MODGATE_TENCENT_ADMIN", "root", "60010"),
        ("MODGATE_TENCENT_SDK_APP_ID", "1400000002", "70020"),
    ];
    for (setting, value, code) in wrong {
        let report = Report::of(&world, &[(setting, value)]).await;
        report.assert_wrong("Tencent", setting, code);
    }
    let mut given = world.variables.clone();
    given.remove("MODGATE_TENCENT_SECRET_KEY");
    given.insert(
        "MODGATE_TENCENT_USERSIG".to_owned(),
        "eJx-made-up".to_owned(),
    );
    let report = Report::with(given).await;
    report.assert_wrong("Tencent", "MODGATE_TENCENT_USERSIG", "70003");
    // The path is not Tencent's.
    let url = format!("{}/im", world.simulator.url());
    let report = Report::of(&world, &[("MODGATE_TENCENT_URL", &url)]).await;
    report.assert_wrong("Tencent", "MODGATE_TENCENT_URL", "60009");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tencent_says_of_region_and_key_is_passed_on_without_the_credential() {
    let world = World::new().await;
    for (code, setting) in [
        (60_026, "MODGATE_TENCENT_URL"),
        (70_001, "MODGATE_TENCENT_USERSIG_TTL"),
        (60_020, "no setting, see Tencent's console"),
        (70_050, "no setting, try again in a minute"),
    ] {
        let kind = FaultKind::ErrorCode {
            code,
            info: Some("of {usersig} and {usersig_encoded}".to_owned()),
        };
        world.simulator.fail(Fault::next(kind));
        let report = Report::of(&world, &[]).await;
        report.assert_wrong("Tencent", setting, &code.to_string());
        report.assert_wrong("Tencent", setting, "of [redacted] and [redacted]");
    }
    // The admin need not be a user of the app.
    world.simulator.fail(Fault::next(FaultKind::ErrorCode {
        code: 70_107,
        info: None,
    }));
    assert!(Report::of(&world, &[]).await.is_ok("Tencent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tencent_that_cannot_be_reached_is_named_by_what_leads_there() {
    let world = World::new().await;
    let url = format!("http://{}", nobody());
    let report = Report::of(&world, &[("MODGATE_TENCENT_URL", &url)]).await;
    report.assert_wrong("Tencent", "MODGATE_TENCENT_URL", "refused");
    let report = Report::of(&world, &[("MODGATE_TENCENT_PROXY", &url)]).await;
    report.assert_wrong("Tencent", "MODGATE_TENCENT_PROXY", "refused");
    let (_silent, address) = silence();
    let url = format!("http://{address}");
    let changes = [
        ("MODGATE_TENCENT_URL", url.as_str()),
        ("MODGATE_TENCENT_TIMEOUT", "1s"),
    ];
    let report = Report::of(&world, &changes).await;
    report.assert_wrong("Tencent", "MODGATE_TENCENT_URL", "MODGATE_TENCENT_TIMEOUT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_named_by_the_file_of_roots() {
    // Speaks TLS, and is not Tencent.
    let secure = Provider::start_tls(&[]).await;
    secure.set(Answer::Status(404));
    let url = format!("https://localhost:{}", secure.addr.port());
    let roots = TemporaryFile::new(secure.authority.as_ref().expect("it has one"));
    let world = World::new().await;
    let report = Report::of(&world, &[("MODGATE_TENCENT_URL", &url)]).await;
    report.assert_wrong("Tencent", "MODGATE_CA_FILE", "certificate");
    let changes = [
        ("MODGATE_TENCENT_URL", url.as_str()),
        ("MODGATE_CA_FILE", roots.path()),
    ];
    let report = Report::of(&world, &changes).await;
    report.assert_wrong("Tencent", "MODGATE_TENCENT_URL", "404");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_named_and_hides_nothing_of_tencent() {
    let world = World::new().await;
    let url = world.database.url.clone();
    let name = url
        .rsplit('/')
        .next()
        .expect("it names a database")
        .to_owned();
    let user = "modgate_who_is_not_there:hunter2hunter2";
    let stranger = format!("postgres://{user}@{}/{name}", host_of(&url));
    let elsewhere = url.replace(&name, "modgate_nowhere");
    for (url, says) in [
        (stranger, "authentication failed"),
        (elsewhere, "does not exist"),
        (format!("postgres://a:b@{}/c", nobody()), "refused"),
    ] {
        let changes = [
            ("MODGATE_DATABASE_URL", url.as_str()),
            ("MODGATE_TENCENT_ADMIN", "root"),
        ];
        let report = Report::of(&world, &changes).await;
        report.assert_wrong("database", "MODGATE_DATABASE_URL", says);
        report.assert_wrong("Tencent", "MODGATE_TENCENT_ADMIN", "60010");
        assert!(report.is_ok("token keys"));
    }
    let (_silent, address) = silence();
    let url = format!("postgres://a:b@{address}/c");
    let report = Report::of(&world, &[("MODGATE_DATABASE_URL", &url)]).await;
    report.assert_wrong("database", "MODGATE_DATABASE_URL", "no answer within 5 s");
    assert!(report.is_ok("Tencent"), "{report:?}");
}

fn host_of(url: &str) -> &str {
    let after = url.split_once('@').map_or(url, |(_, after)| after);
    after.split('/').next().expect("a URL has a host")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmigrated_database_is_a_fault_unless_serve_migrates_it() {
    let mut world = World::with_its_own_postgres().await;
    let cluster = world.cluster.as_ref().expect("it has one");
    world.database = cluster.create_database(None).await;
    let url = world.database.url.clone();
    let world = world.set("MODGATE_DATABASE_URL", &url);
    let report = Report::of(&world, &[]).await;
    report.assert_wrong("database", "MODGATE_DATABASE_URL", "run `modgate migrate`");
    let report = Report::of(&world, &[("MODGATE_MIGRATE", "true")]).await;
    assert!(
        report.is_ok("database") && report.is_ok("migration"),
        "{report:?}"
    );
    let owner = format!("postgres://a:b@{}/c", nobody());
    let changes = [
        ("MODGATE_MIGRATE", "true"),
        ("MODGATE_OWNER_DATABASE_URL", &owner),
    ];
    let report = Report::of(&world, &changes).await;
    report.assert_wrong("migration", "MODGATE_OWNER_DATABASE_URL", "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_could_rewrite_the_record_and_a_month_without_room_are_faults() {
    let world = World::new().await;
    let report = Report::of(&world, &[]).await;
    report.assert_wrong("database", "MODGATE_DATABASE_URL", "superuser");
    report.assert_wrong("database", "MODGATE_DATABASE_URL", "modgate_service");
    world
        .execute(
            "do $$ declare month text; begin
                 for month in select relname from pg_class where relname ~ '^(action|event)_\\d{6}$'
                              and right(relname, 6) > to_char(now() at time zone 'UTC', 'YYYYMM')
                 loop execute 'drop table audit.' || month; end loop;
             end $$",
        )
        .await;
    let report = Report::of(&world, &[]).await;
    let room = "MODGATE_DATABASE_URL: the record has no room for next month";
    let faults = report.wrong("database");
    assert!(
        faults.iter().any(|fault| fault.starts_with(room)),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_key_is_a_fault_if_another_one_signed_the_newest_seal() {
    let app = TestApp::in_world(World::new().await.set("MODGATE_SEAL_KEY", SEED)).await;
    app.moderator("alice").kick_login("user1").await;
    eventually("a seal", Duration::from_secs(20), async || {
        (app.count("select count(*) from audit.seal").await > 0).then_some(())
    })
    .await;
    let other = "0f".repeat(32);
    for (key, fault) in [
        (other.as_str(), Some("another key signed the newest seal")),
        ("", Some("there is no key")),
        (SEED, None),
        (&format!("{other}\n{SEED}"), None),
    ] {
        let report = Report::of(&app, &[("MODGATE_SEAL_KEY", key)]).await;
        let faults = report.wrong("database");
        let of_the_key = faults
            .iter()
            .find_map(|fault| fault.strip_prefix("MODGATE_SEAL_KEY: "));
        if let Some(fault) = fault {
            let told = of_the_key.is_some_and(|told| told.contains(fault));
            assert!(told, "{report:?}");
        } else {
            assert_eq!(of_the_key, None);
            let ok = "ok: database: the seal key made the newest seal";
            assert!(report.lines.iter().any(|line| line == ok), "{report:?}");
        }
    }
    // The questions were no actions: they are in no record.
    app.simulator.forget_calls();
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_provider_without_keys_is_named_by_what_leads_there() {
    let key = SigningKey::es256("key");
    let provider = Provider::start(&[&key]).await;
    let secure = Provider::start_tls(&[&key]).await;
    let world = World::new().await;
    let at = async |url: &str| {
        let keys = [("MODGATE_JWT_SECRET", ""), ("MODGATE_JWT_JWKS_URL", url)];
        Report::of(&world, &keys).await
    };
    let url = "MODGATE_JWT_JWKS_URL";
    assert!(at(&provider.url()).await.is_ok("token keys"));
    let mut odd = SigningKey::es256("odd");
    odd.jwk["crv"] = "P-521".into();
    provider.publish(&[&key, &odd]);
    let report = at(&provider.url()).await;
    assert!(report.is_ok("token keys"));
    let expected = "ok: token keys: the identity provider publishes 1; not used: key 2 (\"odd\") is no complete";
    let named = report.lines.iter().any(|line| line.starts_with(expected));
    assert!(named, "{report:?}");
    provider.publish(&[&odd]);
    let report = at(&provider.url()).await;
    report.assert_wrong("token keys", url, "key 1 (\"odd\") is no complete");
    provider.set(Answer::Status(404));
    let report = at(&provider.url()).await;
    report.assert_wrong("token keys", url, "status 404");
    let report = at(&format!("http://{}/keys", nobody())).await;
    report.assert_wrong("token keys", url, "cannot be fetched");
    let report = at(&secure.url()).await;
    report.assert_wrong("token keys", "MODGATE_CA_FILE", "certificate");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_live_nothing_is_tried() {
    let world = World::new().await;
    let mut variables = world.variables.clone();
    variables.insert(
        "MODGATE_DATABASE_URL".to_owned(),
        format!("postgres://a:b@{}/c", nobody()),
    );
    let checked = modgate(&variables).arg("check").output();
    assert!(checked.expect("the binary can be run").status.success());
    assert_eq!(world.simulator.calls().len(), 0);
}
