//! The service as a value: bind, ask for its addresses, run until told to stop.

mod error;
mod open_files;
mod sockets;
mod start;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::audit::AuditLog;
use crate::auth::Verifier;
use crate::batches::Batches;
use crate::config::{self, Environment, Settings};
use crate::limit::{Leases, Limiter, Readers};
use crate::moderation::Moderation;
use crate::service::Service;
use crate::upkeep::Upkeep;
use crate::{db, http, rotation, tencent};
pub use error::Error;
use open_files::Room;
pub use sockets::can_listen;
use sockets::{listen, serve_api, serve_ops, watch};
use start::{check_seal_key, ensure_partitions, warn_if_unprotected};

/// A service that has its sockets and is about to run.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    ops_listener: TcpListener,
    pools: db::Pools,
    state: web::Data<http::AppState>,
    shutdown_timeout: Duration,
    drain_delay: Duration,
    environment: Environment,
    room: Room,
}

impl Server {
    /// Binds the ports and makes the schema ready. Must be called on the main runtime.
    pub async fn bind(settings: Settings) -> Result<Self, Error> {
        let began_at = Instant::now();
        let room = start::room(&settings).map_err(Error::OpenFiles)?;
        let listener = listen(config::LISTEN, settings.listen)?;
        let ops_listener = listen(config::OPS_LISTEN, settings.ops_listen)?;
        let pools = start::database(&settings).await?;
        let service = Arc::new(service(&pools, &settings, began_at)?);
        check_seal_key(&service.audit).await?;
        ensure_partitions(&service.audit).await;
        warn_if_unprotected(&service.audit).await;
        let moderation = Arc::new(Moderation::new(&service, settings.rules));
        let batches = Arc::new(Batches::new(&service, &moderation, settings.batch_rules));
        let verifier = Verifier::new(settings.auth)?;
        let readers = Readers::new(pools.reading.size());
        let (rules, front) = (settings.request_rules, settings.front);
        let state = http::AppState::new(
            verifier,
            service,
            (moderation, batches),
            readers,
            rules,
            front,
        );
        Ok(Self {
            listener,
            ops_listener,
            pools,
            state: web::Data::new(state),
            shutdown_timeout: settings.shutdown_timeout,
            drain_delay: settings.drain_delay,
            environment: settings.environment,
            room,
        })
    }

    /// Where the API listens.
    pub fn addr(&self) -> SocketAddr {
        self.listener
            .local_addr()
            .expect("a bound socket has an address")
    }

    /// Where the operations port listens.
    pub fn ops_addr(&self) -> SocketAddr {
        self.ops_listener
            .local_addr()
            .expect("a bound socket has an address")
    }

    /// Serves until `shutdown`, then stops in order: nothing new is begun; what has begun is
    /// finished, within the shutdown time-out; the operations port closes last.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let (addr, ops_addr) = (self.addr(), self.ops_addr());
        let service = Arc::clone(&self.state.service);
        let (state, room) = (&self.state, self.room);
        let timeout = self.shutdown_timeout;
        let (api, api_connections) = serve_api(self.listener, state.clone(), room.api, timeout)?;
        let (ops, ops_connections) = serve_ops(self.ops_listener, state.clone(), room.ops)?;
        let (api_handle, ops_handle) = (api.handle(), ops.handle());
        let mut servers = JoinSet::new();
        servers.spawn(api);
        servers.spawn(ops);
        service.tasks.spawn(background(self.state.clone()));
        watch([api_connections, ops_connections], &service);
        let (drained, mut leases) = (CancellationToken::new(), JoinSet::new());
        leases.spawn(keep_leases(Arc::clone(&service), drained.clone()));
        let users = rotation_users(&self.pools, &self.state);
        service
            .tasks
            .spawn(rotation::watch(self.environment, users));
        room.say_where(addr, ops_addr);
        tokio::select! {
            () = shutdown => {}
            Some(ended) = servers.join_next() => return Err(unexpected_end(ended)),
        }
        service.draining.cancel();
        tracing::info!(event = "draining", "not ready any more");
        tokio::time::sleep(self.drain_delay).await;
        tracing::info!(event = "shutting_down", "finishing what has begun");
        let deadline = Instant::now() + self.shutdown_timeout;
        service.closing.cancel();
        drain(&service, &api_handle, deadline).await;
        drained.cancel();
        leases.join_all().await;
        close(&self.pools).await;
        ops_handle.stop(true).await;
        tracing::info!(event = "stopped", "modgate has stopped");
        Ok(())
    }
}

/// Who uses the secrets that a rotation replaces.
fn rotation_users(pools: &db::Pools, state: &http::AppState) -> rotation::Users {
    rotation::Users {
        pools: pools.clone(),
        service: Arc::clone(&state.service),
        moderation: Arc::clone(&state.moderation),
        verifier: Arc::clone(&state.verifier),
    }
}

fn service(pools: &db::Pools, settings: &Settings, began_at: Instant) -> Result<Service, Error> {
    let leases = Leases::new(pools.leasing.clone(), settings.tencent.sdk_app_id);
    let deployment = config::deployment(settings);
    let audit = AuditLog::new(pools, deployment, Arc::clone(&settings.seal_keys))
        .with_witness(settings.seal_witness.clone());
    let limiter = Limiter::new(&settings.limit, leases, began_at);
    let tencent = tencent::Client::new(settings.tencent.clone())?;
    Ok(Service::new(audit, limiter, tencent))
}

fn unexpected_end(ended: Result<io::Result<()>, JoinError>) -> Error {
    Error::Serve(match ended {
        Ok(Ok(())) => io::Error::other("a server ended on its own"),
        Ok(Err(error)) => error,
        Err(panicked) => io::Error::other(panicked),
    })
}

/// What runs beside the requests, until the service is closing.
async fn background(state: web::Data<http::AppState>) {
    let service = &state.service;
    let fetch_keys = async {
        if let Some(jwks) = state.verifier.load().jwks() {
            jwks.keep_fresh(&service.closing).await;
        }
    };
    let upkeep = Upkeep::new(service);
    tokio::join!(
        service.limiter.dispatch(&service.closing),
        upkeep.run(),
        state.readers.forget_idle(&service.closing),
        state.feed.poll(&service.closing),
        state.batches.run(),
        fetch_keys
    );
}

/// Until all that was begun is finished: it may need its permits to the end.
async fn keep_leases(service: Arc<Service>, drained: CancellationToken) {
    let closing = &service.closing;
    Box::pin(service.limiter.keep_leases(closing, &drained)).await;
}

/// The HTTP server looks once a second whether time is up for what is still being answered.
const CUT_WITHIN: Duration = Duration::from_millis(1500);

/// Waits for the answers that are on their way, and for the work behind them.
async fn drain(service: &Service, api: &ServerHandle, deadline: Instant) {
    let _ = timeout_at(deadline + CUT_WITHIN, api.stop(true)).await;
    service.tasks.close();
    if timeout_at(deadline, service.tasks.wait()).await.is_err() {
        let unfinished = service.tasks.len();
        tracing::error!(
            event = "unfinished",
            unfinished,
            "stopped before all actions had their end; recovery will record them as unknown"
        );
    }
}

/// A frozen database must not hold the process.
async fn close(pools: &db::Pools) {
    let closing = async {
        tokio::join!(
            pools.writing.close(),
            pools.leasing.close(),
            pools.sealing.close(),
            pools.reading.close(),
            pools.lookout.pool().close()
        )
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), closing).await;
}
