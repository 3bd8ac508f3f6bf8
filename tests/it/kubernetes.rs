//! `deploy/kubernetes.yaml`: what it sets is what the gateway reads, and nothing in it is more than it needs.

use std::collections::BTreeMap;
use std::time::Duration;

use modgate::config::{self, Environment, Settings, variables};
use regex::Regex;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::file::TemporaryFile;
use crate::support::world::SECRET_KEY;

const MANIFEST: &str = include_str!("../../deploy/kubernetes.yaml");

fn documents() -> Vec<Value> {
    yaml_serde::Deserializer::from_str(MANIFEST)
        .map(|document| Value::deserialize(document).expect("it is YAML"))
        .collect()
}

fn document(kind: &str) -> Value {
    let mut found = documents()
        .into_iter()
        .filter(|document| document["kind"] == kind);
    let document = found.next().unwrap_or_else(|| panic!("there is no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    document
}

/// The pod of a workload.
fn pod(kind: &str) -> Value {
    let document = document(kind);
    let template = if kind == "CronJob" {
        &document["spec"]["jobTemplate"]["spec"]["template"]
    } else {
        &document["spec"]["template"]
    };
    template.clone()
}

/// The one container of a workload.
fn container(kind: &str) -> Value {
    let containers = pod(kind)["spec"]["containers"].clone();
    assert_eq!(containers.as_array().map(Vec::len), Some(1), "{kind}");
    containers[0].clone()
}

const WORKLOADS: [&str; 3] = ["Job", "Deployment", "CronJob"];

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The variables of a workload, as the manifest gives them.
fn set(kind: &str) -> BTreeMap<String, String> {
    let variables = items(&container(kind)["env"]);
    variables
        .iter()
        .map(|variable| (text(&variable["name"]), text(&variable["value"])))
        .collect()
}

/// What stands for the content of a mounted file.
fn content(path: &str) -> String {
    match path.rsplit('/').next().expect("a path has a last part") {
        "database-url" | "owner-database-url" => {
            "postgres://modgate:hunter2@db.example/modgate?sslmode=verify-full".to_owned()
        }
        "tencent-secret-key" => SECRET_KEY.to_owned(),
        "seal-key" => "0f".repeat(32),
        name => panic!("nobody knows what is in {name}"),
    }
}

/// The variables of a workload with real files behind them, which are gone with the second value.
fn environment(kind: &str) -> (Environment, Vec<TemporaryFile>) {
    let mut files = Vec::new();
    let variables = set(kind).into_iter().map(|(name, value)| {
        if !name.ends_with("_FILE") {
            return (name, value);
        }
        let file = TemporaryFile::new(content(&value));
        let path = file.path().to_owned();
        files.push(file);
        (name, path)
    });
    let environment = variables.collect::<Environment>();
    (environment, files)
}

#[test]
fn every_variable_that_it_names_is_one_of_the_gateway_s() {
    let word = Regex::new(r"MODGATE_[A-Z0-9_]+").expect("it is a regular expression");
    let mut seen = 0;
    for found in word.find_iter(MANIFEST) {
        let name = found.as_str();
        let file = name.strip_suffix("_FILE").and_then(variables::find);
        let known = variables::find(name).is_some() || file.is_some_and(|file| file.secret);
        assert!(known, "{name}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

#[test]
fn what_it_sets_is_without_a_fault() {
    let (environment, _files) = environment("Deployment");
    let settings = Settings::read(&environment).expect("the settings are right");
    let container = container("Deployment");
    let port = |name: &str| {
        let ports = items(&container["ports"]);
        let port = ports.into_iter().find(|port| port["name"] == name);
        port.unwrap_or_else(|| panic!("there is no port {name}"))["containerPort"].clone()
    };
    assert_eq!(port("api"), settings.listen.port());
    assert_eq!(port("operations"), settings.ops_listen.port());
    assert!(settings.listen.ip().is_unspecified() && settings.ops_listen.ip().is_unspecified());
    assert_eq!(document("Service")["spec"]["ports"][0]["targetPort"], "api");

    let grace = pod("Deployment")["spec"]["terminationGracePeriodSeconds"].as_u64();
    let grace = Duration::from_secs(grace.expect("a number of seconds"));
    let needed = settings.drain_delay + settings.shutdown_timeout;
    assert!(!settings.drain_delay.is_zero());
    assert!(
        grace > needed + Duration::from_secs(5),
        "{grace:?} for {needed:?}"
    );
}

#[test]
fn the_other_commands_have_what_they_need_and_no_more() {
    let (migrate, _files) = environment("Job");
    config::migration_url(&migrate).expect("it has a URL");
    assert_eq!(set("Job").len(), 1);
    let (retain, _files) = environment("CronJob");
    config::retain_settings(&retain).expect("the settings are right");
    let args = WORKLOADS.map(|kind| container(kind)["args"].clone());
    assert_eq!(
        args,
        [json!(["migrate"]), json!(["serve"]), json!(["retain"])]
    );
    // The owner may rewrite the record: the replicas must not have his password.
    let deployment = pod("Deployment").to_string();
    assert!(!deployment.contains("owner"), "{deployment}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probes_ask_what_the_operations_port_answers() {
    let app = TestApp::start().await;
    let container = container("Deployment");
    for (probe, path) in [
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ] {
        let request = &container[probe]["httpGet"];
        assert_eq!(
            request,
            &json!({"path": path, "port": "operations"}),
            "{probe}"
        );
        assert_eq!(
            app.operator().get(&text(&request["path"])).await.status,
            200
        );
    }
    app.stop().await;
}

#[test]
fn each_file_is_mounted_and_no_secret_is_in_the_manifest() {
    let manifest = documents();
    let keys_of = |name: &Value| -> Vec<String> {
        let found = manifest
            .iter()
            .find(|document| document["kind"] == "Secret" && &document["metadata"]["name"] == name);
        let found = found.unwrap_or_else(|| panic!("there is no Secret {name}"));
        let data = found["stringData"].as_object().expect("it has data");
        for (key, value) in data {
            assert!(text(value).starts_with("change: "), "{name} {key}");
        }
        data.keys().cloned().collect()
    };
    for kind in WORKLOADS {
        let pod = pod(kind);
        let mut files = Vec::new();
        for mount in items(&container(kind)["volumeMounts"]) {
            assert_eq!(mount["readOnly"], true, "{kind}");
            assert!(mount.get("subPath").is_none(), "it would never be renewed");
            let volumes = items(&pod["spec"]["volumes"]);
            let volume = volumes
                .iter()
                .find(|volume| volume["name"] == mount["name"]);
            let volume = volume.expect("what is mounted is a volume");
            let keys = keys_of(&volume["secret"]["secretName"]);
            let path = text(&mount["mountPath"]);
            files.extend(keys.into_iter().map(|key| format!("{path}/{key}")));
        }
        for (name, value) in set(kind) {
            if name.ends_with("_FILE") {
                assert!(files.contains(&value), "{kind}: {value} of {files:?}");
            } else {
                let variable = variables::find(&name);
                assert!(variable.is_some_and(|variable| !variable.secret), "{name}");
            }
        }
    }
}

#[test]
fn no_pod_may_do_more_than_it_needs() {
    for kind in WORKLOADS {
        let (pod, container) = (pod(kind), container(kind));
        let spec = &pod["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{kind}");
        assert_eq!(spec["enableServiceLinks"], false, "{kind}");
        assert_eq!(
            spec["serviceAccountName"],
            document("ServiceAccount")["metadata"]["name"]
        );
        let security = &spec["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{kind}");
        assert_eq!(security["runAsUser"], 10001, "{kind}");
        assert_eq!(
            security["seccompProfile"],
            json!({"type": "RuntimeDefault"}),
            "{kind}"
        );
        let expected = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
        assert_eq!(container["securityContext"], expected, "{kind}");
        let resources = &container["resources"];
        assert!(resources["requests"]["memory"].is_string(), "{kind}");
        assert!(resources["limits"]["memory"].is_string(), "{kind}");
        assert!(
            container["lifecycle"].is_null(),
            "there is no shell for a preStop hook"
        );
    }
    assert_eq!(
        document("ServiceAccount")["automountServiceAccountToken"],
        false
    );
}

#[test]
fn what_selects_the_replicas_finds_them() {
    let labels = pod("Deployment")["metadata"]["labels"].clone();
    let deployment = document("Deployment");
    assert!(deployment["spec"]["replicas"].as_u64() >= Some(2));
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(document("Service")["spec"]["selector"], labels);
    assert_eq!(
        document("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        labels
    );
    let spread = &pod("Deployment")["spec"]["topologySpreadConstraints"][0];
    assert_eq!(spread["labelSelector"]["matchLabels"], labels);
    let policy = &document("NetworkPolicy")["spec"]["podSelector"]["matchLabels"];
    for (name, value) in policy.as_object().expect("labels") {
        for kind in WORKLOADS {
            assert_eq!(&pod(kind)["metadata"]["labels"][name], value, "{kind}");
        }
    }
}
