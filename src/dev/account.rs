//! Who runs the server: PostgreSQL refuses to run as root.

use std::{ffi::OsStr, os::unix::fs::chown, path::Path, process::Command};

use super::{Error, io_error};

const KEEP_OPEN: &str = r#"exec 3<. && cd / && exec "$@""#;
const KEPT_OPEN: &str = "/proc/self/fd/3";

/// The account that runs the server's programs and owns its files.
#[derive(Debug, Clone, Copy)]
pub(super) enum Account {
    /// Whoever runs this process.
    Ours,
    /// Another one, by its ids, because this process is root.
    Another { user: u32, group: u32 },
}

impl Account {
    /// Ours, or for root `postgres`, else `nobody`.
    pub(super) fn choose() -> Result<Self, Error> {
        if id(&["-u"])? != Some(0) {
            return Ok(Self::Ours);
        }
        for name in ["postgres", "nobody"] {
            if let (Some(user), Some(group)) = (id(&["-u", name])?, id(&["-g", name])?) {
                return Ok(Self::Another { user, group });
            }
        }
        Err(Error::NoAccount)
    }

    /// Makes the account the owner of this file or directory.
    pub(super) fn own(self, path: &Path) -> Result<(), Error> {
        let Self::Another { user, group } = self else {
            return Ok(());
        };
        chown(path, Some(user), Some(group))
            .map_err(io_error("give the database's files to its account"))
    }

    /// A command that runs as this account and knows `directory` by the name that [`name_inside`](Self::name_inside) gives.
    ///
    /// Root's directory may lie below one that only root may enter. The account gets in because the command is started
    /// there, and keeps it open under a number that its children inherit, since the server's programs change to where
    /// they are installed and back, which only works from a directory that can be reached by name. (`CommandExt::uid`
    /// would change the user before the directory.)
    pub(super) fn command(self, program: impl AsRef<OsStr>, directory: &Path) -> Command {
        let mut command = match self {
            Self::Ours => Command::new(program),
            Self::Another { user, group } => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                command
                    .args(["--clear-groups", "sh", "-c", KEEP_OPEN, "sh"])
                    .arg(program);
                command
            }
        };
        command.current_dir(directory);
        command
    }

    /// What a command of [`command`](Self::command) calls the directory that it was started with.
    pub(super) fn name_inside(self, directory: &Path) -> String {
        match self {
            Self::Ours => directory.to_string_lossy().into_owned(),
            Self::Another { .. } => KEPT_OPEN.to_owned(),
        }
    }
}

fn id(arguments: &[&str]) -> Result<Option<u32>, Error> {
    let output = Command::new("id")
        .args(arguments)
        .output()
        .map_err(io_error("run id"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}
