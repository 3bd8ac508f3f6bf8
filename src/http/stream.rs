//! What happens, as it happens: server-sent events (HTML Standard, 9.2), for clients that send a
//! token and so use `fetch`.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::Utc;
use futures_util::stream;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at};
use tokio_util::sync::CancellationToken;

use super::AppState;
use super::audit_read::AuditRead;
use super::authenticated::Authenticated;
use super::batches::news::BatchEvents;
use super::json::ActionJson;
use super::openapi::{Filters, LastEventId, StreamProblems};
use super::paths::STREAM;
use super::problem::ApiError;
use super::query::filter;
use crate::audit::{Change, Position};
use crate::domain::Moderator;
use crate::limit::Place;
use crate::stream::{Heard, Lapse, Listener};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// nginx would hold events back until it has a buffer full of them.
const X_ACCEL_BUFFERING: (&str, &str) = ("x-accel-buffering", "no");

const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// The longest that the answer waits for the record.
const PATIENCE: Duration = Duration::from_millis(2500);

/// `GET /v1/actions/stream`
#[utoipa::path(
    get,
    path = STREAM,
    operation_id = "streamActions",
    summary = "What changes in the record, as it changes",
    description = "Server-sent events: `action` with an action as data, each time that one changes; `batch` with a batch as \
        data, at most once a second each, where there is no filter but perhaps `batch_id`: it has no id, and what was missed \
        of it is not told again; `reset` with a reason, when what was told before cannot be continued and must be read anew. \
        It ends when the token expires.",
    tag = "record",
    params(Filters, LastEventId),
    responses(
        (status = 200, description = "Events without end", body = String, content_type = "text/event-stream"),
        StreamProblems,
    )
)]
pub(super) async fn stream_actions(
    authenticated: Authenticated,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let filter = filter(&request, &authenticated.0)?;
    let place = state.readers.stream(&authenticated.0);
    let place = place.map_err(ApiError::too_many_reads)?;
    let read = AuditRead::new("stream", &authenticated, &request, filter.clone());
    let closing = &state.service.closing;
    let last = last_event_id(&request);
    let batches = BatchEvents::of(&state.batches, &filter, &authenticated.0);
    let listening = state.feed.listen(filter, last.as_deref());
    let listening = tokio::time::timeout(PATIENCE, listening);
    let listener = closing.run_until_cancelled(listening).await;
    let listener = listener.ok_or(ApiError::ShuttingDown)?;
    let listener = listener.map_err(|_| ApiError::AuditUnavailable(None))?;
    read.begins();
    let events = Events::new(
        (listener, batches),
        &authenticated.0,
        closing.clone(),
        place,
    );
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header(X_ACCEL_BUFFERING)
        .streaming(stream::unfold(events, async |mut events| {
            let event = events.next().await?;
            Some((Ok::<Bytes, Infallible>(event), events))
        })))
}

/// `None` if there is none, or an empty one: the client has seen nothing yet.
fn last_event_id(request: &HttpRequest) -> Option<String> {
    let field = request.headers().get(&LAST_EVENT_ID)?;
    let text = String::from_utf8_lossy(field.as_bytes());
    (!text.is_empty()).then(|| text.into_owned())
}

/// The body of one answer.
struct Events {
    opening: Option<Bytes>,
    listener: Listener,
    batches: Option<BatchEvents>,
    heartbeat: Interval,
    token_expires: Pin<Box<Sleep>>,
    closing: CancellationToken,
    _place: Place,
}

impl Events {
    fn new(
        (listener, batches): (Listener, Option<BatchEvents>),
        moderator: &Moderator,
        closing: CancellationToken,
        place: Place,
    ) -> Self {
        let left = (moderator.expires_at - Utc::now()).to_std();
        let first_beat = Instant::now() + HEARTBEAT_EVERY;
        let mut heartbeat = interval_at(first_beat, HEARTBEAT_EVERY);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            opening: Some(opening(listener.position())),
            listener,
            batches,
            heartbeat,
            token_expires: Box::pin(tokio::time::sleep(left.unwrap_or_default())),
            closing,
            _place: place,
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        tokio::select! {
            // The ends come first, and heartbeats and batches also when there is much to tell.
            biased;
            () = self.closing.cancelled() => None,
            () = &mut self.token_expires => None,
            _ = self.heartbeat.tick() => Some(heartbeat(self.listener.position())),
            event = of_batches(&mut self.batches) => Some(event),
            heard = self.listener.next() => Some(match heard {
                Heard::Change(notice) => notice.rendered(action),
                Heard::Reset(lapse) => reset(lapse, self.listener.position()),
            }),
        }
    }
}

/// The next event about a batch, if any is told of.
async fn of_batches(batches: &mut Option<BatchEvents>) -> Bytes {
    match batches {
        Some(batches) => batches.next().await,
        None => pending().await,
    }
}

/// Without data nothing is dispatched, but the client has an id, and a pause for reconnecting.
fn opening(position: Position) -> Bytes {
    Bytes::from(format!("retry: 1000\nid: {position}\n\n"))
}

/// With the present id, so that a client whose filter lets little through does not fall behind.
fn heartbeat(position: Position) -> Bytes {
    Bytes::from(format!(": hb\nid: {position}\n\n"))
}

fn action(change: &Change) -> Bytes {
    let data = serde_json::to_string(&ActionJson::from(&change.action));
    let data = data.expect("an action is plain data");
    let position = change.position;
    Bytes::from(format!("id: {position}\nevent: action\ndata: {data}\n\n"))
}

/// An event without data would not be dispatched.
fn reset(lapse: Lapse, position: Position) -> Bytes {
    let reason = lapse.as_str();
    Bytes::from(format!(
        "id: {position}\nevent: reset\ndata: {{\"reason\":\"{reason}\"}}\n\n"
    ))
}
