//! Large answers that are the same for everybody, and that anybody can ask for.

use std::convert::Infallible;

use actix_web::body::{BoxBody, MessageBody, SizedStream};
use bytes::Bytes;
use futures_util::stream;

/// In bytes: what a connection whose client does not read holds, beside the server's own buffer.
const PIECE: usize = 16 * 1024;

/// `whole` as a body that is copied piece by piece, as the client takes it. As one it would be copied
/// for each connection at once, whether its client reads or not.
pub(super) fn in_pieces(whole: &Bytes) -> BoxBody {
    let (length, rest) = (whole.len() as u64, whole.clone());
    let pieces = stream::unfold(rest, |mut rest| async move {
        let piece = rest.split_to(PIECE.min(rest.len()));
        (!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), rest))
    });
    SizedStream::new(length, Box::pin(pieces)).boxed()
}
