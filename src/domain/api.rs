//! Tencent's REST APIs, and what is sent to them.

use serde_json::Value;

use super::Class;

/// One of Tencent's REST APIs: what its limit, the permits, and a suspension of calls belong to. Several kinds may share
/// one.
#[derive(Debug)]
pub struct Api {
    /// The one word for it: key of the leases, label `api` of the metrics, policy of `RateLimit`. That of all but the
    /// two that were there first is their [`command`](Self::command).
    pub word: &'static str,
    /// Service and command, as in the path of its URL: `im_open_login_svc/kick`.
    pub command: &'static str,
    /// What those of its error codes mean that mean something else, or nothing, for other APIs.
    pub codes: &'static [(i64, Class)],
}

impl PartialEq for Api {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for Api {}

/// The members of a packet, in Tencent's order.
pub type Packet = Vec<(&'static str, Value)>;
