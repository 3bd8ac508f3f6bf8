//! What is looked at once, before anything is served.

use std::io;

use chrono::Utc;

use super::Error;
use super::open_files::Room;
use super::sockets::cores;
use crate::audit::AuditLog;
use crate::config::variables::Variable;
use crate::config::{self, Settings};
use crate::db::{self, Blocker, Pools, TriggerFault};
use crate::domain::Api;
use crate::telemetry::causes;

/// How many connections there is room for. Said if they are few: the service serves all the same.
pub(super) fn room(settings: &Settings) -> io::Result<Room> {
    // Each call to Tencent that is on its way has a connection.
    let calls = u64::from(settings.limit.calls_per_second) * Api::all().len() as u64;
    let others = u64::from(settings.database.max_connections) + calls;
    let room = Room::make(cores(), others)?;
    if room.is_scarce {
        tracing::warn!(
            event = "few_open_files",
            open_files = room.open_files,
            api_connections = room.api,
            ops_connections = room.ops,
            "this process may open so few files that fewer clients can be connected than otherwise"
        );
    }
    Ok(room)
}

/// Migrates the database if it shall, looks whether it can be used, and opens the pools.
pub(super) async fn database(settings: &Settings) -> Result<Pools, Error> {
    let of = |variable: Variable| {
        move |source| Error::Database {
            variable: variable.name,
            source,
        }
    };
    if let Some(owner) = &settings.migrate {
        let variable = config::owner_variable(&settings.environment);
        let mended = db::migrate(owner, &report_blocker).await;
        let mended = mended.map_err(of(variable))?;
        report_mended(&mended);
    }
    let of_service = of(config::SERVICE_URL);
    db::check(&settings.database.url)
        .await
        .map_err(of_service)?;
    db::open(&settings.database).map_err(of_service)
}

/// A process with another key than its siblings, or without one, must not record anything: its rows would
/// be refused, one by one.
pub(super) async fn check_seal_key(audit: &AuditLog) -> Result<(), Error> {
    match audit.seal_key_fit().await {
        Ok(fit) => fit
            .misfit()
            .map_or(Ok(()), |misfit| Err(Error::SealKey(misfit))),
        Err(error) => {
            tracing::warn!(
                event = "seal_key_unknown",
                error = causes(&error),
                "could not determine whether the seal key is the one that the seals were made with"
            );
            Ok(())
        }
    }
}

/// After idle months there may be none for this one.
pub(super) async fn ensure_partitions(audit: &AuditLog) {
    if let Err(error) = audit.ensure_partitions(Utc::now()).await {
        tracing::error!(error = causes(&error), "partitions could not be made");
    }
}

/// Said once, and no reason not to serve.
pub(super) async fn warn_if_unprotected(audit: &AuditLog) {
    match audit.unprotected_by().await {
        Ok(reasons) if reasons.is_empty() => {}
        Ok(reasons) => tracing::warn!(
            event = "record_unprotected",
            reasons = reasons.join(" "),
            advice = "connect as modgate_service of deploy/roles.sql: see \"Roles\" in the README",
            "the service's database role could rewrite the record"
        ),
        Err(error) => tracing::warn!(
            event = "rights_unknown",
            error = causes(&error),
            "it could not be found out whether the service's database role could rewrite the record"
        ),
    }
}

/// Who keeps the migrations waiting.
fn report_blocker(blocker: &Blocker) {
    tracing::warn!(
        event = "migrations_blocked",
        blocker = blocker.to_string(),
        "the migrations wait for a lock of another session"
    );
}

/// What was wrong with the record's triggers until now.
fn report_mended(faults: &[TriggerFault]) {
    for fault in faults {
        tracing::warn!(
            event = "triggers_mended",
            fault = fault.to_string(),
            "a trigger that guards the record was not as the migrations made it, and is again"
        );
    }
}
