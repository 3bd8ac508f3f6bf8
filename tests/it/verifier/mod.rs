//! A second verifier, in another language, written from the page about the format alone.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// The program itself: what stands for it on `PATH` may be a script that looks for it each time.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let mut python = Command::new("python3");
    python.args(["-c", "import sys; print(sys.executable, end='')"]);
    String::from_utf8(output(python).stdout).expect("it is a path")
});

/// `python3` with one of the scripts here. Missing, it is a fault and no reason to skip a test.
fn python(script: &str) -> Command {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/verifier");
    let mut python = Command::new(&*PYTHON);
    // Without -B it would write into the sources.
    python.arg("-B").arg(directory.join(script));
    python.stdin(Stdio::null());
    python
}

fn output(mut python: Command) -> Output {
    python
        .output()
        .unwrap_or_else(|error| panic!("the second verifier needs python3 (3.8 or later): {error}"))
}

/// What `verify.py` says about an export.
pub(crate) fn verify(arguments: &[&str]) -> Output {
    let mut python = python("verify.py");
    python.args(arguments);
    output(python)
}

#[test]
fn the_second_verifier_finds_what_was_done_to_records_of_its_own_making() {
    let checked = output(python("self_check.py"));
    assert!(checked.status.success(), "{checked:?}");
}
