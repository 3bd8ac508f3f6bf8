//! The service makes the months that it needs, and no others.

use super::roles::{OWNER, SERVICE, sql_as, with_roles};
use super::{refusal, run};

const MONTHS: &str = "select count(*) from pg_class where relnamespace = 'audit'::regnamespace and relname ~ '_\\d{6}$' and relkind = 'r'";

#[tokio::test(flavor = "multi_thread")]
async fn the_service_makes_no_month_that_is_far_from_now() {
    let world = with_roles().await;
    let before = world.count(MONTHS).await;
    let mut service = sql_as(&world, SERVICE).await;
    for arguments in [
        "'2020-01-15'",
        "'epoch', 0",
        "now() - interval '3 months', 0",
        "now() + interval '3 months', 0",
        "'2035-06-15'",
        "'9999-12-31', 0",
        "'infinity'",
        "'-infinity', 0",
        "now(), 13",
        "now(), 1000000",
        "now(), 2147483647",
        "now(), -1",
        "now() - interval '40 days', 2",
        "null",
        "null, 0",
        "now(), null",
        "null, null",
        "months_ahead => null",
    ] {
        let refused = run(
            &mut service,
            &format!("select audit.ensure_partitions({arguments})"),
        )
        .await;
        let code = refusal(refused);
        // Refused, or not even a time.
        assert!(
            ["22023", "22008"].contains(&code.as_str()),
            "{arguments}: {code}"
        );
    }
    // Nor with another role's name: the session's own counts.
    for disguise in [
        "set role modgate_service",
        "set timezone = 'Pacific/Kiritimati'",
    ] {
        run(&mut service, disguise).await.unwrap();
        let refused = run(&mut service, "select audit.ensure_partitions('2035-06-15')").await;
        assert_eq!(refusal(refused), "22023", "{disguise}");
    }
    assert_eq!(world.count(MONTHS).await, before, "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_makes_what_it_needs_and_its_owner_any_month() {
    let world = with_roles().await;
    let before = world.count(MONTHS).await;
    let mut service = sql_as(&world, SERVICE).await;
    run(&mut service, "select audit.ensure_partitions()")
        .await
        .unwrap();
    assert_eq!(world.count(MONTHS).await, before, "they are all there");
    // After three idle months, of which none is left.
    let idle = "do $$ declare month text; begin
                    for month in select oid::regclass from pg_class
                                 where relnamespace = 'audit'::regnamespace and relname ~ '_\\d{6}$' and relkind = 'r' loop
                        execute 'drop table ' || month;
                    end loop; end $$";
    run(&mut world.sql().await, idle).await.unwrap();
    run(&mut service, "select audit.ensure_partitions()")
        .await
        .unwrap();
    let made = world.count(MONTHS).await;
    assert!(
        made >= 8,
        "of both tables this month and three more: {made}"
    );
    for arguments in [
        "now() + interval '20 days'",
        "now() - interval '20 days', 0",
        "now(), 12",
    ] {
        let makes = format!("select audit.ensure_partitions({arguments})");
        run(&mut service, &makes).await.expect(arguments);
    }
    let mut owner = sql_as(&world, OWNER).await;
    for arguments in ["'2020-01-15', 0", "'2035-06-15', 13"] {
        let makes = format!("select audit.ensure_partitions({arguments})");
        run(&mut owner, &makes).await.expect(arguments);
    }
    assert!(world.count(MONTHS).await > made + 50);
}
