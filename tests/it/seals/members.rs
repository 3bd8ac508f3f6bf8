//! Lines of an export that say two things at once.

use std::collections::BTreeMap;

use super::{Recorded, export};
use crate::support::file::TemporaryFile;
use crate::support::process::modgate;
use crate::verifier;

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_there_twice_makes_an_export_unreadable() {
    let recorded = Recorded::shared().await;
    let copy = recorded.copy().await;
    let text = std::fs::read_to_string(export(&copy.database.url).path()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = |start: &str| {
        let found = lines.iter().position(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start}"))
    };
    // Which of the two is read is the reader's choice, and the other is not verified.
    for (start, twice) in [
        ("{\"format\"", "{\"format\":\"modgate.record\","),
        ("{\"seal\"", "{\"seal\":{\"no\":1,"),
        ("{\"action\"", "{\"action\":{\"reason\":\"kindness\","),
        ("{\"action\"", "{\"action\":{\"mac\":null,"),
        ("{\"event\"", "{\"event\":{\"state\":\"refused\","),
        ("{\"event\"", "{\"event\":{\"st\\u0061te\":\"refused\","),
        ("{\"end\"", "{\"end\":true,"),
    ] {
        let index = at(start);
        let opened = &twice[..twice[1..].find('{').map_or(1, |at| at + 2)];
        let changed = lines[index].replacen(opened, twice, 1);
        assert_ne!(changed, lines[index], "{twice}");
        let mut lines = lines.clone();
        lines[index] = &changed;
        let file = TemporaryFile::new(lines.join("\n"));
        let output = modgate(&BTreeMap::new())
            .args(["verify", "--from", file.path()])
            .output();
        let output = output.expect("the binary can be run");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{twice}: {output:?}");
        assert!(output.stdout.is_empty(), "{twice}: {output:?}");
        let line = format!("line {} of the export: duplicate field", index + 1);
        assert!(told.contains(&line), "{twice}: {told}");
        let output = verifier::verify(&[file.path()]);
        assert_eq!(output.status.code(), Some(2), "{twice}: {output:?}");
    }
}
