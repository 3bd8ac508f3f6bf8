//! Settings: what is wrong is said at once, by name, and what is secret is never said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Output;

use modgate::config::{self, Environment, Faults, Settings, variables};
use modgate::tencent::Credential;
use regex::Regex;
use secrecy::ExposeSecret;

use crate::support::app::TestApp;
use crate::support::file::TemporaryFile;
use crate::support::persona::Persona;
use crate::support::postgres::Cluster;
use crate::support::process::{Gateway, modgate};
use crate::support::world::{JWT_SECRET, SECRET_KEY, World};

type Variables = BTreeMap<String, String>;

/// Everything that `serve` needs.
fn good() -> Variables {
    let variables = [
        (
            "MODGATE_DATABASE_URL",
            "postgres://modgate:hunter2@127.0.0.1/modgate",
        ),
        ("MODGATE_TENCENT_SDK_APP_ID", "1400000001"),
        ("MODGATE_TENCENT_SECRET_KEY", SECRET_KEY),
        ("MODGATE_JWT_ISSUER", "https://id.example.test"),
        ("MODGATE_JWT_AUDIENCE", "modgate"),
        ("MODGATE_JWT_SECRET", JWT_SECRET),
    ];
    with(Variables::new(), &variables)
}

fn with(mut variables: Variables, changes: &[(&str, &str)]) -> Variables {
    for (name, value) in changes {
        variables.insert((*name).to_owned(), (*value).to_owned());
    }
    variables
}

fn without(mut variables: Variables, name: &str) -> Variables {
    variables.remove(name);
    variables
}

fn faults(variables: &Variables) -> Vec<String> {
    let environment: Environment = variables.clone().into_iter().collect();
    match Settings::read(&environment) {
        Ok(_) => Vec::new(),
        Err(Faults(faults)) => faults,
    }
}

/// The variables that the faults name, each line one.
fn faulty(variables: &Variables) -> BTreeSet<String> {
    let names = faults(variables).into_iter().map(|fault| {
        let (name, rule) = fault
            .split_once(": ")
            .expect("a fault is a name and a rule");
        assert!(!rule.is_empty() && !fault.contains('\n'), "{fault:?}");
        name.to_owned()
    });
    names.collect()
}

/// Values that break the rule of a variable. A name may have several.
const BROKEN: &[(&str, &[&str])] = &[
    (
        "MODGATE_LISTEN",
        &["localhost", "127.0.0.1", "127.0.0.1:65536", ":8080"],
    ),
    ("MODGATE_OPS_LISTEN", &["9090"]),
    ("MODGATE_DATABASE_URL", &["modgate", "postgres://a b"]),
    (
        "MODGATE_DATABASE_MAX_CONNECTIONS",
        &["3", "1001", "-1", "many"],
    ),
    ("MODGATE_MIGRATE", &["1", "yes", "TRUE"]),
    (
        "MODGATE_TENCENT_URL",
        &[
            "http://console.tim.qq.com",
            "ftp://127.0.0.1",
            "console.tim.qq.com",
            "https://a:b@c.example",
            "https://c.example/?a=b",
        ],
    ),
    ("MODGATE_TENCENT_ALLOW_HTTP", &["1"]),
    (
        "MODGATE_TENCENT_PROXY",
        &["proxy", "socks5://127.0.0.1:1080"],
    ),
    ("MODGATE_CA_FILE", &["/nowhere/ca.pem", "/dev/null"]),
    (
        "MODGATE_TENCENT_SDK_APP_ID",
        &["0", "4294967296", "14e8", "app"],
    ),
    ("MODGATE_TENCENT_USERSIG", &["set together with the key"]),
    (
        "MODGATE_TENCENT_USERSIG_TTL",
        &["0s", "59s", "366d", "soon", "24"],
    ),
    ("MODGATE_TENCENT_KICK_FIELD", &["identifier", "UserId"]),
    ("MODGATE_TENCENT_QPS", &["0", "100001", "1.5"]),
    ("MODGATE_TENCENT_TIMEOUT", &["0s", "5", "11s", "61m"]),
    ("MODGATE_ACTION_DEADLINE", &["0s", "61m", "forever"]),
    ("MODGATE_QUEUE_TIMEOUT", &["0ms", "-1s"]),
    ("MODGATE_MODERATOR_QPS", &["0"]),
    // The last is one that single actions without a limit would go around.
    (
        "MODGATE_BATCH_APPROVAL_ABOVE",
        &["-1", "1000001", "always", "5"],
    ),
    (
        "MODGATE_JWT_ISSUER",
        &[
            "https://id.example\r\n.test",
            "https://id.example.test\u{202e}",
        ],
    ),
    ("MODGATE_JWT_AUDIENCE", &[",", " , ", "one,t\r\nwo"]),
    ("MODGATE_JWT_AUDIENCE_CLAIM", &["client\n_id", "a\taud"]),
    ("MODGATE_JWT_ACCEPT_ID_TOKENS", &["yes", "1"]),
    ("MODGATE_JWT_SUBJECT_CLAIM", &["su\rb"]),
    ("MODGATE_JWT_NAME_CLAIM", &["na\u{0}me"]),
    (
        "MODGATE_JWT_PUBLIC_KEY_FILE",
        &["/nowhere/key.pem", "/dev/null"],
    ),
    ("MODGATE_JWT_JWKS_URL", &["https://id.example/and-a-secret"]),
    (
        "MODGATE_JWT_SCOPE_MAP",
        &[
            "moderators",
            "a=audit:reed",
            "a=audit:read;a=audit:read",
            "a\r\nb=audit:read",
        ],
    ),
    ("MODGATE_JWT_SECRET", &["shorter than thirty-two bytes"]),
    ("MODGATE_JWT_LEEWAY", &["11m", "-1s"]),
    (
        "MODGATE_JWT_SCOPE_CLAIM",
        &["/a~2", "scope,/~", ",", "scope,sc\np"],
    ),
    (
        "MODGATE_TRUSTED_PROXIES",
        &[
            "proxy.example.test",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.1:443",
            "10.0.0.0/8 10.1.0.0/16",
            "::1, *",
            "::ffff:10.0.0.1",
            "::ffff:10.0.0.0/104",
        ],
    ),
    (
        "MODGATE_CORS_ORIGINS",
        &[
            "*",
            "null",
            "https://*.example.test",
            "https://dash.example.test/",
            "https://dash.example.test/path",
            "https://Dash.example.test",
            "HTTPS://dash.example.test",
            "https://dash.example.test:443",
            "http://dash.example.test:80",
            "https://dash.example.test:0443",
            "https://dash.example.test:65536",
            "https://dash.example.test:",
            "https://me@dash.example.test",
            "https://dash..example.test",
            "https://[::0:1]",
            "https://",
            "dash.example.test",
            "ftp://dash.example.test",
            "https://one.example.test https://two.example.test",
            "https://one.example.test, two.example.test",
        ],
    ),
    (
        "MODGATE_PROTECTED_USERS",
        &["b\u{f6}ss", "root,a user id of more than 32 bytes in all"],
    ),
    (
        "MODGATE_KINDS",
        &["kick", "kick_login kick_seat", "kick_login,All", ","],
    ),
    ("MODGATE_USER_ID_PATTERN", &["(", "a)(b", "[a"]),
    ("MODGATE_REQUIRE_REASON", &["on"]),
    (
        "MODGATE_LOG",
        &[
            "modgate=loud",
            "warning",
            "modgate=warning",
            "modgate",
            "modgate=",
            "info,modgate::tencent",
            "info modgate=debug",
            "modgate =debug",
            "modgate::tencent=debug,verbose",
            "=info",
            ",",
        ],
    ),
    ("MODGATE_LOG_FORMAT", &["xml"]),
    ("MODGATE_SHUTDOWN_TIMEOUT", &["0s", "2h"]),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        &[
            "collector:4318",
            "http://me:h4nter2@collector:1",
            "http://:1",
        ],
    ),
];

#[test]
fn each_broken_value_is_the_fault_of_its_own_variable() {
    assert_eq!(faults(&good()), Vec::<String>::new());
    // Either of two that exclude each other may be named.
    let pairs = [
        ("MODGATE_TENCENT_USERSIG", "MODGATE_TENCENT_SECRET_KEY"),
        ("MODGATE_JWT_PUBLIC_KEY_FILE", "MODGATE_JWT_SECRET"),
    ];
    for (name, values) in BROKEN {
        for value in *values {
            let named = faulty(&with(good(), &[(name, value)]));
            let partner = pairs
                .iter()
                .find(|(one, _)| one == name)
                .map(|(_, other)| *other);
            let told = named
                .iter()
                .all(|named| named == name || Some(named.as_str()) == partner);
            assert!(told && named.len() == 1, "{name}={value}: {named:?}");
        }
    }
    let lonely = without(good(), "MODGATE_JWT_SECRET");
    for file in ["/nowhere/key.pem", "/dev/null"] {
        let named = faulty(&with(
            lonely.clone(),
            &[("MODGATE_JWT_PUBLIC_KEY_FILE", file)],
        ));
        assert_eq!(
            named,
            BTreeSet::from(["MODGATE_JWT_PUBLIC_KEY_FILE".to_owned()])
        );
    }
    for url in [
        "keys",
        "ftp://id.example/keys",
        "http://id.example/keys",
        "http://localhost.example/keys",
        "https://user:secret@id.example/keys",
        "https://id.example/keys#first",
    ] {
        let told = faults(&with(lonely.clone(), &[("MODGATE_JWT_JWKS_URL", url)]));
        assert_eq!(told.len(), 1, "{url}: {told:?}");
        assert!(
            told[0].starts_with("MODGATE_JWT_JWKS_URL: must be an https URL"),
            "{told:?}"
        );
        assert!(!told[0].contains("secret"), "{told:?}");
    }
    for url in [
        "https://id.example/keys?v=2",
        "http://127.0.0.1:1/keys",
        "http://[::1]/keys",
    ] {
        let told = faults(&with(lonely.clone(), &[("MODGATE_JWT_JWKS_URL", url)]));
        assert_eq!(told, Vec::<String>::new(), "{url}");
    }
}

/// Settings that are lists, with an item that is right between faulty ones, and how the faults begin.
const LISTS: &[(&str, &str, &[&str])] = &[
    (
        "MODGATE_JWT_AUDIENCE",
        "on\te,two,th\tree",
        &["item 1: must not", "item 3: must not"],
    ),
    (
        "MODGATE_JWT_SCOPE_CLAIM",
        "/a~2,scope,sc\tp",
        &["item 1: a claim is", "item 3: must not"],
    ),
    (
        "MODGATE_JWT_SCOPE_MAP",
        "a;b=audit:read;c=audit:reed action:kick",
        &[
            "item 1: must be items",
            "item 3: \"audit:reed\" is no scope",
            "item 3: \"action:kick\" is no scope",
        ],
    ),
    (
        "MODGATE_TRUSTED_PROXIES",
        "*,10.0.0.0/8,10.0.0.0/33",
        &["item 1: must be an address", "item 3: must be an address"],
    ),
    (
        "MODGATE_CORS_ORIGINS",
        "*,https://dash.example.test,null",
        &["item 1: must be an origin", "item 3: must be an origin"],
    ),
    (
        "MODGATE_KINDS",
        "kick,kick_login,seat",
        &["item 1: must be kick_login", "item 3: must be kick_login"],
    ),
    (
        "MODGATE_PROTECTED_USERS",
        "b\u{f6}ss,root,\u{738b}",
        &[
            "item 1: must be 1 to 32 bytes",
            "item 3: must be 1 to 32 bytes",
        ],
    ),
    (
        "MODGATE_LOG",
        "warning,info,modgate=loud",
        &[
            "item 1: must be a level (error, warn, info, debug, trace or off)",
            "item 3: must be a level (error, warn, info, debug, trace or off)",
        ],
    ),
    (
        "MODGATE_SEAL_KEY",
        "one\n5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\nthree",
        &[
            "must be lines of 32 bytes each, as 64 hexadecimal digits or as base64; lines 1, 3 are not",
        ],
    ),
];

#[test]
fn each_faulty_item_of_a_list_is_named() {
    for (name, value, begins) in LISTS {
        let told = faults(&with(good(), &[(name, value)]));
        let expected = begins.iter().map(|rule| format!("{name}: {rule}"));
        let all_told = told
            .iter()
            .zip(expected)
            .all(|(told, expected)| told.starts_with(&expected));
        assert!(all_told && told.len() == begins.len(), "{told:?}");
    }
    let readme = include_str!("../../README.md");
    let lists = readme
        .lines()
        .filter(|line| line.starts_with("| `MODGATE_") && line.contains(" list"));
    let lists: Vec<&str> = lists.filter_map(|line| line.split('`').nth(1)).collect();
    assert!(lists.len() > 5, "{lists:?}");
    for name in lists {
        assert!(LISTS.iter().any(|(list, ..)| *list == name), "{name}");
    }
    let block = |tag: &str, content: &str| {
        format!("-----BEGIN {tag}-----\n{content}\n-----END {tag}-----\n")
    };
    let ed25519 = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let keys = [
        block("CERTIFICATE", ed25519),
        block("PUBLIC KEY", ed25519),
        block("PUBLIC KEY", "aaaa"),
    ];
    let file = TemporaryFile::new(keys.concat());
    let lonely = without(good(), "MODGATE_JWT_SECRET");
    let told = faults(&with(
        lonely,
        &[("MODGATE_JWT_PUBLIC_KEY_FILE", file.path())],
    ));
    assert_eq!(told.len(), 2, "{told:?}");
    for (told, block) in told.iter().zip([1, 3]) {
        let named = format!("MODGATE_JWT_PUBLIC_KEY_FILE: PEM block {block} ");
        assert!(told.starts_with(&named), "{told}");
    }
    let told = faults(&with(
        good(),
        &[("MODGATE_SEAL_PUBLIC_KEY_FILE", file.path())],
    ));
    assert!(
        told.len() == 1 && told[0].ends_with("; blocks 1, 3 are not"),
        "{told:?}"
    );
}

#[test]
fn a_level_of_the_log_is_one_that_there_is() {
    for filter in [
        "off",
        "WARN",
        "Debug",
        "info,modgate::tencent=debug",
        "modgate::tencent=TRACE , warn",
        "modgate[{action}]=info",
    ] {
        let told = faults(&with(good(), &[("MODGATE_LOG", filter)]));
        assert_eq!(told, Vec::<String>::new(), "{filter}");
    }
}

#[test]
fn above_which_number_a_batch_must_be_approved_is_set_only_where_single_actions_have_a_limit() {
    let with_limit = |above, hourly| {
        let changes = [
            ("MODGATE_BATCH_APPROVAL_ABOVE", above),
            ("MODGATE_MODERATOR_HOURLY", hourly),
        ];
        faults(&with(good(), &changes))
    };
    for above in ["0", "5", "1000000"] {
        assert_eq!(with_limit(above, "100"), Vec::<String>::new(), "{above}");
        let told = with_limit(above, "unlimited");
        let expected = "MODGATE_BATCH_APPROVAL_ABOVE: must not be set while MODGATE_MODERATOR_HOURLY is unlimited";
        assert!(
            told.len() == 1 && told[0].starts_with(expected),
            "{above}: {told:?}"
        );
    }
    // It may be left out with a limit and without.
    for hourly in ["100", "unlimited"] {
        assert_eq!(with_limit("", hourly), Vec::<String>::new(), "{hourly}");
    }
}

#[test]
fn two_ports_that_cannot_both_be_had_are_a_fault_that_names_both() {
    for (api, ops, overlap) in [
        ("127.0.0.1:8080", "127.0.0.1:8080", true),
        ("0.0.0.0:8080", "127.0.0.1:8080", true),
        ("127.0.0.1:8080", "[::]:8080", true),
        ("127.0.0.1:9090", "127.0.0.2:9090", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ] {
        let variables = with(
            good(),
            &[("MODGATE_LISTEN", api), ("MODGATE_OPS_LISTEN", ops)],
        );
        let told = faults(&variables);
        let expected = "MODGATE_LISTEN: must not be the same port as MODGATE_OPS_LISTEN";
        let expected: &[&str] = if overlap { &[expected] } else { &[] };
        assert_eq!(told, expected, "{api} {ops}");
        if overlap {
            for command in ["check", "serve"] {
                let (started, _, stderr) = run(&variables, &[command]);
                assert!(!started && stderr.contains(expected[0]), "{stderr}");
            }
        }
    }
}

#[test]
fn all_faults_come_at_once() {
    // Faults that show only when two values are compared are not among them.
    let broken = BROKEN.iter().filter(|(name, _)| {
        !matches!(
            *name,
            "MODGATE_TENCENT_USERSIG"
                | "MODGATE_JWT_PUBLIC_KEY_FILE"
                | "MODGATE_JWT_SECRET"
                | "MODGATE_JWT_AUDIENCE"
                | "MODGATE_TENCENT_PROXY"
        )
    });
    let broken: Vec<(&str, &str)> = broken.map(|(name, values)| (*name, values[0])).collect();
    let variables = with(good(), &broken);
    let variables = with(
        variables,
        &[("MODGATE_COLOUR", "red"), ("MODGATE_LISTEN_FILE", "/x")],
    );
    let variables = without(variables, "MODGATE_JWT_ISSUER");
    let mut expected: BTreeSet<String> =
        broken.iter().map(|(name, _)| (*name).to_owned()).collect();
    for name in [
        "MODGATE_COLOUR",
        "MODGATE_LISTEN_FILE",
        "MODGATE_JWT_ISSUER",
    ] {
        expected.insert(name.to_owned());
    }
    assert_eq!(faulty(&variables), expected);
}

#[test]
fn what_must_be_set_is_named_when_nothing_is() {
    let required = [
        "MODGATE_DATABASE_URL",
        "MODGATE_TENCENT_SDK_APP_ID",
        "MODGATE_TENCENT_SECRET_KEY",
        "MODGATE_JWT_ISSUER",
        "MODGATE_JWT_AUDIENCE",
        "MODGATE_JWT_JWKS_URL",
    ];
    let required: BTreeSet<String> = required.map(str::to_owned).into();
    assert_eq!(faulty(&Variables::new()), required);
    // An empty value is no value.
    let empty: Variables = good()
        .into_keys()
        .map(|name| (name, String::new()))
        .collect();
    assert_eq!(faulty(&empty), required);
}

#[test]
fn an_unknown_variable_is_a_fault_but_not_what_kubernetes_injects() {
    for name in [
        "MODGATE_LISTENN",
        "MODGATE_",
        "MODGATE_PORTS",
        "MODGATE_LOG_FILE",
        "MODGATE_jwt_secret",
        // What somebody takes for a setting, and no Service leaves behind.
        "MODGATE_PORT",
        "MODGATE_OPS_PORT",
        "MODGATE_DATABASE_HOST",
        "MODGATE_SERVICE",
        "MODGATE_SERVICE_NAME",
        "MODGATE_PORT_HTTP",
        "MODGATE_PORT_8080",
        "MODGATE_PORT_8080_QUIC",
        "MODGATE_PORT_8080_TCP_HOST",
        "MODGATE_POSTGRESQL_URL",
    ] {
        assert_eq!(
            faulty(&with(good(), &[(name, "x")])),
            BTreeSet::from([name.to_owned()])
        );
    }
    let injected = [
        "MODGATE_PORT",
        "MODGATE_PORT_8080_TCP",
        "MODGATE_PORT_8080_TCP_ADDR",
        "MODGATE_SERVICE_HOST",
        "MODGATE_SERVICE_PORT",
        "MODGATE_SERVICE_PORT_HTTP",
        // Of Services called modgate-postgresql, modgate-ops and modgate-2.
        "MODGATE_POSTGRESQL_SERVICE_HOST",
        "MODGATE_POSTGRESQL_SERVICE_PORT",
        "MODGATE_POSTGRESQL_SERVICE_PORT_TCP_POSTGRESQL",
        "MODGATE_POSTGRESQL_PORT",
        "MODGATE_POSTGRESQL_PORT_5432_TCP",
        "MODGATE_POSTGRESQL_PORT_5432_TCP_PROTO",
        "MODGATE_POSTGRESQL_PORT_5432_TCP_PORT",
        "MODGATE_POSTGRESQL_PORT_5432_TCP_ADDR",
        "MODGATE_OPS_PORT",
        "MODGATE_OPS_PORT_9090_UDP_ADDR",
        "MODGATE_2_SERVICE_HOST",
        "MODGATES",
        "OTHER",
        "modgate_x",
    ];
    let injected: Vec<(&str, &str)> = injected
        .iter()
        .map(|name| (*name, "tcp://10.0.0.1:1"))
        .collect();
    assert_eq!(faults(&with(good(), &injected)), Vec::<String>::new());
}

/// A value that each secret takes.
fn good_secret(name: &str) -> String {
    match name {
        "MODGATE_OWNER_DATABASE_URL" => good()["MODGATE_DATABASE_URL"].clone(),
        "MODGATE_TENCENT_PROXY" => "http://127.0.0.1:3128".to_owned(),
        "MODGATE_TENCENT_USERSIG" => "eJwtjEsLgkAURv_LbQu5*vMBFg__".to_owned(),
        "MODGATE_SEAL_KEY" => "0f".repeat(32),
        name => good()[name].clone(),
    }
}

/// Everything that `serve` needs, with this secret left out.
fn with_room_for(name: &str) -> Variables {
    let mut variables = without(good(), name);
    if name == "MODGATE_TENCENT_USERSIG" {
        variables = without(variables, "MODGATE_TENCENT_SECRET_KEY");
    }
    with(variables, &[("MODGATE_MIGRATE", "true")])
}

#[test]
fn what_pasting_leaves_around_a_secret_is_taken_off_or_a_fault_and_never_a_part_of_it() {
    let mut tried = 0;
    for variable in variables::ALL.iter().filter(|variable| variable.secret) {
        let (name, value) = (variable.name, good_secret(variable.name));
        let (base, file_name) = (with_room_for(name), format!("{name}_FILE"));
        let around = [
            "{} ",
            " {}",
            "{}\t",
            "{}\u{a0}",
            "\n{}",
            "{} \n",
            "\u{3000}{}",
        ];
        let within = [
            "\u{feff}{}",
            "{}\u{200b}",
            "{}\u{2060}",
            "{}\u{0}",
            "\u{200e}{}",
            "{}\u{ad}",
        ];
        // Of a secret that may be any text nobody knows what does not belong to it.
        let exact = name == "MODGATE_JWT_SECRET";
        let around = around.map(|shape| (shape, exact));
        for (shape, refused) in around.into_iter().chain(within.map(|shape| (shape, true))) {
            let pasted = shape.replace("{}", &value);
            let file = TemporaryFile::new(&pasted);
            for (variable, value) in [(name, pasted.as_str()), (&file_name, file.path())] {
                let named = faulty(&with(base.clone(), &[(variable, value)]));
                let expected = if refused {
                    vec![variable.to_owned()]
                } else {
                    vec![]
                };
                assert_eq!(Vec::from_iter(named), expected, "{variable} {shape:?}");
            }
        }
        tried += 1;
    }
    assert_eq!(tried, 7, "every secret there is");
    let read = |variables: Variables| Settings::read(&variables.into_iter().collect());
    let plain = read(good()).expect("it is right");
    let pasted = [
        ("MODGATE_TENCENT_SECRET_KEY", format!("{SECRET_KEY} ")),
        (
            "MODGATE_JWT_ISSUER",
            format!(" {}\n", good()["MODGATE_JWT_ISSUER"]),
        ),
    ];
    let pasted = pasted.iter().map(|(name, value)| (*name, value.as_str()));
    let pasted: Vec<_> = pasted.collect();
    let pasted = read(with(good(), &pasted)).expect("it is right");
    let key = |settings: &Settings| match &settings.tencent.credential {
        Credential::SecretKey(key) => key.expose_secret().to_owned(),
        Credential::UserSig(_) => panic!("there is a key"),
    };
    assert_eq!(key(&pasted), key(&plain));
    assert_eq!(pasted.auth.issuer, plain.auth.issuer);
    for wrong in ["two words", "k\u{fc}che", "\u{201c}key\u{201d}"] {
        for name in ["MODGATE_TENCENT_SECRET_KEY", "MODGATE_TENCENT_USERSIG"] {
            let named = faulty(&with(with_room_for(name), &[(name, wrong)]));
            assert_eq!(named, BTreeSet::from([name.to_owned()]), "{wrong}");
        }
    }
}

#[test]
fn an_invisible_character_is_a_fault_of_any_setting() {
    for (name, value) in [
        ("MODGATE_JWT_ISSUER", "\u{feff}https://id.example.test"),
        ("MODGATE_JWT_AUDIENCE", "mod\u{200b}gate"),
        ("MODGATE_TENCENT_ADMIN", "admin\u{2060}"),
    ] {
        let told = faults(&with(good(), &[(name, value)]));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with(&format!("{name}: must not hold the invisible")),
            "{told:?}"
        );
    }
}

/// Whether traces are sent, and what of these variables is ignored.
fn traced(changes: &[(&str, &str)]) -> (bool, Vec<String>) {
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")];
    let variables = with(with(good(), &endpoint), changes);
    let settings = Settings::read(&variables.into_iter().collect()).expect("they are right");
    let traces = settings.log.traces;
    let is_on = traces.is_some();
    (is_on, traces.map_or(Vec::new(), |traces| traces.ignored))
}

#[test]
fn traces_can_be_switched_off_as_the_standard_says() {
    for (name, value, on) in [
        ("OTEL_SDK_DISABLED", "true", false),
        ("OTEL_SDK_DISABLED", "TRUE ", false),
        ("OTEL_SDK_DISABLED", "", true),
        ("OTEL_SDK_DISABLED", "false", true),
        ("OTEL_TRACES_EXPORTER", "none", false),
        ("OTEL_TRACES_EXPORTER", "None", false),
        ("OTEL_TRACES_EXPORTER", "otlp", true),
        ("OTEL_TRACES_EXPORTER", "", true),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", true),
    ] {
        assert_eq!(traced(&[(name, value)]), (on, vec![]), "{name}={value}");
    }
}

#[test]
fn a_variable_of_the_standard_that_cannot_be_followed_is_named() {
    for (name, value) in [
        // Whatever is not `true` is false.
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_TRACES_EXPORTER", "otlp,zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_SAMPLER", "foo"),
        ("OTEL_TRACES_SAMPLER", "Always_On"),
        ("OTEL_TRACES_SAMPLER", "always_on "),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        // Of a sampler that has none.
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "-1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "1e3"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1.5"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "all"),
        ("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", " 10000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization: Bearer h4nter2",
        ),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b,h4nter2"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/etc/key.pem"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
        ("OTEL_PROPAGATORS", "b3"),
    ] {
        let (on, ignored) = traced(&[(name, value)]);
        assert!(on && ignored.len() == 1, "{name}={value}: {ignored:?}");
        assert!(ignored[0].starts_with(&format!("{name}: ")), "{ignored:?}");
        assert!(!ignored[0].contains("h4nter2"), "{ignored:?}");
    }
    for value in ["2", "-0.1", "nan", "half", ""] {
        for sampler in ["traceidratio", "parentbased_traceidratio"] {
            let changes = [
                ("OTEL_TRACES_SAMPLER", sampler),
                ("OTEL_TRACES_SAMPLER_ARG", value),
            ];
            let (_, ignored) = traced(&changes);
            let named = "OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1";
            assert!(
                ignored.len() == 1 && ignored[0].starts_with(named),
                "{ignored:?}"
            );
        }
    }
    // The more exact one is in effect.
    let (_, ignored) = traced(&[
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ]);
    assert_eq!(ignored, Vec::<String>::new());
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let wrong = [
        endpoint,
        ("OTEL_TRACES_SAMPLER", "foo"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "h4nter2"),
    ];
    let (passed, stdout, _) = run(&with(good(), &wrong), &["check"]);
    assert!(passed && !stdout.contains("h4nter2"), "{stdout}");
    for line in [
        "OTEL_TRACES_SAMPLER=foo",
        "OTEL_EXPORTER_OTLP_HEADERS=(hidden)",
        "warning: OTEL_EXPORTER_OTLP_HEADERS: item 1 is ignored: it must be name=value",
    ] {
        assert!(stdout.lines().any(|said| said == line), "{line}: {stdout}");
    }
    assert!(stdout.contains("warning: OTEL_TRACES_SAMPLER: is ignored: it must be always_on, "));
}

#[test]
fn what_the_standard_says_is_followed_without_a_word() {
    for changes in [
        &[("OTEL_TRACES_SAMPLER", "parentbased_always_off")][..],
        &[
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ],
        &[
            ("OTEL_BSP_SCHEDULE_DELAY", "5000"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "2048"),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", "128"),
        ],
        &[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20x,a=b,",
            ),
        ],
        &[
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c=d"),
            ("OTEL_PROPAGATORS", "tracecontext,baggage"),
        ],
        // Of other signals.
        &[
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ],
    ] {
        assert_eq!(traced(changes), (true, vec![]), "{changes:?}");
    }
}

#[test]
fn each_secret_may_be_a_file() {
    let mut tried = 0;
    for variable in variables::ALL.iter().filter(|variable| variable.secret) {
        let name = variable.name;
        let file_name = format!("{name}_FILE");
        let (value, base) = (good_secret(name), with_room_for(name));
        let from = |path: &str| with(base.clone(), &[(file_name.as_str(), path)]);
        for end in ["", "\n", "\r\n"] {
            let file = TemporaryFile::new(format!("{value}{end}"));
            assert_eq!(faults(&from(file.path())), Vec::<String>::new(), "{name}");
        }
        let file = TemporaryFile::new(&value);
        let both = with(from(file.path()), &[(name, &value)]);
        assert_eq!(faulty(&both), BTreeSet::from([name.to_owned()]), "both");
        let named = BTreeSet::from([file_name.clone()]);
        assert_eq!(faulty(&from("/nowhere/secret")), named, "missing");
        for content in [b"".as_slice(), b"\n", b"\xff\xfe"] {
            let file = TemporaryFile::new(content);
            assert_eq!(faulty(&from(file.path())), named, "{content:?}");
        }
        tried += 1;
    }
    assert!(tried >= 5, "the list of secrets is read");
}

#[test]
fn no_fault_and_no_debug_form_holds_a_secret() {
    const MARK: &str = "h4nter2";
    let secrets: Vec<&str> = variables::ALL
        .iter()
        .filter(|variable| variable.secret)
        .map(|variable| variable.name)
        .collect();
    let broken: Vec<(&str, &str)> = secrets.iter().map(|name| (*name, MARK)).collect();
    let said = faults(&with(good(), &broken)).join("\n");
    assert!(said.contains("MODGATE_DATABASE_URL"), "{said}");
    assert!(!said.contains(MARK), "{said}");

    let marked = good().into_iter().map(|(name, value)| match name.as_str() {
        "MODGATE_DATABASE_URL" => (name, format!("postgres://modgate:{MARK}@127.0.0.1/modgate")),
        "MODGATE_TENCENT_SECRET_KEY" | "MODGATE_JWT_SECRET" => (name, MARK.repeat(10)),
        _ => (name, value),
    });
    let marked: Variables = marked.collect();
    let marked = with(
        marked,
        &[("MODGATE_TENCENT_PROXY", "http://me:h4nter2@127.0.0.1:1")],
    );
    let environment: Environment = marked.into_iter().collect();
    let settings = Settings::read(&environment).expect("they are right");
    assert!(!format!("{environment:?} {settings:?}").contains(MARK));
}

#[test]
fn the_table_of_the_readme_is_the_list_of_the_code() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.expect("there is a README");
    let rows = readme
        .lines()
        .filter(|line| line.starts_with("| `MODGATE_"))
        .map(|line| {
            let cells: Vec<&str> = line
                .trim_matches('|')
                .splitn(3, '|')
                .map(str::trim)
                .collect();
            let [name, default, text] = cells[..] else {
                panic!("three cells: {line}")
            };
            let secret = text.split([' ', ',', ':']).any(|word| word == "secret");
            (
                name.trim_matches('`'),
                default.trim_matches('`'),
                secret,
                text.starts_with("required"),
            )
        });
    let rows: Vec<_> = rows.collect();
    let nothing = faulty(&Variables::new());
    let either = ["MODGATE_TENCENT_SECRET_KEY", "MODGATE_JWT_JWKS_URL"];
    let list = variables::ALL.iter().map(|variable| {
        let required = nothing.contains(variable.name) && !either.contains(&variable.name);
        (variable.name, variable.default, variable.secret, required)
    });
    assert_eq!(rows, list.collect::<Vec<_>>());
}

/// The text of every source file, those of tests in `src` included.
fn sources() -> Vec<(PathBuf, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let (mut directories, mut sources) = (vec![PathBuf::from(root)], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
                sources.push((path, text));
            }
        }
    }
    sources
}

/// A setting that is declared and not listed could not be set; a misspelt name in a message leads nowhere.
#[test]
fn every_variable_that_the_code_names_is_in_the_list() {
    let word = Regex::new(r"MODGATE_[A-Z0-9_]*[A-Z0-9]\b").expect("it is a regular expression");
    let mut seen = 0;
    for (path, text) in sources() {
        for name in word.find_iter(&text).map(|found| found.as_str()) {
            assert!(variables::is_known(name), "{name} in {}", path.display());
            seen += 1;
        }
    }
    assert!(seen > variables::ALL.len(), "{seen}");
    let unique: BTreeSet<&str> = variables::ALL
        .iter()
        .map(|variable| variable.name)
        .collect();
    assert_eq!(unique.len(), variables::ALL.len(), "each is listed once");
}

#[test]
fn every_default_is_one_that_the_setting_takes() {
    let defaults = variables::ALL
        .iter()
        .filter(|variable| !variable.default.is_empty());
    let defaults: Vec<(&str, &str)> = defaults
        .map(|variable| (variable.name, variable.default))
        .collect();
    assert!(defaults.len() > 15);
    assert_eq!(faults(&with(good(), &defaults)), Vec::<String>::new());
}

fn run(variables: &Variables, arguments: &[&str]) -> (bool, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = modgate(variables)
        .args(arguments)
        .output()
        .expect("the binary can be run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(
        status.code().is_some_and(|code| code == 0 || code == 1),
        "{status}: {stderr}"
    );
    (status.success(), stdout, stderr)
}

#[test]
fn check_prints_what_is_in_effect_and_hides_what_is_secret() {
    let variables = with(
        good(),
        &[
            ("MODGATE_TENCENT_QPS", "50"),
            ("MODGATE_PROTECTED_USERS", "root,boss"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example/hunter2"),
        ],
    );
    let (passed, stdout, _) = run(&variables, &["check"]);
    assert!(passed);
    let lines: Vec<&str> = stdout.lines().collect();
    for line in [
        "MODGATE_LISTEN=127.0.0.1:8080  (default)",
        "MODGATE_TENCENT_QPS=50",
        "MODGATE_PROTECTED_USERS=root,boss",
        "MODGATE_DATABASE_URL=(hidden)",
        "MODGATE_TENCENT_SECRET_KEY=(hidden)",
        "MODGATE_JWT_SECRET=(hidden)",
        "MODGATE_JWT_AUDIENCE_CLAIM=aud  (default)",
        "MODGATE_JWT_ACCEPT_ID_TOKENS=false  (default)",
        "OTEL_EXPORTER_OTLP_ENDPOINT=(hidden)",
    ] {
        assert!(lines.contains(&line), "{line} is not in {stdout}");
    }
    assert!(stdout.contains("warning: MODGATE_JWT_SECRET"), "{stdout}");
    for secret in [SECRET_KEY, JWT_SECRET, "hunter2"] {
        assert!(!stdout.contains(secret));
    }
}

#[test]
fn check_warns_where_everyone_could_forge_the_clients_address() {
    for (trusted, warned) in [
        ("0.0.0.0/0", true),
        ("10.0.0.1, ::/0", true),
        ("10.0.0.1, 10.1.0.0/16, 2001:db8::/32", false),
    ] {
        let variables = with(good(), &[("MODGATE_TRUSTED_PROXIES", trusted)]);
        let (passed, stdout, _) = run(&variables, &["check"]);
        let warning = stdout.contains("warning: MODGATE_TRUSTED_PROXIES");
        assert!(passed && warning == warned, "{trusted}: {stdout}");
    }
}

#[test]
fn check_warns_where_id_tokens_are_accepted_and_could_open_nothing() {
    let map = ("MODGATE_JWT_SCOPE_MAP", "moderators=action:kick_seat");
    let accept = ("MODGATE_JWT_ACCEPT_ID_TOKENS", "true");
    for (changes, warned) in [
        (&[accept][..], true),
        (&[accept, map], false),
        (&[map], false),
    ] {
        let (passed, stdout, _) = run(&with(good(), changes), &["check"]);
        let warning = stdout.contains("warning: MODGATE_JWT_ACCEPT_ID_TOKENS");
        assert!(passed && warning == warned, "{changes:?}: {stdout}");
    }
}

#[test]
fn check_warns_where_there_are_no_batches_for_want_of_a_seal_key() {
    let key = good_secret("MODGATE_SEAL_KEY");
    for (key, warned) in [("", true), (key.as_str(), false)] {
        let (passed, stdout, _) = run(&with(good(), &[("MODGATE_SEAL_KEY", key)]), &["check"]);
        let warning = "warning: MODGATE_SEAL_KEY: without it there are no batches";
        assert!(passed && stdout.contains(warning) == warned, "{stdout}");
    }
}

#[test]
fn check_and_serve_fail_on_faults_and_say_them_all() {
    let variables = with(
        good(),
        &[
            ("MODGATE_TENCENT_QPS", "0"),
            ("MODGATE_COLOUR", "red"),
            ("MODGATE_LOG", "="),
        ],
    );
    for command in [&["check"][..], &["serve"], &[]] {
        let (passed, _, stderr) = run(&variables, command);
        assert!(!passed);
        for name in ["MODGATE_TENCENT_QPS: ", "MODGATE_COLOUR: ", "MODGATE_LOG: "] {
            assert!(
                stderr.lines().any(|line| line.starts_with(name)),
                "{name} is not in {stderr}"
            );
        }
    }
}

#[test]
fn each_command_asks_only_for_its_own_settings() {
    let (_, _, stderr) = run(&Variables::new(), &["migrate"]);
    assert!(
        stderr.contains("MODGATE_DATABASE_URL: must be set"),
        "{stderr}"
    );
    assert!(
        !stderr.contains("TENCENT") && !stderr.contains("JWT"),
        "{stderr}"
    );
    let (_, _, stderr) = run(&Variables::new(), &["token", "--sub", "alice"]);
    assert!(
        stderr.contains("MODGATE_JWT_ISSUER: ") && stderr.contains("MODGATE_JWT_AUDIENCE: "),
        "{stderr}"
    );
    assert!(
        !stderr.contains("TENCENT") && !stderr.contains("DATABASE"),
        "{stderr}"
    );
    let (passed, _, stderr) = run(
        &with(Variables::new(), &[("MODGATE_OPS_LISTEN", "x")]),
        &["healthcheck"],
    );
    assert!(
        !passed && stderr.contains("MODGATE_OPS_LISTEN: "),
        "{stderr}"
    );
    let environment = Environment::from_iter([("MODGATE_OPS_LISTEN", "127.0.0.1:1")]);
    assert!(config::ops_listen(&environment).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn healthcheck_asks_the_operations_port() {
    let app = TestApp::start().await;
    for address in [
        app.ops_addr.to_string(),
        format!("0.0.0.0:{}", app.ops_addr.port()),
    ] {
        let variables = with(Variables::new(), &[("MODGATE_OPS_LISTEN", &address)]);
        let (alive, stdout, stderr) = run(&variables, &["healthcheck"]);
        assert!(alive && stdout.contains("alive"), "{stdout}{stderr}");
    }
    let api = with(
        Variables::new(),
        &[("MODGATE_OPS_LISTEN", &app.addr.to_string())],
    );
    assert!(
        !run(&api, &["healthcheck"]).0,
        "the API is not the operations port"
    );
    let closed = with(
        Variables::new(),
        &[("MODGATE_OPS_LISTEN", &app.ops_addr.to_string())],
    );
    app.stop().await;
    assert!(!run(&closed, &["healthcheck"]).0);
}

/// A world whose database is empty.
async fn unmigrated() -> World {
    let mut world = World::new().await;
    world.database = Cluster::shared().await.create_database(None).await;
    let url = world.database.url.clone();
    world.set("MODGATE_DATABASE_URL", &url)
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_does_not_start_while_migrations_are_pending() {
    let world = unmigrated().await;
    let (started, _, stderr) = run(&world.variables, &["serve"]);
    assert!(!started);
    assert!(
        stderr.contains("modgate migrate") && stderr.contains("MODGATE_MIGRATE"),
        "{stderr}"
    );
    let only = Variables::from([(
        "MODGATE_DATABASE_URL".to_owned(),
        world.database.url.clone(),
    )]);
    let (migrated, stdout, stderr) = run(&only, &["migrate"]);
    assert!(migrated && stdout.contains("schema"), "{stdout}{stderr}");
    assert!(run(&only, &["migrate"]).0, "a second time changes nothing");
    Gateway::start(&world.variables).await.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_build_goes_back_on_a_newer_schema() {
    let world = World::new().await;
    world
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'of a later build', true, 'x', 0)",
        )
        .await;
    let world = world.set("MODGATE_MIGRATE", "true");
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let action = gateway.moderator("alice").kick_login("user1").await;
    assert_eq!(action.status, 200, "{}", action.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_prefers_the_owners_rights() {
    let world = unmigrated().await;
    let owner = world.database.url.clone();
    let variables = with(
        Variables::new(),
        &[
            (
                "MODGATE_DATABASE_URL",
                "postgres://nobody@127.0.0.1:1/nothing",
            ),
            ("MODGATE_OWNER_DATABASE_URL", &owner),
        ],
    );
    assert!(run(&variables, &["migrate"]).0);
    assert_eq!(world.count("select count(*) from audit.action").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_migrate_at_once_all_start() {
    let world = unmigrated().await.set("MODGATE_MIGRATE", "true");
    let start = || Gateway::start(&world.variables);
    let (one, two, three) = tokio::join!(start(), start(), start());
    assert_eq!(world.count("select count(*) from audit.actions").await, 0);
    for gateway in [&one, &two, &three] {
        let answer = Persona::new(gateway.ops_addr, None).get("/livez").await;
        assert_eq!(answer.status, 200);
    }
}
