//! How strong the proof is, and from when on it holds.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat};

use crate::audit::proof::genuine::ROLLOUT;
use crate::audit::proof::seal::Seal;

/// What weakens or strengthens the proof, as it is found.
#[derive(Debug, Default)]
pub(super) struct Strength {
    first_signed_at: Option<i64>,
    signed_by: BTreeSet<String>,
    /// When the last seal was made.
    last_sealed_at: Option<i64>,
    witnessed: Option<u64>,
    /// When the last row without a mac was recorded that is taken for genuine.
    last_without_mac: Option<i64>,
    /// When the last epoch began for no recorded reason.
    last_silent_epoch: Option<i64>,
}

impl Strength {
    /// A seal that counts.
    pub(super) fn seal(&mut self, seal: &Seal) {
        self.last_sealed_at = Some(seal.sealed_at);
        if let Some((_, key_id)) = &seal.signed {
            self.first_signed_at.get_or_insert(seal.sealed_at);
            self.signed_by.insert(key_id.clone());
        }
    }

    /// Whether a seal so far is signed.
    pub(super) const fn is_signed(&self) -> bool {
        self.first_signed_at.is_some()
    }

    /// Whether a row recorded then must have a mac.
    pub(super) fn needs_mac(&self, recorded_at: i64) -> bool {
        let first = self.first_signed_at;
        first.is_some_and(|first| recorded_at > first.saturating_add(ROLLOUT))
    }

    /// A row without a mac is taken for genuine.
    pub(super) fn without_mac(&mut self, recorded_at: i64) {
        self.last_without_mac = self.last_without_mac.max(Some(recorded_at));
    }

    /// An epoch began for no recorded reason, as sealers of format 1 did after a restore.
    pub(super) const fn silent_epoch(&mut self, sealed_at: i64) {
        self.last_silent_epoch = Some(sealed_at);
    }

    /// A head kept outside is that of this seal.
    pub(super) const fn witness(&mut self, no: u64) {
        self.witnessed = Some(no);
    }

    /// From when on everything was signed, with macs, in an unbroken chain, or one whose breaks are
    /// recorded; in microseconds since the Unix epoch.
    pub(super) fn holds_since(&self) -> Option<i64> {
        let signed = self.first_signed_at?;
        let weaker = self.last_without_mac.map(|last| last.saturating_add(1));
        let weakest = weaker.max(self.last_silent_epoch);
        Some(weakest.map_or(signed, |weakest| weakest.max(signed)))
    }

    /// The line that says it; whether signatures and macs could be checked is known to the caller.
    pub(super) fn told(&self, has_public_key: bool, has_seal_key: bool) -> String {
        let signed_by: Vec<&str> = self.signed_by.iter().map(String::as_str).collect();
        let signed_by = signed_by.join(", ");
        let signed = match (self.holds_since(), has_public_key) {
            (None, _) => "unsigned: whoever may change the database could have made the seals anew"
                .to_owned(),
            (Some(_), false) => {
                format!("signed by {signed_by}, but no public key was given to check it with")
            }
            (Some(since), true) => format!(
                "signed by {signed_by}; it holds for what was recorded from {} on, and up to the last seal, of {}; macs {}",
                time(since),
                self.last_sealed_at.map(time).unwrap_or_default(),
                if has_seal_key {
                    "checked"
                } else {
                    "not checked, which takes the seal key"
                }
            ),
        };
        let kept = self.witnessed.map_or_else(
            || "no head was kept outside, so that a cut end would not show".to_owned(),
            |no| format!("heads kept outside confirm it up to seal {no}"),
        );
        format!("proof: {signed}; {kept}")
    }
}

/// Microseconds since the Unix epoch, for people.
pub(super) fn time(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
