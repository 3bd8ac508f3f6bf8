//! `GET /v1/users/{user_id}`: what restricts a user, and what was done to them.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppState;
use super::audit_read::AuditRead;
use super::authenticated::Authenticated;
use super::fields::{Fields, user_id};
use super::json::{ActionJson, time};
use super::openapi::ListProblems;
use super::paths::USER;
use super::problem::ApiError;
use super::query::{refuse_query, visible_to};
use crate::audit::{Count, Filter, Standing, User};
use crate::domain::{Kind, Moderator, Scope, Slot, State, UserId};
use crate::members::Members;

/// A user of Tencent's, as the record knows them.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserJson<'a> {
    #[schema(value_type = UserId)]
    pub(super) user_id: &'a str,
    /// What is in force, or may be, of the kinds in `restrictions_of`: what ends last comes first.
    pub(super) restrictions: Vec<StandingJson<'a>>,
    /// The kinds whose scope the token grants. Of others nothing is said.
    #[schema(value_type = Vec<Kind>)]
    pub(super) restrictions_of: Vec<&'static str>,
    /// How many of the newest 1,000 actions are of which kind and in which state.
    pub(super) counts: Vec<CountJson<'a>>,
    /// Whether those are all.
    pub(super) counts_complete: bool,
    /// Whose actions are counted and shown.
    pub(super) history: History,
    /// The newest ten.
    pub(super) actions: Vec<ActionJson<'a>>,
}

/// Whose actions are seen.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum History {
    /// One's own.
    Own,
    /// Everyone's.
    All,
}

/// A restriction that is in force, or may be, as far as the record knows.
#[derive(Serialize, ToSchema)]
#[schema(as = StandingRestriction)]
pub(super) struct StandingJson<'a> {
    /// The id of the action that has set it.
    pub(super) id: Uuid,
    #[schema(value_type = Kind)]
    pub(super) kind: &'static str,
    /// The room or the group, where the kind has one.
    #[schema(required)]
    pub(super) room_id: Option<&'a str>,
    /// The messages that it is still about, where the kind is about some.
    #[schema(required)]
    pub(super) channels: Option<&'static str>,
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub(super) since: String,
    /// When it ends; null if it lasts until it is lifted.
    #[schema(required, value_type = Option<chrono::DateTime<chrono::Utc>>)]
    pub(super) until: Option<String>,
    /// False where it may be that it was not done, or that something else came after it.
    pub(super) certain: bool,
    /// The subject of who has set it; null without `audit:read`, unless it is one's own. So are the next two.
    #[schema(required)]
    pub(super) by: Option<&'a str>,
    #[schema(required)]
    pub(super) reason: Option<&'a str>,
    #[schema(required)]
    pub(super) case_ref: Option<&'a str>,
}

/// How many actions are of a kind and in a state.
#[derive(Serialize, ToSchema)]
#[schema(as = ActionCount)]
pub(super) struct CountJson<'a> {
    #[schema(value_type = Kind)]
    pub(super) kind: &'a str,
    #[schema(value_type = State)]
    pub(super) state: &'a str,
    pub(super) count: i64,
}

/// `GET /v1/users/{user_id}`
#[utoipa::path(
    get,
    path = USER,
    operation_id = "getUser",
    summary = "A user: what restricts them, and what was done to them",
    description = "Restrictions of the kinds whose scope the token grants. Actions are one's own; with the scope \
                   `audit:read` everyone's. A user about whom nothing is known has none of either.",
    tag = "record",
    params(("user_id" = UserId, Path, description = "The user")),
    responses((status = 200, description = "The user", body = UserJson), ListProblems)
)]
pub(super) async fn get_user(
    authenticated: Authenticated,
    request: HttpRequest,
    asked_for: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let mut fields = Fields::of(Members(Vec::new()));
    let named = user_id(asked_for.into_inner(), &state.request_rules);
    let named = named.map_err(|rule| fields.fault("user_id", rule)).ok();
    let named = fields.finish(named)?;
    let place = authenticated.turn_to_read(&state).await?;
    let moderator = &authenticated.0;
    let visible_to = visible_to(moderator);
    let filter = Filter {
        user_id: Some(named.as_str().to_owned()),
        visible_to: visible_to.clone(),
        ..Filter::default()
    };
    let read = AuditRead::new("user", &authenticated, &request, filter);
    let (audit, target) = (state.service.audit.clone(), named.clone());
    let set_by = restricting(moderator);
    let restrictions_of = set_by.iter().map(|kind| kind.as_str()).collect();
    let looking = async move { audit.user(target.as_str(), visible_to, &set_by).await };
    let user = state.service.while_awaited(place, looking).await?;
    read.ended(user.actions.len() as u64, true);
    Ok(HttpResponse::Ok().json(shown(&named, &user, restrictions_of, moderator)))
}

/// The kinds that restrict users, and whose scope the moderator has.
fn restricting(moderator: &Moderator) -> Vec<Kind> {
    let kinds = Kind::ALL.iter().copied();
    kinds
        .filter(|kind| kind.undone_by().is_some() && kind.has(Slot::UserId))
        .filter(|kind| moderator.may(kind.scope()))
        .collect()
}

fn shown<'a>(
    user_id: &'a UserId,
    user: &'a User,
    restrictions_of: Vec<&'static str>,
    moderator: &Moderator,
) -> UserJson<'a> {
    let sees_all = moderator.may(Scope::AUDIT_READ);
    let restrictions = user.restrictions.iter();
    let counts = user.counts.iter();
    UserJson {
        user_id: user_id.as_str(),
        restrictions: restrictions
            .map(|one| {
                let (issuer, subject) = &one.by;
                standing(one, sees_all || moderator.key() == (issuer, subject))
            })
            .collect(),
        restrictions_of,
        counts: counts
            .map(
                |Count {
                     kind, state, count, ..
                 }| CountJson {
                    kind,
                    state,
                    count: *count,
                },
            )
            .collect(),
        counts_complete: user.counts_complete,
        history: if sees_all { History::All } else { History::Own },
        actions: user.actions.iter().map(ActionJson::from).collect(),
    }
}

fn standing(one: &Standing, sees_who: bool) -> StandingJson<'_> {
    StandingJson {
        id: one.id,
        kind: one.kind.as_str(),
        room_id: one.room_id.as_deref(),
        channels: one.kind.has(Slot::Channels).then(|| one.channels.as_str()),
        since: time(one.since),
        until: one.until.map(time),
        certain: one.certain,
        by: sees_who.then_some(one.by.1.as_str()),
        reason: one.reason.as_deref().filter(|_| sees_who),
        case_ref: one.case_ref.as_deref().filter(|_| sees_who),
    }
}
