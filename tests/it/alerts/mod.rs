//! The alert rules and the dashboard ask for what a gateway has, and the README explains them.

mod promql;

use std::collections::BTreeSet;

use modgate::simulator::{Fault, FaultKind};
use regex::Regex;
use serde_json::Value;

use self::promql::{Exposed, Needs, needs};
use crate::support::app::TestApp;

/// What comes from Prometheus itself.
const FROM_ELSEWHERE: [&str; 1] = ["up"];

/// What dashboards and rules elsewhere are written against.
const OF_THE_CONTRACT: [&str; 24] = [
    "modgate_actions_total",
    "modgate_http_requests_total",
    "modgate_tencent_attempts_total",
    "modgate_tencent_attempt_duration_seconds_bucket",
    "modgate_audit_commit_duration_seconds_bucket",
    "modgate_pending_oldest_seconds",
    "modgate_probes_total",
    "modgate_unresolved",
    "modgate_batches",
    "modgate_batches_paused",
    "modgate_batches_solo_total",
    "modgate_batch_items",
    "modgate_permits",
    "modgate_lease_lapsed",
    "modgate_queue_wait_seconds_bucket",
    "modgate_queue_length",
    "modgate_suspended",
    "modgate_seal_lag_seconds",
    "modgate_seal_signed",
    "modgate_record_breaks",
    "modgate_jwks_age_seconds",
    "modgate_usersig_expires_seconds",
    "modgate_partition_months_ahead",
    "modgate_build_info",
];

fn file(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every rule, with the name of its alert.
fn rules() -> Vec<(String, Value)> {
    let rules: Value = yaml_serde::from_str(&file("deploy/prometheus-rules.yml")).expect("YAML");
    let groups = rules["groups"].as_array().expect("there are groups");
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("a group has rules"));
    rules
        .map(|rule| (text(&rule["alert"]).to_owned(), rule.clone()))
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&file("deploy/grafana-dashboard.json")).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The metrics of a gateway that has done a little of everything.
async fn exposed() -> Exposed {
    let app = TestApp::start().await;
    let alice = app.moderator("alice");
    assert_eq!(alice.kick_login("user").await.status, 200);
    assert_eq!(alice.kick_seat("room", "user", "").await.status, 200);
    assert_eq!(alice.kick_login("administrator").await.status, 403);
    let refused = FaultKind::ErrorCode {
        code: 70107,
        info: None,
    };
    app.simulator.fail(Fault::next(refused));
    assert_eq!(alice.kick_login("user").await.status, 404);
    let exposition = app.operator().get("/metrics").await.text;
    app.stop().await;
    let exposed = Exposed::read(&exposition);
    FROM_ELSEWHERE.into_iter().fold(exposed, Exposed::with)
}

/// What a text names by `pattern`, such as the labels in a template.
fn named<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
    let pattern = Regex::new(pattern).expect("it is one");
    let found = pattern.captures_iter(text);
    found
        .map(|found| found.get(1).expect("the pattern has a group").as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_and_label_that_the_rules_and_the_dashboard_name_is_exposed() {
    let exposed = exposed().await;
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    let mut check = |place: &str, expression: &str| -> Needs {
        let needs = needs(expression);
        assert!(!needs.metrics.is_empty(), "{place}: {expression}");
        let missing = needs.missing_from(&exposed).into_iter();
        wrong.extend(missing.map(|missing| format!("{place}: {missing}")));
        used.extend(needs.metrics.clone());
        needs
    };
    for (alert, rule) in rules() {
        let needs = check(&alert, text(&rule["expr"]));
        let said = rule["annotations"].to_string();
        for label in named(r"\$labels\.([a-z_]+)", &said) {
            let kept = needs.keeps(label, &exposed) || ["instance", "job"].contains(&label);
            assert!(kept, "{alert}: its results have no {label}");
        }
    }
    for panel in array(&dashboard()["panels"]) {
        for target in array(&panel["targets"]) {
            let title = text(&panel["title"]);
            let needs = check(title, text(&target["expr"]));
            for label in named(r"\{\{([a-z_]+)\}\}", text(&target["legendFormat"])) {
                assert!(
                    needs.keeps(label, &exposed),
                    "{title}: no {label} in its results"
                );
            }
        }
    }
    for variable in array(&dashboard()["templating"]["list"]) {
        if variable["type"] == "query" {
            let query = text(&variable["definition"]);
            for asked in named(r"^label_values\((.*), (?:job|instance)\)$", query) {
                check(query, asked);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for metric in OF_THE_CONTRACT {
        assert!(
            exposed.names().any(|name| name == metric),
            "{metric} is not exposed"
        );
        assert!(used.contains(metric), "nobody looks at {metric}");
    }
}

#[test]
fn the_reader_of_expressions_sees_what_is_wrong() {
    let exposed = Exposed::read(
        "modgate_actions_total{kind=\"kick_login\",state=\"unknown\"} 1\n\
         modgate_queue_wait_seconds_bucket{le=\"1.0\"} 1\n",
    );
    for right in [
        r#"sum by (kind) (increase(modgate_actions_total{state="unknown"}[15m])) > 0.5"#,
        r#"histogram_quantile(0.9, sum by (le, job) (rate(modgate_queue_wait_seconds_bucket{job=~"$job"}[$__rate_interval])))"#,
        r#"modgate_actions_total == 0 and on (instance) modgate_actions_total{state=~"unknown"}"#,
    ] {
        assert_eq!(
            needs(right).missing_from(&exposed),
            Vec::<String>::new(),
            "{right}"
        );
    }
    for wrong in [
        "modgate_action_total",
        "modgate_queue_wait_seconds",
        r#"modgate_actions_total{stat="unknown"}"#,
        r#"modgate_actions_total{state="unkown"}"#,
        r#"modgate_actions_total{state=~"unknown|refused"}"#,
        "sum by (knd) (modgate_actions_total)",
        "sum by (le) (modgate_actions_total)",
        "summ(modgate_actions_total)",
        "sum modgate_actions_total",
        "modgate_actions_total{state}",
        "modgate_actions_total{",
        "modgate_actions_total ; 1",
    ] {
        assert_ne!(
            needs(wrong).missing_from(&exposed),
            Vec::<String>::new(),
            "{wrong}"
        );
    }
}

#[test]
fn each_alert_is_in_the_table_of_the_readme_and_says_what_it_must() {
    let readme = file("README.md");
    let anchors: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| format!("README.md#{}", heading.to_lowercase().replace(' ', "-")))
        .collect();
    let mut alerts = Vec::new();
    for (alert, rule) in rules() {
        let severity = text(&rule["labels"]["severity"]);
        assert!(["critical", "warning"].contains(&severity), "{alert}");
        assert!(rule["for"].is_string(), "{alert}");
        for annotation in ["summary", "description"] {
            assert!(
                !text(&rule["annotations"][annotation]).is_empty(),
                "{alert}"
            );
        }
        let runbook = text(&rule["annotations"]["runbook"]);
        assert!(
            anchors.contains(runbook),
            "{alert}: {runbook} is none of {anchors:?}"
        );
        alerts.push(alert);
    }
    let rows = readme.lines().filter_map(|line| {
        let (alert, _) = line.strip_prefix("| `Modgate")?.split_once('`')?;
        Some(format!("Modgate{alert}"))
    });
    assert_eq!(alerts, rows.collect::<Vec<_>>());
}

#[test]
fn the_dashboard_fits_any_grafana() {
    let dashboard = dashboard();
    assert!(dashboard.get("uid").is_none() && dashboard.get("id").is_none());
    let sources = named(r#""uid":"([^"]*)""#, &dashboard.to_string())
        .into_iter()
        .map(str::to_owned)
        .collect::<BTreeSet<_>>();
    assert_eq!(sources, BTreeSet::from(["${datasource}".to_owned()]));
    let variables = array(&dashboard["templating"]["list"]).iter();
    let variables: Vec<&str> = variables.map(|variable| text(&variable["name"])).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
    let mut ids = BTreeSet::new();
    for panel in array(&dashboard["panels"]) {
        let title = text(&panel["title"]);
        assert!(
            ids.insert(panel["id"].to_string()),
            "{title}: its id is taken"
        );
        let row = panel["type"] == "row";
        assert_eq!(row, array(&panel["targets"]).is_empty(), "{title}");
        for target in array(&panel["targets"]) {
            let expression = text(&target["expr"]);
            assert!(
                expression.contains(r#"job=~"$job", instance=~"$instance""#),
                "{title} heeds the variables"
            );
        }
    }
}
