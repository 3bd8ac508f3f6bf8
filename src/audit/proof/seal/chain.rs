//! The chain of seals as this process has seen it. Whoever may change the database can cut the chain or
//! make it anew; a head that was seen and is gone shows it, and then nothing is sealed.

use std::mem::take;
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::broken::Break;
use super::key_fit::{KeyFit, fit};
use super::newer::check_seal;
use super::store::{Newest, head_of, newest};
use super::witness::{Remembered, Witness, WitnessError};
use super::{STEP, Seal, SeenHead};
use crate::audit::proof::decision::covering;
use crate::audit::proof::keys::SealKeys;
use crate::audit::{AuditLog, Error};
use crate::db::{Connection, within};

const LEFT_OVER_EVERY: Duration = Duration::from_secs(10);

/// What this process has seen of the chain.
#[derive(Debug, Default)]
pub(in crate::audit) struct Chain {
    /// The newest seal that was seen, and whether it is signed.
    seen: Option<(SeenHead, bool)>,
    witness: Option<Witness>,
    /// Heads that the witness does not have yet.
    unwritten: Vec<SeenHead>,
    /// When rows were looked for that no snapshot tells of.
    looked: Option<Instant>,
}

impl Chain {
    /// Nothing was seen yet but what the witness remembers.
    pub(in crate::audit) fn new(witness: Option<Witness>) -> Self {
        Self {
            witness,
            ..Self::default()
        }
    }

    /// Looks for what was seen before, sees what has come since, and says which seal is the newest.
    ///
    /// # Errors
    /// [`Error::Broken`] and the errors of keys say why nothing may be sealed.
    pub(super) async fn follow(
        &mut self,
        connection: &mut PgConnection,
        keys: &SealKeys,
    ) -> Result<Option<Newest>, Error> {
        let newest = within(STEP, newest(connection)).await?;
        self.recall(newest.is_some()).await?;
        if self.seen.is_some() {
            let no = newest.as_ref().map_or(0, |newest| newest.seal.no);
            self.catch_up(connection, keys, no).await?;
        } else if let Some(newest) = &newest {
            fits(within(STEP, fit(connection, keys)).await?, &newest.seal)?;
            self.see_seal(&newest.seal);
        }
        if let Some(newest) = &newest {
            check_seal(&newest.seal)?;
        }
        match &newest {
            Some(newest) if !newest.is_of_this_cluster => Err(Break::Restored.into()),
            Some(newest) if keys.is_empty() && newest.seal.signed.is_some() => {
                Err(Error::NoSealKey)
            }
            _ => Ok(newest),
        }
    }

    /// Remembers a seal that is in the record.
    pub(super) fn see(&mut self, head: SeenHead, is_signed: bool) {
        if self.witness.is_some() {
            self.unwritten.push(head.clone());
        }
        self.seen = Some((head, is_signed));
    }

    fn see_seal(&mut self, seal: &Seal) {
        self.see(SeenHead::from(seal), seal.signed.is_some());
    }

    /// Whether it is time to look for rows that no snapshot tells of; says so every ten seconds.
    pub(super) fn looks_for_left_over(&mut self) -> bool {
        let is_due = self.looked.is_none_or(|at| at.elapsed() >= LEFT_OVER_EVERY);
        if is_due {
            self.looked = Some(Instant::now());
        }
        is_due
    }

    /// Writes into the witness what it does not have yet.
    pub(super) async fn write_down(&mut self) -> Result<(), WitnessError> {
        let Some(witness) = &mut self.witness else {
            return Ok(());
        };
        let unwritten = take(&mut self.unwritten);
        let written = witness.append(&unwritten).await;
        if written.is_err() {
            // The newest is what counts.
            self.unwritten = unwritten.into_iter().next_back().into_iter().collect();
        }
        written
    }

    /// Takes over what the witness remembers, and looks whether it is still whole.
    async fn recall(&mut self, has_seals: bool) -> Result<(), Error> {
        let Some(witness) = &mut self.witness else {
            return Ok(());
        };
        match witness.recall().await? {
            Remembered::Head(head) if self.seen.is_none() => self.seen = Some((head, false)),
            Remembered::Nothing if self.seen.is_none() && has_seals => {
                return Err(Break::NoWitness.into());
            }
            Remembered::Head(_) | Remembered::Nothing => {}
            Remembered::Shortened(last) => {
                let seen = self.seen.as_ref().map_or(0, |(seen, _)| seen.no);
                if last.is_none_or(|last| last.no < seen) {
                    return Err(Break::WitnessCut.into());
                }
                witness.start_over();
            }
        }
        Ok(())
    }

    /// Goes on from the newest seal that was seen to the newest that there is.
    async fn catch_up(
        &mut self,
        connection: &mut PgConnection,
        keys: &SealKeys,
        newest: u64,
    ) -> Result<(), Error> {
        let Some((seen, is_signed)) = &mut self.seen else {
            return Ok(());
        };
        match within(STEP, head_of(connection, seen.no)).await? {
            Some((head, signed)) if head == seen.head => *is_signed = signed,
            _ => {
                let seen = seen.clone();
                let explains = covering(connection, keys, |decision| decision.covers(&seen));
                match within(STEP, explains).await? {
                    Some(seal) => self.see_seal(&seal),
                    None => return Err(Break::Gone { seen, newest }.into()),
                }
            }
        }
        loop {
            let last = self.seen.as_ref().map_or(0, |(seen, _)| seen.no);
            let page = within(STEP, Seal::after(connection, last)).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.see_page(connection, keys, &page).await?;
        }
    }

    /// Sees seals that follow, up to one that does not count.
    async fn see_page(
        &mut self,
        connection: &mut PgConnection,
        keys: &SealKeys,
        page: &[Seal],
    ) -> Result<(), Error> {
        for seal in page {
            if self.is_next(seal, keys) {
                self.see_seal(seal);
                continue;
            }
            let no = seal.no;
            let is_void = covering(connection, keys, |decision| {
                decision.void().is_some_and(|void| void.contains(&no))
            });
            let after_it = within(STEP, is_void).await?;
            let after_it = after_it.ok_or_else(|| Break::foreign(seal, no))?;
            self.see_seal(&after_it);
            return Ok(());
        }
        Ok(())
    }

    fn is_next(&self, seal: &Seal, keys: &SealKeys) -> bool {
        let Some((seen, was_signed)) = &self.seen else {
            return true;
        };
        let follows = seal.no == seen.no.saturating_add(1)
            && seal.prev == seen.head
            && seal.make_head() == seal.head;
        // Without a key nobody here can tell.
        let is_signed = match &seal.signed {
            Some(_) => keys.is_empty() || seal.is_signed_by(&keys.public_keys()) == Some(true),
            None => !was_signed,
        };
        follows && is_signed
    }
}

impl AuditLog {
    /// Whether [`AuditLog::seal`] would go on from the newest seal that there is. Nothing is sealed, and the
    /// witness is not written to.
    ///
    /// # Errors
    /// As those of [`AuditLog::seal`].
    pub async fn check_chain(&self) -> Result<(), Error> {
        let keys = self.keys.load_full();
        let mut connection = Connection::acquire(&self.sealing).await?;
        let mut chain = self.chain.lock().await;
        let followed = chain.follow(&mut connection, &keys).await?;
        connection.release();
        drop(followed);
        Ok(())
    }
}

/// Whether a process that has seen nothing yet may go on from the newest seal.
fn fits(fit: KeyFit, newest: &Seal) -> Result<(), Error> {
    match fit {
        KeyFit::NothingSealed | KeyFit::Unsigned | KeyFit::Known => Ok(()),
        KeyFit::NoKey { .. } => Err(Error::NoSealKey),
        KeyFit::OtherKey => Err(Error::OtherSealKey),
        KeyFit::Foreign { from } => Err(Break::foreign(newest, from).into()),
    }
}
