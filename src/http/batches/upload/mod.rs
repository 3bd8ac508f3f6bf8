//! A batch as it is submitted: JSON or CSV, read item by item, with all that is wrong with it.
//!
//! The body is up to 4 MiB long. Neither its text nor its items are held more than once, and it is read on a thread that
//! nobody else waits for.

mod csv;
mod faults;
mod guard;
mod items;
mod json;
mod rows;
mod undo;

use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use uuid::Uuid;

use crate::batches::Content;
use crate::domain::{CaseRef, IdempotencyKey, LONGEST_BATCH, Moderator, Reason, Violation};
use crate::http::body::{OF_A_BATCH, read_bytes};
use crate::http::fields::{Fields, IDEMPOTENCY_KEY, action_id, idempotency_key};
use crate::http::problem::ApiError;
use crate::http::query::{pairs, refuse_query};
use crate::http::settings::RequestRules;

/// A batch that somebody submits, or asks about.
#[derive(Debug)]
pub(in crate::http) struct Upload {
    /// What it is to do.
    pub(in crate::http) content: Content,
    /// Why.
    pub(in crate::http) reason: Option<Reason>,
    /// The case it belongs to.
    pub(in crate::http) case_ref: Option<CaseRef>,
    /// For how long it may run.
    pub(in crate::http) expires_in: Option<Duration>,
    /// The earlier batch that it repeats on purpose.
    pub(in crate::http) repeats: Option<Uuid>,
    /// Whether it is only asked what submitting it would say.
    pub(in crate::http) validate_only: bool,
    /// What makes a repeat of it the same batch. It is there unless it is only asked about.
    pub(in crate::http) idempotency_key: Option<IdempotencyKey>,
}

/// How a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Json,
    Csv,
}

/// What is known of a submission before its body is read.
struct Asked {
    key: Option<Result<IdempotencyKey, Violation>>,
    /// The issuer of the token of whoever asks.
    issuer: String,
    rules: RequestRules,
}

/// What is said of a batch as a whole.
struct Envelope {
    reason: Option<Reason>,
    /// Whether a reason was given, be it a good one or not.
    has_reason: bool,
    case_ref: Option<CaseRef>,
    expires_in: Option<Duration>,
    repeats: Option<Uuid>,
    validate_only: bool,
    key: Option<IdempotencyKey>,
}

/// Reads the body of `POST /v1/batches`, JSON or text/csv.
pub(in crate::http) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    moderator: &Moderator,
    rules: &RequestRules,
) -> Result<Upload, ApiError> {
    let asked = Asked {
        key: idempotency_key(request),
        issuer: moderator.issuer.clone(),
        rules: rules.clone(),
    };
    let media = media(request);
    if media == Some(Media::Json) {
        refuse_query(request)?;
    }
    let query = pairs(request)?;
    let refused = media
        .is_none()
        .then_some(ApiError::UnsupportedBatchMediaType);
    let body = read_bytes(request, payload, &OF_A_BATCH, refused).await?;
    // It takes longer than other requests may wait for one another.
    let reading = web::block(move || match media {
        Some(Media::Csv) => csv::read(&body, query, &asked),
        _ => json::read(&body, &asked),
    });
    // It is over before its time only after a panic, which was logged.
    reading.await.unwrap_or(Err(ApiError::Internal))
}

/// What the body is said to be; `None` if it is nothing that a batch can be read from.
fn media(request: &HttpRequest) -> Option<Media> {
    let mut fields = request.headers().get_all(CONTENT_TYPE);
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return None;
    };
    let mut parts = field.to_str().ok()?.split(';').map(str::trim);
    let essence = parts.next()?.to_ascii_lowercase();
    let media = match essence.as_str() {
        "application/json" => Media::Json,
        "text/csv" => Media::Csv,
        _ => return None,
    };
    parts.all(is_utf_8).then_some(media)
}

/// Whether this parameter leaves the text to be UTF-8.
fn is_utf_8(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
}

impl Envelope {
    /// Takes it from `fields`, and notes there what is wrong.
    fn read(fields: &mut Fields, asked: &Asked) -> Self {
        let has_reason = fields.has("reason");
        let reason = fields.optional("reason", TryFrom::try_from);
        let case_ref = fields.optional("case_ref", TryFrom::try_from);
        let longest = LONGEST_BATCH.as_secs();
        let expires_in = fields.number(
            "expires_in",
            |seconds| {
                let fits = (1..=longest).contains(&seconds);
                fits.then(|| Duration::from_secs(seconds))
            },
            format_args!("must be a whole number of seconds from 1 to {longest}"),
        );
        let repeats = fields.optional("repeats", |text| {
            action_id(&text).map_err(|_| "must be the id of a batch")
        });
        let validate_only = fields.choice("validate_only").unwrap_or_default();
        if asked.key.is_none() && !validate_only {
            fields.fault(IDEMPOTENCY_KEY, "is required");
        }
        let key = asked.key.clone();
        let key = key.and_then(|key| key.map_err(|rule| fields.fault(IDEMPOTENCY_KEY, rule)).ok());
        Self {
            reason,
            has_reason,
            case_ref,
            expires_in,
            repeats,
            validate_only,
            key,
        }
    }

    /// With what is in it.
    fn around(self, content: Content) -> Upload {
        Upload {
            content,
            reason: self.reason,
            case_ref: self.case_ref,
            expires_in: self.expires_in,
            repeats: self.repeats,
            validate_only: self.validate_only,
            idempotency_key: self.key,
        }
    }
}

#[cfg(test)]
mod tests;
