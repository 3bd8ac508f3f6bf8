//! Secrets that change while the service runs.
//!
//! The files that the settings name are read every second. When one has changed, and is the same
//! for two reads (not half written), all settings are read again; if they have no fault, the new
//! credential, token keys and database URL are used from there on. What is under way is not
//! disturbed: connections that are open stay open.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::{MissedTickBehavior, interval};

use crate::auth::Verifier;
use crate::config::{Environment, Settings};
use crate::db;
use crate::moderation::Moderation;
use crate::service::Service;
use crate::telemetry::causes;

const EVERY: Duration = Duration::from_secs(1);

/// What the files hold, by its hash: the secrets themselves are not kept here.
type Contents = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Where changed secrets are used.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) pools: db::Pools,
    pub(crate) service: Arc<Service>,
    pub(crate) moderation: Arc<Moderation>,
    pub(crate) verifier: Arc<ArcSwap<Verifier>>,
}

/// Watches the files until the service is closing.
pub(crate) async fn watch(environment: Environment, users: Users) {
    let files = environment.secret_files();
    if files.is_empty() {
        return;
    }
    let closing = users.service.closing.clone();
    let watching = async {
        let mut used = read(&files).await;
        let mut before = used.clone();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = read(&files).await;
            if now != used && now == before {
                rotate(&environment, &users).await;
                used.clone_from(&now);
            }
            before = now;
        }
    };
    closing.run_until_cancelled(watching).await;
}

async fn read(files: &[PathBuf]) -> Contents {
    let mut contents = Contents::new();
    for file in files {
        let content = tokio::fs::read(file).await.ok();
        let hash = content.map(|content| digest(&SHA256, &content).as_ref().to_vec());
        contents.insert(file.clone(), hash);
    }
    contents
}

async fn rotate(environment: &Environment, users: &Users) {
    let applied = match Settings::read(environment) {
        Ok(settings) => match misfit(&settings, users).await {
            Some(misfit) => Err(format!("MODGATE_SEAL_KEY: {misfit}")),
            None => apply(settings, users).map_err(|error| causes(&*error)),
        },
        Err(faults) => Err(faults.to_string()),
    };
    match applied {
        Ok(()) => tracing::info!(event = "rotated", "changed secret files are in use"),
        Err(faults) => {
            tracing::error!(
                event = "not_rotated",
                faults,
                "changed secret files have faults: the old ones stay in use"
            );
        }
    }
}

/// Why nothing may be recorded with a changed seal key. If the database cannot be asked, the sealer
/// finds out.
async fn misfit(settings: &Settings, users: &Users) -> Option<&'static str> {
    let fit = users.service.audit.key_fit_of(&settings.seal_keys).await;
    fit.ok()?.misfit()
}

fn apply(settings: Settings, users: &Users) -> Result<(), Box<dyn std::error::Error>> {
    // Published keys are fetched anyway: a new verifier would have none at first.
    let verifier = match users.verifier.load().jwks() {
        Some(_) => None,
        None => Some(Verifier::new(settings.auth)?),
    };
    let options = db::parse_url(&settings.database.url)?;
    users
        .service
        .tencent
        .set_credential(&settings.tencent.credential)?;
    users.moderation.credential_changed();
    users.service.audit.set_seal_keys(settings.seal_keys);
    if let Some(verifier) = verifier {
        users.verifier.store(Arc::new(verifier));
    }
    let pools = &users.pools;
    pools.writing.set_connect_options(options.clone());
    pools.leasing.set_connect_options(options.clone());
    pools.sealing.set_connect_options(options.clone());
    pools.lookout.pool().set_connect_options(options.clone());
    pools.reading.set_connect_options(options);
    Ok(())
}
