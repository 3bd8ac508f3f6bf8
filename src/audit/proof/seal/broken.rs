//! How a chain of seals can be broken, and what to do about it.

use super::{Seal, SeenHead};

/// Why nothing is sealed until the owner of the record has decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A head that was seen is not in the record any more.
    #[error("seal {} was seen, and is not in the record any more: the newest is {newest}", .seen.no)]
    Gone {
        /// The newest that was seen.
        seen: SeenHead,
        /// The number of the newest that is there; 0 if there is none.
        newest: u64,
    },
    /// A seal is not one of a known key, or does not follow the one before it.
    #[error("seal {no}, {}, is not one that a known key made after the seal before it", signed_by(.key_id.as_deref()))]
    Foreign {
        /// Its number.
        no: u64,
        /// The key that it says made it.
        key_id: Option<String>,
    },
    /// Transaction ids of the seals mean nothing here.
    #[error("the record was restored into this cluster, or what its newest seal saw was altered")]
    Restored,
    /// Nothing remembers what the predecessors of this process have seen.
    #[error("MODGATE_SEAL_WITNESS_FILE is missing or empty, though the record has seals")]
    NoWitness,
    /// Heads that this process wrote are gone.
    #[error("MODGATE_SEAL_WITNESS_FILE is shorter than it was")]
    WitnessCut,
}

impl Break {
    /// From seal `no` on, up to `seal` at least.
    pub(super) fn foreign(seal: &Seal, no: u64) -> Self {
        let key_id = seal.signed.as_ref().map(|(_, key_id)| key_id.clone());
        Self::Foreign { no, key_id }
    }

    /// What to do about it.
    pub const fn way_on(&self) -> &'static str {
        match self {
            Self::Gone { .. } | Self::Restored => {
                "modgate seals --accept-break --reason …, once it is known what happened"
            }
            Self::Foreign { .. } => {
                "if keys are being changed, give this replica that key in a further line of MODGATE_SEAL_KEY, and accept no break; \
                 else find out who made the seal"
            }
            Self::NoWitness | Self::WitnessCut => {
                "modgate seals --witness-init, if the file was never there or its loss is explained"
            }
        }
    }
}

fn signed_by(key_id: Option<&str>) -> String {
    key_id.map_or_else(
        || "which is not signed".to_owned(),
        |key_id| format!("signed with key {key_id}"),
    )
}
