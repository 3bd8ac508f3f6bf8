//! Two hundred who listen to all that happens, while everything that can happens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::stream::listening::{Listening, ask};
use crate::support::app::MODERATOR;
use crate::support::eventually::eventually;
use crate::support::open_loop::Crowd;
use crate::support::persona::Persona;
use crate::support::process::Gateway;
use crate::support::tencent::Tencent;
use crate::support::world::{World, token};

const AUDITORS: usize = 200;
/// Streams of each: somewhat fewer than one may have, since they come back before they are seen to be gone.
const EACH: usize = 20;
const MODERATORS: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const ACTIONS: i64 = 2000;

/// For two thousand actions at a hundred a second, with a database that goes away in between, on
/// a machine that does other things as well.
const LONG: Duration = Duration::from_secs(90);

/// What was told under each id, the same to everyone.
#[derive(Debug, Default)]
struct Told {
    by_id: Mutex<HashMap<String, (usize, String)>>,
}

impl Told {
    /// The number of this event. It must be the same event wherever it is told.
    fn number(&self, id: &str, data: &str) -> usize {
        let mut by_id = self.by_id.lock().expect("nobody panics in here");
        let next = by_id.len();
        if let Some((number, known)) = by_id.get(id) {
            assert_eq!(known, data, "two events with one id");
            return *number;
        }
        by_id.insert(id.to_owned(), (next, data.to_owned()));
        next
    }

    /// `id state` of each event, by its number.
    fn states(&self) -> Vec<String> {
        let by_id = self.by_id.lock().expect("nobody panics in here");
        let mut states = vec![String::new(); by_id.len()];
        for (number, data) in by_id.values() {
            let action: serde_json::Value = serde_json::from_str(data).expect("it is JSON");
            let word = |member: &str| action[member].as_str().expect("it is a text").to_owned();
            states[*number] = format!("{} {}", word("id"), word("state"));
        }
        states
    }
}

/// One who listens, comes back when the stream breaks or ends, and goes where it is told to.
#[derive(Debug)]
struct Client {
    /// The same person at each replica.
    doors: Vec<Persona>,
    door: watch::Receiver<usize>,
    told: Arc<Told>,
    heard: Arc<AtomicUsize>,
}

impl Client {
    async fn listen(mut self, end: CancellationToken) -> Vec<usize> {
        let (mut events, mut last_id) = (Vec::new(), None);
        let listening = async {
            loop {
                self.once(&mut events, &mut last_id).await;
                sleep(Duration::from_millis(50)).await;
            }
        };
        let ended: Option<()> = end.run_until_cancelled(listening).await;
        assert_eq!(ended, None, "it listens until it is told to stop");
        events
    }

    /// On one connection.
    async fn once(&mut self, events: &mut Vec<usize>, last_id: &mut Option<String>) {
        let door = *self.door.borrow_and_update();
        let Some(response) = ask(&self.doors[door], "", last_id.as_deref()).await else {
            return;
        };
        if response.status() != 200 {
            return;
        }
        let mut listening = Listening::to(response, last_id.take());
        loop {
            let block = tokio::select! {
                block = listening.try_block() => block,
                // In the middle of whatever was being read.
                changed = self.door.changed() => {
                    changed.expect("the test goes on");
                    break;
                }
            };
            let Ok(Some(block)) = block else {
                break;
            };
            match block.event.as_deref() {
                None => {}
                Some("action") => {
                    let (id, data) = (block.id.expect("an id"), block.data.expect("data"));
                    events.push(self.told.number(&id, &data));
                    self.heard.store(events.len(), Ordering::Relaxed);
                }
                other => panic!("{other:?} to one who was never away for long"),
            }
        }
        *last_id = listening.last_id;
    }
}

/// The clients, and how much each has heard.
#[derive(Debug)]
struct Audience {
    clients: JoinSet<(Option<&'static str>, Vec<usize>)>,
    heard: Vec<(Option<&'static str>, Arc<AtomicUsize>)>,
    told: Arc<Told>,
    door: watch::Sender<usize>,
    end: CancellationToken,
}

impl Audience {
    /// Auditors, and moderators who hear of their own actions; all at the first door.
    fn at(gateways: &[&Gateway]) -> Self {
        let mut audience = Self {
            clients: JoinSet::new(),
            heard: Vec::new(),
            told: Arc::default(),
            door: watch::Sender::new(0),
            end: CancellationToken::new(),
        };
        let persona = |token: String| -> Vec<Persona> {
            let addrs = gateways.iter().map(|gateway| gateway.addr);
            addrs
                .map(|addr| Persona::new(addr, Some(token.clone())))
                .collect()
        };
        for auditor in 0..AUDITORS / EACH {
            let auditor = persona(token(&format!("auditor-{auditor}"), &["audit:read"]));
            for _ in 0..EACH {
                audience.admit(None, auditor.clone());
            }
        }
        for moderator in MODERATORS {
            audience.admit(Some(moderator), persona(token(moderator, &MODERATOR)));
        }
        audience
    }

    fn admit(&mut self, moderator: Option<&'static str>, doors: Vec<Persona>) {
        let heard = Arc::<AtomicUsize>::default();
        let client = Client {
            doors,
            door: self.door.subscribe(),
            told: Arc::clone(&self.told),
            heard: Arc::clone(&heard),
        };
        let end = self.end.clone();
        self.clients
            .spawn(async move { (moderator, client.listen(end).await) });
        self.heard.push((moderator, heard));
    }

    async fn is_complete(&self, operator: &Persona) {
        let all = u16::try_from(self.heard.len()).expect("a few hundred");
        eventually("everyone listens", LONG, async || {
            (operator.series("modgate_stream_listeners").await >= Some(all)).then_some(())
        })
        .await;
    }
}

/// `id state` of every state that the record has, with whose action it is, in order.
async fn recorded(world: &World) -> Vec<(String, String)> {
    let states = sqlx::query_as(
        "select id || ' ' || state, moderator from (
             select xid, id, 0 as rev, 'pending' as state, moderator from audit.action a
             where not exists (select from audit.event e where e.action_id = a.id and e.xid = a.xid)
             union all
             select e.xid, action_id, rev, state, moderator
             from audit.event e join audit.action a on a.id = action_id where state <> 'retrying') s
         order by xid, id, rev",
    );
    states
        .fetch_all(&mut world.sql().await)
        .await
        .expect("the record can be read")
}

async fn actions_are(world: &World, count: i64) {
    let actions = "select count(*) from audit.action";
    eventually(&format!("{count} actions"), LONG, async || {
        (world.count(actions).await >= count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_hears_every_state_once_and_in_order_whatever_happens() {
    let tencent = Tencent::start().await;
    let mut world = World::with_its_own_postgres()
        .await
        .set("MODGATE_TENCENT_URL", &tencent.url)
        .set("MODGATE_TENCENT_QPS", "2000")
        .set("MODGATE_MODERATOR_QPS", "2000");
    world.be_alone().await;
    let gateways = join_all((0..2).map(|_| Gateway::start(&world.variables))).await;
    let gateways = join_all(gateways.into_iter().map(Gateway::ready)).await;
    let [one, other] = <[Gateway; 2]>::try_from(gateways).expect("two");
    let audience = Audience::at(&[&one, &other]);
    audience.is_complete(&one.operator()).await;

    let tokens = MODERATORS.iter().map(|subject| token(subject, &MODERATOR));
    let crowd = Crowd::new(vec![one.addr, other.addr], tokens.collect());
    let load = crowd.start("user", 120, LONG);
    actions_are(&world, ACTIONS / 4).await;
    // Everyone's connection breaks.
    audience.door.send_replace(1);
    audience.is_complete(&other.operator()).await;
    actions_are(&world, ACTIONS / 2).await;
    let postgres = world.cluster.as_ref().expect("its own");
    postgres.stop_fast().await;
    postgres.start().await;
    actions_are(&world, ACTIONS * 3 / 4).await;
    // The replica to which everyone listens goes away.
    other.signal("TERM");
    assert_eq!(other.exit(LONG).await.code(), Some(0));
    audience.door.send_replace(0);
    // Some have one state alone: the one that they were recorded with.
    actions_are(&world, ACTIONS + ACTIONS / 50).await;
    load.stop().await;

    let pending = "select count(*) from audit.actions where state = 'pending'";
    eventually("all actions have ended", LONG, async || {
        (world.count(pending).await == 0).then_some(())
    })
    .await;
    let recorded = recorded(&world).await;
    let of = |moderator: Option<&str>| -> Vec<&str> {
        let own = recorded
            .iter()
            .filter(|(_, whose)| moderator.is_none_or(|own| own == whose));
        own.map(|(state, _)| state.as_str()).collect()
    };
    eventually("everyone has heard as much as there is", LONG, async || {
        let heard = |(moderator, heard): &(Option<&str>, Arc<AtomicUsize>)| {
            heard.load(Ordering::Relaxed) >= of(*moderator).len()
        };
        audience.heard.iter().all(heard).then_some(())
    })
    .await;
    // And no more comes.
    sleep(Duration::from_secs(1)).await;
    audience.end.cancel();
    let states = audience.told.states();
    for (moderator, events) in audience.clients.join_all().await {
        let heard: Vec<&str> = events.iter().map(|event| states[*event].as_str()).collect();
        assert_eq!(heard, of(moderator), "{moderator:?}");
    }
    assert!(of(None).len() >= 4000, "{} states", of(None).len());
    assert_eq!(of(None).len(), states.len(), "nothing else was told");
}
