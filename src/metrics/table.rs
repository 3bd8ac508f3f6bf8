//! Registers each metric where it is made.

use prometheus_client::registry::{Metric, Registry, Unit};

/// The metrics that were made so far. Each is returned, for whoever updates it.
#[derive(Debug)]
pub(super) struct Table(Registry);

impl Table {
    /// An empty one; `prefix` is in front of every name.
    pub(super) fn new(prefix: &str) -> Self {
        Self(Registry::with_prefix(prefix))
    }

    /// Adds a metric without a unit, at zero.
    pub(super) fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    /// Adds a metric in seconds; the unit is put after its name.
    pub(super) fn add_seconds<M: Metric + Clone>(
        &mut self,
        name: &str,
        help: &str,
        metric: M,
    ) -> M {
        let unit = Unit::Seconds;
        self.0.register_with_unit(name, help, unit, metric.clone());
        metric
    }

    /// Adds what never changes.
    pub(super) fn constant(&mut self, name: &str, help: &str, metric: impl Metric) {
        self.0.register(name, help, metric);
    }

    /// The registry with all of them.
    pub(super) fn into_registry(self) -> Registry {
        self.0
    }
}
