//! The OpenAPI document: what it says is what the service does, and the other way round.

mod batch_problems;
mod batches;
mod brakes;
mod document;
mod probes;
mod problems;
mod schema;
mod shutting_down;
mod too_many_reads;
mod too_often;
mod walk;
