//! The OpenAPI 3.1 document, made from the code: from the annotations of the handlers, the types
//! that are serialised, the rules of [`domain`](crate::domain), and the errors themselves. Its
//! examples have gone through the real types.
//!
//! It stands above the handlers, whose annotations it collects; what those annotations name is in
//! [`openapi`](super::openapi), below them.

mod batch_bodies;
mod batch_examples;
mod examples;
mod kinds;
mod members;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ComponentsBuilder};

use super::AppState;
use super::openapi::{OpenapiProblems, headers, parameters, problems};
use super::paths::{self, OPENAPI};
use super::pieces::in_pieces;
use super::problem::ApiError;
use super::query::refuse_query;
use super::{actions, batches, brakes, export, limits, me, probe, stream, users};
use crate::domain::{CaseRef, Data, Kind, Reason, RoomId, Scope, UserId};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "modgate",
        description = DESCRIPTION,
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    // Beside the document (OpenAPI 3.1.0, 4.8.5: relative to where the document is served), so that a
    // reverse proxy may put a path before all of it.
    servers((url = ".")),
    paths(
        actions::list_actions,
        actions::get_action,
        users::get_user,
        probe::probe_action,
        export::export_actions,
        stream::stream_actions,
        batches::submission::create_batch,
        batches::list_batches,
        batches::get_batch,
        batches::list_batch_items,
        batches::deeds::approve_batch,
        batches::deeds::reject_batch,
        batches::deeds::cancel_batch,
        batches::deeds::pause_batch,
        batches::deeds::resume_batch,
        brakes::create_freeze,
        brakes::create_thaw,
        limits::get_limits,
        me::get_me,
        get_openapi,
    ),
    components(schemas(CaseRef, Data, Reason, RoomId, UserId)),
    security(("bearer" = [])),
    tags(
        (name = kinds::TAG, description = "Do something to a user"),
        (name = "batches", description = "Many actions that are asked for as one"),
        (name = "record", description = "Who did what to whom, and what became of it"),
        (name = "brakes", description = "Stop everything, or one moderator, at once and everywhere"),
        (name = "moderator", description = "Who asks"),
        (name = "document", description = "This document"),
    )
)]
struct Annotated;

const DESCRIPTION: &str = "\
A gateway between moderation dashboards and Tencent Chat: authorised, paced, recorded.

Times are RFC 3339, in UTC, with microseconds. Unknown or duplicate members of a body and unknown query parameters are \
refused. Errors are `application/problem+json` (RFC 9457): decide by `code`.

**429 and 503 always mean that nothing was done: a repeat is safe. What may have happened is 504.** A client that got \
no answer repeats with the same `Idempotency-Key`.";

fn scopes() -> String {
    let scopes = Scope::all().iter();
    let lines = scopes.map(|scope| format!("- `{scope}`: {}", scope.grants()));
    format!(
        "A JWT of the identity provider, as `Authorization: Bearer …`. Its scopes:\n\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

/// The document of an API that has these kinds of action.
pub fn document(kinds: &[Kind]) -> Value {
    let mut document = Annotated::openapi();
    for kind in kinds.iter().copied() {
        let item = kinds::path_item(kind);
        document.paths.paths.insert(paths::act(kind), item);
    }
    batch_bodies::add(&mut document.paths, kinds);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(scopes()));
    let components = document.components.take().unwrap_or_else(Components::new);
    let components = ComponentsBuilder::from(components)
        .security_scheme("bearer", SecurityScheme::Http(bearer.build()))
        .schemas_from_iter(kinds.iter().copied().map(kinds::body))
        .schemas_from_iter(batch_bodies::schemas(kinds))
        .schemas_from_iter(problems::schemas());
    document.components = Some(parameters::common(headers::common(components)).build());
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            parameters::add_common(operation);
            headers::add(operation);
            examples::add(operation);
        }
    }
    serde_json::to_value(document).expect("the document is plain data")
}

/// `GET /openapi.json`
#[utoipa::path(
    get,
    path = OPENAPI,
    operation_id = "getOpenapi",
    summary = "This document",
    description = "For everyone: no token is needed.",
    tag = "document",
    responses(
        (status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"),
        OpenapiProblems,
    ),
    security()
)]
pub(super) async fn get_openapi(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let kinds = &state.request_rules.kinds;
    let document = state
        .document
        .get_or_init(|| document(kinds).to_string().into());
    let response = HttpResponse::Ok()
        .content_type("application/json")
        .body(in_pieces(document));
    Ok(response)
}
