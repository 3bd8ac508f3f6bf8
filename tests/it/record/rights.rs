//! A service whose role could rewrite the record says so at its start.

use serde_json::{Value, json};

use super::recovery::audit_log_as;
use super::roles::{ADMIN, OWNER, SERVICE, migrate_as, url_as, with_roles};
use super::run;
use crate::support::process::Gateway;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn each_right_that_could_rewrite_the_record_is_found() {
    let world = with_roles().await;
    let mut sql = world.sql().await;
    let record = audit_log_as(&url_as(&world, SERVICE));
    run(&mut sql, "select audit.ensure_partitions('2035-06-15')")
        .await
        .unwrap();
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::integer")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    let creates_roles = if version < 160_000 { "create_role" } else { "" };
    // Undone by what follows, and by `modgate migrate`.
    for (given, found, undone) in [
        (
            "alter role modgate_service createrole",
            creates_roles,
            "alter role modgate_service nocreaterole",
        ),
        (
            "alter role modgate_service superuser",
            "superuser",
            "alter role modgate_service nosuperuser",
        ),
        (
            "grant pg_write_server_files to modgate_service",
            "superuser",
            "revoke pg_write_server_files from modgate_service",
        ),
        (
            "grant pg_write_all_data to modgate_service",
            "delete insert_decision insert_prune insert_recorded_at insert_xid update",
            "revoke pg_write_all_data from modgate_service",
        ),
        (
            "grant modgate_owner to modgate_service",
            "owner",
            "revoke modgate_owner from modgate_service",
        ),
        (
            "alter role modgate_service noinherit; grant modgate_owner to modgate_service",
            "owner",
            "alter role modgate_service inherit; revoke modgate_owner from modgate_service",
        ),
        (
            "alter function audit.refuse_change() owner to modgate_service",
            "owner",
            "alter function audit.refuse_change() owner to modgate_owner",
        ),
        (
            "grant update (version) on audit.action to modgate_service",
            "update",
            "",
        ),
        ("grant delete on audit.event to public", "delete", ""),
        (
            "grant truncate on audit.action_203506 to modgate_service",
            "truncate",
            "",
        ),
        (
            "grant trigger on audit.event to modgate_service",
            "trigger",
            "",
        ),
        (
            "grant insert on audit.action to modgate_service",
            "insert_recorded_at insert_xid",
            "",
        ),
        (
            "grant insert (xid) on audit.event to modgate_service",
            "insert_xid",
            "",
        ),
        (
            "grant insert (recorded_at) on audit.event to modgate_service",
            "insert_recorded_at",
            "",
        ),
        (
            "grant update, insert on all tables in schema audit to modgate_service",
            "insert_decision insert_prune insert_recorded_at insert_xid update",
            "",
        ),
    ] {
        run(&mut sql, given).await.unwrap();
        let reasons = record.unprotected_by().await.unwrap().join(" ");
        // These two have other rights with it.
        let all = ["superuser", "owner"].contains(&found);
        assert!(
            reasons == found || all && reasons.split(' ').any(|word| word == found),
            "{given}: {reasons}"
        );
        run(&mut sql, undone).await.unwrap();
        migrate_as(&world, OWNER);
        let left = record.unprotected_by().await.unwrap();
        assert_eq!(left, Vec::<String>::new(), "{given}");
    }
}

/// Starts a gateway with that URL, which says that its role could rewrite the record.
async fn warning(world: &World, url: String) -> (Gateway, Value) {
    let mut variables = world.variables.clone();
    variables.insert("MODGATE_DATABASE_URL".to_owned(), url);
    let gateway = Gateway::start(&variables).await;
    let mut said = gateway.log().events("record_unprotected");
    assert_eq!(said.len(), 1, "{:?}", gateway.log().lines());
    (gateway, said.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_role_could_rewrite_the_record_says_so_once() {
    let world = with_roles().await;
    let (gateway, said) = warning(&world, url_as(&world, OWNER)).await;
    assert_eq!(
        (&said["level"], &said["reasons"]),
        (
            &json!("WARN"),
            &json!(
                "delete insert_decision insert_prune insert_recorded_at insert_xid owner trigger truncate update"
            )
        )
    );
    let advice = said["advice"].as_str().expect("it says what to do");
    assert!(advice.contains("deploy/roles.sql"), "{advice}");
    let gateway = gateway.ready().await;
    let kicked = gateway.moderator("alice").kick_login("bob").await;
    assert_eq!(kicked.status, 200, "it serves all the same");
    assert_eq!(gateway.log().events("record_unprotected").len(), 1);
    drop(gateway);

    let superuser = world.database.url.clone();
    assert!(superuser.contains('?'), "{superuser}");
    // It only looks like the service: it may go back at any time.
    let disguised = format!("{superuser}&options=-c%20role%3Dmodgate_service");
    for (url, reason) in [
        (url_as(&world, ADMIN), "owner"),
        (superuser, "superuser"),
        (disguised, "superuser"),
    ] {
        let (_, said) = warning(&world, url).await;
        let reasons = said["reasons"].as_str().expect("they are words");
        let has = |word| reasons.split(' ').any(|reason| reason == word);
        assert!(has(reason) && has("owner") && has("update"), "{reasons}");
        assert_eq!(has("superuser"), reason == "superuser", "{reasons}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_cannot_find_out_its_rights_says_so_and_serves() {
    let world = with_roles().await;
    // Of this database alone.
    world
        .execute("revoke execute on function pg_catalog.pg_has_role(name, oid, text) from public")
        .await;
    let gateway = Gateway::start(&world.variables).await;
    assert_eq!(gateway.log().events("rights_unknown").len(), 1);
    assert_eq!(gateway.operator().get("/livez").await.status, 200);
}
