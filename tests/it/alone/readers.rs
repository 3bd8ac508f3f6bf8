//! What acting takes, alone and beside everything that only reads or does nothing at all: measured in one
//! run.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::reads::{PATIENCE, ReadsWait, keyed};
use crate::support::app::MODERATOR;
use crate::support::eventually::eventually;
use crate::support::persona::{Answer, Persona};
use crate::support::process::Gateway;
use crate::support::world::{World, token};

/// Connections on which nothing is ever asked.
const IDLE: usize = 1_100;
const READERS: usize = 30;
const EXPORTS: usize = 300;

/// Of each kind, in each of the two runs.
const POSTS: u32 = 160;
/// And before them.
const WARM_UP: u32 = 40;
const EVERY: Duration = Duration::from_millis(50);

/// Something else may start on the machine between the two measurements, but not every time.
const MOST_ROUNDS: u32 = 3;

const MOST_KILOBYTES: u64 = 128 * 1024;

/// In one room: more than an export has on its way when it is not read.
const BUSY: u32 = 30_000;

#[expect(clippy::print_stdout, reason = "libtest shows it with the failure")]
fn measured(figures: &str) {
    println!("{figures}");
}

/// Fills the busiest room, from now on: there are months ahead, but perhaps none behind.
async fn fill_a_room(world: &World) {
    let mut sql = world.sql().await;
    let kicks = format!(
        "create temporary table kicks as
         select n, timestamptz 'epoch' + interval '1 millisecond' * (first + n) as at,
                (lpad(to_hex(first + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid as id
         from generate_series(0, {BUSY} - 1) as n,
              (select (extract(epoch from now()) * 1000)::bigint as first) as clock"
    );
    for statement in [
        kicks.as_str(),
        "insert into audit.action (id, kind, moderator, issuer, user_id, room_id, data, reason, client_ip, peer_ip,
             http_request_id, instance, version, sdk_app_id, tencent_host, requested_at, recorded_at, deadline_ms,
             tencent_random, leaf_hash)
         select id, 'kick_seat', 'm' || n % 7, 'test', 'user' || n, 'busy', repeat('over ', 100), repeat('spam ', 80),
                '127.0.0.1', '::1', 'r', 'i', '0', 1400000001, 'h', at, at, 10000, n, sha256('')
         from kicks",
        "insert into audit.event (action_id, rev, state, at, recorded_at, decided_by, duration_us, attempt,
             tencent_random, attempt_duration_us, http_status, action_status, error_code, error_info, leaf_hash)
         select id, 1, 'succeeded', at, at, 'gateway', 41200, 1, n, 38000, 200, 'OK', 0, '', sha256('')
         from kicks",
        "analyze audit.action",
        "analyze audit.event",
    ] {
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut sql).await;
        done.expect("the rows break no rule");
    }
}

/// Connections that a process of their own holds: this one may not have so many files.
#[derive(Debug)]
struct Idle(Child);

impl Idle {
    fn at(addr: SocketAddr) -> Self {
        let script = r#"ulimit -S -n "$(ulimit -H -n)"
            for ((n = 0; n < $1; n++)); do exec {connection}<>"/dev/tcp/$2/$3" || exit 1; done
            echo open; read -r _"#;
        let (ip, port) = (addr.ip().to_string(), addr.port().to_string());
        let mut child = Command::new("bash")
            .args(["-c", script, "idle", &IDLE.to_string(), &ip, &port])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash can be run");
        let mut said = String::new();
        let output = child.stdout.take().expect("standard output is piped");
        BufReader::new(output)
            .read_line(&mut said)
            .expect("it says something");
        assert_eq!(said, "open\n", "{IDLE} connections can be opened");
        Self(child)
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An export that is asked for and not read, whatever the answer is.
async fn unread_export(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .set_recv_buffer_size(8 * 1024)
        .expect("a small buffer");
    let mut connection = socket.connect(addr).await.expect("the gateway listens");
    let token = token("exporter", &["audit:read"]);
    let request = format!(
        "GET /v1/actions/export HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let sent = connection.write_all(request.as_bytes()).await;
    sent.expect("the gateway reads");
    let mut head = [0; 12];
    let read = timeout(Duration::from_secs(20), connection.read_exact(&mut head)).await;
    read.expect("an answer in time").expect("an answer");
    assert!(
        [b"HTTP/1.1 200", b"HTTP/1.1 429"].contains(&&head),
        "{head:?}"
    );
    connection
}

/// Someone who asks again and again for what takes as long as Postgres lets it.
async fn read_for_ever(reader: Persona) {
    loop {
        let answer = reader.get("/v1/actions?room_id=busy").await;
        assert!([200, 429, 503].contains(&answer.status), "{}", answer.text);
    }
}

/// Those who act, each below their own limit.
struct Acting {
    moderators: Vec<Persona>,
    denied: Vec<Persona>,
}

/// The three kinds of POSTs.
const KINDS: [&str; 3] = ["plain", "keyed", "denied"];

impl Acting {
    fn at(gateway: &Gateway) -> Self {
        let denied = (0..4).map(|number| {
            let token = token(&format!("mallory-{number}"), &[]);
            Persona::new(gateway.addr, Some(token))
        });
        let moderators = (0..8).map(|number| {
            let token = token(&format!("moderator-{number}"), &MODERATOR);
            Persona::new(gateway.addr, Some(token))
        });
        Self {
            moderators: moderators.collect(),
            denied: denied.collect(),
        }
    }

    /// Asks at its own pace, whatever becomes of those before. How long the slowest of a hundred took, by kind.
    async fn measure(&self, run: &str, posts: u32) -> [Duration; 3] {
        let (start, mut asked) = (Instant::now(), JoinSet::new());
        for number in 0..posts {
            sleep_until(start + EVERY * number).await;
            let one =
                |from: &[Persona], kind: usize| from[(number as usize + kind) % from.len()].clone();
            let whose = [
                one(&self.moderators, 0),
                one(&self.moderators, 4),
                one(&self.denied, 0),
            ];
            for (kind, who) in whose.into_iter().enumerate() {
                let user = format!("{run}{kind}-{number}");
                asked.spawn(async move {
                    let began = Instant::now();
                    let answer = match kind {
                        1 => keyed(&who, &user, &user).await,
                        _ => who.kick_login(&user).await,
                    };
                    (kind, began.elapsed(), answer)
                });
            }
        }
        let mut took: [Vec<Duration>; 3] = Default::default();
        let (mut undone, mut count) = (None, 0);
        for (kind, one, answer) in asked.join_all().await {
            took[kind].push(one);
            if !is_done(kind, &answer) {
                count += 1;
                undone.get_or_insert(answer);
            }
        }
        assert_eq!(count, 0, "{run}: the first was {undone:?}");
        took.map(|mut took| {
            took.sort_unstable();
            took[took.len() * 99 / 100]
        })
    }
}

fn is_done(kind: usize, answer: &Answer) -> bool {
    let expected = if KINDS[kind] == "denied" { 403 } else { 200 };
    answer.status == expected && answer.action()["recorded"] == true
}

/// Measures actions alone, and then beside the readers.
///
/// # Errors
/// The figures, if actions take much longer beside the readers.
async fn round(
    world: &World,
    gateway: &Gateway,
    acting: &Acting,
    number: u32,
) -> Result<(), String> {
    // The connections of an earlier round may still be closing.
    acting.measure(&format!("warm-up{number}-"), WARM_UP).await;
    let alone = acting.measure(&format!("alone{number}-"), POSTS).await;
    let _idle = Idle::at(gateway.addr);
    let mut exports = Vec::with_capacity(EXPORTS);
    for _ in 0..EXPORTS {
        exports.push(unread_export(gateway.addr).await);
    }
    // They take connections, and hold them, but no more of the machine than others need: how that is shared is
    // up to the system.
    let wait = ReadsWait::begin(world).await;
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let token = token(&format!("reader-{number}"), &["audit:read"]);
        readers.spawn(read_for_ever(Persona::new(gateway.addr, Some(token))));
    }
    let beside = acting.measure(&format!("beside{number}-"), POSTS).await;
    let memory = gateway.resident_kilobytes();
    assert!(readers.try_join_next().is_none(), "they read to the end");
    wait.end().await;
    let figures = format!("{KINDS:?}: {alone:?} alone, {beside:?} beside; {memory} kB");
    measured(&figures);
    assert!(memory < MOST_KILOBYTES, "{memory} kB");
    let much_more =
        |(alone, beside): (&Duration, &Duration)| *beside > *alone * 3 + Duration::from_millis(50);
    if alone.iter().zip(&beside).any(much_more) {
        return Err(figures);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_and_idle_connections_take_little_from_those_who_act() {
    let mut world = World::new().await;
    fill_a_room(&world).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    eventually("all is sealed", PATIENCE * 3, async || {
        let left = "select (select count(*) from audit.action) + (select count(*) from audit.event)
                    - (select coalesce(sum(n), 0) from audit.seal)::bigint";
        (world.count(left).await == 0).then_some(())
    })
    .await;
    world.be_alone().await;
    let acting = Acting::at(&gateway);
    let mut rounds = 1;
    while let Err(difference) = round(&world, &gateway, &acting, rounds).await {
        assert!(rounds < MOST_ROUNDS, "{difference}");
        rounds += 1;
    }
    let denied = world
        .count("select count(*) from audit.actions where state = 'denied'")
        .await;
    assert_eq!(
        denied,
        i64::from((WARM_UP + POSTS * 2) * rounds),
        "every denial is recorded"
    );
}
