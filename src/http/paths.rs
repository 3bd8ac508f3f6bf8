//! The paths of the API, for the route table and for the document that describes it.

use uuid::Uuid;

use crate::domain::Kind;

pub(super) const ACTIONS: &str = "/v1/actions";
pub(super) const EXPORT: &str = "/v1/actions/export";
pub(super) const STREAM: &str = "/v1/actions/stream";
pub(super) const ACTION: &str = "/v1/actions/{id}";
pub(super) const PROBE: &str = "/v1/actions/{id}/probe";
pub(super) const USER: &str = "/v1/users/{user_id}";
pub(super) const FREEZE: &str = "/v1/freeze";
pub(super) const THAW: &str = "/v1/thaw";
pub(super) const BATCHES: &str = "/v1/batches";
pub(super) const BATCH: &str = "/v1/batches/{id}";
pub(super) const BATCH_ITEMS: &str = "/v1/batches/{id}/items";
pub(super) const APPROVE: &str = "/v1/batches/{id}/approve";
pub(super) const REJECT: &str = "/v1/batches/{id}/reject";
pub(super) const CANCEL: &str = "/v1/batches/{id}/cancel";
pub(super) const PAUSE: &str = "/v1/batches/{id}/pause";
pub(super) const RESUME: &str = "/v1/batches/{id}/resume";
pub(super) const LIMITS: &str = "/v1/limits";
pub(super) const ME: &str = "/v1/me";
pub(super) const OPENAPI: &str = "/openapi.json";
pub(super) const DOCS: &str = "/docs";
pub(super) const DOCS_FILE: &str = "/docs/{file:.*}";

/// Where an action of `kind` is asked for.
pub(super) fn act(kind: Kind) -> String {
    format!("{ACTIONS}/{kind}")
}

/// Where a batch is.
pub(super) fn batch(id: Uuid) -> String {
    format!("{BATCHES}/{id}")
}
