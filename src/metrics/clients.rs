//! What the clients of the API ask, and whether they can be known.

use std::time::Duration;

use super::Metrics;
use super::labels::RequestLabels;

impl Metrics {
    /// A request was answered; `route` is the pattern, not the path.
    pub fn request_answered(&self, route: String, status: u16) {
        // A bug is to be seen at its first time.
        let bugs = RequestLabels {
            route: route.clone(),
            status: 500,
        };
        drop(self.http_requests.get_or_create(&bugs));
        self.http_requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
    }

    /// For how long the identity provider's keys have not been fetched; zero where tokens are not
    /// checked with such keys.
    pub fn set_jwks_age(&self, age: Duration) {
        self.jwks_age.set(age.as_secs_f64());
    }

    /// Somebody began to listen to the stream.
    pub fn listener_came(&self) {
        self.stream_listeners.inc();
    }

    /// Somebody has stopped listening to the stream.
    pub fn listener_left(&self) {
        self.stream_listeners.dec();
    }
}
