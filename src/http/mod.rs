//! The HTTP API: the whole route table on one screen.
//!
//! # Rules
//! - Handlers are named `<verb>_<resource>`. They take parsed domain values and answer from the
//!   use case; no handler knows SQL or Tencent.
//! - A handler that takes an `authenticated::Authenticated` cannot be reached without a valid token.
//! - Every error is a `problem::ApiError`, also those of routing, method, media type and size.
//! - 429 and 503 mean that nothing was done; what may have happened is 504.
//! - A connection on which nobody has shown a valid token is closed by its answer (`connections`).
//! - Every answer to a valid token says what is left of the limits (`quota`).

mod actions;
mod audit_read;
mod authenticated;
mod batches;
mod body;
mod brakes;
mod code;
mod connections;
mod cross_origin;
mod docs;
mod document;
mod export;
mod fields;
mod format;
mod forwarded;
mod freezes;
mod json;
mod limits;
mod me;
mod middleware;
mod openapi;
pub mod ops;
mod paths;
mod pieces;
mod probe;
mod problem;
mod problem_answer;
mod problem_body;
mod query;
mod quota;
mod refusal;
mod settings;
mod stream;
mod trace;
mod users;

use std::future::ready;
use std::sync::{Arc, OnceLock};

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource, Route};
use arc_swap::ArcSwap;
use bytes::Bytes;

pub use connections::{Accepted, Connections, Limits};
pub use cross_origin::{cross_origin, spare_other_origins};
pub use document::document;
pub use export::PageTurns;
pub use middleware::{NOT_SNIFFED, keep_occupied, observe};
pub use settings::{Front, RequestRules, TrustedProxies, WholePattern};

use crate::auth::Verifier;
use crate::batches::Batches;
use crate::domain::Kind;
use crate::limit::Readers;
use crate::moderation::Moderation;
use crate::service::Service;
use crate::stream::Feed;
use problem::ApiError;

/// What the handlers share.
#[derive(Debug)]
pub struct AppState {
    /// Checks tokens. A rotation of keys replaces it.
    pub verifier: Arc<ArcSwap<Verifier>>,
    /// The record, the limits and the counters.
    pub service: Arc<Service>,
    /// Carries actions out.
    pub moderation: Arc<Moderation>,
    /// Takes batches in, and carries them out by the above.
    pub batches: Arc<Batches>,
    /// Who reads how much.
    pub readers: Readers,
    /// Tells what changes in the record.
    pub feed: Arc<Feed>,
    /// The OpenAPI document, once somebody has asked for it.
    pub document: OnceLock<Bytes>,
    /// What requests must hold.
    pub request_rules: RequestRules,
    /// What stands between clients and modgate.
    pub front: Front,
    /// Whose turn it is to read a page of an export or a report.
    pub page_turns: PageTurns,
}

impl AppState {
    /// What the handlers share, with a feed from the record of `service`.
    pub fn new(
        verifier: Verifier,
        service: Arc<Service>,
        (moderation, batches): (Arc<Moderation>, Arc<Batches>),
        readers: Readers,
        request_rules: RequestRules,
        front: Front,
    ) -> Self {
        let feed = Feed::new(
            service.audit.clone(),
            service.tasks.clone(),
            service.runtime.clone(),
            Arc::clone(&service.metrics),
        );
        Self {
            verifier: Arc::new(ArcSwap::from_pointee(verifier)),
            service,
            moderation,
            batches,
            readers,
            feed: Arc::new(feed),
            document: OnceLock::new(),
            request_rules,
            front,
            page_turns: PageTurns::default(),
        }
    }
}

/// The routes of the API with these kinds of action. The service needs a `web::Data<AppState>`, and [`observe`] around it.
pub fn routes(config: &mut ServiceConfig, kinds: &[Kind]) {
    for kind in Kind::ALL.iter().copied() {
        let path = paths::act(kind);
        config.service(if kinds.contains(&kind) {
            post(&path)
                .app_data(web::Data::new(kind))
                .route(web::post().to(actions::create_action))
        } else {
            // It would be taken for the id of an action.
            web::resource(path).default_service(refuse(|| ApiError::NotFound))
        });
    }
    config
        .service(get(paths::ACTIONS).route(web::get().to(actions::list_actions)))
        .service(get(paths::EXPORT).route(web::get().to(export::export_actions)))
        .service(get(paths::STREAM).route(web::get().to(stream::stream_actions)))
        .service(get(paths::ACTION).route(web::get().to(actions::get_action)))
        .service(post(paths::PROBE).route(web::post().to(probe::probe_action)))
        .service(get(paths::USER).route(web::get().to(users::get_user)))
        .service(post(paths::FREEZE).route(web::post().to(brakes::create_freeze)))
        .service(post(paths::THAW).route(web::post().to(brakes::create_thaw)))
        .configure(batch_routes)
        .service(get(paths::LIMITS).route(web::get().to(limits::get_limits)))
        .service(get(paths::ME).route(web::get().to(me::get_me)))
        .service(get(paths::OPENAPI).route(web::get().to(document::get_openapi)))
        .service(get(paths::DOCS).route(web::get().to(docs::redirect_docs)))
        .service(get(paths::DOCS_FILE).route(web::get().to(docs::get_docs)))
        .default_service(refuse(|| ApiError::NotFound));
}

fn batch_routes(config: &mut ServiceConfig) {
    config
        .service(
            web::resource(paths::BATCHES)
                .default_service(refuse(|| ApiError::MethodNotAllowed { allow: "GET, POST" }))
                .route(web::get().to(batches::list_batches))
                .route(web::post().to(batches::submission::create_batch)),
        )
        .service(get(paths::BATCH).route(web::get().to(batches::get_batch)))
        .service(get(paths::BATCH_ITEMS).route(web::get().to(batches::list_batch_items)))
        .service(post(paths::APPROVE).route(web::post().to(batches::deeds::approve_batch)))
        .service(post(paths::REJECT).route(web::post().to(batches::deeds::reject_batch)))
        .service(post(paths::CANCEL).route(web::post().to(batches::deeds::cancel_batch)))
        .service(post(paths::PAUSE).route(web::post().to(batches::deeds::pause_batch)))
        .service(post(paths::RESUME).route(web::post().to(batches::deeds::resume_batch)));
}

fn get(path: &str) -> Resource {
    web::resource(path).default_service(refuse(|| ApiError::MethodNotAllowed { allow: "GET" }))
}

fn post(path: &str) -> Resource {
    web::resource(path).default_service(refuse(|| ApiError::MethodNotAllowed { allow: "POST" }))
}

fn refuse(error: fn() -> ApiError) -> Route {
    web::to(move || ready(Err::<HttpResponse, ApiError>(error())))
}
