//! The running simulator and its interface for tests.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{
    backend::Backend,
    commands::Api,
    fault::Fault,
    network::Latency,
    record::{Call, Effect},
    restrictions::Restriction,
    server::{self, Order},
    settings::Settings,
};

/// Why a simulator does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port could not be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The server could not be started on its open port, or its thread not at all.
    #[error("cannot start the simulator's server")]
    Start(#[source] io::Error),
    /// The thread has ended, which it does only by a panic.
    #[error("the simulator's thread is gone")]
    Gone,
}

/// A running stand-in for Tencent Chat. It has threads of its own, so that it can be used from any
/// runtime or none; dropping it stops it within milliseconds.
#[derive(Debug)]
pub struct Simulator {
    backend: Arc<Backend>,
    address: SocketAddr,
    control_address: SocketAddr,
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Simulator {
    /// Opens both ports and serves them. Errors: [`Error::Listen`] if a port is taken,
    /// [`Error::Start`].
    pub fn start(settings: Settings) -> Result<Self, Error> {
        let (listener, address) = listen(settings.listen)?;
        let (control_listener, control_address) = listen(settings.control_listen)?;
        let backend = Arc::new(Backend::new(settings));
        let (orders, received_orders) = unbounded_channel();
        let for_thread = Arc::clone(&backend);
        let thread = thread::Builder::new()
            .name("tencent-sim".to_owned())
            .spawn(move || server::run(for_thread, control_listener, received_orders))
            .map_err(Error::Start)?;
        let simulator = Self {
            backend,
            address,
            control_address,
            orders: Some(orders),
            thread: Some(thread),
        };
        simulator.order(|done| Order::Listen { listener, done })?;
        Ok(simulator)
    }

    /// Base URL of the REST API, without a final slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base URL of the control port, without a final slash.
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control_address)
    }

    /// Closes the REST port and cuts its connections; calls on their way are lost. The control port
    /// stays, and so does everything remembered.
    pub fn stop(&self) -> Result<(), Error> {
        self.order(|done| Order::Stop { done })
    }

    /// Cuts all REST connections and listens again on the same port.
    pub fn restart(&self) -> Result<(), Error> {
        self.stop()?;
        let (listener, _) = listen(self.address)?;
        self.order(|done| Order::Listen { listener, done })
    }

    fn order(
        &self,
        order: impl FnOnce(mpsc::Sender<io::Result<()>>) -> Order,
    ) -> Result<(), Error> {
        let (done, report) = mpsc::channel();
        let orders = self.orders.as_ref().ok_or(Error::Gone)?;
        orders.send(order(done)).map_err(|_| Error::Gone)?;
        report
            .recv()
            .map_err(|_| Error::Gone)?
            .map_err(Error::Start)
    }

    /// The calls remembered, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.backend.held().record.iter().cloned().collect()
    }

    /// The calls of one API remembered, in order of arrival.
    pub fn calls_to(&self, api: Api) -> Vec<Call> {
        self.backend
            .held()
            .record
            .iter()
            .filter(|call| call.api == api)
            .cloned()
            .collect()
    }

    /// The kicks carried out, in order, as far as their calls are remembered.
    pub fn effects(&self) -> Vec<Effect> {
        self.backend.held().record.effects()
    }

    /// Forgets calls, effects and window counts. The limit goes on being measured.
    pub fn forget_calls(&self) {
        self.backend.held().forget_calls();
    }

    /// The most calls of `api` that arrived in any half-open window of this length, computed
    /// exactly from the latest million arrivals.
    pub fn largest_window(&self, api: Api, length: Duration) -> usize {
        self.backend.held().arrivals(api).largest_window(length)
    }

    /// Adds a fault behind those already scripted; of several that fit a call the earliest hits it.
    pub fn fail(&self, fault: Fault) {
        self.backend.held().script.add(fault);
    }

    /// Drops all faults. Calls already hit stay hit.
    pub fn clear_faults(&self) {
        self.backend.held().script.clear();
    }

    /// Drops the faults of one API. Calls already hit stay hit.
    pub fn clear_faults_on(&self, api: Api) {
        self.backend.held().script.clear_on(api);
    }

    /// Sets the latency of everything that sets out from now on.
    pub fn set_latency(&self, latency: Latency) {
        self.backend.network.set_latency(latency);
    }

    /// Holds all requests that have not arrived and all answers that have not left, then lets them
    /// go at once. Replaces a stall under way; zero ends it.
    pub fn stall(&self, duration: Duration) {
        self.backend.network.stall(duration);
    }

    /// Sets the calls of one API allowed in a second; `None`: any number.
    pub fn set_limit(&self, limit: Option<usize>) {
        self.backend.held().settings.limit = limit;
    }

    /// Replaces the app's secret key: every `UserSig` made with the old one fails from now on.
    pub fn set_secret_key(&self, secret_key: SecretString) {
        self.backend.held().settings.secret_key = secret_key;
    }

    /// Declares that the account exists, or does not.
    pub fn declare_account(&self, user_id: &str, exists: bool) {
        self.backend.held().world.declare_account(user_id, exists);
    }

    /// Declares that the room exists, or does not.
    pub fn declare_room(&self, room_id: &str, exists: bool) {
        self.backend.held().world.declare_room(room_id, exists);
    }

    /// Declares a real seat: taken by the user until they are kicked off it, or empty. The room
    /// comes to exist.
    pub fn declare_seat(&self, room_id: &str, user_id: &str, taken: bool) {
        self.backend
            .held()
            .world
            .declare_seat(room_id, user_id, taken);
    }

    /// Until when, in Unix seconds, the user is restricted so; `u64::MAX` without an end, `None` not at all. `room_id`
    /// is empty for the restrictions that belong to no room.
    pub fn restricted_until(&self, of: Restriction, room_id: &str, user_id: &str) -> Option<u64> {
        let held = self.backend.held();
        let restrictions = &held.world.restrictions;
        restrictions.until(of, room_id, user_id, held.world.now())
    }

    /// Restricts a user for so many seconds, as somebody who does not ask the gateway does; 0 lifts.
    pub fn restrict(&self, of: Restriction, room_id: &str, user_id: &str, seconds: u32) {
        let world = &mut self.backend.held().world;
        let now = world.now();
        world.restrictions.set(of, room_id, user_id, seconds, now);
    }

    /// Sets its clock so many seconds ahead: of mutes and bans, and of the `Date` of its answers.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.backend.held().world.clock_ahead = seconds;
    }

    /// Whether everybody in this room or group is muted.
    pub fn are_all_muted(&self, room_id: &str) -> bool {
        self.backend
            .held()
            .world
            .restrictions
            .are_all_muted(room_id)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Whatever ended the thread, there is nobody left to tell.
            thread.join().ok();
        }
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
