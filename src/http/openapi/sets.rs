//! The problems that each operation can answer with.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use super::batch_samples::OfBatch;
use super::problems::responses;
use super::samples::Of;
use crate::http::code::Code;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident$(($of:expr))?: $($code:ident)+;)+) => {$(
        $(#[$doc])*
        pub(in crate::http) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let of = [$($of,)? Of::Read][0];
                responses(&[$(Code::$code),+], of)
            }
        }
    )+};
}

problems! {
    /// Of the list.
    ListProblems:
        InvalidRequest Unauthenticated MethodNotAllowed RateLimited Internal AuditUnavailable KeysUnavailable;
    /// Of one action.
    GetProblems:
        InvalidRequest Unauthenticated NotFound MethodNotAllowed RateLimited Internal AuditUnavailable
        KeysUnavailable;
    /// Of a probe.
    ProbeProblems:
        InvalidRequest Unauthenticated NotFound MethodNotAllowed ProbeNotPossible RateLimited Internal
        TencentRejectedGateway TencentUnavailable AuditUnavailable KeysUnavailable ShuttingDown;
    /// Of the export.
    ExportProblems:
        InvalidRequest Unauthenticated Forbidden MethodNotAllowed RateLimited Internal AuditUnavailable
        KeysUnavailable;
    /// Of the stream.
    StreamProblems:
        InvalidRequest Unauthenticated MethodNotAllowed RateLimited AuditUnavailable KeysUnavailable ShuttingDown;
    /// Of a freeze.
    FreezeProblems(Of::Brake):
        InvalidRequest Unauthenticated Forbidden NotFound MethodNotAllowed PayloadTooLarge UnsupportedMediaType
        RateLimited AuditUnavailable KeysUnavailable OutcomeUnknown;
    /// Of a thaw.
    ThawProblems(Of::Brake):
        InvalidRequest Unauthenticated Forbidden NotFound MethodNotAllowed PayloadTooLarge UnsupportedMediaType
        RateLimited Frozen AuditUnavailable KeysUnavailable OutcomeUnknown;
    /// Of the limits.
    LimitsProblems: InvalidRequest Unauthenticated MethodNotAllowed AuditUnavailable KeysUnavailable;
    /// Of what the moderator may do.
    MeProblems: InvalidRequest Unauthenticated MethodNotAllowed KeysUnavailable;
    /// Of the document.
    OpenapiProblems: InvalidRequest MethodNotAllowed;
    /// Of the submission of a batch.
    SubmissionProblems(Of::Batch(OfBatch::Submission)):
        InvalidRequest Unauthenticated Forbidden ProtectedTarget NotFound MethodNotAllowed DuplicateBatch
        PayloadTooLarge UnsupportedMediaType IdempotencyMismatch RateLimited Internal Frozen AuditUnavailable
        KeysUnavailable OutcomeUnknown;
    /// Of the list of batches.
    BatchListProblems(Of::Batch(OfBatch::List)):
        InvalidRequest Unauthenticated NotFound MethodNotAllowed RateLimited AuditUnavailable
        KeysUnavailable;
    /// Of one batch.
    BatchProblems: InvalidRequest Unauthenticated NotFound MethodNotAllowed RateLimited AuditUnavailable KeysUnavailable;
    /// Of the approval of a batch.
    ApprovalProblems(Of::Batch(OfBatch::Judgement)):
        InvalidRequest Unauthenticated Forbidden NotFound MethodNotAllowed BatchState PreconditionFailed
        PayloadTooLarge UnsupportedMediaType PreconditionRequired RateLimited Frozen AuditUnavailable
        KeysUnavailable OutcomeUnknown;
    /// Of its rejection.
    RejectionProblems(Of::Batch(OfBatch::Judgement)):
        InvalidRequest Unauthenticated Forbidden NotFound MethodNotAllowed BatchState PreconditionFailed
        PayloadTooLarge UnsupportedMediaType PreconditionRequired RateLimited AuditUnavailable
        KeysUnavailable OutcomeUnknown;
    /// Of what stops a batch.
    StopProblems(Of::Batch(OfBatch::Stop)):
        InvalidRequest Unauthenticated Forbidden NotFound MethodNotAllowed BatchState PayloadTooLarge
        UnsupportedMediaType RateLimited AuditUnavailable KeysUnavailable OutcomeUnknown;
    /// Of what lets it go on.
    ResumptionProblems(Of::Batch(OfBatch::Resumption)):
        InvalidRequest Unauthenticated Forbidden NotFound MethodNotAllowed BatchState PayloadTooLarge
        UnsupportedMediaType RateLimited Frozen AuditUnavailable KeysUnavailable
        OutcomeUnknown;
}
