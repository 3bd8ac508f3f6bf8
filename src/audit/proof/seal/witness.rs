//! `MODGATE_SEAL_WITNESS_FILE`: the heads that this replica has seen, for a process that starts anew.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use uuid::Uuid;

use super::SeenHead;
use super::store::{head_of, newest};
use crate::audit::{decision, verify};
use crate::db;

/// How far from its end the last line of the file is looked for, in bytes.
const TAIL: i64 = 4096;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read and appended to", path.display())]
pub struct WitnessError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A file of heads, one JSON object a line, that is only ever appended to.
#[derive(Clone, Debug)]
pub struct Witness {
    path: PathBuf,
    /// How long it was when this process last looked, in bytes.
    length: u64,
}

/// What the file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// The last head in it.
    Head(SeenHead),
    /// There is none: the file is missing, or empty.
    Nothing,
    /// It is shorter than it was, and this is the last head in it now.
    Shortened(Option<SeenHead>),
}

impl Witness {
    /// The file at `path`, which need not be there yet.
    ///
    /// # Errors
    /// If it is there and cannot be read and appended to, or cannot be made.
    pub fn open(path: PathBuf) -> Result<Self, WitnessError> {
        let usable = match std::fs::OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => can_be_made(&path),
            opened => opened.map(drop),
        };
        match usable {
            Ok(()) => Ok(Self { path, length: 0 }),
            Err(source) => Err(WitnessError { path, source }),
        }
    }

    /// The heads in the file that may be of use to who decides.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn text(&self) -> Result<String, WitnessError> {
        match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(|source| self.failed(source)),
        }
    }

    /// What the file says, and whether it lost something since it was last looked at.
    pub(super) async fn recall(&mut self) -> Result<Remembered, WitnessError> {
        let (path, before) = (self.path.clone(), self.length);
        let read = tokio::task::spawn_blocking(move || last_line(&path)).await;
        let read = read.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        let (length, line) = read.map_err(|source| self.failed(source))?;
        let last = SeenHead::parse(&line);
        if length < before {
            return Ok(Remembered::Shortened(last));
        }
        self.length = length;
        Ok(last.map_or(Remembered::Nothing, Remembered::Head))
    }

    /// Forgets how long the file was: somebody has put it right.
    pub(super) const fn start_over(&mut self) {
        self.length = 0;
    }

    /// Appends heads, and waits until they are on the disk.
    pub(super) async fn append(&mut self, heads: &[SeenHead]) -> Result<(), WitnessError> {
        if heads.is_empty() {
            return Ok(());
        }
        let path = self.path.clone();
        let lines: String = heads.iter().map(|head| head.to_line() + "\n").collect();
        let appended = tokio::task::spawn_blocking(move || append(&path, &lines)).await;
        let appended = appended.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        self.length = appended.map_err(|source| self.failed(source))?;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> WitnessError {
        WitnessError {
            path: self.path.clone(),
            source,
        }
    }
}

/// Lets a witness that remembers nothing begin with the newest seal in the database of `url`.
///
/// # Errors
/// If the last head that it remembers is not in the record: that is a break, and no reason to begin.
pub async fn begin_witness(
    url: &SecretString,
    mut witness: Witness,
) -> Result<SeenHead, decision::Error> {
    let mut connection = db::connect_to_record(url)
        .await
        .map_err(verify::Error::from)?;
    let newest = newest(&mut connection).await?;
    let newest = newest.ok_or(decision::Error::NothingSealed)?;
    let remembered = witness.recall().await.map_err(crate::audit::Error::from)?;
    if let Remembered::Head(seen) = remembered {
        let found = head_of(&mut connection, seen.no).await?;
        if found.is_none_or(|(head, _)| head != seen.head) {
            return Err(decision::Error::Broken);
        }
    }
    let seen = SeenHead::from(&newest.seal);
    let written = witness.append(std::slice::from_ref(&seen)).await;
    written.map_err(crate::audit::Error::from)?;
    Ok(seen)
}

/// Tries it with another name: whoever only checks settings may not be who must write to it later.
fn can_be_made(path: &Path) -> io::Result<()> {
    let trial = path.with_file_name(format!(".modgate-{}", Uuid::now_v7()));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&trial)?;
    std::fs::remove_file(trial)
}

/// The length of the file, and its last whole line; nothing of one that is not there.
fn last_line(path: &Path) -> io::Result<(u64, String)> {
    let mut file = match std::fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, String::new())),
        opened => opened?,
    };
    let length = file.seek(SeekFrom::End(0))?;
    let tail = i64::try_from(length).unwrap_or(i64::MAX).min(TAIL);
    file.seek(SeekFrom::End(-tail))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A crash may have left half a line at the end.
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let last = whole
        .lines()
        .rev()
        .find(|line| SeenHead::parse(line).is_some());
    Ok((length, last.unwrap_or_default().to_owned()))
}

fn append(path: &Path, lines: &str) -> io::Result<u64> {
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .create(true)
        .append(true)
        .open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let separator = if last == [b'\n'] { "" } else { "\n" };
    let text = format!("{separator}{lines}");
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    // Not as long as it is found now: it may have been cut since.
    Ok(length + text.len() as u64)
}
