//! `modgate serve`

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failed;
use crate::config::{self, Environment, Settings};
use crate::server::Server;
use crate::telemetry;

pub(super) async fn serve(environment: &Environment) -> Result<(), Failed> {
    let settings = Settings::read(environment)?;
    telemetry::init(&settings.log).map_err(|error| Failed::because(&error))?;
    for warning in config::warnings(&settings) {
        tracing::warn!("{warning}");
    }
    let caught = |kind| signal(kind).map_err(|error| Failed::because(&error));
    let (mut terminate, mut interrupt) = (
        caught(SignalKind::terminate())?,
        caught(SignalKind::interrupt())?,
    );
    let serving = async {
        let server = Server::bind(settings).await?;
        server.run(either(&mut terminate, &mut interrupt)).await
    };
    serving.await.map_err(|error| {
        tracing::error!(error = telemetry::causes(&error), "modgate cannot serve");
        Failed::because(&error)
    })
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
