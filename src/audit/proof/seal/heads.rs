//! Heads as they are kept outside of the database: printed, logged, and read again.

use std::io::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Hash, Seal};
use crate::audit::proof::verify;
use crate::db;

/// A head as `modgate seals` prints it.
#[derive(Debug, Serialize)]
pub struct Head {
    /// The number of the seal.
    pub no: u64,
    /// Its epoch.
    pub epoch: u32,
    /// How many rows it holds.
    pub n: u32,
    /// When it was made, RFC 3339.
    pub sealed_at: String,
    /// The head, in hexadecimal.
    pub head: String,
    /// Its signature, in hexadecimal.
    pub signature: Option<String>,
    /// The id of the key that signed it.
    pub key_id: Option<String>,
}

impl From<&Seal> for Head {
    fn from(seal: &Seal) -> Self {
        let (signature, key_id) = seal.signed.clone().unzip();
        Self {
            no: seal.no,
            epoch: seal.epoch,
            n: seal.n(),
            sealed_at: rfc3339(seal.sealed_at),
            head: hex::encode(seal.head),
            signature: signature.map(hex::encode),
            key_id,
        }
    }
}

/// A head that somebody saw in the record once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHead {
    /// The number of its seal.
    pub no: u64,
    /// The head.
    pub head: Hash,
    /// When the seal was made, in microseconds since the Unix epoch, if that was kept as well.
    pub sealed_at: Option<i64>,
}

/// A line of `modgate seals`, of the log of `modgate serve`, or of a witness file.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "seal.no")]
    no: u64,
    #[serde(alias = "seal.head")]
    head: String,
    #[serde(alias = "seal.sealed_at")]
    sealed_at: Option<String>,
}

impl SeenHead {
    /// The head in a line, if there is one.
    pub fn parse(line: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(line).ok()?;
        let mut head = Hash::default();
        hex::decode_to_slice(&line.head, &mut head).ok()?;
        let sealed_at = line.sealed_at.as_deref();
        let sealed_at = sealed_at.and_then(|time| time.parse::<DateTime<Utc>>().ok());
        Some(Self {
            no: line.no,
            head,
            sealed_at: sealed_at.map(|time| time.timestamp_micros()),
        })
    }

    /// When its seal was made, RFC 3339, if that was kept as well.
    pub fn time(&self) -> Option<String> {
        self.sealed_at.map(rfc3339)
    }

    /// It as a line that [`SeenHead::parse`] reads, without a line feed.
    pub fn to_line(&self) -> String {
        let head = hex::encode(self.head);
        serde_json::json!({"no": self.no, "head": head, "sealed_at": self.time()}).to_string()
    }
}

impl From<&Seal> for SeenHead {
    fn from(seal: &Seal) -> Self {
        Self {
            no: seal.no,
            head: seal.head,
            sealed_at: Some(seal.sealed_at),
        }
    }
}

/// Microseconds since the Unix epoch as RFC 3339; the epoch itself where that is no time.
fn rfc3339(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Writes the heads of the seals from `since` on in the database of `url`, one JSON object a line.
pub async fn print_heads(
    url: &SecretString,
    since: u64,
    to: &mut impl Write,
) -> Result<(), verify::Error> {
    let mut connection = db::connect_to_record(url).await?;
    let mut last = Some(since.saturating_sub(1));
    while let Some(no) = last {
        let seals = Seal::after(&mut connection, no).await?;
        for seal in &seals {
            serde_json::to_writer(&mut *to, &Head::from(seal)).map_err(std::io::Error::from)?;
            to.write_all(b"\n")?;
        }
        last = seals.last().map(|seal| seal.no);
    }
    to.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_from_what_is_printed_logged_and_written() {
        let seen = SeenHead {
            no: 7,
            head: [0xab; 32],
            sealed_at: Some(1_700_000_000_000_001),
        };
        assert_eq!(SeenHead::parse(&seen.to_line()), Some(seen.clone()));
        let head = "ab".repeat(32);
        let logged = format!(
            r#"{{"event":"seal","seal.no":7,"seal.head":"{head}","seal.sealed_at":"2023-11-14T22:13:20.000001Z"}}"#
        );
        assert_eq!(SeenHead::parse(&logged), Some(seen));
        for none in [
            "",
            "7",
            r#"{"no":7}"#,
            r#"{"no":7,"head":"ab"}"#,
            "{\"no\":7",
        ] {
            assert_eq!(SeenHead::parse(none), None, "{none}");
        }
    }
}
