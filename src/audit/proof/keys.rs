//! The keys of the record: what signs seals, and what shows that a gateway wrote a row.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

/// What precedes the head in what is signed, so that no signature of a seal passes for another's.
const SIGNED: &[u8] = b"modgate.seal.v1\n";

const MAC_INFO: &[u8] = b"modgate.audit.mac.v1";

/// The length of an Ed25519 public key, in bytes (RFC 8032, 5.1.5).
const KEY_LENGTH: usize = 32;

/// A key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The seal key is not a list of Ed25519 seeds.
    #[error("must be lines of 32 bytes each, as 64 hexadecimal digits or as base64{}", not_so("line", .0))]
    Seed(
        /// The lines that are not, from 1; none if there is no line.
        Vec<usize>,
    ),
    /// The public keys are not PEM of Ed25519.
    #[error("must hold one or more Ed25519 public keys in PEM (BEGIN PUBLIC KEY){}", not_so("block", .0))]
    PublicKey(
        /// The blocks that are not, from 1; none if it is no PEM.
        Vec<usize>,
    ),
}

fn not_so(what: &str, numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    match numbers.len() {
        0 => String::new(),
        1 => format!("; {what} {} is not", numbers.join(", ")),
        _ => format!("; {what}s {} are not", numbers.join(", ")),
    }
}

/// The items if all of them are there, else the numbers of those that are not, from 1.
fn all_or_missing<T>(items: impl Iterator<Item = Option<T>>) -> Result<Vec<T>, Vec<usize>> {
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for (index, item) in items.enumerate() {
        match item {
            Some(item) => there.push(item),
            None => missing.push(index + 1),
        }
    }
    if missing.is_empty() {
        Ok(there)
    } else {
        Err(missing)
    }
}

/// What `MODGATE_SEAL_KEY` holds: the first key signs seals and makes macs, the macs and
/// signatures of the others are known. Without any, seals are unsigned and rows have no mac.
#[derive(Default)]
pub struct SealKeys(Vec<SealKey>);

struct SealKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
    mac: hmac::Key,
}

impl SealKeys {
    /// Reads Ed25519 seeds (RFC 8032, 5.1.5), one a line.
    pub fn parse(text: &SecretString) -> Result<Self, KeyError> {
        let lines = text.expose_secret().lines().map(str::trim);
        let keys = lines.filter(|line| !line.is_empty()).map(SealKey::parse);
        let keys = all_or_missing(keys).map_err(KeyError::Seed)?;
        if keys.is_empty() {
            return Err(KeyError::Seed(Vec::new()));
        }
        Ok(Self(keys))
    }

    /// Whether there is no key.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is just one.
    pub(in crate::audit) const fn is_one(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether these are the same keys, in the same order.
    pub(in crate::audit) fn are(&self, others: &Self) -> bool {
        self.public_keys().0 == others.public_keys().0
    }

    /// Who checks signatures made with any of them; the first is the one that signs.
    pub fn public_keys(&self) -> PublicKeys {
        PublicKeys(self.0.iter().map(|key| key.public.clone()).collect())
    }

    /// The mac of canonical bytes, if there is a key.
    pub(in crate::audit) fn mac(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let key = self.0.first()?;
        Some(hmac::sign(&key.mac, bytes).as_ref().to_vec())
    }

    /// Whether one of the keys makes this mac of `bytes`.
    pub(in crate::audit) fn knows(&self, bytes: &[u8], mac: &[u8]) -> bool {
        let mut keys = self.0.iter();
        keys.any(|key| hmac::verify(&key.mac, bytes, mac).is_ok())
    }

    /// The signature of a seal's head and the id of the key, if there is a key.
    pub(in crate::audit) fn sign(&self, head: &[u8]) -> Option<(Vec<u8>, String)> {
        let key = self.0.first()?;
        let signature = key.pair.sign(&[SIGNED, head].concat());
        Some((signature.as_ref().to_vec(), key.public.id()))
    }
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(&self.public_keys().0)
            .finish()
    }
}

impl SealKey {
    fn parse(line: &str) -> Option<Self> {
        let seed = hex::decode(line).or_else(|_| BASE64_STANDARD.decode(line));
        let seed = seed.ok()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        let public = pair.public_key().as_der();
        let secret = Salt::new(HKDF_SHA256, &[]).extract(&seed);
        let okm = secret
            .expand(&[MAC_INFO], HMAC_SHA256)
            .expect("32 bytes are fewer than HKDF can give");
        Some(Self {
            public: PublicKey(
                public
                    .expect("a key that was made can be written")
                    .as_ref()
                    .to_vec(),
            ),
            pair,
            mac: okm.into(),
        })
    }
}

/// A `SubjectPublicKeyInfo` of Ed25519 in DER, which ends with the key (RFC 8410, 4).
#[derive(Clone, PartialEq, Eq)]
struct PublicKey(Vec<u8>);

impl PublicKey {
    fn parse(der: &[u8]) -> Option<Self> {
        let key = ParsedPublicKey::new(&ED25519, der).ok()?.as_der().ok()?;
        // The parser takes a key without its structure, and leaves what follows one unread.
        (key.as_ref() == der).then(|| Self(der.to_vec()))
    }

    /// The first 16 hexadecimal digits of the key's SHA-256.
    fn id(&self) -> String {
        let key = &self.0[self.0.len() - KEY_LENGTH..];
        hex::encode(&digest(&SHA256, key).as_ref()[..8])
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.id())
    }
}

/// Whose signatures are believed.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(Vec<PublicKey>);

impl PublicKeys {
    /// Reads one or more Ed25519 public keys in PEM (RFC 8410).
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let blocks = pem::parse_many(text).map_err(|_| KeyError::PublicKey(Vec::new()))?;
        let keys = blocks.iter().map(|block| {
            let der = Some(block.contents()).filter(|_| block.tag() == "PUBLIC KEY");
            der.and_then(PublicKey::parse)
        });
        let keys = all_or_missing(keys).map_err(KeyError::PublicKey)?;
        if keys.is_empty() {
            return Err(KeyError::PublicKey(Vec::new()));
        }
        Ok(Self(keys))
    }

    /// The first of them in PEM, if there is one.
    pub fn first_pem(&self) -> Option<String> {
        let key = self.0.first()?;
        let pem = pem::Pem::new("PUBLIC KEY", key.0.clone());
        let unix = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        Some(pem::encode_config(&pem, unix))
    }

    /// These and the others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether there is no key.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the key with this id made this signature of a head; `None` if there is no such key.
    pub(in crate::audit) fn check(
        &self,
        key_id: &str,
        head: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let key = self.0.iter().find(|key| key.id() == key_id)?;
        let key = UnparsedPublicKey::new(&ED25519, &key.0);
        Some(key.verify(&[SIGNED, head].concat(), signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

    fn keys(text: &str) -> Result<SealKeys, KeyError> {
        SealKeys::parse(&SecretString::from(text))
    }

    #[test]
    fn a_seed_is_hexadecimal_or_base64_and_makes_the_documented_keys() {
        let base64 = BASE64_STANDARD.encode(hex::decode(SEED).expect("hexadecimal"));
        for text in [SEED, &base64, &format!("\n {SEED} \r\n")] {
            let keys = keys(text).expect("it is a key");
            assert_eq!(keys.public_keys().first_pem().as_deref(), Some(PEM));
            assert_eq!(format!("{keys:?}"), "[21fe31dfa154a261]");
            let mac = keys.mac(b"row").map(hex::encode);
            // Made by other means: HMAC with the key that HKDF makes.
            let expected = "63fdb2d54af946620f50716ea81d6b056ea3b27fc877985a7a86ec466d089b36";
            assert_eq!(mac.as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let several = format!("{SEED}\nx\n\n{SEED}\ny");
        for (text, lines) in [
            ("", vec![]),
            ("\n", vec![]),
            ("abc", vec![1]),
            (&SEED[2..], vec![1]),
            (&format!("{SEED}\nx"), vec![2]),
            (&several, vec![2, 4]),
            (PEM, vec![1, 2, 3]),
        ] {
            assert_eq!(keys(text).err(), Some(KeyError::Seed(lines)), "{text}");
        }
        let certificate = PEM.replace("PUBLIC KEY", "CERTIFICATE");
        let not_ed25519 = PEM.replace("MCow", "MCov");
        let key = pem::parse(PEM).expect("it is PEM").into_contents();
        let longer = pem::encode(&pem::Pem::new("PUBLIC KEY", [&key[..], b"x"].concat()));
        let alone = pem::encode(&pem::Pem::new("PUBLIC KEY", &key[12..]));
        let several = format!("{certificate}{PEM}{not_ed25519}");
        for (text, blocks) in [
            ("", vec![]),
            ("x", vec![]),
            (SEED, vec![]),
            (&not_ed25519, vec![1]),
            (&certificate, vec![1]),
            (&longer, vec![1]),
            (&alone, vec![1]),
            (&several, vec![1, 3]),
        ] {
            let refused = PublicKeys::parse(text).err();
            assert_eq!(refused, Some(KeyError::PublicKey(blocks)), "{text}");
        }
        let told = keys("x\ny").expect_err("no keys").to_string();
        assert!(told.ends_with("base64; lines 1, 2 are not"), "{told}");
    }

    #[test]
    fn the_first_key_signs_and_all_are_known() {
        let other = "0f".repeat(32);
        let (one, both) = (keys(&other), keys(&format!("{SEED}\n{other}")));
        let (one, both) = (one.expect("a key"), both.expect("keys"));
        let (signature, key_id) = both.sign(&[7; 32]).expect("there is a key");
        let public = PublicKeys::parse(PEM).expect("a key");
        assert_eq!(public.check(&key_id, &[7; 32], &signature), Some(true));
        assert_eq!(public.check(&key_id, &[8; 32], &signature), Some(false));
        assert_eq!(one.public_keys().check(&key_id, &[7; 32], &signature), None);
        let mac = one.mac(b"row").expect("there is a key");
        assert!(both.knows(b"row", &mac) && !both.knows(b"rov", &mac));
        assert_ne!(both.mac(b"row"), Some(mac));
    }
}
