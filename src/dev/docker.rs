//! A PostgreSQL server in a container, for machines without its programs.

use std::{
    fs::OpenOptions,
    path::Path,
    process::{Command, Stdio},
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Error, Mode, POSTGRES_IMAGE, check_success, free_port, io_error, kept_secret,
    supervisor::Supervisor, wait_until_ready,
};

/// A server in a container on a loopback port; its data are in a named volume and stay. Gone when this value or this
/// process is: the container runs the same script that watches over a local server.
#[derive(Debug)]
pub struct DockerPostgres {
    password: SecretString,
    port: u16,
    running: Option<Supervisor>,
}

impl DockerPostgres {
    /// Starts [`POSTGRES_IMAGE`] with the data volume of that name, and its log and password in `directory`.
    pub fn create(volume: &str, directory: &Path) -> Result<Self, Error> {
        let no_docker = |source: std::io::Error| Error::NoDocker(source.to_string());
        let info = Command::new("docker")
            .args(["info", "--format", "{{.ServerVersion}}"])
            .output()
            .map_err(no_docker)?;
        check_success("docker info", &info)?;
        let password = kept_secret(&directory.join("password"))?;
        let port = free_port()?;
        let log_path = directory.join("log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(io_error("open the database's log"))?;
        let mut docker = Command::new("docker");
        docker
            .args(["run", "--rm", "--interactive", "--env", "POSTGRES_PASSWORD"])
            .env("POSTGRES_PASSWORD", password.expose_secret())
            .args(["--volume", &format!("{volume}:/var/lib/postgresql/data")])
            .args([
                "--publish",
                &format!("127.0.0.1:{port}:5432"),
                POSTGRES_IMAGE,
            ])
            .stdin(Stdio::piped());
        let server = ["docker-entrypoint.sh", "postgres"].map(str::to_owned);
        let running = Some(Supervisor::start(docker, server, log, Mode::Fast, None)?);
        let postgres = Self {
            password,
            port,
            running,
        };
        wait_until_ready(port, || false).map_err(|_| Error::NotReady {
            log: format!("see {}", log_path.display()),
        })?;
        Ok(postgres)
    }

    /// The superuser's connection string, password included.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/postgres",
            self.password.expose_secret(),
            self.port
        )
    }
}

impl Drop for DockerPostgres {
    fn drop(&mut self) {
        if let Some(supervisor) = self.running.take() {
            // Best effort: nobody is left to tell.
            let _ = supervisor.end();
        }
    }
}
