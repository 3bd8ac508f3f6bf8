//! The two ports: who listens, and what is behind them.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};

use super::Error;
use crate::config::variables::Variable;
use crate::config::{self, Settings};
use crate::http::{self, Connections, Limits};
use crate::service::Service;

/// How long an idle connection is kept: longer than the minute that reverse proxies keep theirs,
/// so that it is they who close it, and no POST meets a connection that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The same on the operations port: whoever checks or scrapes it comes at longer intervals.
const OPS_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long an idle connection that the HTTP server should have closed stays open.
const GRACE: Duration = Duration::from_secs(5);

/// How long a connection may take to show a valid token, and whoever has none to read the answer.
const NEWCOMER_FOR: Duration = Duration::from_secs(30);

/// The most connections on which nobody has shown a valid token: about 20 MB.
const MOST_NEWCOMERS: usize = 1024;

/// The longest that the head of the first request may take.
const FIRST_HEAD: Duration = Duration::from_secs(5);

/// How long a client may leave what it was sent untaken: it has gone without a word, or it does not
/// read. Then the kernel breaks the connection, and what was being sent is dropped.
///
/// Longer than a client pauses to write a full buffer to a disk, or a network drops packets.
#[cfg(target_os = "linux")]
const LONGEST_UNTAKEN: Duration = Duration::from_secs(30);

/// A port that is served, and its connections.
type Served = (actix_web::dev::Server, Arc<Connections>);

pub(super) fn listen(variable: Variable, address: SocketAddr) -> Result<TcpListener, Error> {
    bind(address).map_err(|source| Error::Bind {
        variable: variable.name,
        address,
        source,
    })
}

/// Whether a server could listen where `settings` say: at the API's address, and at that of the
/// operations port. Nobody is listened to.
pub fn can_listen(settings: &Settings) -> [Result<(), Error>; 2] {
    let ports = [
        (config::LISTEN, settings.listen),
        (config::OPS_LISTEN, settings.ops_listen),
    ];
    // Both are held until both were tried.
    let listeners = ports.map(|(variable, address)| listen(variable, address));
    listeners.map(|listener| listener.map(drop))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // Each connection that is accepted inherits it.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&listener).set_tcp_user_timeout(Some(LONGEST_UNTAKEN))?;
    Ok(listener)
}

/// How many workers serve the API, and how many connections each takes at most.
fn workers(room: usize) -> (usize, usize) {
    let workers = cores().min(room);
    (workers, room / workers)
}

/// As many as this process may use at once.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// A part of what the server takes stays free, so that newcomers are accepted while idle connections
/// are being closed for them.
fn api_limits(room: usize) -> Limits {
    let open = room - room / 8;
    Limits {
        port: "api",
        open,
        newcomers: (open / 2).clamp(1, MOST_NEWCOMERS),
        newcomer_for: NEWCOMER_FOR,
        idle_for: KEEP_ALIVE + GRACE,
    }
}

/// Of the operations port, where everybody may ask.
fn ops_limits(room: usize) -> Limits {
    let open = room - room / 4;
    Limits {
        port: "ops",
        open,
        newcomers: (open / 2).max(1),
        newcomer_for: NEWCOMER_FOR,
        idle_for: OPS_KEEP_ALIVE + GRACE,
    }
}

fn on_connect(connections: Arc<Connections>) -> impl Fn(&dyn Any, &mut Extensions) {
    move |stream, extensions| {
        let stream = stream.downcast_ref::<TcpStream>();
        if let Some(accepted) = stream.and_then(|stream| connections.accept(stream)) {
            extensions.insert(accepted);
        }
    }
}

pub(super) fn serve_api(
    listener: TcpListener,
    state: web::Data<http::AppState>,
    room: usize,
    shutdown_timeout: Duration,
) -> Result<Served, Error> {
    let connections = Connections::new(api_limits(room));
    let app = move || {
        App::new()
            .app_data(state.clone())
            .wrap(http::cross_origin(&state.front))
            .wrap(from_fn(http::spare_other_origins))
            // The outermost: it sees every request and every answer.
            .wrap(from_fn(http::observe))
            .configure(|config| http::routes(config, &state.request_rules.kinds))
    };
    let (workers, of_each) = workers(room);
    let server = HttpServer::new(app)
        .workers(workers)
        .max_connections(of_each)
        .on_connect(on_connect(Arc::clone(&connections)))
        .client_request_timeout(FIRST_HEAD)
        .listen(listener)
        .map_err(Error::Serve)?
        .disable_signals()
        .keep_alive(KEEP_ALIVE)
        // A client that has closed its end waits for nothing: what was only read for it is dropped.
        .h1_allow_half_closed(false)
        .shutdown_timeout(shutdown_timeout.as_secs().max(1));
    Ok((server.run(), connections))
}

pub(super) fn serve_ops(
    listener: TcpListener,
    state: web::Data<http::AppState>,
    room: usize,
) -> Result<Served, Error> {
    let connections = Connections::new(ops_limits(room));
    let app = move || {
        App::new()
            .app_data(state.clone())
            .wrap(DefaultHeaders::new().add(http::NOT_SNIFFED))
            .wrap(from_fn(http::keep_occupied))
            .configure(http::ops::routes)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(room)
        .on_connect(on_connect(Arc::clone(&connections)))
        .client_request_timeout(FIRST_HEAD)
        .listen(listener)
        .map_err(Error::Serve)?
        .disable_signals()
        .keep_alive(OPS_KEEP_ALIVE)
        .shutdown_timeout(1);
    Ok((server.run(), connections))
}

/// Closes what is open, or idle, for too long on these ports, until the service is closing.
pub(super) fn watch([api, ops]: [Arc<Connections>; 2], service: &Service) {
    let closing = service.closing.clone();
    service.tasks.spawn(async move {
        tokio::join!(api.watch(&closing), ops.watch(&closing));
    });
}
