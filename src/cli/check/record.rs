//! Whether the database can be used, and the record in it.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};

use super::findings::Findings;
use crate::audit::seal::{Break, KeyFit};
use crate::audit::{self, AuditLog};
use crate::config::{self, Settings};
use crate::db;
use crate::telemetry::causes;

pub(super) const URL: &str = config::SERVICE_URL.name;
const SEAL_KEY: &str = "MODGATE_SEAL_KEY";
const WITNESS: &str = "MODGATE_SEAL_WITNESS_FILE";

/// What is older lacks functions that the migrations use.
const OLDEST_VERSION: i32 = 150_000;

/// The record takes no action whose time the two clocks place 60 s apart.
const MOST_APART: TimeDelta = TimeDelta::seconds(30);

pub(super) async fn check(settings: &Settings, found: &mut Findings) {
    let inspection = match db::inspect(&settings.database.url).await {
        Ok(inspection) => inspection,
        Err(error) => return found.wrong(URL, causes(&error)),
    };
    judge_server(&inspection, found);
    match (inspection.pending, &settings.migrate) {
        (0, _) => {}
        (pending, None) => return found.wrong(URL, db::Error::Pending(pending)),
        // Whether `serve` can apply them is another question: `migration`.
        (_, Some(_)) => return,
    }
    found.ok("it has this build's schema");
    if !inspection.missing.is_empty() {
        return found.wrong(URL, db::Error::Rights(inspection.missing));
    }
    found.ok("the role may do what the service does");
    let pools = match db::open(&settings.database) {
        Ok(pools) => pools,
        Err(error) => return found.wrong(URL, causes(&error)),
    };
    let deployment = config::deployment(settings);
    let log = AuditLog::new(&pools, deployment, Arc::clone(&settings.seal_keys))
        .with_witness(settings.seal_witness.clone());
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
    if inspection.is_standby {
        found.wrong(
            URL,
            "the server follows another one, and takes no writes: name the primary",
        );
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
        KeyFit::Known => found.ok("the seal key made the newest seal"),
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
    match log.check_chain().await {
        Ok(()) => found.ok("the chain of seals is the one that was seen before"),
        Err(audit::Error::Broken(broken)) => judge_break(&broken, found),
        // Told above.
        Err(audit::Error::NoSealKey | audit::Error::OtherSealKey) => {}
        Err(error @ audit::Error::Newer(_)) => {
            found.wrong("no setting, upgrade this replica", causes(&error));
        }
        Err(audit::Error::Witness(error)) => found.wrong(WITNESS, causes(&error)),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// `serve` runs with it, and seals nothing.
fn judge_break(broken: &Break, found: &mut Findings) {
    let setting = match broken {
        Break::NoWitness | Break::WitnessCut => WITNESS,
        Break::Restored => "no setting, see \"Backup and restore\" in the README",
        // Told above.
        Break::Foreign { .. } => return,
        Break::Gone { .. } => "no setting, see \"When the chain is broken\" in the README",
    };
    let way_on = broken.way_on();
    found.wrong(
        setting,
        format_args!("nothing will be sealed: {broken}: {way_on}"),
    );
}
