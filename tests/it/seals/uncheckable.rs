//! What cannot be checked is neither intact nor tampered with.

use std::collections::BTreeMap;

use super::{Recorded, SEED, export};
use crate::support::file::TemporaryFile;
use crate::support::postgres::Cluster;
use crate::support::process::modgate;
use crate::verifier;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_is_said_so_with_its_own_exit_code() {
    let recorded = Recorded::shared().await;
    let copy = recorded.copy().await;
    let empty = Cluster::shared().await.create_database(None).await;
    let text = std::fs::read_to_string(export(&copy.database.url).path()).unwrap();
    let whole = TemporaryFile::new(&text);
    let garbage = TemporaryFile::new("no key, no head");
    let nowhere = "/nonexistent/file";
    let database = ("MODGATE_DATABASE_URL", copy.database.url.as_str());
    let key = "MODGATE_SEAL_PUBLIC_KEY_FILE";
    let verdict = |variables: &[(&str, &str)], arguments: &[&str]| {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: BTreeMap<_, _> = variables.collect();
        let output = modgate(&variables).arg("verify").args(arguments).output();
        output.expect("the binary can be run")
    };
    for (what, variables, arguments) in [
        ("no database", vec![], vec![]),
        (
            "nobody answers",
            vec![("MODGATE_DATABASE_URL", "postgres://127.0.0.1:1/none")],
            vec![],
        ),
        (
            "no record",
            vec![("MODGATE_DATABASE_URL", empty.url.as_str())],
            vec![],
        ),
        ("no public key", vec![database, (key, nowhere)], vec![]),
        ("no PEM", vec![database, (key, garbage.path())], vec![]),
        (
            "no seal key",
            vec![database, ("MODGATE_SEAL_KEY", "short")],
            vec![],
        ),
        ("no heads", vec![database], vec!["--seal-file", nowhere]),
        (
            "a file without heads",
            vec![database],
            vec!["--seal-file", garbage.path()],
        ),
        ("no export", vec![], vec!["--from", nowhere]),
        ("another file", vec![], vec!["--from", garbage.path()]),
    ] {
        let output = verdict(&variables, &arguments);
        assert_eq!(output.status.code(), Some(2), "{what}: {output:?}");
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty(),
            "{what}: {output:?}"
        );
    }
    let intact = verdict(&[], &["--from", whole.path()]);
    assert_eq!(intact.status.code(), Some(0), "{intact:?}");
    let with_the_seal_key = verdict(&[database, ("MODGATE_SEAL_KEY", SEED)], &[]);
    assert_eq!(
        with_the_seal_key.status.code(),
        Some(0),
        "{with_the_seal_key:?}"
    );

    let lines: Vec<&str> = text.lines().collect();
    let without = |index: usize| {
        let mut lines = lines.clone();
        lines.remove(index);
        lines.join("\n")
    };
    let end = lines.len() - 1;
    for (what, cut) in [
        ("the end", without(end)),
        ("the middle", without(end / 2)),
        ("the start", without(0)),
        ("half of it", text[..text.len() / 2].to_owned()),
        ("the end of the end", text[..text.len() - 4].to_owned()),
        ("all of it", String::new()),
    ] {
        let cut = TemporaryFile::new(cut);
        let output = verdict(&[], &["--from", cut.path()]);
        assert_eq!(output.status.code(), Some(2), "without {what}: {output:?}");
        let output = verifier::verify(&[cut.path()]);
        assert_eq!(output.status.code(), Some(2), "without {what}: {output:?}");
    }
}
