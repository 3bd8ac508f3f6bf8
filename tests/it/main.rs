//! The tests: one binary, real HTTP, real Postgres, real processes where signals or crashes matter.
//!
//! Each test has a service of its own on free ports, a database of its own, copied from a migrated
//! template, and a simulator of its own ([`support::app::TestApp`]). [`support::process::Gateway`]
//! is the same with the real binary. Nothing is mocked: what shall fail is sabotaged.

#![expect(
    clippy::too_many_lines,
    clippy::disallowed_methods,
    reason = "a test tells its whole story; tests may read the environment, and run what they test"
)]

mod actions;
mod alerts;
mod alone;
mod architecture;
mod batches;
mod brakes;
mod check_live;
mod connections;
mod crash;
mod database;
mod development;
mod docs;
mod export;
mod fault_matrix;
mod front;
mod hostile;
mod idempotency;
mod identity;
mod kinds;
mod kubernetes;
mod late_answers;
mod late_end;
mod lease_lapsed;
mod lease_start;
mod lease_table;
mod limit;
mod lists;
mod openapi;
mod operations;
mod quota;
mod reads;
mod record;
mod record_away;
mod replicas;
mod restrictions;
mod seals;
mod secrets;
mod settings;
mod starts;
mod state_machine;
mod stopping;
mod stream;
mod support;
mod tokens;
mod traces;
mod under_failure;
mod unread;
mod verifier;
