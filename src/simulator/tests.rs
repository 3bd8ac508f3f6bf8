//! The simulator over real HTTP.

use std::{
    io::{Read, Write},
    net::Shutdown,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::{Value, json};

use super::{usersig::tests::sign, *};

const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const SDK_APP_ID: u32 = 1_400_000_000;
const KICK: &str = "v4/im_open_login_svc/kick";
const KICK_SEAT: &str = "v4/room_engine_http_mic/kick_user_off_seat";

fn settings() -> Settings {
    Settings::new(SDK_APP_ID, KEY.into())
}

fn usersig_for(identifier: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    sign(SDK_APP_ID, identifier, KEY, now, 600)
}

struct Caller {
    client: Client,
    url: String,
    query: Vec<(&'static str, String)>,
}

impl Caller {
    fn of(simulator: &Simulator) -> Self {
        let query = vec![
            ("sdkappid", SDK_APP_ID.to_string()),
            ("identifier", "administrator".to_owned()),
            ("usersig", usersig_for("administrator")),
            ("random", "4294967295".to_owned()),
            ("contenttype", "json".to_owned()),
        ];
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            client,
            url: simulator.url(),
            query,
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.query.retain(|(key, _)| *key != name);
        self.query.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.query.retain(|(key, _)| *key != name);
        self
    }

    async fn send(&self, path: &str, body: &str) -> reqwest::Result<Response> {
        let query: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let url = format!("{}/{path}?{}", self.url, query.join("&"));
        self.client.post(url).body(body.to_owned()).send().await
    }

    async fn answer(&self, path: &str, body: &Value) -> Value {
        let response = self.send(path, &body.to_string()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    async fn kick(&self, user: &str) -> Value {
        self.answer(KICK, &json!({ "Identifier": user })).await
    }

    async fn kick_seat(&self, room: &str, user: &str) -> Value {
        self.answer(
            KICK_SEAT,
            &json!({"RoomId": room, "Member_Account": user, "Data": ""}),
        )
        .await
    }

    async fn code(&self, path: &str, body: &str) -> i64 {
        let text = self.send(path, body).await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["ErrorCode"]
            .as_i64()
            .unwrap()
    }
}

#[tokio::test]
async fn both_kicks_answer_as_documented_and_are_recorded() {
    let simulator = Simulator::start(settings()).unwrap();
    let caller = Caller::of(&simulator);
    assert_eq!(
        caller.kick("user1").await,
        json!({"ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": ""})
    );
    let seat = caller.kick_seat("room-test", "user2").await;
    let request_id = seat["RequestId"].as_str().unwrap();
    let (random_part, sequence) = request_id
        .strip_prefix("Id-")
        .unwrap()
        .split_once("-O-Seq-")
        .unwrap();
    assert!(
        random_part.len() == 32 && sequence.parse::<u64>().is_ok(),
        "{request_id}"
    );

    let calls = simulator.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        calls[0].query_value("usersig"),
        Some(caller.query[2].1.as_str())
    );
    assert_eq!(
        (calls[1].sequence, calls[1].error_code, calls[1].random),
        (2, Some(0), Some(u32::MAX))
    );
    let done: Vec<_> = simulator
        .effects()
        .into_iter()
        .map(|done| (done.api, done.room_id, done.user_id))
        .collect();
    let room = Some("room-test".to_owned());
    let expected = [
        (Api::KICK_LOGIN, None, "user1".to_owned()),
        (Api::KICK_SEAT, room, "user2".to_owned()),
    ];
    assert_eq!(done, expected);
    assert!(!format!("{calls:?}").contains(&caller.query[2].1));
}

#[tokio::test]
async fn the_front_door_tells_what_is_wrong_with_a_call() {
    let simulator = Simulator::start(settings()).unwrap();
    let caller = || Caller::of(&simulator);
    let good = r#"{"UserID": "user1"}"#;
    assert_eq!(caller().code("v4/no_such/command", good).await, 60009);
    assert_eq!(caller().code(KICK, "no json").await, 60003);
    assert_eq!(caller().without("sdkappid").code(KICK, good).await, 60012);
    assert_eq!(caller().with("sdkappid", "1").code(KICK, good).await, 70020);
    assert_eq!(
        caller().with("random", "4294967296").code(KICK, good).await,
        60002
    );
    assert_eq!(
        caller().with("contenttype", "xml").code(KICK, good).await,
        60025
    );
    assert_eq!(
        caller().with("identifier", "bob").code(KICK, good).await,
        70013
    );
    let of_bob = caller()
        .with("identifier", "bob")
        .with("usersig", &usersig_for("bob"));
    assert_eq!(of_bob.code(KICK, good).await, 60010);
    let of_other_app = sign(1, "administrator", KEY, 0, u64::MAX);
    assert_eq!(
        caller()
            .with("usersig", &of_other_app)
            .code(KICK, good)
            .await,
        70014
    );
    assert_eq!(
        caller().with("usersig", "nonsense").code(KICK, good).await,
        70003
    );
    let expired = sign(SDK_APP_ID, "administrator", KEY, 0, 60);
    assert_eq!(
        caller().with("usersig", &expired).code(KICK, good).await,
        70001
    );
    simulator.set_secret_key("another key".into());
    assert_eq!(caller().code(KICK, good).await, 70009);
    assert!(simulator.effects().is_empty());
}

#[tokio::test]
async fn the_commands_tell_what_is_wrong_with_their_body_and_target() {
    let simulator = Simulator::start(Settings {
        kick_field: KickField::UserId,
        ..settings()
    })
    .unwrap();
    let caller = Caller::of(&simulator);
    assert_eq!(caller.code(KICK, r#"{"Identifier": "user1"}"#).await, 70402);
    assert_eq!(caller.code(KICK, r#"{"UserID": ""}"#).await, 70402);
    assert_eq!(caller.code(KICK, r#"{"UserID": 7}"#).await, 60015);
    simulator.declare_account("ghost", false);
    assert_eq!(caller.code(KICK, r#"{"UserID": "ghost"}"#).await, 70107);
    assert_eq!(
        caller
            .code(
                KICK_SEAT,
                r#"{"RoomId": "room", "Member_Account": "user1"}"#
            )
            .await,
        100_002
    );
    simulator.declare_room("gone", false);
    assert_eq!(
        caller.kick_seat("gone", "user1").await["ErrorCode"],
        100_004
    );
    simulator.declare_seat("room", "user1", true);
    assert_eq!(caller.kick_seat("room", "user1").await["ErrorCode"], 0);
    assert_eq!(
        caller.kick_seat("room", "user1").await["ErrorCode"],
        100_206
    );
    let online = caller
        .answer(
            "v4/openim/query_online_status",
            &json!({"To_Account": ["user1", "ghost"]}),
        )
        .await;
    assert_eq!(
        online["QueryResult"],
        json!([{"To_Account": "user1", "Status": "Online"}])
    );
    assert_eq!(online["ErrorList"][0]["To_Account"], "ghost");
}

#[tokio::test]
async fn a_login_kick_of_the_administrator_voids_its_older_usersig() {
    let simulator = Simulator::start(settings()).unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let earlier = sign(SDK_APP_ID, "administrator", KEY, now - 5, 600);
    let caller = Caller::of(&simulator).with("usersig", &earlier);
    assert_eq!(caller.kick("administrator").await["ErrorCode"], 0);
    assert_eq!(caller.kick("user1").await["ErrorCode"], 70001);
}

#[tokio::test]
async fn failed_verifications_lock_the_app_out_for_a_while() {
    let lockout = Lockout {
        failures: 3,
        within: Duration::from_secs(10),
        lasts: Duration::from_millis(300),
    };
    let simulator = Simulator::start(Settings {
        lockout,
        ..settings()
    })
    .unwrap();
    let bad = Caller::of(&simulator).with("usersig", "nonsense");
    for _ in 0..3 {
        assert_eq!(bad.kick("user1").await["ErrorCode"], 70003);
    }
    let good = Caller::of(&simulator);
    assert_eq!(good.kick("user1").await["ErrorCode"], 70050);
    tokio::time::sleep(Duration::from_millis(320)).await;
    assert_eq!(good.kick("user1").await["ErrorCode"], 0);
}

#[tokio::test]
async fn the_call_past_the_limit_is_refused_and_each_api_has_its_own_limit() {
    let simulator = Simulator::start(Settings {
        limit: Some(3),
        ..settings()
    })
    .unwrap();
    let caller = Caller::of(&simulator);
    for _ in 0..3 {
        assert_eq!(caller.kick("user1").await["ErrorCode"], 0);
    }
    assert_eq!(caller.kick("user1").await["ErrorCode"], 60007);
    assert_eq!(caller.kick_seat("room", "user1").await["ErrorCode"], 0);
    assert_eq!(
        simulator.largest_window(Api::KICK_LOGIN, Duration::from_secs(1)),
        4
    );
    tokio::time::sleep(Duration::from_millis(1010)).await;
    assert_eq!(caller.kick("user1").await["ErrorCode"], 0);
}

/// What a client sees of a login kick hit by the fault, and how many kicks were carried out.
async fn hit(simulator: &Simulator, fault: Fault) -> (String, usize) {
    simulator.forget_calls();
    simulator.fail(fault);
    let got = match Caller::of(simulator)
        .send(KICK, r#"{"UserID": "user1"}"#)
        .await
    {
        Err(_) => "no response".to_owned(),
        Ok(response) => {
            let status = response.status().as_u16();
            let text = response.text().await;
            text.map_or("cut body".to_owned(), |text| format!("{status} {text}"))
        }
    };
    (got, simulator.effects().len())
}

#[tokio::test]
async fn a_lost_answer_leaves_the_kick_done_unless_told_otherwise() {
    let simulator = Simulator::start(settings()).unwrap();
    for reset in [true, false] {
        let cut = Fault::next(FaultKind::Cut { reset });
        assert_eq!(
            hit(&simulator, cut.clone()).await,
            ("no response".to_owned(), 1)
        );
        let before = cut.at(Moment::BeforeEffect);
        assert_eq!(hit(&simulator, before).await, ("no response".to_owned(), 0));
    }
    let truncated = hit(&simulator, Fault::next(FaultKind::Truncate)).await;
    assert_eq!(truncated, ("cut body".to_owned(), 1));
}

#[tokio::test]
async fn a_spoiled_answer_leaves_the_kick_done() {
    let simulator = Simulator::start(settings()).unwrap();
    let (big, effects) = hit(&simulator, Fault::next(FaultKind::BigBody)).await;
    assert!(big.len() > 10_000_000 && effects == 1);
    let bare = hit(&simulator, Fault::next(FaultKind::NoActionStatus)).await;
    assert_eq!(
        bare,
        (r#"200 {"ErrorCode":0,"ErrorInfo":""}"#.to_owned(), 1)
    );
    let started = Instant::now();
    let delay = FaultKind::Delay {
        duration: Duration::from_millis(80),
    };
    assert_eq!(hit(&simulator, Fault::next(delay)).await.1, 1);
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_replaced_answer_leaves_the_kick_undone() {
    let simulator = Simulator::start(settings()).unwrap();
    let bad_gateway = FaultKind::HttpStatus {
        status: 502,
        body: "<h1>Bad Gateway</h1>".to_owned(),
        content_type: "text/html".to_owned(),
    };
    let redirect = FaultKind::Redirect {
        location: "http://127.0.0.1:9/".to_owned(),
    };
    let fail = r#"200 {"ActionStatus":"FAIL","ErrorCode":0,"ErrorInfo":""}"#;
    for (kind, seen) in [
        (bad_gateway, "502 <h1>Bad Gateway</h1>"),
        (redirect, "302 "),
        (FaultKind::Garbage, "200 upstream said: fine\n"),
        (FaultKind::OkWithFail, fail),
        (
            FaultKind::Raw {
                body: "[1]".to_owned(),
            },
            "200 [1]",
        ),
    ] {
        assert_eq!(
            hit(&simulator, Fault::next(kind)).await,
            (seen.to_owned(), 0)
        );
    }
}

#[tokio::test]
async fn an_error_can_echo_the_usersig() {
    let simulator = Simulator::start(settings()).unwrap();
    let info = Some("{usersig} {usersig_encoded}".to_owned());
    simulator.fail(Fault::next(FaultKind::ErrorCode { code: 70003, info }));
    let caller = Caller::of(&simulator).with("usersig", "a*b-c_");
    let answer = caller.kick("user1").await;
    assert_eq!(answer["ErrorInfo"], "a*b-c_ a%2Ab%2Dc%5F");
    assert_eq!(simulator.calls()[0].fault, Some("error_code"));
}

#[tokio::test]
async fn a_reset_is_seen_as_a_reset() {
    let simulator = Simulator::start(settings()).unwrap();
    simulator.fail(Fault::next(FaultKind::Cut { reset: true }));
    let error = Caller::of(&simulator).send(KICK, "{}").await.unwrap_err();
    assert!(
        format!("{error:?}").contains("ConnectionReset"),
        "{error:?}"
    );
    simulator.fail(Fault::next(FaultKind::Cut { reset: false }));
    let error = Caller::of(&simulator).send(KICK, "{}").await.unwrap_err();
    assert!(
        !format!("{error:?}").contains("ConnectionReset"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_call_whose_client_has_gone_arrives_all_the_same() {
    let simulator = Simulator::start(settings()).unwrap();
    let late = Duration::from_millis(150);
    simulator.set_latency(Latency {
        before: late..=late,
        ..Latency::default()
    });
    let caller = Caller::of(&simulator);
    let impatient = tokio::time::timeout(Duration::from_millis(50), caller.kick("user1")).await;
    assert!(impatient.is_err() && simulator.calls().is_empty());
    drop(caller);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(simulator.effects().len(), 1);
}

#[tokio::test]
async fn never_and_drip_hold_the_answer_while_other_calls_pass() {
    let simulator = Simulator::start(settings()).unwrap();
    let caller = Caller::of(&simulator);
    for kind in [FaultKind::Never, FaultKind::Drip] {
        simulator.fail(Fault::next(kind).against("user1"));
        let held = tokio::time::timeout(Duration::from_millis(100), caller.kick("user1")).await;
        assert!(held.is_err());
        assert_eq!(caller.kick("user2").await["ErrorCode"], 0);
    }
    assert_eq!(simulator.effects().len(), 4);
}

#[tokio::test]
async fn a_connection_held_for_ever_ends_with_its_client() {
    let simulator = Simulator::start(settings()).unwrap();
    simulator.fail(Fault::next(FaultKind::Never));
    let mut socket = std::net::TcpStream::connect(&simulator.url()["http://".len()..]).unwrap();
    let request = format!("POST /{KICK} HTTP/1.1\r\nhost: sim\r\ncontent-length: 2\r\n\r\n{{}}");
    socket.write_all(request.as_bytes()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(simulator.calls().len(), 1);
    socket.shutdown(Shutdown::Write).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    assert_eq!(socket.read(&mut [0; 16]).unwrap(), 0);
}

#[tokio::test]
async fn a_stall_holds_calls_and_lets_them_arrive_together() {
    let simulator = Simulator::start(settings()).unwrap();
    let caller = Caller::of(&simulator);
    simulator.stall(Duration::from_millis(200));
    let started = Instant::now();
    let spaced = |number: u64| {
        let caller = &caller;
        async move {
            tokio::time::sleep(Duration::from_millis(30 * number)).await;
            caller.kick("user1").await
        }
    };
    futures_util::future::join_all((0..5).map(spaced)).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(
        simulator.largest_window(Api::KICK_LOGIN, Duration::from_millis(25)),
        5
    );
}

#[tokio::test]
async fn an_outage_cuts_connections_and_a_restart_serves_the_same_port() {
    let simulator = Simulator::start(settings()).unwrap();
    let caller = Caller::of(&simulator);
    caller.kick("user1").await;
    let started = Instant::now();
    simulator.stop().unwrap();
    // The client may first try the connection it has kept.
    assert!(caller.send(KICK, "{}").await.is_err());
    assert!(caller.send(KICK, "{}").await.unwrap_err().is_connect());
    simulator.restart().unwrap();
    assert_eq!(caller.kick("user1").await["ErrorCode"], 0);
    drop(simulator);
    assert!(
        started.elapsed() < Duration::from_millis(500),
        "{:?}",
        started.elapsed()
    );
    assert!(caller.send(KICK, "{}").await.is_err());
}

#[tokio::test]
async fn the_control_port_scripts_what_happens() {
    let simulator = Simulator::start(Settings {
        open_world: false,
        ..settings()
    })
    .unwrap();
    let caller = Caller::of(&simulator);
    let control = |path: &str| format!("{}{path}", simulator.control_url());
    let client = &caller.client;
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    assert_eq!(
        status(client.get(control("/healthz"))).await,
        StatusCode::OK
    );
    for declared in ["/rooms/r%201/seats/user1", "/accounts/user1"] {
        assert_eq!(
            status(client.put(control(declared))).await,
            StatusCode::NO_CONTENT
        );
    }
    assert_eq!(caller.kick("user1").await["ErrorCode"], 0);
    assert_eq!(caller.kick("user2").await["ErrorCode"], 70107);
    assert_eq!(caller.kick_seat("r 1", "user1").await["ErrorCode"], 0);
    let fault = client
        .post(control("/faults"))
        .body(r#"{"kind":"error_code","code":70500}"#);
    assert_eq!(status(fault).await, StatusCode::NO_CONTENT);
    assert_eq!(caller.kick("user1").await["ErrorCode"], 70500);
    let latency = client
        .put(control("/latency"))
        .body(r#"{"before_ms":[1,2]}"#);
    assert_eq!(status(latency).await, StatusCode::NO_CONTENT);
    let stall = client.post(control("/stall")).body(r#"{"milliseconds":1}"#);
    assert_eq!(status(stall).await, StatusCode::NO_CONTENT);
    for (path, body) in [
        ("/faults", r#"{"kind":"error"}"#),
        ("/stall", r#"{"seconds":1}"#),
    ] {
        let refused = client.post(control(path)).body(body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(refused.text().await.unwrap().contains("unknown"));
    }
}

#[tokio::test]
async fn the_control_port_shows_what_happened_but_no_usersig() {
    let simulator = Simulator::start(settings()).unwrap();
    let caller = Caller::of(&simulator);
    caller.kick("user1").await;
    caller.kick("user2").await;
    let show = async |path: &str| {
        let url = format!("{}{path}", simulator.control_url());
        caller
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let calls = show("/calls?after=1").await;
    assert!(!calls.contains(&caller.query[2].1));
    let calls: Value = serde_json::from_str(&calls).unwrap();
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1);
    assert_eq!(calls["calls"][0]["user_id"], "user2");
    let windows: Value = serde_json::from_str(&show("/windows").await).unwrap();
    assert_eq!(
        windows["kick_login"],
        json!({"calls": 2, "largest_second": 2})
    );
}

#[test]
fn starting_and_stopping_takes_milliseconds() {
    let started = Instant::now();
    for _ in 0..10 {
        drop(Simulator::start(settings()).unwrap());
    }
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
#[ignore = "a measurement; run it alone and in release"]
async fn it_answers_thousands_of_calls_a_second() {
    let simulator = Simulator::start(Settings {
        limit: None,
        ..settings()
    })
    .unwrap();
    let caller = Caller::of(&simulator);
    let started = Instant::now();
    let worker = |_| async {
        for _ in 0..250 {
            caller.kick("user1").await;
        }
    };
    futures_util::future::join_all((0..40).map(worker)).await;
    let per_second = 10_000.0 / started.elapsed().as_secs_f64();
    assert!(per_second > 2_000.0, "{per_second}");
    assert_eq!(simulator.calls().len(), 10_000);
}
