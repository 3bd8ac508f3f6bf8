//! The control port; documented in [`super`].

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    time::{Duration, UNIX_EPOCH},
};

use actix_web::{
    HttpResponse, Responder,
    web::{self, Bytes, Data, Path, Query},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{backend::Backend, commands::Api, fault_form, network::Latency, record::Call};

/// The routes of the control port.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(HttpResponse::Ok))
        .route("/calls", web::get().to(list_calls))
        .route("/calls", web::delete().to(forget_calls))
        .route("/windows", web::get().to(list_windows))
        .route("/faults", web::post().to(add_fault))
        .route("/faults", web::delete().to(clear_faults))
        .route("/latency", web::put().to(set_latency))
        .route("/stall", web::post().to(stall))
        .route(
            "/accounts/{user}",
            web::put().to(async |backend, user| declare_account(&backend, &user, true)),
        )
        .route(
            "/accounts/{user}",
            web::delete().to(async |backend, user| declare_account(&backend, &user, false)),
        )
        .route(
            "/rooms/{room}",
            web::put().to(async |backend, room| declare_room(&backend, &room, true)),
        )
        .route(
            "/rooms/{room}",
            web::delete().to(async |backend, room| declare_room(&backend, &room, false)),
        )
        .route(
            "/rooms/{room}/seats/{user}",
            web::put().to(async |backend, seat| declare_seat(&backend, &seat, true)),
        )
        .route(
            "/rooms/{room}/seats/{user}",
            web::delete().to(async |backend, seat| declare_seat(&backend, &seat, false)),
        );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: u64,
    #[serde(default = "default_page")]
    limit: usize,
}

fn default_page() -> usize {
    1000
}

async fn list_calls(backend: Data<Backend>, page: Query<Page>) -> impl Responder {
    let calls: Vec<Value> = {
        let held = backend.held();
        held.record
            .iter()
            .filter(|call| call.sequence > page.after)
            .take(page.limit)
            .map(show)
            .collect()
    };
    HttpResponse::Ok().json(json!({ "calls": calls }))
}

/// A call without its `UserSig`.
fn show(call: &Call) -> Value {
    let shown = |(name, value): &(String, String)| {
        let value = if name == "usersig" {
            format!("({} characters)", value.len())
        } else {
            value.clone()
        };
        json!([name, value])
    };
    let arrived_at = call
        .arrived_at
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    json!({
        "sequence": call.sequence,
        "arrived_at": arrived_at.as_secs_f64(),
        "method": call.method,
        "path": call.path,
        "query": call.query.iter().map(shown).collect::<Vec<_>>(),
        "headers": call.headers,
        "body": call.body,
        "api": call.api,
        "random": call.random,
        "user_id": call.user_id,
        "room_id": call.room_id,
        "error_code": call.error_code,
        "fault": call.fault,
        "took_effect": call.took_effect,
    })
}

async fn forget_calls(backend: Data<Backend>) -> impl Responder {
    backend.held().forget_calls();
    HttpResponse::NoContent()
}

async fn list_windows(backend: Data<Backend>) -> impl Responder {
    let mut held = backend.held();
    let windows: BTreeMap<String, Value> = Api::ALL
        .into_iter()
        .filter_map(|api| {
            let arrivals = held.arrivals(api);
            let counts =
                json!({"calls": arrivals.total(), "largest_second": arrivals.largest_second()});
            Some((json!(api).as_str()?.to_owned(), counts))
        })
        .collect();
    HttpResponse::Ok().json(windows)
}

async fn add_fault(backend: Data<Backend>, body: Bytes) -> HttpResponse {
    match fault_form::parse(&body) {
        Ok(fault) => {
            backend.held().script.add(fault);
            HttpResponse::NoContent().finish()
        }
        Err(error) => bad_request(&error),
    }
}

async fn clear_faults(backend: Data<Backend>) -> impl Responder {
    backend.held().script.clear();
    HttpResponse::NoContent()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyForm {
    #[serde(default)]
    before_ms: [u64; 2],
    #[serde(default)]
    after_ms: [u64; 2],
}

async fn set_latency(backend: Data<Backend>, body: Bytes) -> HttpResponse {
    apply(&body, |form: LatencyForm| {
        backend.network.set_latency(Latency {
            before: range(form.before_ms),
            after: range(form.after_ms),
        });
    })
}

fn range([shortest, longest]: [u64; 2]) -> RangeInclusive<Duration> {
    Duration::from_millis(shortest)..=Duration::from_millis(longest)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StallForm {
    milliseconds: u32,
}

async fn stall(backend: Data<Backend>, body: Bytes) -> HttpResponse {
    apply(&body, |form: StallForm| {
        backend
            .network
            .stall(Duration::from_millis(form.milliseconds.into()));
    })
}

fn apply<Form: DeserializeOwned>(body: &[u8], change: impl FnOnce(Form)) -> HttpResponse {
    match serde_json::from_slice(body) {
        Ok(form) => {
            change(form);
            HttpResponse::NoContent().finish()
        }
        Err(error) => bad_request(&error),
    }
}

fn bad_request(error: &serde_json::Error) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({ "error": error.to_string() }))
}

fn declare_account(backend: &Data<Backend>, user: &Path<String>, exists: bool) -> HttpResponse {
    backend.held().world.declare_account(user, exists);
    HttpResponse::NoContent().finish()
}

fn declare_room(backend: &Data<Backend>, room: &Path<String>, exists: bool) -> HttpResponse {
    backend.held().world.declare_room(room, exists);
    HttpResponse::NoContent().finish()
}

type Seat = Path<(String, String)>;

fn declare_seat(backend: &Data<Backend>, seat: &Seat, taken: bool) -> HttpResponse {
    backend.held().world.declare_seat(&seat.0, &seat.1, taken);
    HttpResponse::NoContent().finish()
}
