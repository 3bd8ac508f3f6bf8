//! The `modgate` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    modgate::cli::run()
}
