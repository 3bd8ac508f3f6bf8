//! `GET /v1/actions/export`: everyone's actions as a file, however many there are.

mod file;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use uuid::Uuid;

pub use file::PageTurns;
pub(super) use file::{File, Page, Rows};

use super::AppState;
use super::audit_read::AuditRead;
use super::authenticated::Authenticated;
use super::format::Format;
use super::openapi::{ExportProblems, Filters, FormatParam};
use super::paths::EXPORT;
use super::problem::ApiError;
use super::query::ExportQuery;
use crate::audit::Filter;
use crate::domain::{Action, Scope};
use crate::limit::Place;
use crate::service::{ReadError, Service};

/// The actions that a filter lets through.
struct Actions {
    _place: Place,
    service: Arc<Service>,
    turns: PageTurns,
    filter: Filter,
}

/// `GET /v1/actions/export`
#[utoipa::path(
    get,
    path = EXPORT,
    operation_id = "exportActions",
    summary = "Everyone's actions as a file",
    description = "Newest first, however many there are. A body that ends without the last chunk of HTTP/1.1, \
        or lines of JSON without the last one, `end`, is not whole.",
    tag = "record",
    params(Filters, FormatParam),
    responses(
        (status = 200, description = "The file", content((String = "application/x-ndjson"), (String = "text/csv"))),
        ExportProblems,
    ),
    security(("bearer" = ["audit:read"]))
)]
pub(super) async fn export_actions(
    authenticated: Authenticated,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    if !authenticated.0.may(Scope::AUDIT_READ) {
        return Err(ApiError::Forbidden {
            scope: Scope::AUDIT_READ.as_str(),
            action: None,
        });
    }
    let ExportQuery { filter, format } = ExportQuery::read(&request, &authenticated.0)?;
    let place = state.readers.export(&authenticated.0);
    let place = place.map_err(ApiError::too_many_reads)?;
    let read = AuditRead::new("export", &authenticated, &request, filter.clone());
    let actions = Actions {
        _place: place,
        service: Arc::clone(&state.service),
        turns: state.page_turns.clone(),
        filter,
    };
    let file = File::begin(actions, format, read).await?;
    let now = Utc::now().format("%Y%m%dT%H%M%SZ");
    Ok(file.answer(&format!("modgate-actions-{now}")))
}

impl Rows for Actions {
    type Row = Action;
    type Cursor = Uuid;

    async fn page(&self, from: Option<Uuid>, length: u16) -> Result<Page<Self>, ReadError> {
        let turn = self.turns.turn().await;
        let (audit, filter) = (self.service.audit.clone(), self.filter.clone());
        let reading = async move { audit.list(&filter, length, from).await };
        let page = self.service.while_awaited(turn, reading).await?;
        Ok((page.items, page.next))
    }

    fn head(format: Format) -> Vec<u8> {
        format.head()
    }

    fn write(format: Format, action: &Action, out: &mut Vec<u8>) {
        format.row(action, out);
    }
}
