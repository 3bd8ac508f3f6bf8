//! What a gateway needs around it: a simulator, a database, an issuer of tokens, and settings.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::Utc;
use modgate::auth::mint::{Claims, Minter};
use modgate::config::Environment;
use modgate::simulator::{self, Simulator};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, PgConnection};
use tokio::sync::{Mutex, OnceCell};

use super::postgres::{Cluster, Database};
use super::quiet::{self, Presence};

pub(crate) const SDK_APP_ID: u32 = 1_400_000_001;
pub(crate) const SECRET_KEY: &str =
    "b3f1c9d0a7e64f25b3f1c9d0a7e64f25b3f1c9d0a7e64f25b3f1c9d0a7e64f25";
pub(crate) const JWT_SECRET: &str = "a secret that is only for tests, 0123456789";
pub(crate) const ISSUER: &str = "https://id.example.test";
pub(crate) const AUDIENCE: &str = "modgate";

/// A simulator and a migrated database, and the settings of a gateway between them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) database: Database,
    /// The server of the database, if it is this test's own.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) variables: BTreeMap<String, String>,
    presence: Option<Presence>,
    /// Where [`Self::count`] asks, and the URL it leads to: tests ask often, and Postgres makes a process for
    /// each connection.
    asked: Mutex<Option<(String, PgConnection)>>,
}

impl World {
    /// On the server that all tests share.
    pub(crate) async fn new() -> Self {
        Self::on_the_shared_postgres(quiet::among_others().await).await
    }

    /// The same for a test that offers a load.
    pub(crate) async fn under_load() -> Self {
        Self::on_the_shared_postgres(quiet::under_load().await).await
    }

    async fn on_the_shared_postgres(presence: Presence) -> Self {
        let shared = Cluster::shared().await;
        let database = shared.create_database(Some(template().await)).await;
        Self::around(database, None, presence)
    }

    /// With a copy of a database of the shared server, to which nobody may be connected.
    pub(crate) async fn copied_from(database: &str) -> Self {
        let presence = quiet::among_others().await;
        let shared = Cluster::shared().await;
        let database = shared.create_database(Some(database)).await;
        Self::around(database, None, presence)
    }

    /// On a server that this test may stop, freeze and crash.
    pub(crate) async fn with_its_own_postgres() -> Self {
        Self::on_a_postgres_of_its_own(quiet::among_others().await).await
    }

    /// The same for a test that offers a load.
    pub(crate) async fn under_load_with_its_own_postgres() -> Self {
        Self::on_a_postgres_of_its_own(quiet::under_load().await).await
    }

    async fn on_a_postgres_of_its_own(presence: Presence) -> Self {
        let cluster = Cluster::private().await;
        let database = cluster.create_database(None).await;
        migrate(&database.url).await;
        Self::around(database, Some(cluster), presence)
    }

    fn around(database: Database, cluster: Option<Cluster>, presence: Presence) -> Self {
        let mut settings = simulator::Settings::new(SDK_APP_ID, SecretString::from(SECRET_KEY));
        // The promise is measured on what arrives, not on what a simulator lets pass.
        settings.limit = None;
        let simulator = Simulator::start(settings).expect("the simulator starts on free ports");
        let sdk_app_id = SDK_APP_ID.to_string();
        let url = simulator.url();
        let variables = [
            ("MODGATE_LISTEN", "127.0.0.1:0"),
            ("MODGATE_OPS_LISTEN", "127.0.0.1:0"),
            ("MODGATE_DATABASE_URL", database.url.as_str()),
            ("MODGATE_TENCENT_URL", url.as_str()),
            ("MODGATE_TENCENT_SDK_APP_ID", sdk_app_id.as_str()),
            ("MODGATE_TENCENT_SECRET_KEY", SECRET_KEY),
            ("MODGATE_JWT_ISSUER", ISSUER),
            ("MODGATE_JWT_AUDIENCE", AUDIENCE),
            ("MODGATE_JWT_SECRET", JWT_SECRET),
        ];
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            simulator,
            database,
            cluster,
            variables,
            presence: Some(presence),
            asked: Mutex::default(),
        }
    }

    /// Waits until no other world is there, and keeps others away: for a test that is about to measure.
    pub(crate) async fn be_alone(&mut self) {
        // Or it would wait for itself.
        self.leave();
        self.presence = Some(quiet::alone().await);
    }

    /// From here on it keeps nobody from being alone: nothing goes on in it.
    pub(crate) fn leave(&mut self) {
        self.presence = None;
    }

    /// Sets a variable of the gateway that will be started.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The variables of commands that work on the record, as its owner.
    pub(crate) fn variables_of_the_record(&self) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        variables.retain(|name, _| name.starts_with("MODGATE_SEAL_"));
        let url = self.database.url.clone();
        variables.insert("MODGATE_DATABASE_URL".to_owned(), url);
        variables
    }

    /// The variables of a gateway with another seal key.
    pub(crate) fn clone_with_key(&self, key: &str) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        variables.insert("MODGATE_SEAL_KEY".to_owned(), key.to_owned());
        variables
    }

    pub(crate) fn environment(&self) -> Environment {
        self.variables.clone().into_iter().collect()
    }

    /// A connection of the test's own to the record.
    pub(crate) async fn sql(&self) -> PgConnection {
        PgConnection::connect(&self.database.url)
            .await
            .expect("the test's database is there")
    }

    /// Does something to the database, such as sabotage.
    pub(crate) async fn execute(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&mut self.sql().await)
            .await
            .expect(statement);
    }

    /// One number that Postgres knows.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        let mut asked = self.asked.lock().await;
        // There may be another database by now, or Postgres may have ended.
        if let Some((url, connection)) = asked.as_mut()
            && *url == self.database.url
            && let Ok(count) = sqlx::query_scalar(query).fetch_one(connection).await
        {
            return count;
        }
        let mut connection = self.sql().await;
        let count = sqlx::query_scalar(query).fetch_one(&mut connection);
        let count = count.await.expect(query);
        *asked = Some((self.database.url.clone(), connection));
        count
    }

    /// The name of the database, to which nobody of this world is connected any more: it may be copied.
    pub(crate) async fn to_be_copied(&self) -> String {
        if let Some((_, connection)) = self.asked.lock().await.take() {
            connection.close().await.expect("nothing is in its way");
        }
        let mut sql = self.sql().await;
        let name = sqlx::query_scalar("select current_database()::text");
        let name = name.fetch_one(&mut sql).await.expect("Postgres knows");
        sql.close().await.expect("nothing is in its way");
        name
    }

    /// What holds after every test: every call that arrived and does something is announced in the record by its
    /// `random`, and no action is without an end.
    pub(crate) async fn assert_the_record_is_whole(&self) {
        let announced = self.announced().await;
        for call in self.simulator.calls() {
            if !call.api.acts() {
                continue;
            }
            let random = i64::from(call.random.expect("every call has a random"));
            assert!(
                announced.contains(&random),
                "a call without a record: {call:?}"
            );
        }
        let pending: Vec<String> =
            sqlx::query_scalar("select id::text from audit.actions where state = 'pending'")
                .fetch_all(&mut self.sql().await)
                .await
                .expect("the record can be read");
        assert!(pending.is_empty(), "actions without an end: {pending:?}");
    }

    /// The `random` of every call that the record announces.
    pub(crate) async fn announced(&self) -> HashSet<i64> {
        let announced: Vec<i64> = sqlx::query_scalar(
            "select tencent_random from audit.action where tencent_random is not null
             union all select next_random from audit.event where next_random is not null",
        )
        .fetch_all(&mut self.sql().await)
        .await
        .expect("the record can be read");
        announced.into_iter().collect()
    }
}

/// The name of a migrated database that others are copied from.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<(Database, String)> = OnceCell::const_new();
    let (_, name) = TEMPLATE
        .get_or_init(async || {
            let database = Cluster::shared().await.create_database(None).await;
            migrate(&database.url).await;
            let mut sql = PgConnection::connect(&database.url)
                .await
                .expect("it was just made");
            let name = sqlx::query_scalar("select current_database()::text")
                .fetch_one(&mut sql)
                .await;
            sql.close().await.expect("nothing is in its way");
            (database, name.expect("Postgres knows its name"))
        })
        .await;
    name
}

pub(crate) async fn migrate(url: &str) {
    modgate::db::migrate(&SecretString::from(url), &|_| {})
        .await
        .expect("the migrations run");
}

/// A token as the identity provider of these tests makes it.
pub(crate) fn token(subject: &str, scopes: &[&str]) -> String {
    let minter =
        Minter::from_secret(&SecretString::from(JWT_SECRET)).expect("the secret is long enough");
    let claims = Claims {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        subject: subject.to_owned(),
        name: Some(format!("{subject} of the tests")),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ttl: Duration::from_hours(1),
        now: Utc::now(),
    };
    minter
        .mint(&claims)
        .expect("the claims are plain")
        .expose_secret()
        .to_owned()
}
