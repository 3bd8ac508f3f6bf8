//! What must hold of batches, whatever happened while they ran.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use modgate::simulator::Api;
use serde_json::{Value, json};

use super::{assert_adds_up, count, deed, id, path, with};
use crate::support::eventually::eventually;
use crate::support::persona::Persona;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

/// As long as the leases of what was killed, and the recovery of what it had begun, may take.
const LONG: Duration = Duration::from_mins(1);

/// Rows that are in no seal yet; each that is, is in one.
const UNSEALED: &str = "
    select ((select count(*) from audit.action) + (select count(*) from audit.event)
            + (select count(*) from audit.batch) + (select count(*) from audit.batch_item)
            + (select count(*) from audit.batch_event) + (select count(*) from audit.brake)
            - (select coalesce(sum(n), 0) from audit.seal))::bigint";

/// Items of which more than one action ended otherwise than with nothing done, for a reason that passes.
const TWICE: &str = "
    select count(*) from (
        select from audit.actions
         where batch_id is not null and state <> 'not_sent'
           and not (state = 'refused' and error_code in (60007, 60028))
         group by batch_id, batch_index having count(*) > 1) as twice";

/// All actions of batches that were begun.
pub(super) const BEGUN: &str = "select count(*) from audit.action where batch_id is not null";

/// All ends of actions.
pub(super) const ENDED: &str = "select count(*) from audit.event where audit.is_end(state)";

/// So many gateways, each its own process, that are ready.
pub(super) async fn replicas(world: &World, number: usize) -> Vec<Gateway> {
    let started = (0..number).map(|_| Gateway::start(&world.variables));
    let started = join_all(started).await.into_iter().map(Gateway::ready);
    join_all(started).await
}

/// Someone who sees every batch, and may resume it whoever paused it.
pub(super) fn lead(addr: SocketAddr) -> Persona {
    with(addr, "lea", &["batch:approve", "audit:read"])
}

/// Login kicks and seat kicks in turn, against `{name}0`, `{name}1`, …
pub(super) fn both(name: &str, number: usize) -> Vec<Value> {
    let of = |index: usize| {
        let user = format!("{name}{index}");
        if index.is_multiple_of(2) {
            json!({"kind": "kick_login", "user_id": user})
        } else {
            json!({"kind": "kick_seat", "room_id": "room", "user_id": user, "data": ""})
        }
    };
    (0..number).map(of).collect()
}

/// Waits until the record has so many of what this counts, or more.
pub(super) async fn until_there_are(world: &World, number: i64, query: &'static str) {
    eventually(&format!("{number} of {query}"), LONG, async || {
        (world.count(query).await >= number).then_some(())
    })
    .await;
}

/// Looks at it until it is done, and lets it go on when it has paused because the outcome of many items is unknown, as
/// it is after crashes. What is asked while the record is away is asked again.
pub(super) async fn until_done(lead: &Persona, batch: &Value) -> Value {
    let what = format!("{} is done", id(batch));
    eventually(&what, LONG, async || {
        let answer = lead.get(&path(batch)).await;
        if answer.status == 503 {
            return None;
        }
        assert_eq!(answer.status, 200, "{}", answer.text);
        let seen = answer.json();
        assert_adds_up(&seen);
        if seen["state"] == "paused" {
            assert_eq!(seen["paused"]["cause"], "unknown", "{seen}");
            deed(lead, batch, "resume").await;
            return None;
        }
        let going_on = ["queued", "running"].contains(&seen["state"].as_str().expect("a state"));
        assert!(going_on || seen["state"] == "done", "{seen}");
        (!going_on).then_some(seen)
    })
    .await
}

/// How often a call about each user has arrived at an API.
pub(super) fn arrivals(world: &World, api: Api) -> BTreeMap<String, usize> {
    let mut arrivals = BTreeMap::new();
    for call in world.simulator.calls_to(api) {
        let user = call.user_id.expect("each call is about a user");
        *arrivals.entry(user).or_default() += 1;
    }
    arrivals
}

/// Exactly one call has arrived for each of these items, and none for anybody else.
pub(super) fn assert_one_call_each(world: &World, items: &[Value]) {
    for (kind, api) in [
        ("kick_login", Api::KICK_LOGIN),
        ("kick_seat", Api::KICK_SEAT),
        ("mute_user", Api::SETNOSPEAKING),
    ] {
        let of_kind = items.iter().filter(|item| item["kind"] == kind);
        let once = of_kind.map(|item| (item["user_id"].as_str().expect("a user").to_owned(), 1));
        assert_eq!(arrivals(world, api), once.collect(), "{kind}");
    }
}

/// Whatever crashed: at most one action of an item counts, no login kick arrived twice, and what the record says of
/// one is so.
pub(super) async fn assert_at_most_once(world: &World) {
    assert_eq!(world.count(TWICE).await, 0);
    world.assert_the_record_is_whole().await;
    let arrived = arrivals(world, Api::KICK_LOGIN);
    for (user, calls) in &arrived {
        assert_eq!(*calls, 1, "calls to kick {user}");
    }
    let succeeded: Vec<String> = sqlx::query_scalar(
        "select user_id from audit.actions
          where batch_id is not null and kind = 'kick_login' and state = 'succeeded'",
    )
    .fetch_all(&mut world.sql().await)
    .await
    .expect("the record can be read");
    for user in succeeded {
        assert!(arrived.contains_key(&user), "nobody kicked {user}");
    }
}

/// Every item has ended, as succeeded or, at most so many, as unknown.
pub(super) fn assert_done_or_unknown(batch: &Value, most_unknown: u64) {
    let (succeeded, unknown) = (count(batch, "succeeded"), count(batch, "unknown"));
    assert_eq!(
        Some(succeeded + unknown),
        batch["total"].as_u64(),
        "{batch}"
    );
    assert!(unknown <= most_unknown, "{batch}");
}

/// Until each row is in a seal, and none is awaited. Some gateway must be there.
pub(super) async fn all_sealed(world: &World) {
    eventually("all is sealed", LONG, async || {
        let pending = world.count("select count(*) from audit.actions where state = 'pending'");
        (pending.await == 0 && world.count(UNSEALED).await == 0).then_some(())
    })
    .await;
}

/// `modgate verify` finds nothing wrong. All must be sealed, and no gateway be there.
pub(super) fn assert_verified(world: &World) {
    let verified = modgate(&world.variables_of_the_record())
        .arg("verify")
        .output();
    let verified = verified.expect("the binary can be run");
    assert!(verified.status.success(), "{verified:?}");
}
