//! `GET /v1/limits`: what is left, and what stops actions at present.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::AppState;
use super::authenticated::Authenticated;
use super::freezes::{FreezeJson, sees_why, shown};
use super::json::time;
use super::openapi::LimitsProblems;
use super::paths::LIMITS;
use super::problem::ApiError;
use super::query::refuse_query;
use crate::domain::Api;
use crate::limit::Counts;
use crate::moderation::Suspended;

/// What is left, and what stops actions at present.
#[derive(Serialize, ToSchema)]
#[schema(as = LimitsInForce)]
pub(super) struct LimitsInForceJson<'a> {
    /// Of the replica that answers: each of Tencent's APIs by its word.
    pub(super) replica: BTreeMap<&'static str, ReplicaJson>,
    /// Of all replicas together, as the one that answers knows it.
    pub(super) all: BTreeMap<&'static str, AllJson>,
    pub(super) moderator: ModeratorJson,
    /// What is frozen, oldest first.
    pub(super) brakes: Vec<FreezeJson<'a>>,
}

/// How a replica uses its permits to call an API. A permit is one call in a second.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplicaLimit)]
pub(super) struct ReplicaJson {
    /// Calls in a second, for all replicas together.
    pub(super) limit: usize,
    /// Leased to this replica.
    pub(super) held: usize,
    /// Of those, set aside for a turn or held by a call.
    pub(super) in_use: usize,
    /// Of those, resting for their second.
    pub(super) resting: usize,
    /// Withheld because Tencent throttles.
    pub(super) cut: usize,
    /// Actions that wait for a turn.
    pub(super) queue: usize,
    /// Why nothing is called, if so.
    #[schema(required)]
    pub(super) suspended: Option<SuspendedJson>,
}

/// Calls are suspended.
#[derive(Serialize, ToSchema)]
#[schema(as = Suspended)]
pub(super) struct SuspendedJson {
    /// `unavailable`, `credential` or `locked_out`.
    pub(super) reason: &'static str,
    /// When the next call may be tried.
    #[schema(value_type = DateTime<Utc>)]
    pub(super) until: String,
}

/// What all replicas have of an API.
#[derive(Serialize, ToSchema)]
#[schema(as = AllLimit)]
pub(super) struct AllJson {
    /// Calls in a second.
    pub(super) limit: usize,
    /// Leased to replicas.
    pub(super) leased: usize,
}

/// The moderator's own limits.
#[derive(Serialize, ToSchema)]
#[schema(as = ModeratorLimit)]
pub(super) struct ModeratorJson {
    /// Requests in a second, at this replica.
    pub(super) limit: u32,
    /// How many would be let through now.
    pub(super) remaining: u32,
    /// Actions within 60 minutes, at all replicas together; null if there is no such limit.
    #[schema(required)]
    pub(super) actions_per_hour: Option<u32>,
}

/// `GET /v1/limits`
#[utoipa::path(
    get,
    path = LIMITS,
    operation_id = "getLimits",
    summary = "What is left, and what is frozen",
    description = "Any valid token will do. Why something is frozen, and by whom, is told with `audit:read` or \
                   `service:freeze`, and never to anyone who is frozen.",
    tag = "brakes",
    responses((status = 200, description = "The limits and the freezes", body = LimitsInForceJson), LimitsProblems)
)]
pub(super) async fn get_limits(
    authenticated: Authenticated,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let (service, moderator) = (&state.service, authenticated.0);
    let audit = service.audit.clone();
    let looking = async move { audit.brakes().await };
    let brakes = service.on_main_runtime(looking).await?;
    let frozen = brakes.in_force();
    let (mut replica, mut all) = (BTreeMap::new(), BTreeMap::new());
    for api in Api::all() {
        let permits = service.limiter.permits(api);
        let queue = service.limiter.queue_length(api);
        let suspended = state.moderation.suspended(api);
        replica.insert(api.word, of_replica(&permits, queue, suspended));
        all.insert(
            api.word,
            AllJson {
                limit: permits.calls_per_second,
                leased: permits.held + permits.leased_to_others,
            },
        );
    }
    let quota = service.limiter.moderator_quota(&moderator);
    let sees_why = sees_why(&moderator, frozen);
    Ok(HttpResponse::Ok().json(LimitsInForceJson {
        replica,
        all,
        moderator: ModeratorJson {
            limit: quota.limit,
            remaining: quota.remaining,
            actions_per_hour: state.moderation.moderator_hourly(),
        },
        brakes: frozen.iter().map(|one| shown(one, sees_why)).collect(),
    }))
}

fn of_replica(permits: &Counts, queue: usize, suspended: Option<Suspended>) -> ReplicaJson {
    ReplicaJson {
        limit: permits.calls_per_second,
        held: permits.held,
        in_use: permits.in_use,
        resting: permits.resting,
        cut: permits.cut,
        queue,
        suspended: suspended.map(|suspended| SuspendedJson {
            reason: suspended.reason.as_str(),
            until: time(
                Utc::now() + TimeDelta::from_std(suspended.retry_after).unwrap_or_default(),
            ),
        }),
    }
}
