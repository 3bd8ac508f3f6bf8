//! Which columns of each table are hashed, in the order of `format.md`. A new version of a table's rows adds
//! columns at the end.

use std::ops::RangeInclusive;

/// What is hashed of the rows of a table, and where their keys stand.
#[derive(Debug)]
pub(in crate::audit) struct Layout {
    /// What stands for it in canonical bytes and in seals.
    pub(in crate::audit) byte: u8,
    pub(in crate::audit) name: &'static str,
    /// The hashed columns of the newest version, in order.
    pub(in crate::audit) columns: &'static [&'static str],
    /// How many of them version 1 has.
    pub(in crate::audit) of_version_1: usize,
    /// Those that hold texts about people.
    pub(in crate::audit) personal: &'static [&'static str],
    /// The versions that this build knows.
    pub(in crate::audit) versions: RangeInclusive<i16>,
    pub(in crate::audit) id: &'static str,
    pub(in crate::audit) rev: Option<&'static str>,
    /// When the row was recorded. Not hashed, or one of `columns`.
    pub(in crate::audit) time: &'static str,
    /// What the sealer looks for; the others are sealed by the command that adds them.
    pub(in crate::audit) waits_for_sealer: bool,
    /// Divided into months, which retention drops.
    pub(in crate::audit) is_monthly: bool,
}

impl Layout {
    /// Whether a row says its version.
    pub(in crate::audit) fn has_row_format(&self) -> bool {
        *self.versions.end() > 1
    }

    /// Whether a row has a salt for its texts about people.
    pub(in crate::audit) const fn has_salt(&self) -> bool {
        !self.personal.is_empty()
    }

    /// Whether its time is hashed with the other columns.
    pub(in crate::audit) fn hashes_time(&self) -> bool {
        self.columns.contains(&self.time)
    }
}

pub(in crate::audit) const ACTION: Layout = Layout {
    byte: b'A',
    name: "action",
    #[rustfmt::skip]
    columns: &[
        "id", "kind", "moderator", "moderator_name", "issuer", "token_id", "client_id", "actor", "user_id", "room_id",
        "data", "reason", "case_ref", "supersedes", "batch_id", "idempotency_key", "client_ip", "peer_ip", "user_agent",
        "trace_id", "http_request_id", "instance", "version", "sdk_app_id", "tencent_host", "requested_at",
        "deadline_ms", "tencent_random", "batch_index", "parameters",
    ],
    of_version_1: 28,
    #[rustfmt::skip]
    personal: &["moderator_name", "data", "reason", "client_ip", "peer_ip", "user_agent"],
    versions: 1..=2,
    id: "id",
    rev: None,
    time: "recorded_at",
    waits_for_sealer: true,
    is_monthly: true,
};

pub(in crate::audit) const EVENT: Layout = Layout {
    byte: b'E',
    name: "event",
    #[rustfmt::skip]
    columns: &[
        "action_id", "rev", "state", "at", "decided_by", "duration_us", "attempt", "tencent_random",
        "attempt_duration_us", "http_status", "action_status", "error_code", "error_info", "tencent_request_id",
        "failure", "next_random", "details",
    ],
    of_version_1: 16,
    personal: &["error_info"],
    id: "action_id",
    rev: Some("rev"),
    ..ACTION
};

pub(in crate::audit) const PRUNE: Layout = Layout {
    byte: b'P',
    name: "prune",
    #[rustfmt::skip]
    columns: &[
        "id", "month", "actions", "events", "pruned_at", "pruned_by", "batches", "batch_items", "batch_events",
    ],
    of_version_1: 6,
    personal: &[],
    versions: 1..=2,
    id: "id",
    rev: None,
    time: "pruned_at",
    waits_for_sealer: false,
    is_monthly: false,
};

pub(in crate::audit) const DECISION: Layout = Layout {
    byte: b'O',
    name: "decision",
    #[rustfmt::skip]
    columns: &["id", "kind", "subject", "decided_at", "decided_by", "operator", "host", "reason", "details"],
    of_version_1: 9,
    versions: 1..=1,
    time: "decided_at",
    ..PRUNE
};

pub(in crate::audit) const BATCH: Layout = Layout {
    byte: b'B',
    name: "batch",
    #[rustfmt::skip]
    columns: &[
        "id", "moderator", "moderator_name", "issuer", "token_id", "client_id", "actor", "reason", "case_ref", "total",
        "digest", "targets_digest", "repeats", "needs_approval", "idempotency_key", "parameters", "client_ip",
        "peer_ip", "user_agent", "trace_id", "http_request_id", "instance", "version", "sdk_app_id", "submitted_at",
        "expires_at",
    ],
    of_version_1: 0,
    #[rustfmt::skip]
    personal: &["moderator_name", "reason", "client_ip", "peer_ip", "user_agent"],
    versions: 2..=2,
    ..ACTION
};

pub(in crate::audit) const BATCH_ITEM: Layout = Layout {
    byte: b'I',
    name: "batch_item",
    #[rustfmt::skip]
    columns: &[
        "batch_id", "batch_index", "kind", "user_id", "room_id", "data", "reason", "case_ref", "parameters",
    ],
    personal: &["data", "reason"],
    id: "batch_id",
    rev: Some("batch_index"),
    ..BATCH
};

pub(in crate::audit) const BATCH_EVENT: Layout = Layout {
    byte: b'C',
    name: "batch_event",
    #[rustfmt::skip]
    columns: &[
        "batch_id", "rev", "event", "at", "moderator", "moderator_name", "issuer", "token_id", "client_id", "actor",
        "reason", "details", "client_ip", "peer_ip", "user_agent", "trace_id", "http_request_id", "instance", "version",
    ],
    id: "batch_id",
    rev: Some("rev"),
    ..BATCH
};

pub(in crate::audit) const BRAKE: Layout = Layout {
    byte: b'K',
    name: "brake",
    #[rustfmt::skip]
    columns: &[
        "id", "brake", "kind", "issuer", "moderator", "reason", "requested_at", "by_moderator", "moderator_name",
        "by_issuer", "token_id", "client_id", "actor", "client_ip", "peer_ip", "user_agent", "trace_id",
        "http_request_id", "instance", "decided_by", "operator", "host", "version",
    ],
    is_monthly: false,
    ..BATCH
};
