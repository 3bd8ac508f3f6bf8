//! `modgate serve`

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failed;
use crate::config::{self, Environment, Settings};
use crate::server::Server;
use crate::telemetry;

pub(super) async fn serve(environment: &Environment) -> Result<(), Failed> {
    let settings = Settings::read(environment)?;
    let traces = telemetry::init(&settings.log).map_err(|error| Failed::because(&error))?;
    for warning in config::warnings(&settings) {
        tracing::warn!("{warning}");
    }
    let caught = |kind| signal(kind).map_err(|error| Failed::because(&error));
    let (mut terminate, mut interrupt) = (
        caught(SignalKind::terminate())?,
        caught(SignalKind::interrupt())?,
    );
    let first = CancellationToken::new();
    let stop = first.clone().cancelled_owned();
    let serving = async {
        let served = async { Server::bind(settings).await?.run(stop).await }.await;
        if let Some(traces) = traces {
            traces.close().await;
        }
        served
    };
    let impatient = async {
        either(&mut terminate, &mut interrupt).await;
        first.cancel();
        either(&mut terminate, &mut interrupt).await;
    };
    tokio::select! {
        served = serving => served.map_err(|error| {
            tracing::error!(error = telemetry::causes(&error), "modgate cannot serve");
            Failed::because(&error)
        }),
        () = impatient => Err(Failed("stopped at once by a second signal".to_owned())),
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
