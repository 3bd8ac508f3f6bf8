//! Calls of Tencent's REST API: the request, the credential in it, and what an answer means.
//!
//! Tencent decides by the `ErrorCode` of the answer's envelope; the HTTP status is nearly always
//! 200 (REST API overview, product 1047). Three rules hold here:
//!
//! - One [`Client::send`] is at most one HTTP request. Nothing below it repeats a request of which
//!   a byte may have left: no retries of the HTTP client, no redirects.
//!   [`Client::ask`], and [`Client::check`], which no action needs, ask questions that change nothing.
//! - Only a failure to connect, or the last check before the first byte, proves that nothing happened. Whatever goes wrong later leaves the
//!   outcome unknown, unless a whole envelope says otherwise.
//! - The `UserSig` is in the query of every URL, so no URL leaves this module in any form, and
//!   everything kept from an answer is searched for echoes of the credential first.

mod ask;
mod check;
mod client;
mod codes;
mod credential;
mod deadline;
mod envelope;
mod exchange;
mod last_check;
mod redact;
mod request;
mod settings;
mod transport;
mod usersig;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the server of the tests ends with its runtime"
)]
mod tests;

pub use ask::Asked;
pub use check::{Checked, Refused, refused};
pub use client::{Client, LISTENING};
pub use codes::{class_of, is_about_the_signature, is_quota_of_the_day, is_resigned_once};
pub use deadline::CallDeadline;
pub use settings::{BaseUrl, Credential, Error, KickField, Settings};
pub use transport::{check_proxy, check_roots};
