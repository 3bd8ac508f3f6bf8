//! What the operator is told where calls are suspended.

use crate::domain::SuspendedFor;

/// What the operator should do.
pub(super) const fn advice(reason: SuspendedFor) -> &'static str {
    match reason {
        SuspendedFor::Unavailable => {
            "see Tencent's status page, MODGATE_TENCENT_URL and the way out of this network"
        }
        SuspendedFor::Credential => {
            "check MODGATE_TENCENT_SECRET_KEY, MODGATE_TENCENT_ADMIN and MODGATE_TENCENT_SDK_APP_ID"
        }
        SuspendedFor::LockedOut => {
            "too many signatures were wrong, here or elsewhere: nothing is sent for a minute"
        }
    }
}
