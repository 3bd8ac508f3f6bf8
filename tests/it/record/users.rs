//! How Postgres finds what restricts a user, and what was done to them: by the user's rows alone, however long the record.

use std::collections::BTreeSet;

use modgate::domain::{Kind, Slot};
use tracing_subscriber::layer::SubscriberExt as _;

use super::plans::{Done, Plans, Year, year};
use super::run;

/// Those that restrict a user.
fn restricting() -> Vec<Kind> {
    let kinds = Kind::ALL.iter().copied();
    let of_users = kinds.filter(|kind| kind.has(Slot::UserId));
    of_users.filter(|kind| kind.undone_by().is_some()).collect()
}

#[tokio::test]
async fn a_user_is_told_of_by_reading_only_what_was_done_to_them() {
    let plans = Plans::default();
    let subscriber = tracing_subscriber::registry().with(plans.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut year = Year::copied_from(year().await, plans).await;
    let script = include_str!("../../../benches/users.sql");
    let (functions, _) = script.split_once("\nselect ").expect("it loads");
    run(&mut year.sql, functions).await.expect("it is SQL");
    for (user, own) in [("few0", 10), ("many0", 10_000)] {
        // Each in a transaction of its own: streams of all databases wait for the oldest.
        let load = format!("select pg_temp.load_user('{user}', {own})");
        run(&mut year.sql, &load).await.expect("it is SQL");
        year.plans.take();
        let told = year.record.user(user, None, &restricting()).await;
        let told = told.expect("the record can be read");
        let counted: i64 = told.counts.iter().map(|count| count.count).sum();
        assert_eq!(counted, own.min(1_000), "{user}");
        assert_eq!(told.counts_complete, own <= 1_000, "{user}");
        assert_eq!(told.actions.len(), 10, "{user}");
        let mut done = Done::default();
        for plan in year.plans.take() {
            done.add(&plan["Plan"]);
        }
        assert_eq!(done.in_sequence, BTreeSet::new(), "{user}: {done:?}");
        // Intents and ends of what is counted, shown or may be in force; months without any are asked for nothing.
        // The first and the last month may hold so little that they are read as a whole.
        let bound = 6 * u64::try_from(own).expect("they are few") + 2_000;
        assert!(done.rows <= bound, "{user}: {} rows", done.rows);
        assert!(done.rows >= 20, "{user}: it was seen");
    }
}
