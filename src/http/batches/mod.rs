//! Batches, looked up and listed, with their items. One is asked for in [`submission`]; what people do with it then is in
//! [`deeds`].
//!
//! Where there is no seal key there are no batches, and nothing is found here.

pub(super) mod deeds;
pub(super) mod item;
pub(super) mod json;
pub(super) mod news;
mod pause;
pub(super) mod precondition;
pub(super) mod problem;
pub(super) mod query;
mod refusal;
mod report;
pub(super) mod submission;
mod upload;
pub(super) mod valid;

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use uuid::Uuid;

use super::AppState;
use super::audit_read::AuditRead;
use super::authenticated::Authenticated;
use super::export::File;
use super::fields;
use super::openapi::{
    BatchFilters, BatchFormat, BatchListProblems, BatchPaging, BatchProblems, GetProblems,
    ItemFilters, ItemPaging,
};
use super::paths::{BATCH, BATCH_ITEMS, BATCHES};
use super::problem::ApiError;
use super::query::refuse_query;
use crate::audit::Filter;
use crate::batches::Seen;
use crate::domain::{Moderator, Scope};
use crate::service::ReadError;
use item::{ItemJson, ItemsJson};
use json::{BatchJson, BatchesJson};
use query::{BatchesQuery, How, ItemsQuery};
use report::Report;

/// `GET /v1/batches`
#[utoipa::path(
    get,
    path = BATCHES,
    operation_id = "listBatches",
    summary = "Batches, newest first",
    description = "One's own; with the scope `audit:read` everyone's, and with `batch:approve` those that are open.",
    tag = "batches",
    params(BatchFilters, BatchPaging),
    responses((status = 200, description = "A page", body = BatchesJson), BatchListProblems)
)]
pub(super) async fn list_batches(
    authenticated: Authenticated,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let moderator = &authenticated.0;
    let BatchesQuery {
        filter,
        limit,
        cursor,
    } = BatchesQuery::read(&request, moderator)?;
    are_there(&state)?;
    let place = authenticated.turn_to_read(&state).await?;
    let mut asked = Filter {
        moderator: filter.moderator.clone(),
        case_ref: filter.case_ref.clone(),
        since: filter.since,
        until: filter.until,
        ..Filter::default()
    };
    let batches = Arc::clone(&state.batches);
    let listing = async move { batches.list(filter, limit, cursor).await };
    let page = while_awaited(&state, place, listing).await?;
    let is_own = page.items.iter().all(|seen| seen.batch.is_by(moderator));
    asked.visible_to = own_alone(is_own && !moderator.may(Scope::AUDIT_READ), moderator);
    AuditRead::new("batches", &authenticated, &request, asked).ended(page.items.len() as u64, true);
    Ok(HttpResponse::Ok().json(BatchesJson {
        items: page.items.iter().map(BatchJson::from).collect(),
        next_cursor: page.next,
    }))
}

/// `GET /v1/batches/{id}`
#[utoipa::path(
    get,
    path = BATCH,
    operation_id = "getBatch",
    summary = "One batch, and how far it is",
    description = "One's own; with the scope `audit:read` everyone's, and with `batch:approve` those that are open. Another's \
                   is not found. To approve or reject it, name its `ETag`.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch")),
    responses((status = 200, description = "The batch", body = BatchJson), BatchProblems)
)]
pub(super) async fn get_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    refuse_query(&request)?;
    let id = known_id(&id, &state)?;
    let place = authenticated.turn_to_read(&state).await?;
    let (batches, moderator) = (Arc::clone(&state.batches), authenticated.0.clone());
    let looking = async move { batches.get(id, &moderator).await };
    let found = while_awaited(&state, place, looking).await?;
    let (seen, read) = one("batch", id, found, &authenticated, &request)?;
    read.ended(1, true);
    Ok(shown(HttpResponse::Ok(), &seen))
}

/// `GET /v1/batches/{id}/items`
#[utoipa::path(
    get,
    path = BATCH_ITEMS,
    operation_id = "listBatchItems",
    summary = "The items of a batch, with what became of each",
    description = "In their order. For whoever may see the batch. With `format` it is a file with all of them: one that ends \
                   without the last chunk of HTTP/1.1, or lines of JSON without the last one, `end`, is not whole.",
    tag = "batches",
    params(("id" = Uuid, Path, description = "The id of the batch"), ItemFilters, ItemPaging, BatchFormat),
    responses(
        (status = 200, description = "A page, or a file", content(
            (ItemsJson = "application/json"), (String = "application/x-ndjson"), (String = "text/csv")
        )),
        GetProblems,
    )
)]
pub(super) async fn list_batch_items(
    authenticated: Authenticated,
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ItemsQuery { states, how } = ItemsQuery::read(&request)?;
    let id = known_id(&id, &state)?;
    let (from, limit) = match how {
        How::Page { from, limit } => (from, limit),
        How::Report(format) => {
            let place = state.readers.export(&authenticated.0);
            let place = place.map_err(ApiError::too_many_reads)?;
            let (batches, moderator) = (Arc::clone(&state.batches), authenticated.0.clone());
            let looking = async move { batches.get(id, &moderator).await };
            let found = while_awaited(&state, (), looking).await?;
            let (seen, read) = one("batch_items", id, found, &authenticated, &request)?;
            let report = Report::new(seen, states, place, &state);
            let file = File::begin(report, format, read).await?;
            return Ok(file.answer(&format!("modgate-batch-{id}")));
        }
    };
    let place = authenticated.turn_to_read(&state).await?;
    let (batches, moderator) = (Arc::clone(&state.batches), authenticated.0.clone());
    let looking = async move {
        let Some(seen) = batches.get(id, &moderator).await? else {
            return Ok(None);
        };
        let page = batches.items(&seen, &states, from, limit).await?;
        Ok(Some((seen, page)))
    };
    let (seen, page) = while_awaited(&state, place, looking).await?.unzip();
    let (_, read) = one("batch_items", id, seen, &authenticated, &request)?;
    let page = page.ok_or(ApiError::NotFound)?;
    read.ended(page.items.len() as u64, true);
    Ok(HttpResponse::Ok().json(ItemsJson {
        items: page.items.iter().map(ItemJson::from).collect(),
        next_cursor: page.next.map(|index| index.to_string()),
    }))
}

/// Reads; nothing is left behind by who comes and goes.
async fn while_awaited<T: Send + 'static>(
    state: &AppState,
    place: impl Send + 'static,
    work: impl Future<Output = Result<T, ReadError>> + Send + 'static,
) -> Result<T, ApiError> {
    let work = async move { Ok(work.await) };
    Ok(state.service.while_awaited(place, work).await??)
}

/// The batch, if the moderator may see it, and the line that a read of another's leaves.
fn one(
    what: &'static str,
    id: Uuid,
    found: Option<Seen>,
    authenticated: &Authenticated,
    request: &HttpRequest,
) -> Result<(Seen, AuditRead), ApiError> {
    let moderator = &authenticated.0;
    let is_own = found.as_ref().map_or_else(
        || !moderator.may(Scope::AUDIT_READ),
        |seen| seen.batch.is_by(moderator),
    );
    let asked = Filter {
        batch_id: Some(id),
        visible_to: own_alone(is_own, moderator),
        ..Filter::default()
    };
    let read = AuditRead::new(what, authenticated, request, asked);
    let Some(seen) = found else {
        read.ended(0, true);
        return Err(ApiError::NotFound);
    };
    Ok((seen, read))
}

/// Who reads, if it is only what is theirs.
fn own_alone(is_own: bool, moderator: &Moderator) -> Option<(String, String)> {
    is_own.then(|| (moderator.issuer.clone(), moderator.subject.clone()))
}

fn are_there(state: &AppState) -> Result<(), ApiError> {
    if state.batches.are_there() {
        Ok(())
    } else {
        Err(ApiError::NotFound)
    }
}

/// The id of a batch that there may be.
fn known_id(id: &str, state: &AppState) -> Result<Uuid, ApiError> {
    are_there(state)?;
    fields::action_id(id).map_err(|_| ApiError::NotFound)
}

/// The batch, with its `ETag`.
fn shown(mut response: HttpResponseBuilder, seen: &Seen) -> HttpResponse {
    let tag = format!("\"{}\"", seen.batch.tag());
    response
        .insert_header((header::ETAG, tag))
        .json(BatchJson::from(seen))
}
