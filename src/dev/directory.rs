//! The directory of a local server: its data, its log, the superuser's password, and a lock.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use secrecy::SecretString;

use super::{Error, account::Account, check_success, io_error, kept_secret, programs};

/// A directory that is ours alone, with a data directory in it that is complete and that no server runs on.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    programs: PathBuf,
    account: Account,
    password: SecretString,
    /// Held as long as the directory is ours.
    _lock: File,
}

impl Directory {
    /// Makes what is missing. A server that was left behind there is stopped.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let programs = programs::find()?;
        let account = Account::choose()?;
        make(path)?;
        let lock = lock(path)?;
        account.own(path)?;
        let password = kept_secret(&path.join("password"))?;
        account.own(&path.join("password"))?;
        let directory = Self {
            path: path.to_owned(),
            programs,
            account,
            password,
            _lock: lock,
        };
        if directory.data().exists() {
            directory.stop_server_left_behind()?;
        } else {
            directory.initialise()?;
        }
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn password(&self) -> &SecretString {
        &self.password
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// A program to be run as the server's account, in the data directory.
    pub(super) fn command(&self, program: &str) -> Command {
        self.account.command(program, &self.data())
    }

    /// The start of the server's command line.
    pub(super) fn server(&self) -> Vec<String> {
        let program = self
            .programs
            .join("postgres")
            .to_string_lossy()
            .into_owned();
        vec![
            program,
            "-D".to_owned(),
            self.account.name_inside(&self.data()),
        ]
    }

    fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// In a directory of another name first: a data directory that has its name is whole.
    fn initialise(&self) -> Result<(), Error> {
        let unfinished = self.path.join("data.new");
        let _ = fs::remove_dir_all(&unfinished);
        make(&unfinished)?;
        self.account.own(&unfinished)?;
        let password = File::open(self.path.join("password")).map_err(io_error("read a secret"))?;
        let output = self
            .account
            .command(self.programs.join("initdb"), &unfinished)
            .args([
                "--username=postgres",
                "--pwfile=/dev/stdin",
                "--auth=scram-sha-256",
            ])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .args(["--pgdata", &self.account.name_inside(&unfinished)])
            .stdin(password)
            .output()
            .map_err(io_error("run initdb"))?;
        check_success("initdb", &output)?;
        fs::rename(unfinished, self.data()).map_err(io_error("name the database's directory"))
    }

    /// The lock is ours, so whoever started that server is gone. The program fails when none runs, which is as good.
    fn stop_server_left_behind(&self) -> Result<(), Error> {
        if self.data().join("postmaster.pid").exists() {
            self.account
                .command(self.programs.join("pg_ctl"), &self.data())
                .args(["stop", "--mode=fast", "--wait", "--timeout=30"])
                .args(["--pgdata", &self.account.name_inside(&self.data())])
                .output()
                .map_err(io_error("run pg_ctl"))?;
        }
        Ok(())
    }
}

fn make(directory: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(io_error("make the database's directory"))
}

fn lock(directory: &Path) -> Result<File, Error> {
    let attempted = "lock the database's directory";
    let lock = File::create(directory.join("lock")).map_err(io_error(attempted))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(directory.display().to_string())),
        Err(TryLockError::Error(source)) => Err(io_error(attempted)(source)),
    }
}
