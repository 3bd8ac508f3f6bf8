//! `cargo dev`: everything on one machine, nothing configured.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::support::eventually::eventually;
use crate::support::process::Log;

/// A directory of its own, gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("modgate-dev-{}", Uuid::now_v7().simple())))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn pasted(line: &str) -> Value {
    let output = Command::new("sh")
        .args(["-c", line])
        .output()
        .expect("sh can be run");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_starts_unconfigured_and_the_printed_lines_work_as_pasted() {
    let directory = Directory::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_modgate-dev"))
        .arg(&directory.0)
        .env_clear()
        .env(
            "PATH",
            std::env::var_os("PATH").expect("tests are run with a PATH"),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the binary can be run");
    let printed = Log::default();
    printed.follow(child.stdout.take().expect("standard output is piped"));
    eventually("all is printed", Duration::from_mins(1), async || {
        printed
            .lines()
            .iter()
            .any(|line| line.starts_with("Ctrl-C"))
            .then_some(())
    })
    .await;
    let lines = printed.lines();
    let curls: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("curl "))
        .collect();
    let [login, seat, list] = curls.as_slice() else {
        panic!("three lines: {lines:?}")
    };

    let (login, seat) = (pasted(login), pasted(seat));
    assert_eq!(
        (&login["kind"], &login["state"]),
        (&"kick_login".into(), &"succeeded".into())
    );
    assert_eq!(
        (&seat["kind"], &seat["state"]),
        (&"kick_seat".into(), &"succeeded".into())
    );
    let listed = pasted(list);
    assert_eq!([&listed["items"][0], &listed["items"][1]], [&seat, &login]);

    let url = lines
        .iter()
        .find_map(|line| line.split_once("psql '"))
        .expect("a psql command")
        .1;
    let mut sql = PgConnection::connect(url.trim_end_matches('\''))
        .await
        .expect("the printed URL works");
    let rows = sqlx::query("select id::text, state from audit.actions order by id")
        .fetch_all(&mut sql)
        .await
        .expect("the view is there");
    let rows: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let told = [&login, &seat].map(|action| {
        (
            action["id"].as_str().expect("an id").to_owned(),
            "succeeded".to_owned(),
        )
    });
    assert_eq!(rows, told);

    // Ctrl-C
    let interrupted = Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("kill can be run").success());
    let status = eventually("it stops", Duration::from_secs(30), async || {
        child.try_wait().expect("the process is ours")
    })
    .await;
    assert_eq!(status.code(), Some(0));
    assert!(
        PgConnection::connect(url.trim_end_matches('\''))
            .await
            .is_err(),
        "Postgres has stopped as well"
    );
}
