//! A connection is occupied until the last byte of the answer is handed over.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::Occupation;

/// The body of an answer, and the connection that it keeps occupied.
#[derive(Debug)]
pub(in crate::http) struct Occupied {
    body: BoxBody,
    _occupation: Option<Occupation>,
}

impl Occupied {
    /// `body` on a connection that is occupied until it ends; or on one that nobody took note of.
    pub(in crate::http) const fn new(body: BoxBody, occupation: Option<Occupation>) -> Self {
        Self {
            body,
            _occupation: occupation,
        }
    }
}

impl MessageBody for Occupied {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.body.as_pin_mut().poll_next(context)
    }
}
