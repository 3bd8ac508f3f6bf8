//! The two ports: who listens, and what is behind them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::Error;
use crate::http;
use crate::moderation::Moderation;

/// How long an idle connection is kept: longer than the minute that reverse proxies keep theirs,
/// so that it is they who close it, and no POST meets a connection that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).map_err(|source| Error::Bind { address, source })
}

pub(super) fn serve_api(
    listener: TcpListener,
    state: web::Data<http::State>,
    shutdown_timeout: Duration,
) -> Result<actix_web::dev::Server, Error> {
    let app = move || {
        App::new()
            .app_data(state.clone())
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
    moderation: Arc<Moderation>,
) -> Result<actix_web::dev::Server, Error> {
    let moderation = web::Data::new(moderation);
    let app = move || {
        App::new()
            .app_data(moderation.clone())
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
