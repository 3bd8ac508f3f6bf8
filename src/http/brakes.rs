//! `POST /v1/freeze` and `POST /v1/thaw`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::ToSchema;

use super::AppState;
use super::authenticated::{Authenticated, origin};
use super::body::read_body;
use super::fields::{Fields, name};
use super::freezes::{BrakesJson, sees_why, shown};
use super::openapi::{FreezeProblems, ThawProblems};
use super::paths::{FREEZE, THAW};
use super::problem::{ApiError, Limit};
use super::query::refuse_query;
use crate::audit::BrakeError;
use crate::domain::{Brake, BrakeScope, Kind, Moderator, Reason, ThawRefusal};
use crate::moderation::BrakeRefusal;

/// What is to be frozen or thawed: everything, or what the other members name together.
#[derive(ToSchema)]
#[schema(as = BrakeBody)]
#[expect(
    dead_code,
    reason = "bodies are parsed member by member; this describes one"
)]
pub(super) struct BrakeBody {
    #[schema(value_type = Reason)]
    reason: String,
    /// Actions of this kind alone.
    #[schema(value_type = Option<Kind>)]
    kind: Option<String>,
    /// The issuer of the tokens. Beside `moderator` that of one's own token is the default.
    #[schema(min_length = 1, max_length = 255)]
    issuer: Option<String>,
    /// The subject of the tokens.
    #[schema(min_length = 1, max_length = 255)]
    moderator: Option<String>,
}

/// `POST /v1/freeze`
#[utoipa::path(
    post,
    path = FREEZE,
    operation_id = "freeze",
    summary = "Stop actions on every replica",
    description = "Once it is answered, nothing that it covers is begun or repeated, at any replica; what has begun ends. \
                   Undos by holders of `action:lift` pass a freeze of everything. Takes `service:freeze`. To repeat it \
                   does no harm.",
    tag = "brakes",
    request_body(content = BrakeBody, example = json!({"reason": "a stolen token", "moderator": "alice"})),
    responses((status = 200, description = "What is frozen", body = BrakesJson), FreezeProblems)
)]
pub(super) async fn create_freeze(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    brake(Brake::Freeze, authenticated, request, payload, state).await
}

/// `POST /v1/thaw`
#[utoipa::path(
    post,
    path = THAW,
    operation_id = "thaw",
    summary = "End a freeze",
    description = "That of exactly this scope; others stay. Takes `service:thaw`. What a command froze only a command thaws, \
                   and who is frozen thaws nothing.",
    tag = "brakes",
    request_body(content = BrakeBody, example = json!({"reason": "the token was withdrawn", "moderator": "alice"})),
    responses((status = 200, description = "What is still frozen", body = BrakesJson), ThawProblems)
)]
pub(super) async fn create_thaw(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    brake(Brake::Thaw, authenticated, request, payload, state).await
}

async fn brake(
    brake: Brake,
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    authenticated.spend(&state)?;
    refuse_query(&request)?;
    let members = read_body(&request, payload).await?;
    let moderator = authenticated.0;
    let (scope, reason) = read(brake, Fields::of(members), &moderator)?;
    let from = (moderator.clone(), origin(&request, &state));
    let braking = state.moderation.brake(brake, scope, reason, from);
    let frozen = braking.await?;
    let sees_why = sees_why(&moderator, &frozen);
    let brakes = frozen.iter().map(|one| shown(one, sees_why)).collect();
    Ok(HttpResponse::Ok().json(BrakesJson { brakes }))
}

fn read(
    brake: Brake,
    mut fields: Fields,
    by: &Moderator,
) -> Result<(BrakeScope, Reason), ApiError> {
    let reason = fields.required("reason", Reason::try_from);
    let kind = fields.optional("kind", |word| word.parse::<Kind>());
    let subject = fields.optional("moderator", name);
    let issuer = fields.optional("issuer", name);
    // Nobody else's tokens are taken here: a slip of the pen would freeze nobody.
    if brake == Brake::Freeze && issuer.as_ref().is_some_and(|issuer| *issuer != by.issuer) {
        let own = &by.issuer;
        fields.fault(
            "issuer",
            format_args!("must be {own}, the issuer of the tokens that are taken here"),
        );
    }
    let of_subject = || subject.is_some().then(|| by.issuer.clone());
    let scope = BrakeScope {
        kind: kind.map(|kind| kind.as_str().to_owned()),
        issuer: issuer.or_else(of_subject),
        moderator: subject,
    };
    fields.finish(reason.map(|reason| (scope, reason)))
}

impl From<BrakeRefusal> for ApiError {
    fn from(refusal: BrakeRefusal) -> Self {
        let error = match refusal {
            BrakeRefusal::MissingScope(scope) => {
                return Self::Forbidden {
                    scope: scope.as_str(),
                    action: None,
                };
            }
            BrakeRefusal::Lost => return Self::Internal,
            BrakeRefusal::Brake(error) => error,
        };
        match error {
            BrakeError::Refused(ThawRefusal::Frozen) => Self::FrozenModerator,
            BrakeError::Refused(ThawRefusal::NothingFrozen) => Self::NothingFrozen,
            BrakeError::Refused(ThawRefusal::OfACommand) => Self::FrozenByCommand,
            // There is no such thing here.
            BrakeError::NoSealKey => Self::NotFound,
            BrakeError::NotRecorded(_) => Self::AuditUnavailable(None),
            BrakeError::TooMany(_) => Self::RateLimited {
                limit: Limit::Freezes,
                retry_after: Duration::from_mins(1),
                action: None,
            },
            BrakeError::Unclear(_) | BrakeError::StillBeginning => Self::BrakeUnclear,
            // Of the commands.
            BrakeError::NotTheOwner | BrakeError::UnprovenKey | BrakeError::Unreachable(_) => {
                Self::Internal
            }
        }
    }
}
