//! A stand-in for Tencent Chat's REST API, over real HTTP.
//!
//! It knows accounts, rooms and seats, who is muted or banned until when, verifies the `UserSig`, counts the calls of every sliding
//! second, answers 60007 past the limit, and does wrong what it is told to do wrong. It shares no
//! type with the client it is to test, so that a wrong name cannot agree with itself.
//!
//! # Life of a call
//!
//! Latency `before` and any stall, **arrival** (counted, recorded, fault chosen), front door (path,
//! method, limit, URL, body, `UserSig`, administrator), command, latency `after` and any stall,
//! answer. A call whose client has gone lives on: what was sent arrives. The HTTP status is 200
//! unless a fault says otherwise.
//!
//! # Control port
//!
//! JSON; 204 when done, 400 with `{"error": "…"}` when not understood.
//!
//! | method and path | what |
//! |---|---|
//! | `GET /healthz` | 200 |
//! | `GET /calls?after=0&limit=1000` | the calls remembered with a higher sequence number, oldest first; of the `UserSig` only its length |
//! | `DELETE /calls` | forgets calls and windows |
//! | `GET /windows` | for each API all calls, and the most in any second |
//! | `POST /faults`, `DELETE /faults` | adds a fault; drops all |
//! | `PUT /latency` | `{"before_ms": [5, 20], "after_ms": [5, 20]}`; what is absent is zero |
//! | `POST /stall` | `{"milliseconds": 3000}` |
//! | `PUT`, `DELETE /accounts/{user}` | the account exists; does not |
//! | `PUT`, `DELETE /rooms/{room}` | the room exists; does not |
//! | `PUT`, `DELETE /rooms/{room}/seats/{user}` | the user is on a seat, until kicked; is not |
//!
//! A fault has a `kind` with its own members, and may have: `times`, a number (1 if absent) or
//! `"forever"`; `api`, one of those that `GET /windows` names; `target`, the user that it is about; `moment`, `before_effect` (the kick is not carried out) or
//! `after_effect` (it is). Faults that lose or spoil the right answer strike after the effect
//! unless told otherwise, those that replace it before.
//!
//! ```sh
//! fault() { curl --fail-with-body -X POST http://127.0.0.1:7001/faults -d "$1"; }
//!
//! fault '{"kind": "error_code", "code": 70169, "times": 3, "api": "kick_login", "target": "user2"}'
//! fault '{"kind": "error_code", "code": 70003, "info": "bad ticket {usersig} or {usersig_encoded}"}'
//! fault '{"kind": "http_status", "status": 502, "body": "<h1>Bad Gateway</h1>", "content_type": "text/html"}'
//! fault '{"kind": "redirect", "location": "http://127.0.0.1:9/"}'
//! fault '{"kind": "delay", "milliseconds": 3000, "times": "forever"}'
//! fault '{"kind": "never", "moment": "before_effect"}'
//! fault '{"kind": "cut", "reset": true}'
//! fault '{"kind": "truncate"}'
//! fault '{"kind": "garbage"}'
//! fault '{"kind": "big_body"}'
//! fault '{"kind": "drip"}'
//! fault '{"kind": "ok_with_fail"}'
//! fault '{"kind": "no_action_status"}'
//! fault '{"kind": "raw", "body": "{\"ErrorCode\": \"zero\"}"}'
//! curl -X DELETE http://127.0.0.1:7001/faults
//! ```

mod answer;
mod arrivals;
mod backend;
mod commands;
mod control;
mod exchange;
mod fault;
mod fault_form;
mod front_door;
mod lifecycle;
mod message;
mod network;
mod record;
mod restrictions;
mod server;
mod settings;
mod spoil;
#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "a test tells its whole story")]
mod tests;
mod usersig;
mod world;

pub use self::{
    commands::Api,
    fault::{Fault, FaultKind, Moment},
    lifecycle::{Error, Simulator},
    network::Latency,
    record::{Call, Effect},
    restrictions::Restriction,
    settings::{KickField, Lockout, Settings},
};
