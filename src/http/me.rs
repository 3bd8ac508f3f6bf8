//! Who am I, and what may I do?

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use super::authenticated::Authenticated;
use super::json::time;
use super::openapi::MeProblems;
use super::paths::ME;
use super::problem::ApiError;
use super::query::refuse_query;
use crate::domain::{Api, MOST_ITEMS, Scope};
use crate::http::settings::WholePattern;

/// The moderator behind the token, and what holds for it.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct MeJson<'a> {
    /// The subject of the token.
    pub(super) moderator: &'a str,
    #[schema(required)]
    pub(super) name: Option<&'a str>,
    /// Those of modgate's scopes that the token grants, by themselves or by what a role or group of it
    /// stands for.
    pub(super) scopes: BTreeSet<&'static str>,
    #[schema(value_type = DateTime<Utc>)]
    pub(super) expires_at: String,
    pub(super) limits: LimitsJson,
    pub(super) rules: RulesJson<'a>,
}

/// How much there may be at most.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(super) struct LimitsJson {
    pub(super) moderator_requests_per_second: u32,
    /// Actions within 60 minutes, at all replicas together; null if there is no such limit.
    #[schema(required)]
    pub(super) moderator_actions_per_hour: Option<u32>,
    /// Of each API of Tencent's, for all moderators together.
    #[schema(required)]
    pub(super) tencent_calls_per_second: Option<u32>,
    /// Of one batch.
    pub(super) batch_items: usize,
}

/// What the operator demands of a request beyond what this document says.
#[derive(Serialize, ToSchema)]
#[schema(as = Rules)]
pub(super) struct RulesJson<'a> {
    pub(super) reason_required: bool,
    /// A regular expression for the whole of a `user_id`.
    #[schema(required)]
    pub(super) user_id_pattern: Option<&'a str>,
    /// A batch needs a second person who approves it where its moderator asks for more actions than so many within an
    /// hour; null if none needs one.
    #[schema(required)]
    pub(super) batch_approval_above: Option<u32>,
}

/// `GET /v1/me`
#[utoipa::path(
    get,
    path = ME,
    operation_id = "getMe",
    summary = "Who am I, and what may I do?",
    description = "Any valid token will do.",
    tag = "moderator",
    responses(
        (status = 200, description = "The moderator, the limits and the rules", body = MeJson),
        MeProblems,
    )
)]
pub(super) async fn get_me(
    authenticated: Authenticated,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let moderator = authenticated.0;
    let limiter = &state.service.limiter;
    let api_limits = Api::all().iter().map(|api| limiter.api_quota(api).limit);
    Ok(HttpResponse::Ok().json(MeJson {
        moderator: &moderator.subject,
        name: moderator.name.as_deref(),
        scopes: moderator.held().map(Scope::as_str).collect(),
        expires_at: time(moderator.expires_at),
        limits: LimitsJson {
            moderator_requests_per_second: limiter.moderator_quota(&moderator).limit,
            moderator_actions_per_hour: state.moderation.moderator_hourly(),
            tencent_calls_per_second: api_limits.min(),
            batch_items: MOST_ITEMS,
        },
        rules: RulesJson {
            reason_required: state.request_rules.require_reason,
            user_id_pattern: state
                .request_rules
                .user_id_pattern
                .as_ref()
                .map(WholePattern::as_str),
            batch_approval_above: state.batches.approval_above(),
        },
    }))
}
