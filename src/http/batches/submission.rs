//! `POST /v1/batches`

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};

use super::json::BatchJson;
use super::query::refuse_others;
use super::valid::ValidJson;
use super::{are_there, shown, upload};
use crate::batches::{Submission, Submitted};
use crate::domain::Scope;
use crate::http::AppState;
use crate::http::authenticated::{Authenticated, origin};
use crate::http::openapi::{SubmissionParams, SubmissionProblems};
use crate::http::paths::{self, BATCHES};
use crate::http::problem::{ApiError, Limit};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// `POST /v1/batches`
#[utoipa::path(
    post,
    path = BATCHES,
    operation_id = "createBatch",
    summary = "Ask for many actions as one",
    description = "1 to 10,000 actions, or the undoing of what somebody did; 4 MiB. Everything is checked before anything is \
                   kept, and nothing is kept if anything is wrong. The items run on all replicas, below people's clicks, and \
                   end as actions do. Takes the scopes of the items besides. As CSV, a record a line below a head row with the \
                   names of the columns, in any order: `kind`, `user_id`, `room_id`, `data`, `reason`, `case_ref`, `seconds`, \
                   `forever`, `channels`, `silent`; what is said of the batch as a whole is in the query.",
    tag = "batches",
    params(SubmissionParams),
    responses(
        (status = 200, description = "With `validate_only`: it could be submitted. Nothing is kept", body = ValidJson),
        (status = 202, description = "It is recorded. It runs, or waits for its turn or to be approved", body = BatchJson),
        SubmissionProblems,
    ),
    security(("bearer" = ["batch:submit"]))
)]
pub(in crate::http) async fn create_batch(
    authenticated: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    authenticated.spend(&state)?;
    refuse_others(&request)?;
    are_there(&state)?;
    let moderator = authenticated.0;
    // Before a body of 4 MiB is read.
    if !moderator.may(Scope::BATCH_SUBMIT) {
        return Err(ApiError::Forbidden {
            scope: Scope::BATCH_SUBMIT.as_str(),
            action: None,
        });
    }
    let place = state.readers.upload(&moderator).await;
    let _place = place.map_err(|retry_after| ApiError::RateLimited {
        limit: Limit::Batches,
        retry_after,
        action: None,
    })?;
    let upload = upload::read(&request, payload, &moderator, &state.request_rules).await?;
    let submission = Submission {
        moderator,
        origin: origin(&request, &state),
        content: upload.content,
        reason: upload.reason,
        case_ref: upload.case_ref,
        expires_in: upload.expires_in,
        repeats: upload.repeats,
    };
    // The only ones that need no key.
    let Some(key) = upload.idempotency_key.filter(|_| !upload.validate_only) else {
        let valid = state.batches.validate(submission).await?;
        return Ok(HttpResponse::Ok().json(ValidJson::from(&valid)));
    };
    Ok(accepted(&state.batches.submit((submission, key)).await?))
}

fn accepted(Submitted { seen, replayed }: &Submitted) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    response.insert_header((header::LOCATION, paths::batch(seen.batch.id)));
    if *replayed {
        response.insert_header((REPLAYED, "true"));
    }
    shown(response, seen)
}
