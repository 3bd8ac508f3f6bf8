//! Whether Tencent takes the gateway's word for who it is, without doing anything to anyone.

use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::client::{Client, secrets};
use super::codes::common_class_of;
use super::envelope::judge;
use super::request::{Admin, QUERY_ONLINE_STATUS, build_question};
use super::transport::{Head, Lost, fetch};
use crate::domain::{Answer, Class, Failure};

/// What came of [`Client::check`]. Holds no URL and no echo of the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Tencent's envelope.
    Answered(Answer),
    /// Somebody answered, with this HTTP status, and it was not Tencent's envelope.
    Stranger(u16),
    /// Nobody answered.
    Lost {
        /// How far it got.
        failure: Failure,
        /// What the HTTP client says of it.
        causes: String,
    },
}

/// What is wrong when Tencent answers with an `ErrorCode` to a question that any admin may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing: the question got past the check of the credential.
    No,
    /// The key or the `UserSig`.
    Credential,
    /// The `UserSig` is too old.
    Expired,
    /// The admin.
    Admin,
    /// The `SDKAppID`, or the region, which does not know it.
    App,
    /// The region, or the path that the base URL begins with.
    Address,
    /// Something in Tencent's console.
    Console,
    /// It passes by itself.
    ForNow,
}

impl Client {
    /// Asks Tencent, within `patience`, whether the admin is online. It is one request to an API
    /// that neither kick shares its limit with, so it needs no permit; and as it changes nothing, it
    /// is in no record.
    pub async fn check(&self, patience: Duration) -> Checked {
        let usersigs = self.usersigs();
        let usersig = usersigs.usersig(SystemTime::now());
        let secrets = secrets(&usersigs, &usersig);
        let admin = Admin {
            sdk_app_id: self.sdk_app_id,
            identifier: &self.admin,
            usersig: &usersig,
        };
        let request = build_question(&self.url, &admin, rand::random());
        let mut head = Head::default();
        let fetching = fetch(&self.http, request, &secrets, &mut head);
        let fetched = timeout(patience, fetching).await;
        match fetched.unwrap_or_else(|_| Err(Failure::TimedOut.into())) {
            Ok((status, body)) => judge(&QUERY_ONLINE_STATUS, status, &body, &secrets)
                .answer
                .map_or(Checked::Stranger(status), Checked::Answered),
            Err(Lost { failure, causes }) => Checked::Lost { failure, causes },
        }
    }
}

/// What is wrong, by the tables of codes (Error Codes, product 1047).
pub const fn refused(error_code: i64) -> Refused {
    match error_code {
        // The last two: the admin is no user of the app, and nobody's status can be asked for.
        0 | 70_107 | 72_001 => Refused::No,
        70_001 | 70_101 => Refused::Expired,
        60_010 | 70_013 | 70_051 | 70_403 | 90_009 => Refused::Admin,
        60_006 | 70_014 | 70_016 | 70_020 => Refused::App,
        60_009 | 60_026 => Refused::Address,
        _ => match common_class_of(error_code) {
            Class::Credential => Refused::Credential,
            Class::RateLimit
            | Class::CredentialLockout
            | Class::Transient
            | Class::TransientAmbiguous => Refused::ForNow,
            _ => Refused::Console,
        },
    }
}
