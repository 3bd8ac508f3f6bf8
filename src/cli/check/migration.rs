//! Whether `serve` can migrate first, if `MODGATE_MIGRATE` says so.

use super::live::Findings;
use crate::config::{Environment, Settings};
use crate::db;
use crate::telemetry::causes;

const OWNER: &str = "MODGATE_OWNER_DATABASE_URL";

/// The setting that says as whom.
pub(super) fn setting(environment: &Environment) -> &'static str {
    let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
    if is_set(OWNER) || is_set(&format!("{OWNER}_FILE")) {
        OWNER
    } else {
        super::record::URL
    }
}

pub(super) async fn probe(settings: &Settings, found: &mut Findings) {
    let Some(owner) = &settings.migrate else {
        return;
    };
    let setting = setting(&settings.environment);
    if let Err(error) = db::check_migrate(owner).await {
        return found.wrong(setting, causes(&error));
    }
    let (as_owner, as_service) =
        tokio::join!(db::inspect(owner), db::inspect(&settings.database.url));
    match (as_owner, as_service) {
        (Err(error), _) => found.wrong(setting, causes(&error)),
        (Ok(one), Ok(other)) if one.identity != other.identity => found.wrong(
            setting,
            "leads to another database than MODGATE_DATABASE_URL, which would not be migrated",
        ),
        (Ok(one), _) if one.pending > 0 => {
            found.ok(format_args!("`serve` will apply {}", one.pending));
        }
        (Ok(_), _) => found.ok("nothing is pending"),
    }
}
