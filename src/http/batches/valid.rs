//! What would become of a batch, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::json::{WarningsJson, by_word};
use crate::batches::Valid;
use crate::http::json::time;

/// What submitting a batch would make. Nothing of it is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = ValidBatch)]
pub(in crate::http) struct ValidJson<'a> {
    state: ValidState,
    total: u32,
    /// How many items are of each kind.
    kinds: BTreeMap<&'a str, u32>,
    digest: &'a str,
    approval: WouldNeedJson,
    /// If it were submitted now.
    #[schema(value_type = DateTime<Utc>)]
    expires_at: String,
    warnings: WarningsJson,
}

/// The state of a batch that was only looked at.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ValidState {
    /// It could be submitted.
    Valid,
}

/// Whether a second person would have to approve it.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchApprovalNeeded)]
struct WouldNeedJson {
    required: bool,
}

impl<'a> From<&'a Valid> for ValidJson<'a> {
    fn from(valid: &'a Valid) -> Self {
        Self {
            state: ValidState::Valid,
            total: valid.total,
            kinds: by_word(&valid.kinds),
            digest: &valid.digest,
            approval: WouldNeedJson {
                required: valid.needs_approval,
            },
            expires_at: time(valid.expires_at),
            warnings: WarningsJson::from(valid.warnings),
        }
    }
}
