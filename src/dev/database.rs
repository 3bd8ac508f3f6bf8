//! The database of a developer's gateway.

use std::{fmt, fs, path::Path};

use secrecy::{ExposeSecret as _, SecretString};

use super::{DockerPostgres, Error, Lifetime, LocalPostgres, Options, io_error};

/// Some Postgres: one that was given, else one from installed programs, else one in a container.
#[derive(Debug)]
pub enum Database {
    /// Runs elsewhere; its connection string.
    Given(SecretString),
    /// Runs on this machine.
    Local(LocalPostgres),
    /// Runs in a container.
    Docker(DockerPostgres),
}

impl Database {
    /// Takes the given one, or starts one whose data stay in `directory` (a container's: in a volume named after it).
    /// When neither way works, the error is that of the last one.
    pub fn provide(given: Option<SecretString>, directory: &Path) -> Result<Self, Error> {
        if let Some(url) = given {
            return Ok(Self::Given(url));
        }
        let options = Options {
            directory: directory.join("postgres"),
            lifetime: Lifetime::Kept,
            settings: Vec::new(),
        };
        match LocalPostgres::create(options) {
            Err(Error::NoBinaries | Error::NoAccount) => {}
            postgres => return postgres.map(Self::Local),
        }
        let container = directory.join("postgres-container");
        fs::create_dir_all(&container).map_err(io_error("make the database's directory"))?;
        DockerPostgres::create(&volume_name(directory), &container).map(Self::Docker)
    }

    /// The connection string, password included.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Given(url) => url.expose_secret().to_owned(),
            Self::Local(postgres) => postgres.url(),
            Self::Docker(postgres) => postgres.url(),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "the one of MODGATE_DATABASE_URL",
            Self::Local(_) => "started from local programs",
            Self::Docker(_) => "started in a container",
        })
    }
}

/// Two checkouts on one machine must not share their data.
fn volume_name(directory: &Path) -> String {
    let path = directory.to_string_lossy();
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("modgate-dev-{hash:016x}")
}
