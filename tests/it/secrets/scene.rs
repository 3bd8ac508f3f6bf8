//! A gateway to which everything happens, and what was seen of it.

use std::collections::BTreeSet;
use std::time::Duration;

use modgate::simulator::{Api, Fault};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::faults::{ECHO, KINDS, error, faults, number};
use crate::support::app::MODERATOR;
use crate::support::eventually::eventually;
use crate::support::leak::{Secrets, Seen};
use crate::support::persona::{Answer, KICK_LOGIN, Persona};
use crate::support::postgres::Cluster;
use crate::support::process::Gateway;
use crate::support::world::{JWT_SECRET, SECRET_KEY, World, token};

pub(super) const DATABASE_PASSWORD: &str = "4ce0c3a4-password-of-the-gateway-4f1bb0fd";
const SEAL_KEY: &str = "7d1f0c52a9be4480937f6b2ec1d8a05543f9be1c6a7d4e0891b2c3d4e5f60718";
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway that logs all it can, in a world that goes wrong.
pub(super) struct Scene {
    world: World,
    gateway: Gateway,
    alice: Persona,
    secrets: Secrets,
    seen: Seen,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let world = World::with_its_own_postgres().await;
        let url = url_with_a_password(&world).await;
        let world = [
            ("MODGATE_DATABASE_URL", url.as_str()),
            ("MODGATE_SEAL_KEY", SEAL_KEY),
            ("MODGATE_LOG", "trace"),
            ("MODGATE_MODERATOR_QPS", "1000"),
            ("MODGATE_PROTECTED_USERS", "boss"),
            ("MODGATE_TENCENT_TIMEOUT", "1s"),
        ]
        .into_iter()
        .fold(world, |world, (name, value)| world.set(name, value));
        let gateway = Gateway::start(&world.variables).await.ready().await;
        let (mut secrets, alice) = (Secrets::default(), token("alice", &MODERATOR));
        secrets.keep("the secret key", SECRET_KEY);
        secrets.keep("the secret of the tokens", JWT_SECRET);
        secrets.keep("the seal key", SEAL_KEY);
        secrets.keep("the database's password", DATABASE_PASSWORD);
        secrets.keep("a token", &alice);
        let alice = Persona::new(gateway.addr, Some(alice));
        let seen = Seen::default();
        Self {
            world,
            gateway,
            alice,
            secrets,
            seen,
        }
    }

    pub(super) async fn kick(&mut self, user_id: &str) -> Answer {
        self.seen.answer(self.alice.kick_login(user_id).await)
    }

    /// Mutes this user. The path of the probe.
    async fn mute(&mut self, user_id: &str) -> String {
        let body = json!({"user_id": user_id, "seconds": 600});
        let muted = self.alice.post("/v1/actions/mute_user", &body).await;
        let muted = self.seen.answer(muted);
        let id = muted.header("modgate-action-id");
        format!("/v1/actions/{}/probe", id.expect("it has a row"))
    }

    pub(super) async fn suffer_every_fault(&mut self) {
        let kinds: BTreeSet<usize> = faults().iter().map(number).collect();
        assert_eq!(kinds, (0..KINDS).collect());
        for (at, kind) in faults().into_iter().enumerate() {
            let (path, good) = (
                self.mute(&format!("mute{at}")).await,
                self.mute("good").await,
            );
            for api in [Api::KICK_LOGIN, Api::KICK_SEAT, Api::GETNOSPEAKING] {
                self.world.simulator.fail(Fault::next(kind.clone()).on(api));
            }
            let (login, seat) = (format!("login{at}"), format!("seat{at}"));
            let login = self.alice.kick_login(&login);
            let seat = self.alice.kick_seat("room", &seat, "over");
            let (login, seat, probe) = tokio::join!(login, seat, self.alice.post_text(&path, ""));
            self.seen.answer(login);
            self.seen.answer(seat);
            assert_eq!(self.seen.answer(probe).status, 200);
            self.world.simulator.clear_faults();
            assert_eq!(self.kick("good").await.status, 200);
            let probe = self.alice.post_text(&good, "").await;
            assert_eq!(self.seen.answer(probe).status, 200);
        }
        let calls = self.world.simulator.calls();
        let struck: BTreeSet<&str> = calls.iter().filter_map(|call| call.fault).collect();
        assert_eq!(struck.len(), KINDS, "{struck:?}");
        self.world
            .simulator
            .fail(Fault::next(error(70001, Some(ECHO))));
        self.kick("credential").await;
    }

    /// Tokens that are refused, and people who may not.
    pub(super) async fn suffer_strangers(&mut self) {
        let good = token("mallory", &MODERATOR);
        let (signed, signature) = good.rsplit_once('.').expect("a token has three parts");
        let reversed: String = signature.chars().rev().collect();
        let forged = format!("{signed}.{reversed}");
        for bad in [
            forged,
            format!("{signed}."),
            format!("{good}.{good}"),
            good.replace('.', ""),
        ] {
            self.secrets.keep("a refused token", &bad);
            let stranger = Persona::new(self.gateway.addr, Some(bad));
            assert_eq!(
                self.seen.answer(stranger.kick_login("user").await).status,
                401
            );
            assert_eq!(self.seen.answer(stranger.get("/v1/me").await).status, 401);
        }
        let powerless = token("nobody", &[]);
        self.secrets.keep("a token", &powerless);
        let powerless = Persona::new(self.gateway.addr, Some(powerless));
        assert_eq!(
            self.seen.answer(powerless.kick_login("user").await).status,
            403
        );
        assert_eq!(self.kick("boss").await.status, 403);
    }

    /// A token in a place where none belongs.
    pub(super) async fn suffer_mistakes(&mut self) {
        let lost = token("mallory", &MODERATOR);
        self.secrets.keep("a token", &lost);
        for body in [
            json!({"user_id": lost}).to_string(),
            json!({"user_id": "user", "token": lost}).to_string(),
            json!({"user_id": "user", "supersedes": lost}).to_string(),
            json!({"user_id": "user", "case_ref": lost}).to_string(),
            json!(lost).to_string(),
            format!(r#"{{"user_id": "{lost}"#),
        ] {
            let answer = self.alice.post_text(KICK_LOGIN, body).await;
            assert_eq!(self.seen.answer(answer).status, 400);
        }
        for path in [
            "actions/",
            "me?access_token=",
            "actions?access_token=",
            "actions?cursor=",
            "no/",
        ] {
            self.seen
                .answer(self.alice.get(&format!("/v1/{path}{lost}")).await);
        }
    }

    pub(super) async fn suffer_an_absent_tencent(&mut self) {
        self.world.simulator.stop().expect("it runs");
        assert_eq!(self.kick("nobody").await.status, 503);
        self.look_around().await;
        self.world.simulator.restart().expect("its port is free");
    }

    pub(super) async fn suffer_an_absent_database(&mut self) {
        self.postgres().stop_fast().await;
        assert_eq!(self.kick("nobody").await.status, 503);
        assert_eq!(
            self.seen.answer(self.alice.get("/v1/actions").await).status,
            503
        );
        self.look_around().await;
        self.postgres().start().await;
        self.recover().await;

        self.change_the_password("another").await;
        assert_eq!(self.kick("nobody").await.status, 503);
        self.look_around().await;
        self.change_the_password(DATABASE_PASSWORD).await;
        self.recover().await;
    }

    fn postgres(&self) -> &Cluster {
        self.world.cluster.as_ref().expect("this world has its own")
    }

    async fn recover(&mut self) {
        let kicked = async || (self.kick("again").await.status == 200).then_some(());
        eventually("the gateway recovers", PATIENCE, kicked).await;
    }

    async fn change_the_password(&self, password: &str) {
        let sql = format!(
            "alter role gateway password '{password}';
             select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gateway'"
        );
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut self.world.sql().await)
            .await
            .expect("the superuser may");
    }

    /// Everything that can be read over HTTP.
    async fn look_around(&mut self) {
        let auditor = Persona::new(self.gateway.addr, Some(token("auditor", &["audit:read"])));
        for path in ["/v1/me", "/v1/users/good", "/v1/actions?limit=200"] {
            self.seen.answer(auditor.get(path).await);
        }
        for path in ["/metrics", "/readyz", "/livez"] {
            let answer = self.seen.answer(self.gateway.operator().get(path).await);
            self.seen.add(path, answer.text);
        }
    }

    /// Ends the gateway, and adds its log and everything that is in the database.
    pub(super) async fn end(mut self) -> (Secrets, Seen) {
        self.look_around().await;
        self.gateway.signal("TERM");
        let log = self.gateway.log();
        assert!(self.gateway.exit(PATIENCE).await.success());
        eventually("the log is whole", PATIENCE, async || {
            log.events("stopped").pop()
        })
        .await;
        for line in log.lines() {
            assert!(!line.contains("panicked"), "{line}");
            self.seen.add("the log", line);
        }
        for row in all_rows(&mut self.world.sql().await).await {
            self.seen.add("the database", row);
        }
        for call in self.world.simulator.calls() {
            self.secrets.keep(
                "a UserSig",
                call.query_value("usersig").expect("every call has one"),
            );
        }
        (self.secrets, self.seen)
    }
}

/// Makes a role with a password that can be searched for, and the rights that a gateway needs.
async fn url_with_a_password(world: &World) -> String {
    let sql = format!(
        "create role gateway login password '{DATABASE_PASSWORD}';
         grant usage on schema audit, modgate to gateway;
         grant select, insert on all tables in schema public, audit to gateway;
         grant all on all tables in schema modgate to gateway;
         grant execute on all functions in schema audit, modgate to gateway"
    );
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut world.sql().await)
        .await
        .expect("the superuser may");
    let mut url = reqwest::Url::parse(&world.database.url).expect("the test connected with it");
    url.set_username("gateway").expect("it has a host");
    url.set_password(Some(DATABASE_PASSWORD))
        .expect("it has a host");
    url.into()
}

/// Every row of every table, as text.
async fn all_rows(sql: &mut PgConnection) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select oid::regclass::text from pg_class where relkind in ('r', 'v', 'm')
         and relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast')",
    )
    .fetch_all(&mut *sql)
    .await
    .expect("the superuser may");
    let mut rows = Vec::new();
    for table in tables {
        let all = format!("select concat('{table}: ', t::text) from {table} t");
        let of_this: Vec<String> = sqlx::query_scalar(AssertSqlSafe(all))
            .fetch_all(&mut *sql)
            .await
            .expect("the superuser may");
        rows.extend(of_this);
    }
    rows
}
