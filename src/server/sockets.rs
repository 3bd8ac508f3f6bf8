//! The two ports: who listens, and what is behind them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, web};

use super::Error;
use crate::http;

/// How long an idle connection is kept: longer than the minute that reverse proxies keep theirs,
/// so that it is they who close it, and no POST meets a connection that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may leave what it was sent untaken: it has gone without a word, or it does not
/// read. Then the kernel breaks the connection, and what was being sent is dropped.
///
/// Longer than a client pauses to write a full buffer to a disk, or a network drops packets.
#[cfg(target_os = "linux")]
const LONGEST_UNTAKEN: Duration = Duration::from_secs(30);

pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    bind(address).map_err(|source| Error::Bind { address, source })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // Each connection that is accepted inherits it.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&listener).set_tcp_user_timeout(Some(LONGEST_UNTAKEN))?;
    Ok(listener)
}

pub(super) fn serve_api(
    listener: TcpListener,
    state: web::Data<http::State>,
    shutdown_timeout: Duration,
) -> Result<actix_web::dev::Server, Error> {
    let app = move || {
        App::new()
            .app_data(state.clone())
            .wrap(http::cross_origin(&state.front))
            .wrap(from_fn(http::spare_other_origins))
            // The outermost: it sees every request and every answer.
            .wrap(from_fn(http::observe))
            .configure(http::routes)
    };
    let server = HttpServer::new(app)
        .listen(listener)
        .map_err(Error::Serve)?
        .disable_signals()
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(shutdown_timeout.as_secs().max(1));
    Ok(server.run())
}

pub(super) fn serve_ops(
    listener: TcpListener,
    state: web::Data<http::State>,
) -> Result<actix_web::dev::Server, Error> {
    let app = move || {
        App::new()
            .app_data(state.clone())
            .wrap(DefaultHeaders::new().add(http::NOT_SNIFFED))
            .configure(http::ops::routes)
    };
    let server = HttpServer::new(app)
        .workers(1)
        .listen(listener)
        .map_err(Error::Serve)?
        .disable_signals()
        .shutdown_timeout(1);
    Ok(server.run())
}
