//! `GET /docs/`: the API in a browser, by Swagger UI. All of it is in this binary.
//!
//! Whoever opens it pastes a moderator's token there, so the page may load, and talk to, nothing
//! but this service, and keeps the token no longer than it is open.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use actix_web::HttpResponse;
use actix_web::http::header::{self, ETag, EntityTag, IfNoneMatch};
use actix_web::web::{self, Bytes, Path};
use aws_lc_rs::digest::{SHA256, digest};
use utoipa_swagger_ui::Config;

use super::pieces::in_pieces;
use super::problem::ApiError;

/// What the page consists of. The other files of Swagger UI are for uses that this one has not.
const FILES: &[&str] = &[
    "index.html",
    "index.css",
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-initializer.js",
    "favicon-16x16.png",
    "favicon-32x32.png",
];

/// The pictures in Swagger UI's style sheet are `data:` URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'none'";

static PAGES: LazyLock<BTreeMap<&'static str, Page>> = LazyLock::new(pages);

struct Page {
    bytes: Bytes,
    content_type: String,
    /// Of its content, for the names stay the same from version to version.
    tag: EntityTag,
}

fn pages() -> BTreeMap<&'static str, Page> {
    // Relative, so that a reverse proxy may put a path before all of it.
    let config = Config::from("../openapi.json")
        .validator_url("none")
        .persist_authorization(false)
        .deep_linking(true)
        .use_base_layout();
    let config = Arc::new(config);
    let page = |name: &&'static str| {
        let file = utoipa_swagger_ui::serve(name, Arc::clone(&config)).ok()??;
        let bytes = match file.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        let tag = hex::encode(&digest(&SHA256, &bytes).as_ref()[..16]);
        let page = Page {
            bytes,
            content_type: file.content_type,
            tag: EntityTag::new_strong(tag),
        };
        Some((*name, page))
    };
    FILES.iter().filter_map(page).collect()
}

/// `GET /docs`, relative for the same reason: the files are looked for beside the page.
pub(super) async fn redirect_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "docs/"))
        .finish()
}

/// `GET /docs/{file}`
pub(super) async fn get_docs(
    known: Option<web::Header<IfNoneMatch>>,
    file: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let name = match file.as_str() {
        "" => "index.html",
        name => name,
    };
    let page = PAGES.get(name).ok_or(ApiError::NotFound)?;
    let is_known = match known.map(web::Header::into_inner) {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&page.tag)),
        None => false,
    };
    let mut answer = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        // Asked for each time, and sent only when it has changed: after an update no file of the
        // old version meets one of the new.
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header(ETag(page.tag.clone()));
    if is_known {
        return Ok(answer.finish());
    }
    Ok(answer
        .content_type(page.content_type.as_str())
        .body(in_pieces(&page.bytes)))
}
