//! The document of a running gateway, and whether answers are what it says.

use std::collections::BTreeSet;

use modgate::domain::Kind;
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::{Map, Value};

use super::schema::{faults, resolved};
use crate::support::persona::{Answer, Persona};

/// Headers of any HTTP answer, or for any browser, about which a document says nothing.
const OF_HTTP: [&str; 10] = [
    "content-type",
    "content-length",
    "date",
    "transfer-encoding",
    "connection",
    "vary",
    "content-security-policy",
    "cross-origin-resource-policy",
    "referrer-policy",
    "x-content-type-options",
];

/// What the service says of itself.
#[derive(Clone, Debug)]
pub(super) struct Document(pub(super) Value);

/// One operation of the document.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) public: bool,
    responses: Map<String, Value>,
    body: Value,
}

/// A problem that an operation can answer with.
pub(super) type Case = (String, u16, String);

impl Document {
    pub(super) async fn of(somebody: &Persona) -> Self {
        let answer = somebody.get("/openapi.json").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self(answer.json())
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in self.0["paths"].as_object().expect("it has paths") {
            for (method, operation) in item.as_object().expect("a path has operations") {
                let method = method.to_uppercase();
                let security = operation.get("security").unwrap_or(&self.0["security"]);
                operations.push(Operation {
                    id: operation["operationId"]
                        .as_str()
                        .expect("a name")
                        .to_owned(),
                    method: method.parse().expect("a method"),
                    path: path.clone(),
                    public: security.as_array().expect("a list").is_empty(),
                    responses: operation["responses"].as_object().expect("some").clone(),
                    body: operation["requestBody"]["content"]["application/json"].clone(),
                });
            }
        }
        operations
    }

    pub(super) fn operation(&self, id: &str) -> Operation {
        let mut operations = self.operations().into_iter();
        let found = operations.find(|operation| operation.id == id);
        found.unwrap_or_else(|| panic!("there is no operation {id}"))
    }

    pub(super) fn action(&self, kind: Kind) -> Operation {
        let path = format!("/v1/actions/{kind}");
        let mut operations = self.operations().into_iter();
        let found = operations.find(|operation| operation.path == path);
        found.unwrap_or_else(|| panic!("there is no operation for {kind}"))
    }

    /// Every problem that the document promises.
    pub(super) fn cases(&self) -> BTreeSet<Case> {
        let mut cases = BTreeSet::new();
        for operation in self.operations() {
            for (status, response) in &operation.responses {
                let schema = &response["content"]["application/problem+json"]["schema"];
                for code in self.codes(schema) {
                    let status = status.parse().expect("a status");
                    cases.insert((operation.id.clone(), status, code));
                }
            }
        }
        cases
    }

    fn codes(&self, schema: &Value) -> Vec<String> {
        let schema = resolved(&self.0, schema);
        let codes = schema["properties"]["code"]["enum"].as_array();
        let own = codes.into_iter().flatten();
        let own = own.map(|code| code.as_str().expect("a word").to_owned());
        let others = schema["oneOf"].as_array().into_iter().flatten();
        own.chain(others.flat_map(|other| self.codes(other)))
            .collect()
    }

    /// Every fault that the examples have by their own schemas, and how many examples there are.
    pub(super) fn examples(&self) -> (usize, Vec<String>) {
        let (mut count, mut all) = (0, Vec::new());
        for operation in self.operations() {
            let answers = operation.responses.values();
            let contents = answers.filter_map(|answer| answer["content"].as_object());
            let contents = contents.flat_map(|contents| contents.values());
            for content in contents.chain([&operation.body]) {
                for example in examples(content) {
                    count += 1;
                    let faults = faults(&self.0, &content["schema"], example);
                    let id = &operation.id;
                    all.extend(faults.into_iter().map(|fault| format!("{id} {fault}")));
                }
            }
        }
        (count, all)
    }

    /// A line of JSON is what this schema says, to the last member.
    pub(super) fn assert_is(&self, schema: &str, line: &str) {
        let schema = &self.0["components"]["schemas"][schema];
        let value = serde_json::from_str(line).expect("it is JSON");
        assert_eq!(faults(&self.0, schema, &value), [] as [String; 0], "{line}");
    }

    /// The code of every problem that has a schema.
    pub(super) fn codes_with_a_schema(&self) -> BTreeSet<String> {
        let schemas = self.0["components"]["schemas"].as_object();
        let schemas = schemas.expect("some").values();
        schemas.flat_map(|schema| self.codes(schema)).collect()
    }

    /// The answer is one that the document describes, to the last member and header.
    pub(super) fn assert_describes(&self, operation: &Operation, answer: &Answer) {
        let what = format!("{} {}: {}", operation.id, answer.status, answer.text);
        let response = operation.responses.get(&answer.status.to_string());
        let response = response.unwrap_or_else(|| panic!("not documented: {what}"));
        for name in answer.headers.keys().map(HeaderName::as_str) {
            let described = response["headers"].as_object().expect("some headers");
            let known = described
                .keys()
                .any(|known| known.eq_ignore_ascii_case(name));
            assert!(
                known || OF_HTTP.contains(&name),
                "{name} is not documented: {what}"
            );
        }
        let media_type = answer.header("content-type").expect("it has content");
        let media_type = media_type.split(';').next().unwrap_or_default();
        let content = &response["content"][media_type];
        assert!(
            content.is_object(),
            "{media_type} is not documented: {what}"
        );
        if media_type != "application/x-ndjson" && media_type.ends_with("json") {
            let faults = faults(&self.0, &content["schema"], &answer.json());
            assert_eq!(faults, [] as [String; 0], "{what}");
        }
    }
}

fn examples(content: &Value) -> impl Iterator<Item = &Value> {
    let named = content["examples"].as_object().into_iter().flatten();
    let single = content.get("example").into_iter();
    named.map(|(_, example)| &example["value"]).chain(single)
}

impl Operation {
    /// The path, with the id of no action in it.
    pub(super) fn some_path(&self) -> String {
        self.path
            .replace("{id}", "01a201ca-577a-77fa-b1d9-afa8ff23a803")
    }

    /// The bodies that the document gives as examples; one empty one if it takes none.
    pub(super) fn bodies(&self) -> Vec<String> {
        let bodies: Vec<String> = examples(&self.body).map(ToString::to_string).collect();
        if bodies.is_empty() {
            vec![String::new()]
        } else {
            bodies
        }
    }

    /// Asks as the first example does.
    pub(super) fn request(&self, who: &Persona) -> reqwest::RequestBuilder {
        let request = who.request(self.method.clone(), &self.some_path());
        match self.bodies().swap_remove(0) {
            empty if empty.is_empty() => request,
            body => request
                .header("content-type", "application/json")
                .body(body),
        }
    }
}
