//! A PostgreSQL server from the programs that are installed on this machine.

use std::{
    fs::{self, OpenOptions},
    io::{Seek as _, SeekFrom},
    path::PathBuf,
};

use secrecy::ExposeSecret as _;

use super::{
    Error, Mode, directory::Directory, free_port, io_error, supervisor::Supervisor,
    wait_until_ready,
};

/// What becomes of the data when the server's owner ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// They stay; the server is stopped with [`Mode::Fast`].
    Kept,
    /// The whole directory is removed; the server is stopped with [`Mode::Immediate`].
    Temporary,
}

/// Where and how a [`LocalPostgres`] runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Holds the data, the log and the password. Made when missing.
    pub directory: PathBuf,
    /// What becomes of it.
    pub lifetime: Lifetime,
    /// Further server settings, each `name=value`.
    pub settings: Vec<String>,
}

/// A running (or, for a moment, stopped) server on a loopback port, gone when this value or this process is.
#[derive(Debug)]
pub struct LocalPostgres {
    directory: Directory,
    lifetime: Lifetime,
    settings: Vec<String>,
    port: u16,
    running: Option<Supervisor>,
}

impl LocalPostgres {
    /// Finds the programs, makes the data directory when there is none, and starts the server on a free port. A server
    /// that was left behind in that directory is stopped first; a directory that another process uses is refused.
    pub fn create(options: Options) -> Result<Self, Error> {
        let Options {
            directory,
            lifetime,
            settings,
        } = options;
        let directory = Directory::open(&directory)?;
        let mut postgres = Self {
            directory,
            lifetime,
            settings,
            port: free_port()?,
            running: None,
        };
        postgres.start()?;
        Ok(postgres)
    }

    /// The superuser's connection string, password included. The same for the whole life of this value.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.directory.password().expose_secret();
        format!(
            "postgres://postgres:{password}@127.0.0.1:{}/postgres",
            self.port
        )
    }

    /// Starts the server, on the same port as before, and waits until it accepts connections. Does nothing when it runs.
    pub fn start(&mut self) -> Result<(), Error> {
        if self.running.is_some() {
            return Ok(());
        }
        let opened = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.log());
        let mut log = opened.map_err(io_error("open the database's log"))?;
        let written = log
            .seek(SeekFrom::End(0))
            .map_err(io_error("open the database's log"))?;
        let (at_end, remove) = match self.lifetime {
            Lifetime::Kept => (Mode::Fast, None),
            Lifetime::Temporary => (Mode::Immediate, Some(self.directory.path())),
        };
        let shell = self.directory.command("env");
        self.running = Some(Supervisor::start(
            shell,
            self.command_line(),
            log,
            at_end,
            remove,
        )?);
        let ended = || {
            self.log_since(written)
                .contains("database system is shut down")
        };
        wait_until_ready(self.port, ended).map_err(|_| Error::NotReady {
            log: self.log_since(written),
        })
    }

    /// Stops the server and returns when it has ended. Does nothing when it is stopped.
    pub fn stop(&mut self, mode: Mode) -> Result<(), Error> {
        self.running
            .take()
            .map_or(Ok(()), |supervisor| supervisor.stop(mode))
    }

    /// Freezes every process of the server (SIGSTOP): connections stay open and nothing answers. Linux only.
    pub fn freeze(&mut self) -> Result<(), Error> {
        self.running.as_mut().map_or(Ok(()), Supervisor::freeze)
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn thaw(&mut self) -> Result<(), Error> {
        self.running.as_mut().map_or(Ok(()), Supervisor::thaw)
    }

    fn command_line(&self) -> Vec<String> {
        let port = format!("port={}", self.port);
        let fixed = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            &port,
        ];
        let settings = fixed
            .map(str::to_owned)
            .into_iter()
            .chain(self.settings.clone());
        let mut command_line = self.directory.server();
        command_line.extend(settings.flat_map(|setting| ["-c".to_owned(), setting]));
        command_line
    }

    fn log_since(&self, offset: u64) -> String {
        let log = fs::read(self.directory.log()).unwrap_or_default();
        let new = usize::try_from(offset)
            .ok()
            .and_then(|offset| log.get(offset..));
        String::from_utf8_lossy(new.unwrap_or_default()).into_owned()
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        // Best effort: nobody is left to tell.
        if let Some(supervisor) = self.running.take() {
            let _ = supervisor.end();
        }
        if self.lifetime == Lifetime::Temporary {
            let _ = fs::remove_dir_all(self.directory.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sqlx::{Connection as _, Executor as _, PgConnection};

    use super::*;

    fn temporary() -> LocalPostgres {
        let name = format!("modgate-test-{:032x}", rand::random::<u128>());
        let directory = std::env::temp_dir().join(name);
        let settings = vec!["fsync=off".to_owned()];
        LocalPostgres::create(Options {
            directory,
            lifetime: Lifetime::Temporary,
            settings,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn the_data_survive_a_crash_and_the_port_stays() {
        let mut postgres = temporary();
        let url = postgres.url();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection
            .execute("create table kept as select 1 as one")
            .await
            .unwrap();
        postgres.stop(Mode::Immediate).unwrap();
        assert!(PgConnection::connect(&url).await.is_err());
        postgres.start().unwrap();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        connection.execute("select one from kept").await.unwrap();
        postgres.stop(Mode::Fast).unwrap();
        assert!(PgConnection::connect(&url).await.is_err());
    }

    #[tokio::test]
    async fn a_frozen_server_answers_once_it_is_thawed() {
        let mut postgres = temporary();
        let mut connection = PgConnection::connect(&postgres.url()).await.unwrap();
        postgres.freeze().unwrap();
        let waiting = std::time::Duration::from_millis(300);
        assert!(
            tokio::time::timeout(waiting, connection.ping())
                .await
                .is_err()
        );
        postgres.thaw().unwrap();
        PgConnection::connect(&postgres.url())
            .await
            .unwrap()
            .ping()
            .await
            .unwrap();
    }

    #[test]
    fn dropping_a_temporary_server_leaves_nothing_even_when_frozen() {
        let mut postgres = temporary();
        let directory = postgres.directory.path().to_owned();
        postgres.freeze().unwrap();
        let began = Instant::now();
        drop(postgres);
        assert!(!directory.exists());
        assert!(began.elapsed().as_secs() < 5);
    }

    #[test]
    fn a_directory_in_use_is_refused() {
        let postgres = temporary();
        let directory = postgres.directory.path().to_owned();
        let again = Options {
            directory,
            lifetime: Lifetime::Kept,
            settings: Vec::new(),
        };
        assert!(matches!(LocalPostgres::create(again), Err(Error::InUse(_))));
    }
}
