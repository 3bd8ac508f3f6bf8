//! What the settings lead to, tried for real: all of it at once, and each for a bounded time.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::timeout;

use super::{Failed, migration, ports, record, tencent, token_keys};
use crate::config::{self, Settings};
use crate::telemetry::{causes, check_traces};

/// The longest that one probe may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What one probe has found so far.
#[derive(Debug)]
pub(super) struct Findings {
    /// What is probed, in front of each line.
    subject: &'static str,
    lines: Vec<String>,
    faults: usize,
}

impl Findings {
    /// Notes what is as it should be.
    pub(super) fn ok(&mut self, what: impl Display) {
        self.lines.push(format!("ok: {}: {what}", self.subject));
    }

    /// Notes what is no fault here, and would be one elsewhere.
    pub(super) fn warning(&mut self, setting: &str, what: impl Display) {
        let line = format!("warning: {}: {setting}: {what}", self.subject);
        self.lines.push(line);
    }

    /// Notes what is wrong with what `setting` says, or leads to.
    pub(super) fn wrong(&mut self, setting: &str, what: impl Display) {
        let line = format!("wrong: {}: {setting}: {what}", self.subject);
        self.lines.push(line);
        self.faults += 1;
    }
}

/// Prints what each probe finds; fails if anything is wrong.
pub(super) async fn try_all(settings: &Settings) -> Result<(), Failed> {
    let owner = config::owner_variable(&settings.environment);
    let found = tokio::join!(
        probe("ports", "MODGATE_LISTEN", async |found| {
            ports::probe(settings, found).await;
        }),
        probe("Tencent", "MODGATE_TENCENT_URL", async |found| {
            tencent::probe(settings, found).await;
        }),
        probe("migration", owner, async |found| {
            migration::probe(settings, found).await;
        }),
        probe("database", "MODGATE_DATABASE_URL", async |found| {
            record::probe(settings, found).await;
        }),
        probe("token keys", "MODGATE_JWT_JWKS_URL", async |found| {
            token_keys::probe(settings, found).await;
        }),
        probe("traces", "OTEL_EXPORTER_OTLP_ENDPOINT", async |found| {
            try_traces(settings, found);
        }),
    );
    let mut faults = 0;
    for found in <[Findings; 6]>::from(found) {
        for line in found.lines {
            println!("{line}");
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

/// Lets a probe note what it finds; `setting` is named if it does not come to its end.
async fn probe(
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
