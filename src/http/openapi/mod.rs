//! What the operations of the OpenAPI document consist of: parameters, headers, problems and the schemas of words.
//! Handlers name these in their annotations; the [`document`](super::document) is put together above them.

mod batch_parameters;
mod batch_samples;
pub(super) mod batches;
pub(super) mod ends;
pub(super) mod headers;
pub(super) mod parameters;
pub(super) mod problems;
pub(super) mod samples;
mod sets;
mod words;

pub(super) use batch_parameters::{
    BatchFilters, BatchFormat, BatchPaging, IfMatch, ItemFilters, ItemPaging, SubmissionParams,
};
pub(super) use parameters::{Filters, FormatParam, LastEventId, Paging};
pub(super) use sets::{
    ApprovalProblems, BatchListProblems, BatchProblems, ExportProblems, FreezeProblems,
    GetProblems, LimitsProblems, ListProblems, MeProblems, OpenapiProblems, ProbeProblems,
    RejectionProblems, ResumptionProblems, StopProblems, StreamProblems, SubmissionProblems,
    ThawProblems,
};
