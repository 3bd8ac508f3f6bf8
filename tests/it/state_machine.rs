//! Whatever the order in which the gateway, recovery and crashes get at an action, the record says
//! nothing that the contract does not allow, and nothing that contradicts what was sent.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use chrono::{SubsecRound, Utc};
use modgate::audit::{AuditLog, Claims, Deployment};
use modgate::db;
use modgate::domain::{
    Answer, Attempt, Command, DecidedBy, End, Intent, Moderator, Origin, Request, State, Targets,
    UserId,
};
use modgate::kinds::kick_login;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use secrecy::SecretString;
use uuid::Uuid;

use crate::support::world::World;

/// What happens to an action, by whom.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The gateway announces another attempt.
    Retry,
    /// The gateway appends this end; a second time after a commit that was not confirmed.
    Finish(State),
    FinishAgain,
    /// Recovery of some replica finds it overdue.
    Recover,
    /// The process that began it is gone.
    Crash,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Retry),
        2 => Just(Step::Finish(State::Succeeded)),
        1 => Just(Step::Finish(State::Refused)),
        1 => Just(Step::Finish(State::Unknown)),
        1 => Just(Step::Finish(State::NotSent)),
        2 => Just(Step::FinishAgain),
        3 => Just(Step::Recover),
        1 => Just(Step::Crash),
    ]
}

fn intent() -> Intent {
    let moderator = Moderator {
        issuer: "issuer".to_owned(),
        subject: "alice".to_owned(),
        name: None,
        token_id: None,
        client_id: None,
        actor: None,
        scopes: std::collections::BTreeSet::new(),
        expires_at: Utc::now(),
    };
    let user_id = UserId::try_from("test".to_owned()).expect("a plain id");
    let request = Request {
        command: Command::new(
            kick_login::KIND,
            Targets {
                user_id: Some(user_id),
                ..Targets::default()
            },
        )
        .expect("a login kick names a user"),
        reason: None,
        case_ref: None,
        supersedes: None,
        idempotency_key: None,
    };
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let origin = Origin {
        client_ip: here,
        peer_ip: here,
        user_agent: None,
        http_request_id: "test".to_owned(),
        trace_id: None,
    };
    Intent::new(moderator, request, origin, Duration::from_secs(10))
}

fn attempt(number: u16, error_code: Option<i64>) -> Attempt {
    Attempt {
        number,
        random: 7,
        duration: Duration::from_millis(3),
        http_status: Some(200),
        answer: error_code.map(|error_code| Answer {
            action_status: None,
            error_code,
            error_info: String::new(),
            request_id: None,
        }),
        failure: None,
    }
}

fn end(state: State, number: u16) -> End {
    let code = match state {
        State::Succeeded => Some(0),
        State::Refused => Some(70107),
        _ => None,
    };
    End {
        state,
        decided_by: DecidedBy::Gateway,
        completed_at: Utc::now().trunc_subsecs(6),
        duration: Some(Duration::from_millis(9)),
        attempt: Some(attempt(number, code)),
        failure: None,
    }
}

/// Recovery's own statement on an action that is overdue: the time that makes it so is the
/// database's, and is not the subject here.
async fn recover(world: &World, id: Uuid) {
    let recovered = sqlx::query(
        "insert into audit.event (action_id, rev, state, at, decided_by, failure, leaf_hash)
         select $1, coalesce(max(rev), 0) + 1, 'unknown', now(), 'recovery', 'abandoned', sha256('x')
         from audit.event where action_id = $1
         having count(*) filter (where state <> 'retrying') = 0
         on conflict do nothing",
    );
    recovered
        .bind(id)
        .execute(&mut world.sql().await)
        .await
        .expect("recovery can write");
}

#[derive(Debug, sqlx::FromRow)]
struct Event {
    rev: i16,
    state: String,
    decided_by: String,
}

async fn play(world: &World, audit: &AuditLog, steps: &[Step]) {
    let intent = intent();
    let id = intent.id;
    let (open, _token) = audit
        .begin(&intent, 7, &Claims::default())
        .await
        .expect("it begins");
    let mut open = Some(open);
    let (mut number, mut told, mut recovered) = (1, None, false);
    for step in steps {
        match (*step, open.as_mut()) {
            (Step::Recover, _) => {
                recovered |= told.is_none();
                recover(world, id).await;
            }
            (Step::Crash, _) => open = None,
            (Step::Retry, Some(open)) if told.is_none() => {
                let over = attempt(number, Some(70500));
                let again = audit.retry(open, &intent, &over, 8).await;
                number += u16::from(again.is_ok());
            }
            (Step::Finish(state), Some(open)) if told.is_none() => {
                let end = end(state, number);
                audit
                    .finish(open, &end)
                    .await
                    .expect("the record takes an end");
                told = Some(end);
            }
            (Step::FinishAgain, Some(open)) => {
                if let Some(end) = &told {
                    audit.finish(open, end).await.expect("a repeat is no fault");
                }
            }
            // Nobody is there to do it, or it has been done.
            _ => {}
        }
    }
    let events: Vec<Event> = sqlx::query_as(
        "select rev, state, decided_by from audit.event where action_id = $1 order by rev",
    )
    .bind(id)
    .fetch_all(&mut world.sql().await)
    .await
    .expect("the record can be read");
    let action = audit
        .get(id, None)
        .await
        .expect("it can be read")
        .expect("it is there");
    assert_allowed(
        &events,
        action.state.known().expect("it is one of ours"),
        told.map(|end| end.state),
        recovered,
    );
}

fn assert_allowed(events: &[Event], state: State, told: Option<State>, recovered: bool) {
    let context = format!("{events:?}, told {told:?}, recovered {recovered}: {state:?}");
    let revs: Vec<i16> = events.iter().map(|event| event.rev).collect();
    assert!(
        revs.iter()
            .copied()
            .eq(1..=i16::try_from(revs.len()).expect("few")),
        "{context}"
    );
    let ends: Vec<&str> = events
        .iter()
        .map(|event| event.state.as_str())
        .filter(|state| *state != "retrying")
        .collect();
    let last_of_attempts = events.iter().rposition(|event| event.state == "retrying");
    let first_end = events.iter().position(|event| event.state != "retrying");
    if let (Some(retrying), Some(end)) = (last_of_attempts, first_end) {
        assert!(retrying < end, "an attempt after an end: {context}");
    }
    assert!(
        matches!(
            ends.as_slice(),
            [] | ["succeeded" | "refused" | "not_sent" | "unknown"]
                | ["unknown", "succeeded" | "refused"]
        ),
        "{context}"
    );
    for event in events {
        assert!(
            event.decided_by == "gateway" || event.state == "unknown",
            "{context}"
        );
    }
    // What the process that sent it knew for certain is what the record says.
    match told {
        Some(known @ (State::Succeeded | State::Refused)) => assert_eq!(state, known, "{context}"),
        Some(State::NotSent) if !recovered => assert_eq!(state, State::NotSent, "{context}"),
        Some(_) => assert!(
            matches!(state, State::Unknown | State::NotSent),
            "{context}"
        ),
        None if recovered => assert_eq!(state, State::Unknown, "{context}"),
        None => assert_eq!(state, State::Pending, "{context}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_interleaving_leaves_a_state_that_is_not_allowed_or_not_true() {
    let world = World::new().await;
    let url = SecretString::from(world.database.url.clone());
    let pools = db::open(&db::Settings {
        url,
        max_connections: 4,
    })
    .expect("the URL is right");
    let deployment = Deployment {
        instance: "test".to_owned(),
        version: "0".to_owned(),
        sdk_app_id: 1,
        tencent_host: "test".to_owned(),
    };
    let audit = AuditLog::new(&pools, deployment, std::sync::Arc::default());
    let mut runner = TestRunner::default();
    for _ in 0..300 {
        let steps = vec(any_step(), 0..8)
            .new_tree(&mut runner)
            .expect("steps can be made")
            .current();
        play(&world, &audit, &steps).await;
    }
}
