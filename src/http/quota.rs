//! `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers, structured fields of
//! RFC 9651): what is left of the limits, on every answer to a valid token.

use std::fmt;
use std::time::Duration;

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpMessage, HttpRequest, web};

use super::AppState;
use super::problem::Limit;
use crate::domain::{Api, Kind, Moderator};

static RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The name of a moderator's own limit; that of an API is its word.
const MODERATOR: &str = "moderator";

/// The name of a moderator's limit on reading.
const READS: &str = "reads";

/// Who asked, and which API they need. Its place is among the extensions of the request.
#[derive(Debug)]
pub(super) struct Asked {
    moderator: Moderator,
    /// `None` if the request calls nobody.
    api: Option<&'static Api>,
}

impl Asked {
    pub(super) fn new(moderator: Moderator, request: &HttpRequest) -> Self {
        let kind = request.app_data::<web::Data<Kind>>();
        let api = kind.map(|kind| kind.api);
        Self { moderator, api }
    }
}

/// The one item of `RateLimit`.
#[derive(Clone, Copy)]
struct Item {
    policy: &'static str,
    remaining: u32,
    /// When it is worth counting on the limit again.
    seconds: u64,
}

impl Item {
    const fn exhausted(policy: &'static str, seconds: u64) -> Self {
        Self {
            policy,
            remaining: 0,
            seconds,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            policy,
            remaining,
            seconds,
        } = self;
        write!(formatter, "\"{policy}\";r={remaining};t={seconds}")
    }
}

/// Whole seconds, rounded up, at least 1 (RFC 9110, 10.2.3): a client that comes back then is not
/// too early.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Both fields; none if nobody was authenticated.
pub(super) fn fields<B>(response: &ServiceResponse<B>) -> Option<[(HeaderName, HeaderValue); 2]> {
    let request = response.request();
    let extensions = request.extensions();
    let asked = extensions.get::<Asked>()?;
    let state = request.app_data::<web::Data<AppState>>()?;
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let reached = response.response().extensions().get::<Limit>().copied();
    let reached = reached.and_then(|limit| policy(limit, asked));
    let item = match (reached, retry_after) {
        (Some(policy), Some(seconds)) => Item::exhausted(policy, seconds),
        (_, latest) => tighter(asked, state, latest),
    };
    let policies = HeaderValue::try_from(policies(asked, state)).ok()?;
    let left = HeaderValue::try_from(item.to_string()).ok()?;
    Some([
        (RATELIMIT_POLICY.clone(), policies),
        (RATELIMIT.clone(), left),
    ])
}

/// The limits in force. Tencent's throttling changes what is left, not the policy, which clients
/// may take to be constant.
fn policies(asked: &Asked, state: &AppState) -> String {
    let limiter = &state.service.limiter;
    let own = limiter.moderator_quota(&asked.moderator).limit;
    let own = (MODERATOR, own as usize);
    let kinds = &state.request_rules.kinds;
    let is_called = |api: &&&Api| kinds.iter().any(|kind| kind.api == **api);
    let apis = Api::all()
        .iter()
        .filter(is_called)
        .map(|api| (api.word, limiter.permits(api).calls_per_second));
    let reads = (READS, state.readers.reads_per_second() as usize);
    let items = std::iter::once(own)
        .chain(apis)
        .chain([reads])
        .map(|(policy, limit)| format!("\"{policy}\";q={limit};w=1"));
    items.collect::<Vec<_>>().join(", ")
}

/// The policy that refused the request, if it is one of those that are named.
fn policy(limit: Limit, asked: &Asked) -> Option<&'static str> {
    match (limit, asked.api) {
        (Limit::Api | Limit::Tencent, Some(api)) => Some(api.word),
        (Limit::Reads, _) => Some(READS),
        (Limit::Moderator, _) => Some(MODERATOR),
        (Limit::Api | Limit::Tencent, None)
        | (Limit::Probes | Limit::Freezes | Limit::ModeratorHour | Limit::Batches, _) => None,
    }
}

/// What this request would run into first. `latest` is when the client will come back anyway.
fn tighter(asked: &Asked, state: &AppState, latest: Option<u64>) -> Item {
    let limiter = &state.service.limiter;
    let own = (MODERATOR, limiter.moderator_quota(&asked.moderator));
    let api = asked.api.map(|api| (api.word, limiter.api_quota(api)));
    let (policy, quota) = match api {
        Some(api) if api.1.remaining < own.1.remaining => api,
        _ => own,
    };
    let seconds = whole_seconds(quota.reset);
    Item {
        policy,
        remaining: quota.remaining,
        seconds: latest.map_or(seconds, |latest| seconds.min(latest)),
    }
}
