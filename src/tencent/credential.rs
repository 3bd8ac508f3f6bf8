//! Where the `UserSig` of each request comes from, and when it is renewed.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};

use super::settings::{Credential, Error};
use super::usersig::{Claims, end_of, mint};

/// The longest that a `UserSig` is renewed ahead of its end.
const LONGEST_MARGIN: Duration = Duration::from_hours(1);

/// The longest that the clock may be behind the one that a `UserSig` was minted by. Two threads
/// that read it at the same time and come here in the other order are behind by far less.
const LONGEST_SETBACK: Duration = Duration::from_mins(1);

/// Mints a `UserSig` from the secret key when one is due. It is kept until less than a quarter of
/// its validity remains, or less than one hour if the quarter is longer: time enough to notice a
/// renewal that Tencent does not accept, while the clocks may differ by minutes.
pub(super) struct Mint {
    secret_key: SecretString,
    sdk_app_id: u32,
    identifier: String,
    valid_for: u64,
    latest: Mutex<Option<Minted>>,
}

#[derive(Clone)]
struct Minted {
    usersig: SecretString,
    /// Since the Unix epoch, as the two below.
    begins_at: Duration,
    renew_at: Duration,
    ends_at: Duration,
}

impl Minted {
    /// One from the future, after the clock was set back, might be refused until then.
    fn serves_at(&self, now: Duration) -> bool {
        now < self.renew_at && now + LONGEST_SETBACK >= self.begins_at
    }
}

impl Mint {
    /// `identifier` must hold no control character: a line break would add lines to what is
    /// signed. `valid_for` is in seconds.
    fn new(secret_key: SecretString, sdk_app_id: u32, identifier: String, valid_for: u64) -> Self {
        Self {
            secret_key,
            sdk_app_id,
            identifier,
            valid_for,
            latest: Mutex::new(None),
        }
    }

    /// The `UserSig` to use at `now`. Minting takes microseconds, so the others wait while one
    /// mints.
    fn at(&self, now: SystemTime) -> Minted {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some(minted) if minted.serves_at(now) => minted.clone(),
            _ => latest.insert(self.mint_at(now)).clone(),
        }
    }

    fn mint_at(&self, now: Duration) -> Minted {
        let claims = Claims {
            identifier: &self.identifier,
            sdk_app_id: self.sdk_app_id,
            minted_at: now.as_secs(),
            valid_for: self.valid_for,
            userbuf: None,
        };
        let begins_at = Duration::from_secs(claims.minted_at);
        let valid_for = Duration::from_secs(claims.valid_for);
        let ends_at = begins_at + valid_for;
        let margin = (valid_for / 4).min(LONGEST_MARGIN);
        let renew_at = begins_at + valid_for.saturating_sub(margin);
        Minted {
            usersig: mint(&self.secret_key, claims),
            begins_at,
            renew_at,
            ends_at,
        }
    }
}

/// Where the `UserSig` of each request comes from.
pub(super) enum UserSigSource {
    /// The secret key.
    Minted(Mint),
    /// Somebody else made it.
    Given(SecretString),
}

impl UserSigSource {
    /// Of `credential`, for an app and an admin that were checked.
    pub(super) fn new(
        credential: &Credential,
        sdk_app_id: u32,
        admin: &str,
        valid_for: Duration,
    ) -> Result<Self, Error> {
        let (Credential::SecretKey(secret) | Credential::UserSig(secret)) = credential;
        if secret.expose_secret().is_empty() {
            return Err(Error::Credential);
        }
        if matches!(credential, Credential::UserSig(_)) {
            return Ok(Self::Given(secret.clone()));
        }
        let valid_for = valid_for.as_secs();
        if !(1..=u64::from(u32::MAX)).contains(&valid_for) {
            return Err(Error::UserSigTtl);
        }
        Ok(Self::Minted(Mint::new(
            secret.clone(),
            sdk_app_id,
            admin.to_owned(),
            valid_for,
        )))
    }

    /// Forgets the `UserSig` in use; `false` if no other can be minted.
    pub(super) fn renew(&self) -> bool {
        match self {
            Self::Minted(mint) => {
                *mint.latest.lock().unwrap_or_else(PoisonError::into_inner) = None;
                true
            }
            Self::Given(_) => false,
        }
    }

    /// The `UserSig` to use at `now`.
    pub(super) fn usersig(&self, now: SystemTime) -> SecretString {
        match self {
            Self::Minted(mint) => mint.at(now).usersig,
            Self::Given(usersig) => usersig.clone(),
        }
    }

    /// When the `UserSig` to use at `now` ends; unknown if it cannot be read.
    pub(super) fn ends_at(&self, now: SystemTime) -> Option<SystemTime> {
        match self {
            Self::Minted(mint) => UNIX_EPOCH.checked_add(mint.at(now).ends_at),
            Self::Given(usersig) => end_of(usersig),
        }
    }

    /// The secret key, where it is known.
    pub(super) fn secret_key(&self) -> Option<&SecretString> {
        match self {
            Self::Minted(mint) => Some(&mint.secret_key),
            Self::Given(_) => None,
        }
    }
}

impl fmt::Debug for UserSigSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Minted(_) => "Minted",
            Self::Given(_) => "Given",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";

    fn minting(valid_for: u64) -> Mint {
        Mint::new(KEY.into(), 88_888_888, "admin".to_owned(), valid_for)
    }

    fn unix(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    fn minted_at(mint: &Mint, seconds: f64) -> u64 {
        mint.at(unix(seconds)).begins_at.as_secs()
    }

    #[test]
    fn a_usersig_is_kept_until_an_hour_before_its_end() {
        let mint = minting(86_400);
        assert_eq!(minted_at(&mint, 1_000.9), 1_000);
        assert_eq!(minted_at(&mint, 1_000.0 + 86_400.0 - 3_600.1), 1_000);
        assert_eq!(minted_at(&mint, 1_000.0 + 86_400.0 - 3_600.0), 83_800);
        assert_eq!(minted_at(&mint, 5_000_000.0), 5_000_000);
    }

    #[test]
    fn a_short_usersig_is_kept_for_three_quarters_of_its_validity() {
        let mint = minting(10);
        assert_eq!(minted_at(&mint, 1_000.0), 1_000);
        assert_eq!(minted_at(&mint, 1_007.4), 1_000);
        assert_eq!(minted_at(&mint, 1_007.5), 1_007);
    }

    #[test]
    fn a_clock_that_was_set_back_gets_a_new_usersig() {
        let mint = minting(86_400);
        assert_eq!(minted_at(&mint, 90_000.0), 90_000);
        assert_eq!(minted_at(&mint, 80_000.0), 80_000);
    }

    #[test]
    fn the_end_is_that_of_the_usersig_in_use() {
        let source = UserSigSource::Minted(minting(86_400));
        assert_eq!(source.ends_at(unix(1_000.9)), Some(unix(87_400.0)));
        let given = UserSigSource::Given(source.usersig(unix(1_000.9)));
        assert_eq!(given.ends_at(unix(9e9)), Some(unix(87_400.0)));
        assert_eq!(UserSigSource::Given("xxx".into()).ends_at(unix(0.0)), None);
    }

    #[test]
    fn many_threads_share_one_usersig() {
        let mint = minting(86_400);
        let start = Barrier::new(8);
        let usersigs = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let (mint, start) = (&mint, &start);
                    scope.spawn(move || {
                        start.wait();
                        minted_at(mint, 1_000.0 + f64::from(thread))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        let latest = minted_at(&mint, 1_010.0);
        assert!(
            usersigs.iter().all(|usersig| *usersig == latest),
            "{usersigs:?}"
        );
    }

    #[test]
    fn nothing_secret_is_shown() {
        let source = UserSigSource::Minted(minting(86_400));
        assert_eq!(format!("{source:?}"), "Minted");
        assert_eq!(
            format!("{:?}", UserSigSource::Given("secret".into())),
            "Given"
        );
    }
}
