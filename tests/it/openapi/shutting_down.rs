//! What those are told who wait while a replica shuts down: nobody else is, as no connection is
//! taken then, and no further request read.

use std::time::Duration;

use modgate::domain::{Api, Kind};
use modgate::simulator::{Fault, FaultKind};
use tokio::task::JoinSet;

use super::document::Operation;
use super::probes;
use super::problems::Seen;
use crate::support::app::EVERYTHING;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::{World, token};

const PATIENCE: Duration = Duration::from_secs(15);

/// Two actions of each kind, and two probes: of each API one is under way for as long as it takes, the others wait in its queue.
pub(super) async fn in_the_queue(seen: &mut Seen) {
    let world = World::new()
        .await
        .set("MODGATE_TENCENT_QPS", "1")
        .set("MODGATE_QUEUE_TIMEOUT", "30s");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    // Two that Tencent is asked about at once.
    let alice = Persona::new(gateway.addr, Some(token("alice", &EVERYTHING)));
    let mut operations = Vec::new();
    for _ in 0..2 {
        let set = probes::done(seen, &alice, probes::probed()).await;
        operations.push(probes::of(seen, &set));
    }
    world.simulator.forget_calls();
    let duration = Duration::from_secs(4);
    let slow = Fault::next(FaultKind::Delay { duration });
    world.simulator.fail(slow.for_ever());
    let mut asked = JoinSet::new();
    for kind in Kind::ALL {
        let bob = Persona::new(gateway.addr, Some(token("bob", &EVERYTHING)));
        for who in [&alice, &bob] {
            send(&mut asked, who, seen.document.action(*kind));
        }
    }
    for operation in operations {
        send(&mut asked, &alice, operation);
    }
    let question = probes::probed().probe.expect("it has one");
    let operator = gateway.operator();
    eventually("one of each API is in flight", PATIENCE, async || {
        for api in called() {
            let asked = Kind::ALL.iter().filter(|kind| kind.api == api);
            let asked = u16::try_from(2 * asked.count()).expect("there are few");
            if waiting(&operator, api.word).await != Some(asked - 1) {
                return None;
            }
        }
        let waits = waiting(&operator, question.api.word).await == Some(1);
        (waits && world.simulator.calls().len() == called().count() + 1).then_some(())
    })
    .await;
    gateway.signal("TERM");
    let answers = asked.join_all().await;
    for (operation, answer) in &answers {
        if answer.status == 200 {
            seen.document.assert_describes(operation, answer);
        } else {
            seen.note(operation, answer, "shutting-down");
        }
    }
    assert_eq!(gateway.exit(PATIENCE).await.code(), Some(0));
    world.assert_the_record_is_whole().await;
}

fn send(asked: &mut JoinSet<(Operation, Answer)>, who: &Persona, operation: Operation) {
    let (who, request) = (who.clone(), operation.request(who));
    asked.spawn(async move { (operation, who.send(request).await) });
}

/// The APIs that actions call.
fn called() -> impl Iterator<Item = &'static Api> {
    let all = Api::all().iter().copied();
    all.filter(|api| Kind::ALL.iter().any(|kind| kind.api == *api))
}

async fn waiting(operator: &Persona, api: &str) -> Option<u16> {
    let series = format!("modgate_queue_length{{api=\"{api}\"}}");
    operator.series(&series).await
}

/// A listener waits for the record, which is away.
pub(super) async fn for_the_stream(seen: &mut Seen) {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await;
    world.execute("alter schema audit rename to away").await;
    let operation = seen.document.operation("streamActions");
    let alice = gateway.moderator("alice");
    let request = operation.request(&alice);
    let asked = tokio::spawn(async move { alice.send(request).await });
    let log = gateway.log();
    eventually("she waits for the record", PATIENCE, async || {
        log.events("stream_interrupted").pop()
    })
    .await;
    gateway.signal("TERM");
    let answer = asked.await.expect("without a panic");
    seen.note(&operation, &answer, "shutting-down");
    assert_eq!(gateway.exit(PATIENCE).await.code(), Some(0));
}
