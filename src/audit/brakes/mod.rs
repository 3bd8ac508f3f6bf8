//! Freezes and thaws: rows of `audit.brake`, which count where a gateway, or a command with the seal key, wrote them.
//!
//! # Why nothing begins after a freeze
//! Whoever begins or repeats an action asks in the same statement (`modgate.has_unjudged_brake`) whether there is a
//! row that this process has not judged. If there is, nothing is inserted; the process judges the row, and then knows
//! whether the action may begin. Before it asks, the statement takes the lock of `modgate.begin_lock`, which its
//! transaction holds to its end. So a freeze first commits its row, then looks who holds that lock, and waits until
//! those transactions are over: each that began after the commit has seen the row.
//!
//! # Why nobody is kept waiting
//! None who holds the lock keeps another waiting, and whoever freezes only looks at it. A mode that excludes others would keep everybody
//! from beginning anything behind one transaction that has stalled.
//!
//! # Why a row that somebody forged does nothing
//! The database cannot check a mac, so it decides nothing: it only says that there is a row to be judged. Rows are
//! never changed or removed, so what was judged stays judged, unless the keys change or a fail-over has lost rows.

mod append;
mod command;
mod genuine;
mod judge;
mod wait;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::proof::keys::SealKeys;
use super::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, in_time};
use crate::domain::{Brake, BrakeRow, Brakes, Intent, Kind, Moderator, NewBrake, ThawRefusal};
pub use command::{Braked, brake_by_command};
pub(super) use judge::{Judged, Unjudged};
pub(super) use wait::for_those_who_begin;

/// Another may freeze or thaw the same at the same moment; few do.
const TRIES: usize = 5;

/// Nothing was frozen or thawed; or nobody knows, or not yet for every replica.
#[derive(Debug, thiserror::Error)]
pub enum BrakeError {
    /// There is nothing to thaw, or not by this one.
    #[error(transparent)]
    Refused(#[from] ThawRefusal),
    /// There is no key to make a row with that counts.
    #[error(
        "MODGATE_SEAL_KEY: must be set: without it nobody could tell a freeze from a forged one"
    )]
    NoSealKey,
    /// Nothing in the record shows that replicas have the key.
    #[error(
        "MODGATE_SEAL_KEY: nothing in the record was written or sealed with its first line lately: replicas that do not \
         know it would heed nothing. If they do, add --unproven-key"
    )]
    UnprovenKey,
    /// Who runs the command is not the record's owner.
    #[error(
        "only the owner of the record may: connect as modgate_owner (MODGATE_OWNER_DATABASE_URL or MODGATE_DATABASE_URL)"
    )]
    NotTheOwner,
    /// There is no connection to the record.
    #[error(transparent)]
    Unreachable(#[from] crate::db::Error),
    /// It was not recorded.
    #[error("it was not recorded")]
    NotRecorded(#[source] Error),
    /// The connection broke before Postgres confirmed: it may be recorded.
    #[error("it may be recorded, and may not be in force yet; look, and repeat it if need be")]
    Unclear(#[source] Error),
    /// Too much is frozen one by one.
    #[error("{0} freezes are in force, and no more are taken but one of everything")]
    TooMany(usize),
    /// It is recorded, but something that was being begun then may still begin.
    #[error(
        "it is recorded, but an action that was being begun at that moment may still begin; repeat it"
    )]
    StillBeginning,
}

/// The brakes that this process has judged.
#[derive(Debug, Default)]
pub(super) struct Known {
    judged: ArcSwap<Judged>,
    /// When the read began that they are from. Held by who reads.
    read_at: Mutex<Option<Instant>>,
}

impl AuditLog {
    /// The brakes as this process knew them last.
    pub fn last_brakes(&self) -> Arc<Brakes> {
        Arc::clone(&self.brakes.judged.load().brakes)
    }

    /// The brakes as they are now.
    pub async fn brakes(&self) -> Result<Arc<Brakes>, Error> {
        Ok(Arc::clone(&self.all_judged_now().await?.brakes))
    }

    /// Fails where there is more to be judged than there is time for.
    async fn all_judged_now(&self) -> Result<Arc<Judged>, Error> {
        for _ in 0..TRIES {
            let judged = self.judged_now().await?;
            if !judged.is_partial() {
                return Ok(judged);
            }
        }
        Err(Error::Database(sqlx::Error::Io(ErrorKind::TimedOut.into())))
    }

    /// Whether an action of `kind` by `moderator` must not begin, as this process knew it last.
    pub fn was_frozen(&self, moderator: &Moderator, kind: Kind) -> bool {
        self.brakes.judged.load().brakes.forbid(moderator, kind)
    }

    /// What was judged last if it lets `intent` begin, or else what there is now if that does.
    pub(super) async fn judged_to_let(
        &self,
        intent: &Intent,
    ) -> Result<Option<Arc<Judged>>, Error> {
        let lets = |judged: &Arc<Judged>| {
            let kind = intent.request.command.kind();
            judged.newer.is_none() && !judged.brakes.forbid(&intent.moderator, kind)
        };
        let last = self.brakes.judged.load_full();
        if lets(&last) {
            return Ok(Some(last));
        }
        let now = self.judged_now().await?;
        match &now.newer {
            Some(newer) => Err(Error::Newer(newer.clone())),
            None => Ok(Some(now).filter(lets)),
        }
    }

    /// All brakes there are now, judged. Of those who ask while somebody reads one reads for all that wait.
    pub(super) async fn judged_now(&self) -> Result<Arc<Judged>, Error> {
        let asked_at = Instant::now();
        let mut read_at = self.brakes.read_at.lock().await;
        if read_at.is_none_or(|read_at| read_at < asked_at) {
            let began = Instant::now();
            let keys = self.keys.load_full();
            let judged = again_if_broken(|| self.judge(&keys)).await?;
            self.brakes.judged.store(Arc::new(judged));
            *read_at = Some(began);
        }
        Ok(self.brakes.judged.load_full())
    }

    async fn judge(&self, keys: &Arc<SealKeys>) -> Result<Judged, Error> {
        let known = self.brakes.judged.load_full();
        let mut connection = Connection::acquire(&self.lookups).await?;
        let judged = in_time(judge::judge(&mut connection, &known, keys)).await?;
        connection.release();
        Ok(judged)
    }

    /// Freezes or thaws, and says what is frozen then. After a freeze nothing that it covers begins, or is repeated, at
    /// any replica.
    ///
    /// # Errors
    /// Why not, or what is not certain.
    pub async fn brake(&self, asked: &NewBrake) -> Result<Vec<BrakeRow>, BrakeError> {
        let keys = self.keys.load_full();
        if keys.is_empty() {
            return Err(BrakeError::NoSealKey);
        }
        for number in 0..TRIES {
            let appended = self.append_or_try_again(asked, &keys).await;
            appended.map_err(|error| match error {
                // An earlier row may be there, and hold.
                BrakeError::NotRecorded(error) if number > 0 => BrakeError::Unclear(error),
                BrakeError::TooMany(_) if number > 0 => BrakeError::StillBeginning,
                error => error,
            })?;
            self.wait_for_those_who_begin(asked).await?;
            let judged = self.all_judged_now().await;
            let brakes = &judged.map_err(BrakeError::Unclear)?.brakes;
            // Somebody may have thawed it at the same moment.
            if asked.brake == Brake::Thaw || brakes.has(&asked.scope) {
                return Ok(brakes.in_force().to_vec());
            }
        }
        Err(BrakeError::StillBeginning)
    }

    /// A second try says what became of a first one that nobody knows of; but why it fails, if it does, says nothing of that.
    async fn append_or_try_again(
        &self,
        asked: &NewBrake,
        keys: &Arc<SealKeys>,
    ) -> Result<(), BrakeError> {
        match self.append_brake(asked, keys, None).await {
            Ok(()) => Ok(()),
            Err((BrakeError::Unclear(error), Some(lost))) => {
                let again = self.append_brake(asked, keys, Some(lost)).await;
                again.map_err(|_| BrakeError::Unclear(error))
            }
            Err((error, _)) => Err(error),
        }
    }
}
