//! modgate stands between moderation dashboards and Tencent Chat (IM).
//!
//! A moderator's dashboard calls modgate over HTTP with a JWT. modgate checks the moderator, stays
//! under Tencent's limit of calls per second and API, calls Tencent with a credential that only the
//! server holds, and records who did what to whom, with Tencent's own `RequestId`, in Postgres.
//!
//! # Five promises
//! 1. **No action without a record.** Nothing is sent before its intent is committed ([`audit`]).
//! 2. **Never over the limit.** At most N calls per API in any one-second window at Tencent's
//!    door, from all replicas together ([`limit`], with the proof).
//! 3. **The credential never leaves.** No `UserSig` or key in a log, error, metric, row or answer
//!    ([`tencent`], [`telemetry`]).
//! 4. **The record cannot be changed unseen.** It is append-only, and every row is sealed
//!    ([`audit`], [`audit::seal`], `migrations/`).
//! 5. **The moderator gets the truth.** Succeeded, refused, not sent and unknown are never confused
//!    ([`domain::Verdict`], [`http`]).
//!
//! # Bird's-eye view
//! ```text
//!  dashboard ──HTTP + JWT──▶ http ──▶ moderation ──▶ limit ──▶ audit.begin ──▶ tencent ──▶ Tencent
//!                             │auth                                 │                         │
//!                             ◀──────── answer ◀── audit.finish ◀───┼──── attempt, verdict ◀──┘
//!                                                     │             │
//!                                      Postgres: audit.action, audit.event ──sealer──▶ audit.seal
//! ```
//!
//! # Life of an action
//! 1. [`http`] authenticates the caller ([`auth`]), counts the request against the moderator's own
//!    limit, and turns the body into domain values ([`domain`]); every fault is reported at once.
//! 2. [`moderation`] authorises. A denied action is recorded as `denied` and goes no further.
//!    A repeat with the same `Idempotency-Key` is told what became of the first; an API of Tencent's
//!    that is suspended is left alone.
//! 3. [`limit`] queues it, round robin over the moderators, and hands out a turn: a permit set aside,
//!    of those that this replica holds by its lease. So far, a client that goes away takes its
//!    request along.
//! 4. From here on a task of its own on the main runtime does the work, and nothing but the end of
//!    the process stops it. [`audit::AuditLog::begin`] commits the intent and yields a
//!    [`audit::SendToken`].
//!    A freeze that covers it keeps it from beginning, at every replica ([`audit`], `brakes`).
//! 5. [`tencent::Client::send`] consumes the token and the permit, makes one HTTP request, looking at
//!    deadline and lease a last time as it writes it, and says what the answer proves. What is worth
//!    repeating is announced in the record, gets another token and another permit, and is tried
//!    again. What all attempts prove together counts: one rule, whatever way and in whatever order
//!    their answers come (`moderation::run::evidence`).
//! 6. [`audit::AuditLog::finish`] appends the end; the moderator is answered. If the record does not
//!    take the end, the answer still tells the truth, with `"recorded": false`, and the end is
//!    offered again for ten minutes. A call that timed out is listened to for a while, also while
//!    it is repeated: its late answer is weighed with the others, and spares a repeat that is not
//!    under way yet.
//! 7. Where the outcome is unknown and Tencent can be asked what is in force, it is asked once, six
//!    seconds later. What that shows is recorded, and where it is proof, the action has succeeded
//!    (`moderation::probe`). At Tencent the last word holds: so before an action that restricts or
//!    lifts begins, what is in force on its target is looked at, and beginning it fails if another has
//!    begun there since (`moderation::admit`).
//! 8. If the process dies in between, recovery of any replica ends the action as `unknown`, once its
//!    own deadline and five seconds have passed by the database's clock.
//! 9. Within a second or two the sealer, one at a time of all replicas, lists each row in a seal
//!    ([`audit::seal`]); [`stream`] tells each state to those who listen. Where the chain of seals is not
//!    the one that a replica has seen, it seals nothing until the record's owner has decided
//!    ([`audit::decision`]).
//!
//! # Module map
//! | module | what | knows |
//! |---|---|---|
//! | [`domain`] | moderators, actions, attempts, ends: pure values | nothing of ours |
//! | [`kinds`] | the table of kinds of action, and of Tencent's APIs: a new kind begins here | domain |
//! | [`moderation`] | the use case, and the only place with its order | limit, audit, tencent |
//! | [`batches`] | many actions as one: taken in, approved, run behind people, shown | moderation, audit |
//! | [`service`], `upkeep` | what the parts of a process share; recovery, seals and months beside the requests | audit, limit, tencent |
//! | [`stream`] | tells all who listen what changes in the record | audit |
//! | [`auth`] | from a bearer token to a moderator; the identity provider's keys | JWT, reqwest |
//! | [`limit`] | moderators' limits (on acting and on reading), queue, pacing, permits, and their leases | time, SQL for leases |
//! | [`audit`] | the record: begin, finish, recover, read; seal, verify, decide, export, retain | SQL |
//! | [`db`] | pools and migrations | SQL |
//! | `members` | JSON objects in which no name is there twice | serde |
//! | [`tencent`] | one call, and what its answer means; the `UserSig` | Tencent, reqwest |
//! | [`http`] | routes, parsing, problems, the OpenAPI document; the operations port | actix-web |
//! | [`server`], `rotation` | bind, run, stop in order; secrets that change | everything above |
//! | [`config`] | settings from the environment, all faults at once | the environment |
//! | [`cli`] | the commands | |
//! | [`telemetry`], [`metrics`] | log lines and traces; what Prometheus scrapes | |
//! | [`simulator`] | a stand-in for Tencent, for tests and development | nothing of ours |
//! | [`dev`] | a Postgres for tests and development | nothing of ours |
//!
//! # Invariants
//! - Only [`moderation`] calls [`tencent::Client::send`]; without a [`audit::SendToken`] and a
//!   [`limit::Permit`] it does not compile. [`tencent::Client::check`], for `modgate check --live`,
//!   asks a question of another API, and [`tencent::Client::ask`], for probes, does nothing to anyone;
//!   it takes a permit of its own API.
//! - No transaction is open while Tencent is called.
//! - Nothing in schema `audit` is ever updated or deleted; what changes lives in schema `modgate`.
//! - The service needs no right to rewrite schema `audit`, and has none with `deploy/roles.sql`.
//! - What begins an action, or announces its repeat, asks in the same statement whether there is a freeze or a thaw that
//!   this process has not judged.
//! - A lock that keeps others away takes a right that those who only read do not have: none is an
//!   advisory lock, which anybody may hold.
//! - Begin, finish and recovery have a connection pool of their own, and so have the leases and the
//!   sealer. No writer waits for the sealer, nor the sealer for a transaction of somebody else.
//! - No error that leaves [`tencent`] holds a URL.
//! - [`simulator`] shares no type with [`tencent`]: a wrong name would agree with itself.
//! - Only [`http`], [`server`] and [`simulator`] know actix-web; only [`audit`], [`db`] and
//!   the leases of [`limit`] know sqlx; only [`tencent`] and [`auth::Jwks`] know reqwest, only
//!   [`http`] utoipa and only [`telemetry`] OpenTelemetry; only [`config`] reads the environment. A
//!   test checks it.

pub mod audit;
pub mod auth;
pub mod batches;
pub mod cli;
pub mod config;
pub mod db;
pub mod dev;
pub mod domain;
pub mod http;
pub mod kinds;
pub mod limit;
mod members;
pub mod metrics;
pub mod moderation;
mod rotation;
pub mod server;
pub mod service;
pub mod simulator;
pub mod stream;
pub mod telemetry;
pub mod tencent;
mod upkeep;
