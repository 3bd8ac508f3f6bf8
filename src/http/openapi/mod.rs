//! What the operations of the OpenAPI document consist of: parameters, headers, problems and the schemas of words.
//! Handlers name these in their annotations; the [`document`](super::document) is put together above them.

pub(super) mod ends;
pub(super) mod headers;
pub(super) mod parameters;
pub(super) mod problems;
pub(super) mod samples;
mod words;

pub(super) use parameters::{Filters, FormatParam, LastEventId, Paging};
pub(super) use problems::{
    ExportProblems, FreezeProblems, GetProblems, LimitsProblems, ListProblems, MeProblems,
    OpenapiProblems, ProbeProblems, StreamProblems, ThawProblems,
};
