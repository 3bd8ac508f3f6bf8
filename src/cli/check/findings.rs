//! What the checks find.

use std::fmt::Display;
use std::time::Duration;

/// The longest that one check may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What one check has found so far.
#[derive(Debug)]
pub(super) struct Findings {
    /// What is checked, in front of each line.
    pub(super) subject: &'static str,
    pub(super) lines: Vec<String>,
    pub(super) faults: usize,
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
