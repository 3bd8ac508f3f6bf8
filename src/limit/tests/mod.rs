//! The protocol of the leases, played through in thousands of hostile worlds.
//!
//! The replica's half is the very code of production, [`Ledger`](super::ledger::Ledger), and what
//! it is driven by does as [`Keeper`](super::lease::keeper::Keeper) and [`Turn`](super::Turn) do;
//! the database's half is [`table`], which a test beside the real Postgres holds against the
//! functions in `migrations/`. Calls arrive at the worst of moments that the assumptions in the
//! documentation of [`limit`](super) leave them. One seed is one run, on any machine.

mod calls;
mod clock;
mod database;
mod dice;
mod door;
mod flaw;
mod leases;
mod plan;
mod replica;
mod shared;
mod table;
mod world;

use clock::{Micros, SECOND};
use flaw::Flaw;
use plan::Subject;
use world::play;

/// How many runs of each subject.
const RUNS: u64 = 800;

/// In how many runs a flaw is found at the latest. The one that is hardest to find shows in one of
/// about 200.
const FOUND_WITHIN: u64 = 1_500;

/// From then on a quiet run has its full rate: everyone is there, and has its share.
const WARM_UP: Micros = 12 * SECOND;

fn all_keep_the_promise(subject: Subject) {
    for seed in 0..RUNS {
        if let Err(story) = play(subject, seed, None) {
            panic!("{story}");
        }
    }
}

#[test]
fn replicas_that_are_stopped_killed_and_drained_stay_below_the_limit() {
    all_keep_the_promise(Subject::Processes);
}

#[test]
fn renewals_that_are_late_lost_and_out_of_order_keep_the_sum_below_the_limit() {
    all_keep_the_promise(Subject::Network);
}

#[test]
fn replicas_with_different_limits_each_stay_below_their_own() {
    all_keep_the_promise(Subject::Rollout);
}

#[test]
fn whoever_comes_while_all_leases_are_over_is_not_in_the_way_of_calls_under_way() {
    all_keep_the_promise(Subject::Lapse);
}

#[test]
fn replicas_that_stop_and_start_in_turn_stay_below_the_limit() {
    all_keep_the_promise(Subject::Turns);
}

#[test]
fn many_of_these_runs_have_quick_starts_and_leases_that_were_idle() {
    let (mut quick_starts, mut idle_leases) = (0, 0);
    for seed in 0..50 {
        let turns = play(Subject::Turns, seed, None).unwrap_or_else(|story| panic!("{story}"));
        quick_starts += turns.quick_starts;
        idle_leases += turns.idle_leases;
    }
    assert!(
        quick_starts > 20 && idle_leases > 20,
        "{quick_starts} quick starts, {idle_leases} idle leases"
    );
}

#[test]
fn whoever_starts_on_a_database_that_has_forgotten_does_not_add_to_calls_under_way() {
    all_keep_the_promise(Subject::Failover);
}

#[test]
fn fifteen_apis_on_a_slow_database_lose_no_lease_that_two_would_not() {
    for seed in 0..40 {
        let lapses = |apis, flaw| {
            let outcome = play(Subject::Slow(apis), seed, flaw);
            outcome.unwrap_or_else(|story| panic!("{story}")).lapses
        };
        let (two, fifteen) = (lapses(2, None), lapses(15, None));
        assert_eq!((two, fifteen), (0, 0), "seed {seed}");
        let flaw = Some(Flaw::OneStatementForEach);
        assert!(
            lapses(15, flaw) > 0,
            "seed {seed}: the database is not slow"
        );
    }
}

#[test]
fn nothing_that_breaks_at_the_same_time_lets_the_limit_be_passed() {
    all_keep_the_promise(Subject::Everything);
}

#[test]
fn replicas_in_a_quiet_world_use_the_whole_limit_and_share_it() {
    for seed in 0..200 {
        let quiet = play(Subject::Quiet, seed, None).unwrap_or_else(|story| panic!("{story}"));
        let (plan, rate) = (&quiet.plan, quiet.rate_from(WARM_UP));
        let full = as_float(plan.calls_per_second) / (1.0 + quiet.mean_hold);
        assert!(
            rate >= 0.9 * full,
            "seed {seed}: {rate} of {full} a second, {plan:?}"
        );
        let part = plan.calls_per_second / plan.replicas;
        let least = quiet.held.iter().min();
        assert!(
            least >= Some(&part),
            "seed {seed}: {:?} {plan:?}",
            quiet.held
        );
    }
}

#[test]
fn a_protocol_with_a_flaw_is_found_out() {
    for flaw in Flaw::ALL {
        let finds = |seed: &u64| play(flaw.subject(), *seed, Some(flaw)).is_err();
        let found = (0..FOUND_WITHIN).find(finds);
        assert!(
            found.is_some(),
            "{flaw:?} is not found in {FOUND_WITHIN} runs"
        );
    }
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("counts are small here"))
}
