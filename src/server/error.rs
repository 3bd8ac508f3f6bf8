//! Why the service does not run.

use std::io;
use std::net::SocketAddr;

use crate::{auth, db, tencent};

/// The service could not start, or its sockets failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("{variable}: cannot listen on {address}")]
    Bind {
        /// The setting that names it.
        variable: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("{variable}")]
    Database {
        /// The variable that leads to it.
        variable: &'static str,
        /// Why.
        #[source]
        source: db::Error,
    },
    /// The Tencent settings cannot be used.
    #[error("the Tencent settings cannot be used")]
    Tencent(#[from] tencent::Error),
    /// The seals were made with other keys: what this process records would pass for forged.
    #[error("MODGATE_SEAL_KEY: {0}")]
    SealKey(&'static str),
    /// The token settings cannot be used.
    #[error("the token settings cannot be used")]
    Auth(#[from] auth::Error),
    /// How many files may be open cannot be found out.
    #[error("the limit of open files cannot be read")]
    OpenFiles(#[source] io::Error),
    /// A server task failed.
    #[error("the HTTP server failed")]
    Serve(#[source] io::Error),
}
