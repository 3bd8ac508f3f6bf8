//! What every part of one process shares: the record, the limits, Tencent and the counters, and the work that
//! must end before the process may. It carries nothing out; the use case is [`moderation`](crate::moderation).

mod reading;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::AuditLog;
use crate::limit::Limiter;
use crate::metrics::{self, Metrics};
use crate::tencent;
pub use reading::{ReadError, bounded};

/// What the parts of one process share.
#[derive(Debug)]
pub struct Service {
    /// The limits.
    pub limiter: Arc<Limiter>,
    /// The record.
    pub audit: AuditLog,
    /// Tencent.
    pub tencent: Arc<tencent::Client>,
    /// What is counted.
    pub metrics: metrics::Shared,
    /// The tasks that must end before the process may.
    pub tasks: TaskTracker,
    /// The main runtime: a worker of the HTTP server has one of its own that ends with it.
    pub runtime: Handle,
    /// Set when the service should get no new requests, though it still answers them.
    pub draining: CancellationToken,
    /// Set when the service is closing: nothing new is begun.
    pub closing: CancellationToken,
}

impl Service {
    /// Of the process on whose main runtime this is called.
    pub fn new(audit: AuditLog, limiter: Limiter, tencent: tencent::Client) -> Self {
        Self {
            limiter: Arc::new(limiter),
            audit,
            tencent: Arc::new(tencent),
            metrics: Arc::new(Metrics::new()),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
        }
    }
}
