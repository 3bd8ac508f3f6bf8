//! A file that is read page by page, and handed over as its client takes it.
//!
//! The body is pulled: a page is read when the client has taken the one before. So a file takes
//! the memory of one page, no transaction is open between two of them, and a client that does not
//! read holds nothing of the database (the server breaks its connection after a while). A page is as
//! long as its rows are short, and there are only so many files at a time
//! ([`limit::Readers`](crate::limit::Readers)).
//!
//! A file that cannot go on breaks the connection, without the last chunk of HTTP/1.1 and
//! without the format's own end. It never ends as if it were whole.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout};

use crate::http::audit_read::AuditRead;
use crate::http::format::Format;
use crate::service::ReadError;

/// In rows: the first page, and the bounds of the others. Few enough to be read in a small part of a
/// statement's time.
const FIRST_PAGE: u16 = 100;
const PAGE: RangeInclusive<usize> = 20..=500;

/// What a page shall be in the file, in bytes.
const PAGE_BYTES: usize = 256 * 1024;

/// A piece of the body is about as large, in bytes.
const PIECE: usize = 64 * 1024;

/// How long a client waits for the first page, and so for the answer.
const FIRST_PAGE_WITHIN: Duration = Duration::from_secs(5);

/// How long a later page is tried for: a database that restarts costs no file.
const PAGE_WITHIN: Duration = Duration::from_secs(10);

/// Between two tries of a page.
const PAUSE: Duration = Duration::from_secs(1);

/// Files take turns, page by page: together they take one connection, and other readers have the
/// rest.
#[derive(Clone, Debug, Default)]
pub struct PageTurns(Arc<Mutex<()>>);

impl PageTurns {
    /// The turn to read a page.
    pub(in crate::http) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0).lock_owned().await
    }
}

/// Some rows, and where the next begin, if there are more.
pub(in crate::http) type Page<R> = (Vec<<R as Rows>::Row>, Option<<R as Rows>::Cursor>);

/// What a file consists of.
pub(in crate::http) trait Rows: Sized {
    type Row;
    type Cursor: Copy;

    /// So many rows from there on, or the first.
    async fn page(&self, from: Option<Self::Cursor>, length: u16) -> Result<Page<Self>, ReadError>;

    /// What stands before the first row.
    fn head(format: Format) -> Vec<u8>;

    fn write(format: Format, row: &Self::Row, out: &mut Vec<u8>);
}

/// The record could not be read any more.
#[derive(Debug, thiserror::Error)]
#[error("the record cannot be reached: the file is cut")]
struct Cut;

/// A file on its way.
pub(in crate::http) struct File<R: Rows> {
    rows: R,
    format: Format,
    /// Read, and not handed over yet.
    page: vec::IntoIter<R::Row>,
    /// Where the next page begins, if there is one, and how long it is.
    cursor: Option<R::Cursor>,
    next_page: u16,
    /// What the present page has become so far: rows, and their bytes.
    handed_over: (usize, usize),
    /// What the format begins with, until it was handed over.
    head: Vec<u8>,
    ended: bool,
    log: FileLog,
}

/// How far the file got. Tells the log when it is dropped, for whatever reason.
struct FileLog {
    read: AuditRead,
    rows: u64,
    complete: bool,
}

/// How long the page after one of `length` is, of which this was handed over.
fn fitting(length: u16, (rows, bytes): (usize, usize)) -> u16 {
    let fitting = (PAGE_BYTES * rows).checked_div(bytes);
    let fitting = fitting.map(|fitting| fitting.clamp(*PAGE.start(), *PAGE.end()));
    fitting
        .and_then(|fitting| fitting.try_into().ok())
        .unwrap_or(length)
}

impl<R: Rows + 'static> File<R> {
    /// Reads the first page.
    pub(in crate::http) async fn begin(
        rows: R,
        format: Format,
        read: AuditRead,
    ) -> Result<Self, ReadError> {
        let first = timeout(FIRST_PAGE_WITHIN, rows.page(None, FIRST_PAGE)).await;
        let (first, cursor) = first.unwrap_or(Err(ReadError::Unavailable))?;
        read.begins();
        Ok(Self {
            rows,
            format,
            page: first.into_iter(),
            cursor,
            next_page: FIRST_PAGE,
            handed_over: (0, 0),
            head: R::head(format),
            ended: false,
            log: FileLog {
                read,
                rows: 0,
                complete: false,
            },
        })
    }

    /// The answer with the file, which a browser stores under this name and the format's.
    pub(in crate::http) fn answer(self, name: &str) -> HttpResponse {
        let format = self.format;
        let disposition = format!("attachment; filename=\"{name}.{}\"", format.as_str());
        HttpResponse::Ok()
            .content_type(format.content_type())
            .insert_header((CONTENT_DISPOSITION, disposition))
            .streaming(stream::try_unfold(self, Self::next_piece))
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
            let (page, next) = self.read_patiently(cursor).await?;
            (self.page, self.cursor) = (page.into_iter(), next);
        }
        let mut piece = std::mem::take(&mut self.head);
        while piece.len() < PIECE
            && let Some(row) = self.page.next()
        {
            let before = piece.len();
            R::write(self.format, &row, &mut piece);
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

    async fn read_patiently(&self, cursor: R::Cursor) -> Result<Page<R>, Cut> {
        let began = Instant::now();
        loop {
            match self.rows.page(Some(cursor), self.next_page).await {
                Ok(page) => return Ok(page),
                Err(_) if began.elapsed() + PAUSE < PAGE_WITHIN => sleep(PAUSE).await,
                Err(_) => return Err(Cut),
            }
        }
    }
}

impl Drop for FileLog {
    fn drop(&mut self) {
        self.read.ended(self.rows, self.complete);
    }
}
