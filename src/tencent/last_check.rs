//! The last look at the clock, when the request is on the point of being written.
//!
//! Between the check of a permit and the first byte a connection may have to be made, and the
//! process may be stopped for as long as anyone likes. So the connection itself asks once more: it
//! takes the body of a request in the same step in which it writes its head, and gives both to the
//! socket only after that. A body that refuses leaves nothing to be sent.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::Request;

use crate::domain::Failure;

/// It is too late to send; no byte has left.
#[derive(Debug, thiserror::Error)]
#[error("it is too late to send")]
struct TooLate(Failure);

/// A body in one piece, as long as `check` agrees.
struct Checked<Check> {
    bytes: Option<Bytes>,
    check: Check,
}

/// Has `request`, whose body is in one piece, sent only if `check` finds no reason against it at
/// that moment.
pub(super) fn add(
    request: &mut Request,
    check: impl Fn() -> Option<Failure> + Send + Sync + Unpin + 'static,
) {
    let bytes = request.body().and_then(reqwest::Body::as_bytes);
    let bytes = bytes.map(Bytes::copy_from_slice);
    *request.body_mut() = Some(reqwest::Body::wrap(Checked { bytes, check }));
}

/// Why the last check held the request back, if that is what `error` comes from.
pub(super) fn held_back(error: &reqwest::Error) -> Option<Failure> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(TooLate(failure)) = cause.downcast_ref() {
            return Some(*failure);
        }
        source = cause.source();
    }
    None
}

impl<Check: Fn() -> Option<Failure> + Unpin> Body for Checked<Check> {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let checked = self.bytes.take().map(|bytes| {
            let against = (self.check)();
            against.map_or_else(|| Ok(Frame::data(bytes)), |failure| Err(TooLate(failure)))
        });
        Poll::Ready(checked)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, Bytes::len) as u64)
    }
}
