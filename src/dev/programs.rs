//! Where the server's programs are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Error, io_error};

/// The directory that holds the server's programs: that of `postgres` on PATH, else Debian's newest.
pub(super) fn find() -> Result<PathBuf, Error> {
    let on_path = Command::new("sh")
        .args(["-c", "command -v postgres"])
        .output()
        .map_err(io_error("run sh"))?;
    let on_path = PathBuf::from(String::from_utf8_lossy(&on_path.stdout).trim().to_owned());
    let on_path = on_path
        .canonicalize()
        .ok()
        .and_then(|program| program.parent().map(Path::to_owned));
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.as_ref().ok()?.file_name().to_str()?.parse().ok()?,
                entry.ok()?.path(),
            ))
        })
        .collect();
    packaged.sort();
    let packaged = packaged
        .into_iter()
        .rev()
        .map(|(_, version)| version.join("bin"));
    let complete = |programs: &PathBuf| {
        ["postgres", "initdb", "pg_ctl"]
            .iter()
            .all(|one| programs.join(one).exists())
    };
    on_path
        .into_iter()
        .chain(packaged)
        .find(complete)
        .ok_or(Error::NoBinaries)
}
