//! Kinds that call one API share its permits.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::domain::Kind;
use crate::kinds::tests::undo;
use crate::kinds::{kick_login, kick_seat};
use crate::limit::Limiter;
use crate::limit::moderator::tests::moderator;
use crate::limit::quota::tests::limiter;

/// Calls as often as it may, and keeps when.
async fn call(limiter: &Limiter, kind: Kind, name: String, calls: &Mutex<Vec<(Instant, Kind)>>) {
    let moderator = moderator(&name);
    loop {
        // Who is refused for the length of the queue asks again.
        if let Ok(turn) = limiter.turn(kind.api, &moderator).await {
            let permit = turn.permit().expect("the lease is renewed");
            calls.lock().unwrap().push((Instant::now(), kind));
            sleep(Duration::from_millis(10)).await;
            permit.answered();
        } else {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

// On the real clock, which is the one that calls are paced by.
#[tokio::test]
async fn kinds_that_call_one_api_make_no_more_than_n_calls_in_any_second_together() {
    let limiter = limiter(Duration::ZERO);
    let (kinds, calls) = ([kick_login::KIND, undo()], Mutex::default());
    let clients = (0..20).map(|n| call(&limiter, kinds[n % 2], format!("m{n}"), &calls));
    let stop = CancellationToken::new();
    tokio::select! {
        _ = join_all(clients) => {}
        () = limiter.dispatch(&stop) => {}
        () = sleep(Duration::from_millis(3_500)) => {}
    }
    let calls = calls.into_inner().unwrap();
    let n = limiter.api_quota(kick_login::KIND.api).limit as usize;
    for window in calls.windows(n + 1) {
        assert!(
            window[n].0 - window[0].0 > Duration::from_secs(1),
            "{window:?}"
        );
    }
    for kind in kinds {
        let of_it = calls.iter().filter(|call| call.1 == kind).count();
        assert!(of_it > n / 2, "{kind}: {of_it} of {}", calls.len());
    }
    let other = limiter.api_quota(kick_seat::KIND.api);
    assert_eq!(other.remaining, other.limit);
}
