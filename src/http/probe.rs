//! `POST /v1/actions/{id}/probe`: what is in force at Tencent on the target of an action.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};

use super::AppState;
use super::actions::ok;
use super::audit_read::AuditRead;
use super::authenticated::Authenticated;
use super::fields;
use super::json::ActionJson;
use super::openapi::ProbeProblems;
use super::paths::PROBE;
use super::problem::{ApiError, Limit};
use super::query::{refuse_query, visible_to};
use crate::audit::Filter;
use crate::limit::QueueError;
use crate::moderation::{ProbeError, ProbeRefusal};

/// `POST /v1/actions/{id}/probe`
#[utoipa::path(
    post,
    path = PROBE,
    operation_id = "probeAction",
    summary = "Ask Tencent what is in force",
    description = "Of a mute or a ban of a user, or what lifts it, whose outcome is unknown; or of a mute or a ban that \
                   was set. One's own; with the scope `audit:read` everyone's. Once in ten seconds an action. What Tencent \
                   says is recorded; where it proves that the action was carried out, the action has succeeded.",
    tag = "record",
    params(("id" = Uuid, Path, description = "The id of the action")),
    responses((status = 200, description = "The action, with what Tencent said", body = ActionJson), ProbeProblems)
)]
pub(super) async fn probe_action(
    authenticated: Authenticated,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    authenticated.spend(&state)?;
    refuse_query(&request)?;
    let id = fields::action_id(&id).map_err(|_| ApiError::NotFound)?;
    let asked = Filter {
        id: Some(id),
        visible_to: visible_to(&authenticated.0),
        ..Filter::default()
    };
    let read = AuditRead::new("probe", &authenticated, &request, asked);
    let action = state.moderation.probe_by_hand(id, authenticated.0).await?;
    read.ended(1, true);
    Ok(ok(&action))
}

impl From<ProbeRefusal> for ApiError {
    fn from(refusal: ProbeRefusal) -> Self {
        match refusal {
            ProbeRefusal::NotFound => Self::NotFound,
            ProbeRefusal::NotPossible(action) => Self::ProbeNotPossible(action),
            ProbeRefusal::TooSoon { retry_after } => limited(Limit::Probes, retry_after),
            ProbeRefusal::Unread(error) => error.into(),
            ProbeRefusal::Failed(error) => match error {
                ProbeError::Turn(QueueError::Full { retry_after }) => {
                    limited(Limit::Api, retry_after)
                }
                ProbeError::Turn(QueueError::Closed) => Self::ShuttingDown,
                ProbeError::Suspended(suspended) => suspended.into(),
                ProbeError::Turn(QueueError::Unleased)
                | ProbeError::LeaseLapsed
                | ProbeError::Record(_) => Self::AuditUnavailable(None),
                ProbeError::Lost => Self::Internal,
            },
        }
    }
}

const fn limited(limit: Limit, retry_after: Duration) -> ApiError {
    ApiError::RateLimited {
        limit,
        retry_after,
        action: None,
    }
}
