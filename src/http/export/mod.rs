//! `GET /v1/actions/export`: everyone's actions as a file, however many there are.
//!
//! The body is pulled: a page is read when the client has taken the one before. So an export takes
//! the memory of one page, no transaction is open between two of them, and a client that does not
//! read holds nothing of the database (the server breaks its connection after a while). A page is as
//! long as its rows are short, and there are only so many exports at a time
//! ([`limit::Readers`](crate::limit::Readers)).
//!
//! An export that cannot go on breaks the connection, without the last chunk of HTTP/1.1 and
//! without the format's own end. It never ends as if it were whole.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::Utc;
use futures_util::stream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::AppState;
use super::audit_read::AuditRead;
use super::authenticated::Authenticated;
use super::format::Format;
use super::openapi::{ExportProblems, Filters, FormatParam};
use super::paths::EXPORT;
use super::problem::ApiError;
use super::query::ExportQuery;
use crate::audit::{Filter, Page};
use crate::domain::{Action, Scope};
use crate::limit::Place;
use crate::service::{ReadError, Service};

/// In actions: the first page, and the bounds of the others. Few enough to be read in a small part of a
/// statement's time.
const FIRST_PAGE: u16 = 100;
const PAGE: RangeInclusive<usize> = 20..=500;

/// What a page shall be in the file, in bytes.
const PAGE_BYTES: usize = 256 * 1024;

/// A piece of the body is about as large, in bytes.
const PIECE: usize = 64 * 1024;

/// How long a client waits for the first page, and so for the answer.
const FIRST_PAGE_WITHIN: Duration = Duration::from_secs(5);

/// How long a later page is tried for: a database that restarts costs no export.
const PAGE_WITHIN: Duration = Duration::from_secs(10);

/// Between two tries of a page.
const PAUSE: Duration = Duration::from_secs(1);

/// Exports take turns, page by page: together they take one connection, and other readers have the
/// rest.
#[derive(Clone, Debug, Default)]
pub struct PageTurns(Arc<Mutex<()>>);

/// The record could not be read any more.
#[derive(Debug, thiserror::Error)]
#[error("the record cannot be reached: the export is cut")]
struct Cut;

/// An export on its way.
struct Export {
    pages: Pages,
    format: Format,
    /// Read, and not handed over yet.
    page: vec::IntoIter<Action>,
    /// Where the next page begins, if there is one, and how long it is.
    cursor: Option<Uuid>,
    next_page: u16,
    /// What the present page has become so far: rows, and their bytes.
    handed_over: (usize, usize),
    /// What the format begins with, until it was handed over.
    head: Vec<u8>,
    ended: bool,
    log: ExportLog,
}

/// Where the pages come from.
struct Pages {
    _place: Place,
    service: Arc<Service>,
    turns: PageTurns,
    filter: Filter,
}

/// How far the export got. Tells the log when it is dropped, for whatever reason.
struct ExportLog {
    read: AuditRead,
    rows: u64,
    complete: bool,
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
    let pages = Pages {
        _place: place,
        service: Arc::clone(&state.service),
        turns: state.page_turns.clone(),
        filter,
    };
    let first = timeout(FIRST_PAGE_WITHIN, pages.read(None, FIRST_PAGE)).await;
    let first = first.unwrap_or(Err(ReadError::Unavailable))?;
    let export = Export::new(pages, format, first, read);
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((CONTENT_DISPOSITION, attachment(format)))
        .streaming(stream::try_unfold(export, Export::next_piece)))
}

fn attachment(format: Format) -> String {
    let now = Utc::now().format("%Y%m%dT%H%M%SZ");
    format!(
        "attachment; filename=\"modgate-actions-{now}.{}\"",
        format.as_str()
    )
}

/// How long the page after one of `length` is, of which this was handed over.
fn fitting(length: u16, (rows, bytes): (usize, usize)) -> u16 {
    let fitting = (PAGE_BYTES * rows).checked_div(bytes);
    let fitting = fitting.map(|fitting| fitting.clamp(*PAGE.start(), *PAGE.end()));
    fitting
        .and_then(|fitting| fitting.try_into().ok())
        .unwrap_or(length)
}

impl Export {
    fn new(pages: Pages, format: Format, first: Page, read: AuditRead) -> Self {
        read.begins();
        Self {
            pages,
            format,
            page: first.items.into_iter(),
            cursor: first.next,
            next_page: FIRST_PAGE,
            handed_over: (0, 0),
            head: format.head(),
            ended: false,
            log: ExportLog {
                read,
                rows: 0,
                complete: false,
            },
        }
    }

    async fn next_piece(mut self) -> Result<Option<(Bytes, Self)>, Cut> {
        if self.ended {
            self.log.complete = true;
            return Ok(None);
        }
        if self.page.len() == 0
            && let Some(cursor) = self.cursor
        {
            self.next_page = fitting(self.next_page, self.handed_over);
            self.handed_over = (0, 0);
            let page = self.pages.read_patiently(cursor, self.next_page).await?;
            (self.page, self.cursor) = (page.items.into_iter(), page.next);
        }
        let mut piece = std::mem::take(&mut self.head);
        while piece.len() < PIECE
            && let Some(action) = self.page.next()
        {
            let before = piece.len();
            self.format.row(&action, &mut piece);
            self.log.rows += 1;
            let (rows, bytes) = &mut self.handed_over;
            (*rows, *bytes) = (*rows + 1, *bytes + piece.len() - before);
        }
        if self.page.len() == 0 && self.cursor.is_none() {
            self.format.end(self.log.rows, &mut piece);
            self.ended = true;
        }
        Ok(Some((piece.into(), self)))
    }
}

impl Pages {
    async fn read_patiently(&self, cursor: Uuid, length: u16) -> Result<Page, Cut> {
        let began = Instant::now();
        loop {
            match self.read(Some(cursor), length).await {
                Ok(page) => return Ok(page),
                Err(_) if began.elapsed() + PAUSE < PAGE_WITHIN => sleep(PAUSE).await,
                Err(_) => return Err(Cut),
            }
        }
    }

    async fn read(&self, cursor: Option<Uuid>, length: u16) -> Result<Page, ReadError> {
        let turn = Arc::clone(&self.turns.0).lock_owned().await;
        let (audit, filter) = (self.service.audit.clone(), self.filter.clone());
        let reading = async move { audit.list(&filter, length, cursor).await };
        self.service.while_awaited(turn, reading).await
    }
}

impl Drop for ExportLog {
    fn drop(&mut self) {
        self.read.ended(self.rows, self.complete);
    }
}
