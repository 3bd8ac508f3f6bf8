//! People who call the gateway.

use std::net::SocketAddr;
use std::time::Duration;

use modgate::domain::Kind;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Where one asks for a login kick.
pub(crate) const KICK_LOGIN: &str = "/v1/actions/kick_login";

/// Where one asks for a seat kick.
pub(crate) const KICK_SEAT: &str = "/v1/actions/kick_seat";

/// A request that has every field of its kind, as the table gives it.
pub(crate) fn example(kind: Kind) -> Value {
    Value::Object(kind.example())
}

/// Someone with a token, or without one.
#[derive(Clone, Debug)]
pub(crate) struct Persona {
    http: Client,
    base: String,
    pub(crate) token: Option<String>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("headers are ASCII"))
    }

    /// The problem's code; also checks what every problem has.
    pub(crate) fn problem(&self) -> String {
        let problem = self.json();
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{}",
            self.text
        );
        assert_eq!(problem["status"], self.status);
        let code = problem["code"]
            .as_str()
            .expect("a problem has a code")
            .to_owned();
        assert_eq!(problem["type"], format!("urn:modgate:problem:{code}"));
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        code
    }

    /// The action, in the answer or in its problem.
    pub(crate) fn action(&self) -> Value {
        let body = self.json();
        if body.get("code").is_some() {
            body["action"].clone()
        } else {
            body
        }
    }
}

impl Persona {
    pub(crate) fn new(addr: SocketAddr, token: Option<String>) -> Self {
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .expect("a plain HTTP client");
        Self {
            http,
            base: format!("http://{addr}"),
            token,
        }
    }

    /// The same person, on a connection pool of its own that is given up after `patience`.
    pub(crate) fn impatient(&self, patience: Duration) -> Self {
        let http = Client::builder()
            .no_proxy()
            .timeout(patience)
            .build()
            .expect("a plain HTTP client");
        Self {
            http,
            ..self.clone()
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    pub(crate) async fn try_send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            text: response.text().await?,
        })
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the gateway answers")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json");
        self.send(request.body(body)).await
    }

    pub(crate) async fn kick_login(&self, user_id: &str) -> Answer {
        self.post(KICK_LOGIN, &json!({"user_id": user_id})).await
    }

    pub(crate) async fn try_kick_login(&self, user_id: &str) -> Result<Answer, reqwest::Error> {
        let body = json!({"user_id": user_id}).to_string();
        let request = self.request(Method::POST, KICK_LOGIN);
        self.try_send(request.header(CONTENT_TYPE, "application/json").body(body))
            .await
    }

    pub(crate) async fn try_kick_login_keyed(
        &self,
        key: &str,
        user_id: &str,
    ) -> Result<Answer, reqwest::Error> {
        let body = json!({"user_id": user_id}).to_string();
        let request = self
            .request(Method::POST, KICK_LOGIN)
            .header("Idempotency-Key", key);
        self.try_send(request.header(CONTENT_TYPE, "application/json").body(body))
            .await
    }

    pub(crate) async fn kick_seat(&self, room_id: &str, user_id: &str, data: &str) -> Answer {
        let body = json!({"room_id": room_id, "user_id": user_id, "data": data});
        self.post(KICK_SEAT, &body).await
    }

    /// Asks for an action of any kind.
    pub(crate) async fn act(&self, kind: Kind, body: &Value) -> Answer {
        self.post(&format!("/v1/actions/{kind}"), body).await
    }

    /// What the operations port says of one series.
    pub(crate) async fn series(&self, series: &str) -> Option<u16> {
        let metrics = self.get("/metrics").await.text;
        let mut values = metrics.lines().filter_map(|line| line.strip_prefix(series));
        let value = values.find_map(|value| value.strip_prefix(' '));
        value.map(|value| value.parse().expect("it is a whole number"))
    }

    /// How many permits to kick logins are in this state.
    pub(crate) async fn permits(&self, state: &str) -> u16 {
        let series = format!(r#"modgate_permits{{api="kick_login",state="{state}"}}"#);
        self.series(&series).await.expect("every state is shown")
    }

    pub(crate) async fn action(&self, id: &str) -> Answer {
        self.get(&format!("/v1/actions/{id}")).await
    }

    /// The items of a list.
    pub(crate) async fn list(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/v1/actions?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["items"]
            .as_array()
            .expect("a list has items")
            .clone()
    }
}
