//! Whether the database can be used, and the record in it.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};

use super::live::Findings;
use crate::audit::seal::KeyFit;
use crate::audit::{self, AuditLog};
use crate::config::{self, Settings};
use crate::db;
use crate::telemetry::causes;

const URL: &str = "MODGATE_DATABASE_URL";
const SEAL_KEY: &str = "MODGATE_SEAL_KEY";

/// What is older lacks functions that the migrations use.
const OLDEST_VERSION: i32 = 150_000;

/// The record takes no action whose time the two clocks place 60 s apart.
const MOST_APART: TimeDelta = TimeDelta::seconds(30);

pub(super) async fn probe(settings: &Settings, found: &mut Findings) {
    let inspection = match db::inspect(&settings.database.url).await {
        Ok(inspection) => inspection,
        Err(error) => return found.wrong(URL, causes(&error)),
    };
    judge_server(&inspection, found);
    match (inspection.pending, &settings.migrate) {
        (0, _) => {}
        (pending, None) => {
            let advice = "run `modgate migrate`, or set MODGATE_MIGRATE=true";
            return found.wrong(
                URL,
                format_args!("{pending} migrations are pending: {advice}"),
            );
        }
        (pending, Some(owner)) => {
            return match db::inspect(owner).await {
                Ok(_) => found.ok(format_args!("`serve` will apply {pending} migrations")),
                Err(error) => found.wrong("MODGATE_OWNER_DATABASE_URL", causes(&error)),
            };
        }
    }
    found.ok("it has this build's schema");
    let pools = match db::open(&settings.database) {
        Ok(pools) => pools,
        Err(error) => return found.wrong(URL, causes(&error)),
    };
    let deployment = config::deployment(settings);
    let log = AuditLog::new(&pools, deployment, Arc::clone(&settings.seal_keys));
    let checked = judge_record(&log, found).await;
    if let Err(error) = checked {
        found.wrong(URL, causes(&error));
    }
}

fn judge_server(inspection: &db::Inspection, found: &mut Findings) {
    let major = inspection.version / 10_000;
    if inspection.version < OLDEST_VERSION {
        found.wrong(
            URL,
            format_args!("PostgreSQL {major} is too old: it must be 15 or later"),
        );
    } else {
        found.ok(format_args!("PostgreSQL {major} takes the connection"));
    }
    let apart = inspection.ahead.abs();
    if apart > MOST_APART {
        let seconds = apart.num_seconds();
        let clocks = "no setting, synchronise the clocks";
        found.wrong(
            clocks,
            format_args!("the server's and this machine's differ by {seconds} s"),
        );
    } else {
        found.ok("its clock agrees with this machine's");
    }
}

async fn judge_record(log: &AuditLog, found: &mut Findings) -> Result<(), audit::Error> {
    let reasons = log.unprotected_by().await?;
    if reasons.is_empty() {
        found.ok("the role cannot rewrite the record");
    } else {
        let advice = "connect as modgate_service of deploy/roles.sql";
        let reasons = reasons.join(" ");
        found.wrong(
            URL,
            format_args!("the role could rewrite the record ({reasons}): {advice}"),
        );
    }
    let faults = log.trigger_faults().await?;
    if faults.is_empty() {
        found.ok("the triggers that guard the record are in force");
    }
    for fault in faults {
        let advice = "run `modgate migrate`, which mends it";
        found.wrong("no setting", format_args!("{fault}: {advice}"));
    }
    let months = log.partition_months_ahead(Utc::now()).await?;
    if months < 1 {
        let advice = "`serve` makes them as it starts, else run `modgate migrate`";
        found.wrong(
            URL,
            format_args!("the record has no room for next month: {advice}"),
        );
    } else {
        found.ok(format_args!(
            "the record has room for {months} months to come"
        ));
    }
    judge_seals(log, found).await
}

async fn judge_seals(log: &AuditLog, found: &mut Findings) -> Result<(), audit::Error> {
    match log.seal_key_fit().await? {
        KeyFit::NothingSealed => found.ok("nothing is sealed yet"),
        KeyFit::Unsigned => found.ok("the newest seal is unsigned: any seal key can go on from it"),
        KeyFit::Known if log.is_sealed_here().await? => {
            found.ok("the seal key made the newest seal");
        }
        KeyFit::Known => found.wrong(
            "no setting, see \"Backup and restore\" in the README",
            "the record was restored into this cluster, and nothing is sealed until that is accepted",
        ),
        KeyFit::NoKey { .. } => found.wrong(SEAL_KEY, "the newest seal is signed, and there is no key"),
        KeyFit::OtherKey => found.wrong(
            SEAL_KEY,
            "another key signed the newest seals: to change keys, the old one goes in a further line",
        ),
        KeyFit::Foreign { from } => found.wrong(
            "no setting, run `modgate verify`",
            format_args!("the seal key signed the seals before seal {from}, but not those from it on"),
        ),
    }
    Ok(())
}
