//! What people do with a batch once it is there.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::json::BatchJson;
use super::precondition::if_match;
use super::{known_id, shown};
use crate::batches::{Decision, Deed};
use crate::domain::Reason;
use crate::http::AppState;
use crate::http::authenticated::{Authenticated, origin};
use crate::http::body::read_body;
use crate::http::fields::Fields;
use crate::http::openapi::{
    ApprovalProblems, IfMatch, RejectionProblems, ResumptionProblems, StopProblems,
};
use crate::http::paths::{APPROVE, CANCEL, PAUSE, REJECT, RESUME};
use crate::http::problem::ApiError;
use crate::http::query::refuse_query;
use crate::members::Members;

/// `POST /v1/batches/{id}/approve`
#[utoipa::path(
    post,
    path = APPROVE,
    operation_id = "approveBatch",
    summary = "Let a batch of another run",
    description = "Takes `batch:approve` and the scopes of its items. `If-Match` names what was looked at: the `ETag` of the \
                   batch. Nobody approves their own, by whatever client.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch"), IfMatch),
    responses((status = 200, description = "The batch", body = BatchJson), ApprovalProblems),
    security(("bearer" = ["batch:approve"]))
)]
pub(in crate::http) async fn approve_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    decide(Deed::Approve, authenticated, (request, payload), &id, state).await
}

/// `POST /v1/batches/{id}/reject`
#[utoipa::path(
    post,
    path = REJECT,
    operation_id = "rejectBatch",
    summary = "Do not let a batch of another run",
    description = "Takes what an approval takes. A batch that was approved is cancelled instead.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch"), IfMatch),
    responses((status = 200, description = "The batch", body = BatchJson), RejectionProblems),
    security(("bearer" = ["batch:approve"]))
)]
pub(in crate::http) async fn reject_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    decide(Deed::Reject, authenticated, (request, payload), &id, state).await
}

/// `POST /v1/batches/{id}/cancel`
#[utoipa::path(
    post,
    path = CANCEL,
    operation_id = "cancelBatch",
    summary = "End a batch before it is done",
    description = "One's own; with `batch:approve` anybody's. Once it is answered, no item begins any more, on any replica; \
                   those that have begun end. It cannot be taken back.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch")),
    responses((status = 200, description = "The batch", body = BatchJson), StopProblems)
)]
pub(in crate::http) async fn cancel_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    decide(Deed::Cancel, authenticated, (request, payload), &id, state).await
}

/// `POST /v1/batches/{id}/pause`
#[utoipa::path(
    post,
    path = PAUSE,
    operation_id = "pauseBatch",
    summary = "Let no item of a batch begin until it is resumed",
    description = "One's own; with `batch:approve` anybody's. Once it is answered, no item begins, on any replica; those that \
                   have begun end. A batch that is paused expires as any other.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch")),
    responses((status = 200, description = "The batch", body = BatchJson), StopProblems)
)]
pub(in crate::http) async fn pause_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    decide(Deed::Pause, authenticated, (request, payload), &id, state).await
}

/// `POST /v1/batches/{id}/resume`
#[utoipa::path(
    post,
    path = RESUME,
    operation_id = "resumeBatch",
    summary = "Let a batch that is paused go on",
    description = "One's own, unless somebody else or a freeze has paused it; with `batch:approve` that of others.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch")),
    responses((status = 200, description = "The batch", body = BatchJson), ResumptionProblems)
)]
pub(in crate::http) async fn resume_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    decide(Deed::Resume, authenticated, (request, payload), &id, state).await
}

async fn decide(
    deed: Deed,
    authenticated: Authenticated,
    (request, payload): (HttpRequest, web::Payload),
    id: &str,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    authenticated.spend(&state)?;
    refuse_query(&request)?;
    let id = known_id(id, &state)?;
    let members = if has_body(&request) {
        read_body(&request, payload).await?
    } else {
        Members(Vec::new())
    };
    let mut fields = Fields::of(members);
    let reason = fields.optional("reason", Reason::try_from);
    let if_match = match deed {
        Deed::Approve | Deed::Reject => if_match(&mut fields, &request),
        Deed::Cancel | Deed::Pause | Deed::Resume => None,
    };
    let decision = Decision {
        moderator: authenticated.0,
        origin: origin(&request, &state),
        reason,
        if_match,
    };
    let decision = fields.finish(Some(decision))?;
    let seen = state.batches.decide(id, deed, decision).await?;
    Ok(shown(HttpResponse::Ok(), &seen))
}

/// Whether there is more than the head (RFC 9112, 6.3). A reason need not be given.
fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH);
    let is_empty = length.is_none_or(|length| length.as_bytes().trim_ascii() == b"0");
    headers.contains_key(header::TRANSFER_ENCODING) || !is_empty
}
