//! The tests: one binary, real HTTP, real Postgres, real processes where signals or crashes matter.
//!
//! Each test has a service of its own on free ports, a database of its own, copied from a migrated
//! template, and a simulator of its own ([`support::app::TestApp`]). [`support::process::Gateway`]
//! is the same with the real binary. Nothing is mocked: what shall fail is sabotaged.

mod actions;
mod development;
mod lists;
mod support;
