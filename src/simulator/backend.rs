//! Everything behind the wire: takes a call in, decides it, keeps the record.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{
    answer::Answer,
    arrivals::Arrivals,
    commands::Api,
    fault::{Fault, FaultKind, Moment, Script},
    front_door::FrontDoor,
    message::{Reply, Request},
    network::Network,
    record::Record,
    settings::Settings,
    spoil::spoil,
    world::World,
};

/// Shared by the REST listener, the control port and the [`super::Simulator`].
#[derive(Debug)]
pub(super) struct Backend {
    pub(super) network: Network,
    held: Mutex<Held>,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) settings: Settings,
    pub(super) world: World,
    pub(super) script: Script,
    pub(super) record: Record,
    pub(super) front_door: FrontDoor,
    arrivals: HashMap<Api, Arrivals>,
}

impl Held {
    pub(super) fn arrivals(&mut self, api: Api) -> &mut Arrivals {
        self.arrivals.entry(api).or_default()
    }

    /// Forgets calls and counts; the limit goes on being measured.
    pub(super) fn forget_calls(&mut self) {
        self.record.clear();
        self.arrivals.values_mut().for_each(Arrivals::forget);
    }
}

/// A call that has arrived.
struct Arrived {
    sequence: u64,
    over_limit: bool,
    fault: Option<Fault>,
}

impl Backend {
    pub(super) fn new(settings: Settings) -> Self {
        let held = Held {
            world: World::new(settings.open_world),
            script: Script::default(),
            record: Record::new(settings.calls_kept),
            front_door: FrontDoor::default(),
            arrivals: HashMap::new(),
            settings,
        };
        Self {
            network: Network::new(),
            held: Mutex::new(held),
        }
    }

    /// A panic elsewhere leaves nothing half-done that a test could not look at, so poisoning is
    /// ignored.
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole life of a call. Once begun it has to run to its end: what is on its way arrives,
    /// even when the client has gone.
    pub(super) async fn handle(self: Arc<Self>, request: Request) -> Reply {
        self.network.carry_request().await;
        let arrived = self.arrive(&request);
        let reply = match &arrived.fault {
            None => {
                let answer = self.decide(&request, &arrived);
                self.note_answer(&arrived, Some(answer.code));
                Reply::json(answer.into_json())
            }
            Some(fault) => self.misbehave(&request, &arrived, fault).await,
        };
        self.network.carry_answer().await;
        reply
    }

    /// Counts and records. The clock is read under the lock, so that arrivals are in order.
    fn arrive(&self, request: &Request) -> Arrived {
        let mut held = self.held();
        let now = Instant::now();
        let in_last_second = held.arrivals(request.api).count(now);
        let over_limit = held
            .settings
            .limit
            .is_some_and(|limit| in_last_second > limit);
        let fault = held.script.take(request.api, request.user_id());
        let sequence = held
            .record
            .add(request.to_call(now, fault.as_ref().map(|fault| fault.kind.name())));
        Arrived {
            sequence,
            over_limit,
            fault,
        }
    }

    /// The right answer, and the kick itself.
    fn decide(&self, request: &Request, arrived: &Arrived) -> Answer {
        let mut guard = self.held();
        let held = &mut *guard;
        let (world, settings) = (&mut held.world, &held.settings);
        let over_limit = arrived.over_limit;
        let body = request.json.as_ref().unwrap_or_default();
        let done = held
            .front_door
            .check(request, over_limit, world, settings)
            .and_then(|()| request.api.run(world, settings, body));
        let answer = match done {
            Ok(members) => Answer::with_code(request.api, arrived.sequence, 0).with(members),
            Err(code) => Answer::with_code(request.api, arrived.sequence, code),
        };
        if answer.code == 0
            && request.api.acts()
            && let Some(call) = held.record.get_mut(arrived.sequence)
        {
            call.took_effect = true;
        }
        answer
    }

    fn note_answer(&self, arrived: &Arrived, error_code: Option<i64>) {
        if let Some(call) = self.held().record.get_mut(arrived.sequence) {
            call.error_code = error_code;
        }
    }

    async fn misbehave(&self, request: &Request, arrived: &Arrived, fault: &Fault) -> Reply {
        let delay = match fault.kind {
            FaultKind::Delay { duration } => Some(duration),
            _ => None,
        };
        if let (Some(delay), Moment::BeforeEffect) = (delay, fault.moment) {
            tokio::time::sleep(delay).await;
        }
        let right = if delay.is_some() || fault.moment == Moment::AfterEffect {
            self.decide(request, arrived)
        } else {
            Answer::with_code(request.api, arrived.sequence, 0)
        };
        if let (Some(delay), Moment::AfterEffect) = (delay, fault.moment) {
            tokio::time::sleep(delay).await;
        }
        let (error_code, reply) = spoil(&fault.kind, right, request, arrived.sequence);
        self.note_answer(arrived, error_code);
        reply
    }
}
