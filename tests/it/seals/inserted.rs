//! Rows that no gateway wrote.

use std::time::Duration;

use uuid::Uuid;

use super::broken::decision;
use super::forge::{Signer, first_seal};
use super::{Evidence, Recorded, SEED, UNSEALED, finding, public_key_of, run, verdicts};
use crate::record::leaves::action_leaf;
use crate::record::roles::{SERVICE, sql_as, with_roles};
use crate::record::{Row, id_of};
use crate::support::eventually::eventually;
use crate::support::process::{Gateway, modgate};
use crate::support::world::World;

const IN_A_SEAL: &str =
    "select no from audit.seal where position(uuid_send($1) || int2send($2) in leaves) > 0";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_the_past_is_named_before_and_after_it_is_sealed() {
    let recorded = Recorded::shared().await;
    let mut copy = recorded.copy().await;
    let id = id_of(Duration::from_hours(2));
    // Like a genuine one in all that can be copied.
    let insert = format!(
        "select audit.ensure_partitions(audit.uuid7_time('{id}'));
         insert into audit.action
         select (jsonb_populate_record(a, jsonb_build_object(
             'id', '{id}', 'requested_at', audit.uuid7_time('{id}'), 'recorded_at', audit.uuid7_time('{id}'),
             'xid', pg_current_xact_id()::text))).*
         from audit.action a where id = '{}';
         update audit.action set leaf_hash = {} where id = '{id}'",
        recorded.actions.succeeded,
        action_leaf()
    );
    copy.run(&insert).await;
    let action = format!("action {id}");
    let wrong = finding(&action, "in the record but in no seal, though recorded at ");
    copy.verdicts(recorded.key())
        .assert_found("not sealed", &[wrong]);

    let mut variables = recorded.world.variables.clone();
    variables.insert("MODGATE_DATABASE_URL".to_owned(), copy.database.url.clone());
    let gateway = Gateway::start(&variables).await;
    eventually("it is sealed", Duration::from_secs(20), async || {
        let seal = sqlx::query_scalar::<_, i64>(IN_A_SEAL).bind(id).bind(0_i16);
        seal.fetch_optional(&mut copy.sql)
            .await
            .expect("Postgres answers")
    })
    .await;
    gateway.kill();
    let no = copy.seal_of(id, 0).await;
    let wrong = [
        finding(&action, "back-dated: recorded at "),
        finding(&action, format!("written without the key (seal {no})")),
    ];
    copy.verdicts(recorded.key()).assert_found("sealed", &wrong);
}

/// An action of now, as the service's role can insert it; `leaf_hash` is SQL over its columns.
pub(super) fn forged(id: Uuid, leaf_hash: &str, mac: &str) -> String {
    format!(
        "insert into audit.action (id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
             version, sdk_app_id, tencent_host, deadline_ms, requested_at, leaf_hash, mac)
         select id, kind, moderator, issuer, user_id, client_ip, peer_ip, http_request_id, instance,
             version, sdk_app_id, tencent_host, deadline_ms, requested_at, {leaf_hash}, {mac}
         from jsonb_populate_record(null::audit.action, jsonb_build_object(
             'id', '{id}', 'row_format', 1, 'kind', 'kick_login', 'moderator', 'alice', 'issuer', 'test', 'user_id', 'bob',
             'client_ip', '127.0.0.1', 'peer_ip', '::1', 'http_request_id', 'r', 'instance', 'i', 'version', '0',
             'sdk_app_id', 1400000001, 'tencent_host', 'h', 'deadline_ms', 3600000,
             'requested_at', audit.uuid7_time('{id}'))) forged"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_now_that_the_services_role_inserts_without_the_key_is_refused() {
    let world = with_roles().await.set("MODGATE_SEAL_KEY", SEED);
    // The key has been in use for longer than a gateway may be without it.
    let long_ago = chrono::Utc::now() - chrono::Duration::hours(1);
    let signer = Signer::new(SEED);
    first_seal(&mut world.sql().await, long_ago.timestamp_micros(), &signer).await;
    let gateway = Gateway::start(&world.variables).await.ready().await;
    let alice = gateway.moderator("alice");
    let genuine = alice.kick_login("bob").await.action();
    let genuine: Uuid = genuine["id"].as_str().expect("an id").parse().unwrap();

    let mut service = sql_as(&world, SERVICE).await;
    let leaf = action_leaf();
    let mut rows = Vec::new();
    for (leaf_hash, mac) in [
        (leaf.as_str(), "null"),
        (leaf.as_str(), "sha256('guessed')"),
        (
            "sha256('')",
            "(select mac from audit.action a where a.mac is not null limit 1)",
        ),
    ] {
        let id = id_of(Duration::ZERO);
        run(&mut service, &forged(id, leaf_hash, mac)).await;
        rows.push((id, 0_i16, format!("action {id}")));
    }
    // What became of an action that somebody else did.
    Row::event(genuine, 2, "unknown")
        .insert(&mut service)
        .await
        .unwrap();
    rows.push((genuine, 2, format!("event {genuine} rev 2")));

    let mut wrong = Vec::new();
    for (id, rev, named) in &rows {
        let no: i64 = eventually("it is sealed", Duration::from_secs(20), async || {
            let seal = sqlx::query_scalar(IN_A_SEAL).bind(id).bind(rev);
            seal.fetch_optional(&mut world.sql().await)
                .await
                .expect("Postgres answers")
        })
        .await;
        wrong.push(finding(
            named,
            format!("written without the key (seal {no})"),
        ));
    }
    let log = gateway.log();
    eventually("the log names them", Duration::from_secs(5), async || {
        let refused = log.events("row_refused");
        let refused: Vec<_> = refused.iter().map(|line| line["row"].as_str()).collect();
        let all = rows
            .iter()
            .all(|(.., named)| refused.contains(&Some(named)));
        (all && refused.len() == rows.len()).then_some(())
    })
    .await;
    gateway.kill();
    let key = public_key_of(SEED);
    let evidence = Evidence {
        public_key: Some(key.path()),
        heads: None,
        ..Evidence::default()
    };
    verdicts(&world.database.url, evidence).assert_found("forged", &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_hash_is_not_that_of_its_fields_is_refused_without_a_key_too() {
    let world = World::new().await;
    let gateway = Gateway::start(&world.variables).await;
    let id = id_of(Duration::ZERO);
    let mut sql = world.sql().await;
    Row::action(id).insert(&mut sql).await.unwrap();
    let no: i64 = eventually("it is sealed", Duration::from_secs(20), async || {
        let seal = sqlx::query_scalar(IN_A_SEAL).bind(id).bind(0_i16);
        seal.fetch_optional(&mut sql)
            .await
            .expect("Postgres answers")
    })
    .await;
    gateway.kill();
    let wrong = finding(
        format!("action {id}"),
        format!("written without the key (seal {no})"),
    );
    let verdicts = verdicts(&world.database.url, Evidence::default());
    verdicts.assert_found("forged", &[wrong]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_kept_out_of_the_seals_by_a_seal_that_claims_to_have_seen_it() {
    let recorded = Recorded::shared().await;
    for (snapshot, xid) in [
        ("'99999999:99999999:'", "pg_current_xact_id()"),
        // As a number of 32 bits, which is what a row is marked with, it is the same.
        (
            "'99999999:99999999:'",
            "(pg_current_xact_id()::text::bigint + 4294967296)::text::xid8",
        ),
    ] {
        let mut copy = recorded.copy().await;
        let claim = format!(
            "update audit.seal set snapshot = {snapshot}, xid = {xid} where no = (select max(no) from audit.seal)"
        );
        copy.run(&claim).await;
        let mut variables = recorded.world.variables.clone();
        let url = copy.database.url.clone();
        variables.insert("MODGATE_DATABASE_URL".to_owned(), url);
        let gateway = Gateway::start(&variables).await.ready().await;
        let alice = gateway.moderator("alice");
        assert_eq!(alice.kick_login("bob").await.status, 200);
        let log = gateway.log();
        eventually("nobody believes it", Duration::from_secs(20), async || {
            log.events("chain_broken").pop()
        })
        .await;
        assert!(copy.number(UNSEALED).await > 0);
        let mut accept = modgate(&variables);
        let accept = accept
            .args(["seals", "--accept-break", "--reason", "altered"])
            .output();
        decision(&accept.expect("the binary can be run"));
        eventually("all is sealed", Duration::from_secs(20), async || {
            (copy.number(UNSEALED).await == 0).then_some(())
        })
        .await;
        gateway.kill();
    }
}
