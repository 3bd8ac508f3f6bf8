//! Whatever becomes of Tencent's answer, and of the mute or the ban: nothing is said to have happened that did not.

use std::time::Duration;

use futures_util::future::join_all;
use modgate::domain::Kind;
use modgate::kinds::{
    ban_live_member, ban_room_member, mute_group_member, mute_live_member, mute_user,
};
use modgate::simulator::{Api, Fault, FaultKind, Moment, Restriction};
use serde_json::Value;

use super::{id, probed};
use crate::support::app::TestApp;
use crate::support::eventually::eventually;
use crate::support::persona::{Persona, example};
use crate::support::world::World;

/// With how each is restricted at Tencent. Ten outcomes in a row that nobody knows suspend calls to an API, so they are
/// spread over several.
const KINDS: [(Kind, Restriction); 5] = [
    (mute_user::KIND, Restriction::Groups),
    (mute_group_member::KIND, Restriction::GroupMember),
    (mute_live_member::KIND, Restriction::LiveMuted),
    (ban_live_member::KIND, Restriction::LiveBanned),
    (ban_room_member::KIND, Restriction::RoomBanned),
];

/// So many of each kind at once.
const AT_ONCE: usize = 5;

/// What nobody can tell an outcome from.
fn unclear() -> Vec<FaultKind> {
    let http = |status, body: &str, content_type: &str| FaultKind::HttpStatus {
        status,
        body: body.to_owned(),
        content_type: content_type.to_owned(),
    };
    let raw = |body: &str| FaultKind::Raw {
        body: body.to_owned(),
    };
    let code = |code| FaultKind::ErrorCode { code, info: None };
    let location = "https://example.com/".to_owned();
    vec![
        FaultKind::Cut { reset: true },
        FaultKind::Cut { reset: false },
        FaultKind::Never,
        FaultKind::Truncate,
        FaultKind::Garbage,
        FaultKind::BigBody,
        FaultKind::Drip,
        FaultKind::OkWithFail,
        FaultKind::Redirect { location },
        http(502, "<h1>Bad Gateway</h1>", "text/html"),
        http(204, "", "text/plain"),
        raw("{}"),
        raw("[]"),
        code(91_000),
        code(10_002),
    ]
}

/// What becomes of it at Tencent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Happened,
    DidNot,
    /// It did not, and somebody else restricts the target, with another end.
    SomebodyElse,
    /// It did, and somebody else puts an end to it.
    Undone,
}

const TRUTHS: [Truth; 4] = [
    Truth::Happened,
    Truth::DidNot,
    Truth::SomebodyElse,
    Truth::Undone,
];

struct Case {
    user: String,
    kind: Kind,
    of: Restriction,
    fault: FaultKind,
    truth: Truth,
}

fn cases(faults: &[FaultKind], truths: &[Truth]) -> Vec<Case> {
    let all = faults
        .iter()
        .flat_map(|fault| truths.iter().map(move |truth| (fault, *truth)));
    let kinds = KINDS.iter().cycle();
    let numbered = all.zip(kinds).enumerate();
    numbered
        .map(|(number, ((fault, truth), (kind, of)))| Case {
            user: format!("user-{number}"),
            kind: *kind,
            of: *of,
            fault: fault.clone(),
            truth,
        })
        .collect()
}

impl Case {
    fn body(&self, user: &str) -> Value {
        let mut body = example(self.kind);
        body["user_id"] = user.into();
        body
    }

    /// Acts, hears that nobody knows, and lets happen what happens at Tencent. The id of the action.
    async fn begin(&self, app: &TestApp, alice: &Persona) -> String {
        let moment = match self.truth {
            Truth::Happened | Truth::Undone => Moment::AfterEffect,
            Truth::DidNot | Truth::SomebodyElse => Moment::BeforeEffect,
        };
        let api = Api::of_command(self.kind.api.command);
        let fault = Fault::next(self.fault.clone()).for_ever().at(moment);
        app.simulator.fail(fault.on(api).against(&self.user));
        let answer = alice.act(self.kind, &self.body(&self.user)).await;
        assert_eq!(answer.problem(), "outcome-unknown", "{self:?}");
        if moment == Moment::AfterEffect {
            let attempts = answer.action()["attempts"].as_array().map_or(0, Vec::len);
            self.took_effect(app, api, attempts).await;
        }
        let room = answer.action()["room_id"].as_str().map(str::to_owned);
        let restrict = |seconds| {
            let room = room.as_deref().unwrap_or_default();
            app.simulator.restrict(self.of, room, &self.user, seconds);
        };
        match self.truth {
            Truth::Happened | Truth::DidNot => {}
            Truth::SomebodyElse => restrict(7200),
            Truth::Undone => restrict(0),
        }
        id(&answer)
    }

    /// The answer may be given up before Tencent has done it.
    async fn took_effect(&self, app: &TestApp, api: Api, times: usize) {
        eventually("it takes effect", Duration::from_secs(10), async || {
            let calls = app.simulator.calls_to(api).into_iter();
            let its = calls.filter(|call| call.user_id.as_ref() == Some(&self.user));
            (its.filter(|call| call.took_effect).count() == times).then_some(())
        })
        .await;
    }

    async fn is_told_truly(&self, app: &TestApp, id: &str) {
        let action = probed(&app.moderator("alice"), id).await;
        let state = if self.truth == Truth::Happened {
            "succeeded"
        } else {
            "unknown"
        };
        assert_eq!(action["state"], state, "{self:?}: {action}");
        let in_effect = match self.truth {
            Truth::Happened | Truth::SomebodyElse => Some(true),
            Truth::DidNot | Truth::Undone => Some(false),
        };
        assert_eq!(
            action["probe"]["in_effect"].as_bool(),
            in_effect,
            "{self:?}"
        );
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} of {}: {:?}, {:?}",
            self.kind, self.user, self.fault, self.truth
        )
    }
}

async fn impatient_app() -> TestApp {
    let world = World::new().await.set("MODGATE_MODERATOR_QPS", "1000");
    let world = world.set("MODGATE_TENCENT_TIMEOUT", "1s");
    TestApp::in_world(world.set("MODGATE_ACTION_DEADLINE", "4s")).await
}

/// All of them, a few of each kind at a time, and after each few one of each kind that succeeds.
async fn begin_all(app: &TestApp, cases: &[Case]) -> Vec<String> {
    let (mut ids, alice) = (Vec::new(), app.moderator("alice"));
    for (round, some) in cases.chunks(AT_ONCE * KINDS.len()).enumerate() {
        ids.extend(join_all(some.iter().map(|case| case.begin(app, &alice))).await);
        for case in some.iter().take(KINDS.len()) {
            let body = case.body(&format!("between-{round}"));
            assert_eq!(alice.act(case.kind, &body).await.status, 200, "{case:?}");
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_makes_a_probe_say_what_is_not_so() {
    let app = impatient_app().await;
    let cases = cases(&unclear(), &TRUTHS);
    let ids = begin_all(&app, &cases).await;
    let told = cases.iter().zip(&ids);
    join_all(told.map(|(case, id)| case.is_told_truly(&app, id))).await;
    let ends = app
        .count(
            "select count(*) from audit.event where decided_by = 'probe' and state = 'succeeded'",
        )
        .await;
    assert_eq!(usize::try_from(ends), Ok(unclear().len()));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_the_probe_that_says_nothing_proves_nothing() {
    let app = impatient_app().await;
    let faults = [
        unclear(),
        vec![FaultKind::ErrorCode {
            code: 60_007,
            info: None,
        }],
    ]
    .concat();
    let lost = vec![FaultKind::Cut { reset: true }; faults.len()];
    let cases = cases(&lost, &[Truth::Happened]);
    let ids = begin_all(&app, &cases).await;
    // Those of a list name no user: what fails is told by its order.
    for (case, fault) in cases.iter().zip(&faults) {
        // A question is asked again when its answer is lost.
        let question = case.kind.probe.expect("each has one");
        let fault = Fault::next(fault.clone()).times(3).at(Moment::BeforeEffect);
        app.simulator
            .fail(fault.on(Api::of_command(question.api.command)));
    }
    join_all(cases.iter().zip(&ids).map(async |(case, id)| {
        let action = probed(&app.moderator("alice"), id).await;
        assert_eq!(action["state"], "unknown", "{case:?}: {action}");
        let probe = &action["probe"];
        assert!(
            probe["in_effect"].is_null() && probe["until"].is_null(),
            "{case:?}: {probe}"
        );
    }))
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_proves_nothing() {
    let (ahead, behind) = tokio::join!(impatient_app(), impatient_app());
    ahead.simulator.set_clock_ahead(5);
    behind.simulator.set_clock_ahead(-5);
    let lost = vec![FaultKind::Cut { reset: true }; KINDS.len()];
    let cases = cases(&lost, &[Truth::Happened]);
    let off = [&ahead, &behind].map(async |app| {
        let ids = begin_all(app, &cases).await;
        join_all(cases.iter().zip(&ids).map(async |(case, id)| {
            let action = probed(&app.moderator("alice"), id).await;
            assert_eq!(action["state"], "unknown", "{case:?}: {action}");
            assert_eq!(action["probe"]["in_effect"], true, "{case:?}");
        }))
        .await;
    });
    join_all(off).await;
    ahead.stop().await;
    behind.stop().await;
}
