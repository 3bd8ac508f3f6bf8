//! Actions: asked for, looked up, listed.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};

use super::AppState;
use super::audit_read::AuditRead;
use super::authenticated::{Authenticated, origin};
use super::body::read_body;
use super::fields;
use super::json::{ActionJson, PageJson, state_headers};
use super::openapi::{Filters, GetProblems, ListProblems, Paging};
use super::paths::{ACTION, ACTIONS};
use super::problem::{ApiError, Limit};
use super::query::{ListQuery, refuse_query, visible_to};
use crate::audit::Filter;
use crate::domain::{Action, Attempt, Class, Failure, Kind, Verdict};
use crate::moderation::{Outcome, throttled_for};

/// `POST /v1/actions/{kind}`
pub(super) async fn create_action(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    kind: web::Data<Kind>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    authenticated.spend(&state)?;
    refuse_query(&request)?;
    let members = read_body(&request, payload).await?;
    let asked = fields::request(**kind, members, &request, &state.request_rules)?;
    let outcome = state
        .moderation
        .act(authenticated.0, asked, origin(&request, &state))
        .await?;
    let replayed = outcome.replayed;
    let mut response = answer(outcome).unwrap_or_else(|error| error.error_response());
    if replayed {
        let name = HeaderName::from_static("idempotent-replayed");
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// `GET /v1/actions/{id}`
#[utoipa::path(
    get,
    path = ACTION,
    operation_id = "getAction",
    summary = "One action",
    description = "One's own; with the scope `audit:read` everyone's. Another's is not found.",
    tag = "record",
    params(("id" = Uuid, Path, description = "The id of the action")),
    responses((status = 200, description = "The action", body = ActionJson), GetProblems)
)]
pub(super) async fn get_action(
    authenticated: Authenticated,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let id = fields::action_id(&id).map_err(|_| ApiError::NotFound)?;
    let place = authenticated.turn_to_read(&state).await?;
    let audit = state.service.audit.clone();
    let visible_to = visible_to(&authenticated.0);
    let asked = Filter {
        id: Some(id),
        visible_to: visible_to.clone(),
        ..Filter::default()
    };
    let found = state
        .service
        .while_awaited(place, async move { audit.get(id, visible_to).await })
        .await?;
    AuditRead::new("action", &authenticated, &request, asked)
        .ended(u64::from(found.is_some()), true);
    found.map(|action| ok(&action)).ok_or(ApiError::NotFound)
}

/// `GET /v1/actions`
#[utoipa::path(
    get,
    path = ACTIONS,
    operation_id = "listActions",
    summary = "Actions, newest first",
    description = "One's own; with the scope `audit:read` everyone's.",
    tag = "record",
    params(Filters, Paging),
    responses((status = 200, description = "A page", body = PageJson), ListProblems)
)]
pub(super) async fn list_actions(
    authenticated: Authenticated,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ListQuery {
        filter,
        limit,
        cursor,
    } = ListQuery::read(&request, &authenticated.0)?;
    let place = authenticated.turn_to_read(&state).await?;
    let read = AuditRead::new("list", &authenticated, &request, filter.clone());
    let audit = state.service.audit.clone();
    let page = state
        .service
        .while_awaited(
            place,
            async move { audit.list(&filter, limit, cursor).await },
        )
        .await?;
    read.ended(page.items.len() as u64, true);
    let items = page.items.iter().map(ActionJson::from).collect();
    Ok(HttpResponse::Ok().json(PageJson {
        items,
        next_cursor: page.next,
    }))
}

/// With the headers of an answer that belongs to a row.
pub(super) fn ok(action: &Action) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for (name, value) in state_headers(action) {
        response.insert_header((HeaderName::from_static(name), value));
    }
    response.json(ActionJson::from(action))
}

/// What the moderator is told: 200 only if Tencent did it.
fn answer(
    Outcome {
        action, verdict, ..
    }: Outcome,
) -> Result<HttpResponse, ApiError> {
    let refused = match verdict {
        Verdict::Succeeded => return Ok(ok(&action)),
        Verdict::Unknown(_) => ApiError::OutcomeUnknown,
        Verdict::NotSent => unavailable,
        Verdict::Refused(class) => match class {
            Class::NotFound => ApiError::TargetNotFound,
            Class::Conflict => ApiError::TargetConflict,
            Class::Caller => ApiError::RejectedByTencent,
            Class::RateLimit => throttled,
            Class::Credential
            | Class::CredentialLockout
            | Class::Config
            | Class::GatewayBug
            | Class::Transient
            | Class::TransientAmbiguous
            | Class::Unlisted => |action| ApiError::TencentRejectedGateway(Some(action)),
        },
    };
    Err(refused(Box::new(action)))
}

fn unavailable(action: Box<Action>) -> ApiError {
    let failure = action.attempts.last().and_then(Attempt::failure);
    if failure == Some(Failure::LeaseLapsed) {
        return ApiError::AuditUnavailable(Some(action));
    }
    ApiError::TencentUnavailable {
        retry_after: Duration::ZERO,
        action: Some(action),
    }
}

fn throttled(action: Box<Action>) -> ApiError {
    ApiError::RateLimited {
        limit: Limit::Tencent,
        retry_after: throttled_for(&action),
        action: Some(action),
    }
}
