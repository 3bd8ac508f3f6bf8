//! What the settings lead to, tried for real: all of it at once, and each for a bounded time.

use tokio::time::timeout;

use super::findings::{Findings, PATIENCE};
use super::{Failed, migration, output, ports, record, tencent, token_keys};
use crate::config::{self, Settings};
use crate::telemetry::{causes, check_traces};

/// Prints what each check finds; fails if anything is wrong.
pub(super) async fn try_all(settings: &Settings) -> Result<(), Failed> {
    let owner = config::owner_variable(&settings.environment);
    let found = tokio::join!(
        check("ports", config::LISTEN.name, async |found| {
            ports::check(settings, found).await;
        }),
        check("Tencent", "MODGATE_TENCENT_URL", async |found| {
            tencent::check(settings, found).await;
        }),
        check("migration", owner.name, async |found| {
            migration::check(settings, found).await;
        }),
        check("database", config::SERVICE_URL.name, async |found| {
            record::check(settings, found).await;
        }),
        check("token keys", "MODGATE_JWT_JWKS_URL", async |found| {
            token_keys::check(settings, found).await;
        }),
        check("traces", "OTEL_EXPORTER_OTLP_ENDPOINT", async |found| {
            try_traces(settings, found);
        }),
    );
    let mut faults = 0;
    for found in <[Findings; 6]>::from(found) {
        for line in found.lines {
            output::line(line)?;
        }
        faults += found.faults;
    }
    match faults {
        0 => Ok(()),
        1 => Err(Failed("one thing is wrong".to_owned())),
        _ => Err(Failed(format!("{faults} things are wrong"))),
    }
}

/// The collector may be away, as any time: it is not asked.
fn try_traces(settings: &Settings, found: &mut Findings) {
    let Some(traces) = &settings.log.traces else {
        return;
    };
    match check_traces(traces) {
        Ok(()) => found.ok("spans can be sent"),
        Err(error) => found.wrong("OTEL_EXPORTER_OTLP_ENDPOINT", causes(&error)),
    }
}

/// Lets a check note what it finds; `setting` is named if it does not come to its end.
async fn check(
    subject: &'static str,
    setting: &'static str,
    find: impl AsyncFnOnce(&mut Findings),
) -> Findings {
    let mut found = Findings {
        subject,
        lines: Vec::new(),
        faults: 0,
    };
    if timeout(PATIENCE, find(&mut found)).await.is_err() {
        found.wrong(
            setting,
            format_args!("no answer within {} s", PATIENCE.as_secs()),
        );
    }
    found
}
