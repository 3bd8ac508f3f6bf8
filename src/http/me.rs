//! Who am I, and what may I do?

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::State;
use super::caller::Caller;
use super::json::time;
use super::problem::ApiError;
use super::query::refuse_query;
use crate::config::WholePattern;
use crate::domain::Kind;

/// `GET /v1/me`
pub(super) async fn get_me(
    caller: Caller,
    request: HttpRequest,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let moderator = caller.0;
    let limiter = &state.moderation.limiter;
    let api_limits = Kind::ALL.iter().map(|kind| limiter.api_quota(*kind).limit);
    Ok(HttpResponse::Ok().json(json!({
        "moderator": moderator.subject,
        "name": moderator.name,
        "scopes": moderator.scopes,
        "expires_at": time(moderator.expires_at),
        "limits": {
            "moderator_requests_per_second": limiter.moderator_quota(&moderator).limit,
            "tencent_calls_per_second": api_limits.min(),
        },
        "rules": {
            "reason_required": state.request_rules.require_reason,
            "user_id_pattern": state.request_rules.user_id_pattern.as_ref().map(WholePattern::as_str),
        },
    })))
}
