//! Whether `serve` can migrate first, if `MODGATE_MIGRATE` says so.

use super::findings::Findings;
use crate::config::{self, Settings};
use crate::db;
use crate::telemetry::causes;

pub(super) async fn check(settings: &Settings, found: &mut Findings) {
    let Some(owner) = &settings.migrate else {
        return;
    };
    let setting = config::owner_variable(&settings.environment).name;
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
