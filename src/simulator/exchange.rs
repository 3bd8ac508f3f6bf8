//! The wire of the REST API: reads a request, and writes, spoils or withholds its answer.

use std::{
    any::Any,
    io,
    net::TcpStream,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodyStream, SizedStream},
    dev::Extensions,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    rt,
    web::{self, Bytes},
};
use chrono::DateTime;
use futures_util::{StreamExt, stream};

use super::{
    backend::Backend,
    message::{Reply, Request},
};

/// Long enough for what was written to leave before the connection ends.
const FLUSH: Duration = Duration::from_millis(20);

/// One accepted connection; the server drops it with the connection.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    open: Arc<AtomicUsize>,
}

impl Connection {
    /// Keeps a second handle of the socket in the connection's data, and counts the connection as
    /// open.
    pub(super) fn remember(stream: &dyn Any, data: &mut Extensions, open: &Arc<AtomicUsize>) {
        let Some(stream) = stream.downcast_ref::<rt::net::TcpStream>() else {
            return;
        };
        if let Ok(descriptor) = stream.as_fd().try_clone_to_owned() {
            open.fetch_add(1, Ordering::SeqCst);
            data.insert(Self {
                socket: TcpStream::from(descriptor),
                open: Arc::clone(open),
            });
        }
    }

    /// The socket is non-blocking: as long as the client is there, either something is to be read
    /// or reading would block.
    fn is_client_gone(&self) -> bool {
        match self.socket.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Makes the end of the connection a TCP reset.
    fn reset_when_dropped(&self) -> io::Result<()> {
        rt::net::TcpStream::from_std(self.socket.try_clone()?)?.set_zero_linger()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Handles every path and method.
pub(super) async fn answer(
    http_request: HttpRequest,
    body: Bytes,
    backend: web::Data<Backend>,
) -> actix_web::Result<HttpResponse> {
    let request = read(&http_request, &body);
    let clock = Arc::clone(&backend);
    // A task of its own: the server drops this function when the client goes, but the call is on
    // its way.
    let reply = rt::spawn(backend.into_inner().handle(request))
        .await
        .map_err(io::Error::other)?;
    let mut response = write(reply, &http_request).await?;
    let now = i64::try_from(clock.held().world.now()).ok();
    let now = now.and_then(|now| DateTime::from_timestamp(now, 0));
    let date = now.map(|now| now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
    if let Some(date) = date.and_then(|date| HeaderValue::from_str(&date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    Ok(response)
}

fn read(request: &HttpRequest, body: &[u8]) -> Request {
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let query = query.map(web::Query::into_inner).unwrap_or_default();
    Request::new(
        request.method().as_str(),
        request.path(),
        query,
        headers,
        body,
    )
}

async fn write(reply: Reply, request: &HttpRequest) -> actix_web::Result<HttpResponse> {
    Ok(match reply {
        Reply::Whole {
            status,
            content_type,
            body,
        } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            HttpResponse::build(status)
                .content_type(content_type)
                .body(body)
        }
        Reply::Redirect { location } => HttpResponse::Found()
            .insert_header((header::LOCATION, location))
            .finish(),
        Reply::Never => {
            wait_until_client_is_gone(request.conn_data()).await;
            ended()
        }
        Reply::Cut { reset } => {
            if reset && let Some(connection) = request.conn_data::<Connection>() {
                connection.reset_when_dropped()?;
            }
            ended()
        }
        Reply::Truncated(body) => truncated(&body),
        Reply::Drip(body) => dripping(body),
    })
}

/// A body that fails at once drops the connection before the head has left.
fn ended() -> HttpResponse {
    HttpResponse::Ok().body(BodyStream::new(stream::iter([Err::<Bytes, _>(cut())])))
}

/// The server itself takes the client's end for a half-closed connection and would wait on.
async fn wait_until_client_is_gone(connection: Option<&Connection>) {
    let Some(connection) = connection else { return };
    while !connection.is_client_gone() {
        rt::time::sleep(FLUSH).await;
    }
}

fn truncated(body: &str) -> HttpResponse {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let end = stream::once(async {
        rt::time::sleep(FLUSH).await;
        Err::<Bytes, _>(cut())
    });
    json_of_length(body.len(), stream::iter([Ok(half)]).chain(end))
}

fn dripping(body: String) -> HttpResponse {
    let length = body.len();
    let drops = stream::iter(body.into_bytes()).then(|byte| async move {
        rt::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, io::Error>(Bytes::copy_from_slice(&[byte]))
    });
    json_of_length(length, drops)
}

fn json_of_length(
    length: usize,
    body: impl futures_util::Stream<Item = io::Result<Bytes>> + 'static,
) -> HttpResponse {
    let body = SizedStream::new(length as u64, Box::pin(body));
    HttpResponse::Ok()
        .content_type(header::ContentType::json())
        .body(body)
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a scripted fault")
}
