//! What lies between the gateway and its record: roles and their rights, locks, search paths, encodings,
//! poolers, and databases that others have made or restored.

mod blockers;
mod encoding;
mod explained;
mod locks;
mod manifest;
mod pooler;
mod search_path;
mod triggers;

use std::collections::BTreeMap;
use std::process::Output;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::record::run as try_run;
use crate::support::process::modgate;

/// What one run of the program came to.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    /// Both streams.
    said: String,
}

impl Run {
    /// `modgate` with these variables and arguments.
    async fn of(variables: &BTreeMap<String, String>, arguments: &[&str]) -> Self {
        let mut command = modgate(variables);
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.expect("it does not panic");
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("the binary can be run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: status.code(),
            said: format!("{}{}", text(&stdout), text(&stderr)),
        }
    }

    async fn migrate(url: &str) -> Self {
        let owner = ("MODGATE_OWNER_DATABASE_URL".to_owned(), url.to_owned());
        Self::of(&[owner].into(), &["migrate"]).await
    }

    /// `modgate check --live`, of the database alone: there is no Tencent.
    async fn live(variables: &BTreeMap<String, String>) -> Self {
        let mut variables = variables.clone();
        let nowhere = "http://127.0.0.1:9".to_owned();
        variables.insert("MODGATE_TENCENT_URL".to_owned(), nowhere);
        Self::of(&variables, &["check", "--live"]).await
    }

    #[track_caller]
    fn assert_done(&self) {
        assert_eq!(self.code, Some(0), "{}", self.said);
    }

    /// It failed, and said this.
    #[track_caller]
    fn assert_failed(&self, with: &str) {
        let failed = self.code.is_some_and(|code| code != 0);
        assert!(failed && self.said.contains(with), "{with}: {self:?}");
    }
}

/// The migrations as earlier versions ran them: listed in the first schema of the search path.
fn migrations() -> Migrator {
    sqlx::migrate!()
}

async fn sql(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("it is there")
}

async fn run(sql: &mut PgConnection, statement: &str) {
    try_run(sql, statement).await.expect(statement);
}

/// All lines of one column.
async fn list(sql: &mut PgConnection, query: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
        .fetch_all(sql)
        .await
        .expect(query)
}
