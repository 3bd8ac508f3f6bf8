//! What shows that the record is what the gateway wrote: the bytes of a row and their hash, keys, seals and
//! their verification, the record as a file, decisions on breaks, and what retention leaves behind.

pub mod archive;
pub(super) mod canonical;
pub mod decision;
pub(super) mod fetch;
pub(super) mod genuine;
pub(super) mod keys;
mod layout;
pub mod retain;
pub mod seal;
pub(super) mod stored;
pub(super) mod table;
pub mod verify;

pub use keys::{KeyError, PublicKeys, SealKeys};
