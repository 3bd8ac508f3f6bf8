//! The client against a server that answers bytes by script.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tracing::instrument::WithSubscriber;

use super::exchange::{Exchange, PermitUse};
use super::{BaseUrl, Client, Credential, Error, KickField, Settings};
use crate::domain::{Class, Command, Data, Failure, RoomId, Targets, UserId, Verdict};
use crate::kinds::{kick_login, kick_seat};

const KEY: &str = "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e";
const USERSIG: &str = "eJyrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkElNyM-NgUsUp2YkFBZkpQAkL*A__";
const TIMEOUT: Duration = Duration::from_secs(1);

/// What the server does with every request.
#[derive(Clone)]
enum Script {
    /// Writes this and keeps the connection.
    Answer(Vec<u8>),
    /// Writes this and closes the connection.
    AnswerAndClose(Vec<u8>),
    /// Writes this and nothing more.
    AnswerAndStall(Vec<u8>),
    /// Resets the connection when the request begins to arrive.
    Reset,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
    /// Of stalled connections.
    closed_by_client: usize,
}

struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Self {
            address,
            seen: Arc::clone(&seen),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                seen.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, script.clone(), Arc::clone(&seen)));
            }
        });
        server
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    fn https(&self) -> String {
        format!("https://{}", self.address)
    }
}

async fn serve(mut stream: TcpStream, script: Script, seen: Arc<Mutex<Seen>>) -> io::Result<()> {
    if matches!(script, Script::Reset) {
        // Closing with bytes unread resets the connection.
        stream.peek(&mut [0]).await?;
        return Ok(());
    }
    while let Some(request) = read_request(&mut stream).await? {
        seen.lock().unwrap().requests.push(request);
        match &script {
            Script::Answer(bytes) => stream.write_all(bytes).await?,
            Script::AnswerAndClose(bytes) => return stream.write_all(bytes).await,
            Script::AnswerAndStall(bytes) => {
                let _ = stream.write_all(bytes).await;
                while stream.read(&mut [0; 64]).await.unwrap_or(0) > 0 {}
                seen.lock().unwrap().closed_by_client += 1;
                return Ok(());
            }
            Script::Reset => {}
        }
    }
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut request = String::new();
    loop {
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Ok(Some(request));
            }
        }
        let mut bytes = [0; 4_096];
        match stream.read(&mut bytes).await? {
            0 => return Ok(None),
            read => request.push_str(&String::from_utf8_lossy(&bytes[..read])),
        }
    }
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn succeeded() -> Vec<u8> {
    http(
        "200 OK",
        r#"{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}"#,
    )
}

fn settings(url: &str) -> Settings {
    Settings {
        url: BaseUrl::parse(url, false).unwrap(),
        proxy: None,
        further_roots: None,
        sdk_app_id: 88_888_888,
        admin: "admin é".to_owned(),
        credential: Credential::UserSig(USERSIG.into()),
        usersig_ttl: Duration::from_hours(24),
        kick_field: KickField::Identifier,
        timeout: TIMEOUT,
    }
}

fn client(url: &str) -> Client {
    Client::new(settings(url)).unwrap()
}

fn login() -> Command {
    let targets = Targets {
        user_id: UserId::try_from("test".to_owned()).ok(),
        ..Targets::default()
    };
    Command::new(kick_login::KIND, targets).unwrap()
}

fn seat() -> Command {
    let targets = Targets {
        user_id: UserId::try_from("user2".to_owned()).ok(),
        room_id: RoomId::try_from("room-test".to_owned()).ok(),
        data: Data::try_from("time over".to_owned()).ok(),
        ..Targets::default()
    };
    Command::new(kick_seat::KIND, targets).unwrap()
}

fn agreed() -> Option<Failure> {
    None
}

async fn kick(client: &Client, command: &Command) -> Exchange {
    let deadline = client.call_deadline(Instant::now() + 2 * TIMEOUT);
    let exchange = client
        .exchange(command, 4_123_456_789, deadline, Duration::ZERO, agreed)
        .await;
    let shown = format!("{exchange:?} {client:?}");
    for secret in [USERSIG, KEY, "usersig=", "://"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    exchange
}

async fn kick_by_script(script: Script) -> (Exchange, Seen) {
    let server = Server::start(script).await;
    let exchange = kick(&client(&server.http()), &login()).await;
    (exchange, server.seen())
}

fn assert_unknown(exchange: &Exchange, failure: Failure, permit_use: PermitUse) {
    assert_eq!(exchange.judgement.verdict, Verdict::Unknown(None));
    assert_eq!(exchange.judgement.failure, Some(failure));
    assert_eq!(exchange.judgement.answer, None);
    assert_eq!(exchange.permit_use, permit_use);
}

fn assert_not_sent(exchange: &Exchange, failure: Failure) {
    assert_eq!(exchange.judgement.verdict, Verdict::NotSent);
    assert_eq!(exchange.judgement.failure, Some(failure));
    assert_eq!(exchange.permit_use, PermitUse::Unused);
    assert_eq!(exchange.http_status, None);
}

#[tokio::test]
async fn a_request_is_exactly_what_tencent_documents() {
    let server = Server::start(Script::Answer(succeeded())).await;
    let client = client(&server.http());
    for command in [login(), seat()] {
        let exchange = kick(&client, &command).await;
        assert_eq!(exchange.judgement.verdict, Verdict::Succeeded);
        assert_eq!(exchange.http_status, Some(200));
        assert_eq!(exchange.permit_use, PermitUse::Answered);
    }
    let seen = server.seen();
    assert_eq!(seen.connections, 1, "the connection is kept");
    let expected = [
        ("im_open_login_svc/kick", r#"{"Identifier":"test"}"#),
        (
            "room_engine_http_mic/kick_user_off_seat",
            r#"{"RoomId":"room-test","Member_Account":"user2","Data":"time over"}"#,
        ),
    ];
    assert_eq!(seen.requests.len(), 2);
    for (request, (api, expected_body)) in seen.requests.iter().zip(expected) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, expected_body);
        let mut lines: Vec<&str> = head.lines().collect();
        let request_line = format!(
            "POST /v4/{api}?sdkappid=88888888&identifier=admin%20%C3%A9&usersig={USERSIG}\
             &random=4123456789&contenttype=json HTTP/1.1"
        );
        assert_eq!(lines.remove(0), request_line);
        lines.sort_unstable();
        let length = format!("content-length: {}", body.len());
        let host = format!("host: {}", server.address);
        let agent = concat!("user-agent: modgate/", env!("CARGO_PKG_VERSION"));
        let json = "content-type: application/json";
        assert_eq!(lines, ["accept: */*", &length, json, &host, agent]);
    }
}

fn with(credential: Credential, server: &Server) -> Client {
    let settings = Settings {
        credential,
        ..settings(&server.http())
    };
    Client::new(settings).unwrap()
}

#[tokio::test]
async fn a_minted_usersig_is_sent() {
    let server = Server::start(Script::Answer(succeeded())).await;
    let client = with(Credential::SecretKey(KEY.into()), &server);
    assert!(client.usersig_expires_at().is_some());
    kick(&client, &login()).await;
    let requests = server.seen().requests;
    let usersig = requests[0]
        .split_once("usersig=")
        .unwrap()
        .1
        .split_once('&')
        .unwrap()
        .0;
    assert!(
        usersig.starts_with("eJ") && usersig.len() > 100,
        "{usersig}"
    );
}

#[tokio::test]
async fn echoes_of_the_usersig_and_of_the_secret_key_are_removed() {
    let echo = serde_json::json!({
        "ErrorCode": 70003, "ActionStatus": KEY,
        "ErrorInfo": format!("{USERSIG} of {}", USERSIG.replace('*', "%2A")),
    });
    let server = Server::start(Script::Answer(http("200 OK", &echo.to_string()))).await;
    let given = with(Credential::UserSig(USERSIG.into()), &server);
    let judgement = given
        .exchange(
            &login(),
            1,
            given.call_deadline(Instant::now() + TIMEOUT),
            Duration::ZERO,
            agreed,
        )
        .await
        .judgement;
    assert_eq!(judgement.verdict, Verdict::Refused(Class::Credential));
    assert_eq!(
        judgement.answer.unwrap().error_info,
        "[redacted] of [redacted]"
    );

    let minting = with(Credential::SecretKey(KEY.into()), &server);
    let exchange = minting
        .exchange(
            &login(),
            1,
            minting.call_deadline(Instant::now() + TIMEOUT),
            Duration::ZERO,
            agreed,
        )
        .await;
    let answer = exchange.judgement.answer.unwrap();
    assert_eq!(answer.action_status.as_deref(), Some("[redacted]"));
}

#[tokio::test]
async fn a_refused_connection_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_not_sent(&kick(&client(&url), &login()).await, Failure::Connect);
}

#[tokio::test]
async fn an_unknown_host_means_not_sent() {
    let client = client("https://host.invalid");
    assert_not_sent(&kick(&client, &login()).await, Failure::Connect);
}

#[tokio::test]
async fn a_failed_tls_handshake_means_not_sent() {
    let server = Server::start(Script::AnswerAndClose(succeeded())).await;
    let client = client(&server.https());
    let garbage = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", garbage.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = garbage.accept().await {
            let _ = stream.write_all(&succeeded()).await;
        }
    });
    assert_not_sent(&kick(&self::client(&url), &login()).await, Failure::Connect);

    let exchange = kick(&client, &login()).await;
    assert_not_sent(&exchange, Failure::Connect);
    assert!(
        exchange.duration < TIMEOUT,
        "connecting has half of the time"
    );
    assert!(server.seen().requests.is_empty());
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_means_not_sent() {
    let proxy = Server::start(Script::Answer(http("502 Bad Gateway", "no"))).await;
    let url = SecretString::from(format!("http://user:pass-word@{}", proxy.address));
    let proxied = Settings {
        proxy: Some(url),
        ..settings("https://console.tim.qq.com")
    };
    assert!(!format!("{proxied:?}").contains("pass-word"));
    let client = Client::new(proxied).unwrap();
    assert_not_sent(&kick(&client, &login()).await, Failure::Connect);
    let requests = proxy.seen().requests;
    assert!(requests[0].starts_with("CONNECT console.tim.qq.com:443 HTTP/1.1\r\n"));
    assert!(!requests[0].contains("usersig"));
}

#[tokio::test]
async fn nothing_is_sent_after_the_deadline() {
    let server = Server::start(Script::Answer(succeeded())).await;
    let client = client(&server.http());
    let deadline = client.call_deadline(Instant::now());
    let exchange = client
        .exchange(&login(), 1, deadline, Duration::ZERO, agreed)
        .await;
    assert_not_sent(&exchange, Failure::DeadlinePassed);
    assert_eq!(server.seen().connections, 0);
}

/// Answers the first `answered` requests on its one connection. Then, how many bytes more came
/// until the client closed it.
async fn bytes_after(listener: TcpListener, answered: usize) -> usize {
    let (mut stream, _) = listener.accept().await.unwrap();
    for _ in 0..answered {
        read_request(&mut stream).await.unwrap();
        stream.write_all(&succeeded()).await.unwrap();
    }
    let mut more = Vec::new();
    stream.read_to_end(&mut more).await.unwrap();
    more.len()
}

#[tokio::test]
async fn what_the_last_check_holds_back_leaves_no_byte_on_a_connection_new_or_kept() {
    for answered in [0, 1] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(&format!("http://{}", listener.local_addr().unwrap()));
        let bytes = tokio::spawn(bytes_after(listener, answered));
        for _ in 0..answered {
            assert_eq!(
                kick(&client, &login()).await.permit_use,
                PermitUse::Answered
            );
        }
        let deadline = client.call_deadline(Instant::now() + TIMEOUT);
        let refused = || Some(Failure::LeaseLapsed);
        let exchange = client
            .exchange(&login(), 1, deadline, Duration::ZERO, refused)
            .await;
        assert_not_sent(&exchange, Failure::LeaseLapsed);
        let bytes = timeout(5 * TIMEOUT, bytes)
            .await
            .expect("the connection is closed");
        assert_eq!(bytes.unwrap(), 0, "after {answered} requests");
    }
}

#[tokio::test]
async fn a_reset_connection_leaves_it_unknown() {
    let (exchange, _) = kick_by_script(Script::Reset).await;
    assert_unknown(&exchange, Failure::ConnectionLost, PermitUse::Abandoned);
    assert_eq!(exchange.http_status, None);
}

#[tokio::test]
async fn an_answer_that_is_cut_leaves_it_unknown_and_is_not_asked_for_again() {
    let whole = succeeded();
    for bytes in [
        b"".as_slice(),
        b"not http at all\r\n\r\n",
        &whole[..30],
        &whole[..whole.len() - 1],
    ] {
        let (exchange, seen) = kick_by_script(Script::AnswerAndClose(bytes.to_vec())).await;
        assert_unknown(&exchange, Failure::ConnectionLost, PermitUse::Abandoned);
        assert_eq!(seen.requests.len(), 1);
    }
}

#[tokio::test]
async fn no_answer_in_time_leaves_it_unknown_and_closes_the_connection() {
    let body_missing = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
    for (bytes, status) in [(b"".as_slice(), None), (body_missing, Some(200))] {
        let server = Server::start(Script::AnswerAndStall(bytes.to_vec())).await;
        let exchange = kick(&client(&server.http()), &login()).await;
        assert_unknown(&exchange, Failure::TimedOut, PermitUse::Abandoned);
        assert_eq!(exchange.http_status, status);
        assert!((TIMEOUT..TIMEOUT * 3).contains(&exchange.duration));
        assert_closed(&server).await;
    }
}

async fn assert_closed(server: &Server) {
    let closed = async {
        while server.seen().closed_by_client == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(5 * TIMEOUT, closed)
        .await
        .expect("the client closes the connection");
}

#[tokio::test]
async fn the_deadline_ends_an_attempt_before_its_own_time_out() {
    let server = Server::start(Script::AnswerAndStall(Vec::new())).await;
    let client = client(&server.http());
    let deadline = client.call_deadline(Instant::now() + TIMEOUT / 5);
    let exchange = client
        .exchange(&login(), 1, deadline, Duration::ZERO, agreed)
        .await;
    assert_unknown(&exchange, Failure::TimedOut, PermitUse::Abandoned);
    assert!(exchange.duration < TIMEOUT);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let body = format!(
        "{{\"ErrorCode\":0,\"ErrorInfo\":\"{}\"}}",
        "x".repeat(70_000)
    );
    let server = Server::start(Script::AnswerAndStall(http("200 OK", &body))).await;
    let exchange = kick(&client(&server.http()), &login()).await;
    assert_unknown(&exchange, Failure::AnswerTooLarge, PermitUse::Abandoned);
    assert_eq!(exchange.http_status, Some(200));
    assert_closed(&server).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Server::start(Script::Answer(succeeded())).await;
    for status in [
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let redirect = format!(
            "HTTP/1.1 {status}\r\nlocation: {}/\r\ncontent-length: 0\r\n\r\n",
            target.http()
        );
        let (exchange, _) = kick_by_script(Script::Answer(redirect.into_bytes())).await;
        assert_unknown(&exchange, Failure::NotTheEnvelope, PermitUse::Answered);
        assert_eq!(exchange.http_status.unwrap().to_string(), status[..3]);
    }
    assert_eq!(target.seen().connections, 0);
}

#[tokio::test]
async fn the_page_of_a_proxy_leaves_it_unknown() {
    let page = http("502 Bad Gateway", "<html><h1>502 Bad Gateway</h1></html>");
    let (exchange, seen) = kick_by_script(Script::Answer(page)).await;
    assert_unknown(&exchange, Failure::NotTheEnvelope, PermitUse::Answered);
    assert_eq!((exchange.http_status, seen.requests.len()), (Some(502), 1));
}

#[tokio::test]
async fn tencents_word_is_kept_whatever_it_is() {
    let throttled = r#"{"ActionStatus":"FAIL","ErrorCode":60007,"ErrorInfo":"slow down"}"#;
    let (exchange, _) = kick_by_script(Script::Answer(http("200 OK", throttled))).await;
    assert_eq!(
        exchange.judgement.verdict,
        Verdict::Refused(Class::RateLimit)
    );
    assert_eq!(exchange.judgement.failure, None);
    assert_eq!(exchange.judgement.answer.unwrap().error_info, "slow down");
}

#[tokio::test]
async fn a_connection_that_tencent_closed_is_not_used_again() {
    let server = Server::start(Script::AnswerAndClose(succeeded())).await;
    let client = client(&server.http());
    for _ in 0..3 {
        assert_eq!(
            kick(&client, &login()).await.judgement.verdict,
            Verdict::Succeeded
        );
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.seen().requests.len(), 3);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_what_failed_without_the_credential() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let refused = format!(r#"{{"ErrorCode":70402,"ErrorInfo":"{USERSIG}"}}"#);
    let failing = async {
        assert_not_sent(
            &kick(&client("http://127.0.0.1:9"), &login()).await,
            Failure::Connect,
        );
        kick_by_script(Script::Reset).await;
        kick_by_script(Script::AnswerAndClose(http("200 OK", "{}")[..20].to_vec())).await;
        kick_by_script(Script::AnswerAndStall(Vec::new())).await;
        kick_by_script(Script::Answer(http("200 OK", &refused))).await;
    };
    failing.with_subscriber(subscriber).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for said in [
        "failure=\"connect\"",
        "failure=\"connection_lost\"",
        "MODGATE_TENCENT_KICK_FIELD",
    ] {
        assert!(log.contains(said), "{log}");
    }
    for secret in [&USERSIG[..16], "usersig=", "/v4/"] {
        assert!(!log.contains(secret), "{log}");
    }
}

fn assert_refused(bad: Settings, rule: &Error) {
    let error = Client::new(bad).unwrap_err();
    assert_eq!(error.to_string(), rule.to_string());
    assert!(!format!("{error:?}").contains("secret"));
}

fn base() -> Settings {
    settings("https://console.tim.qq.com")
}

#[test]
fn an_identity_that_cannot_be_used_is_refused() {
    assert_refused(
        Settings {
            sdk_app_id: 0,
            ..base()
        },
        &Error::SdkAppId,
    );
    for admin in ["", "admin\nTLS.sdkappid:1", "admin\u{85}"] {
        assert_refused(
            Settings {
                admin: admin.to_owned(),
                ..base()
            },
            &Error::Admin,
        );
    }
    let key = |key: &str| Credential::SecretKey(key.into());
    assert_refused(
        Settings {
            credential: key(""),
            ..base()
        },
        &Error::Credential,
    );
    let ended = Settings {
        credential: key(KEY),
        usersig_ttl: Duration::from_millis(999),
        ..base()
    };
    assert_refused(ended, &Error::UserSigTtl);
}

#[test]
fn a_way_that_cannot_be_used_is_refused() {
    for proxy in ["secret", "socks5://user:secret@host"] {
        assert_refused(
            Settings {
                proxy: Some(proxy.into()),
                ..base()
            },
            &Error::Proxy,
        );
    }
    let broken = b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    for pem in [b"secret".as_slice(), broken] {
        assert_refused(
            Settings {
                further_roots: Some(pem.to_vec()),
                ..base()
            },
            &Error::FurtherRoots,
        );
    }
}

#[test]
fn settings_show_no_secret() {
    let shown = format!("{:?}", settings("https://console.tim.qq.com"));
    assert!(!shown.contains(USERSIG), "{shown}");
    let client = client("https://console.tim.qq.com:8443");
    assert_eq!(client.host(), "console.tim.qq.com:8443");
    assert_eq!(client.usersig_expires_at(), None);
}
