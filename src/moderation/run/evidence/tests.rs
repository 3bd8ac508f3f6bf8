//! Whatever the order in which answers come, the end is that of the table.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::domain::{Answer, Class, Failure, State};
use crate::kinds::{kick_login, kick_seat};
use crate::tencent::class_of;

/// What becomes of an attempt until its time is up.
#[derive(Clone, Copy, Debug)]
enum AtFirst {
    Code(i64),
    Lost,
    NotSent,
    TimedOut,
}

use AtFirst::{Code, Lost, NotSent, TimedOut};

/// When a late answer comes.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// Before this attempt is over, if that is a later one.
    While(usize),
    /// After this attempt, if not before, and before another is announced.
    After(usize),
    /// After the end, those with smaller numbers first.
    AtTheEnd(u8),
}

#[derive(Clone, Copy, Debug)]
struct Fate {
    at_first: AtFirst,
    /// Of one that timed out.
    late: Option<(i64, Comes)>,
}

fn any_code() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![0, 100_206, 60007, 70107, 70001, 70500, 60008])
}

fn any_fate() -> impl Strategy<Value = Fate> {
    let at_first = prop_oneof![
        3 => any_code().prop_map(Code),
        1 => Just(Lost),
        1 => Just(NotSent),
        5 => Just(TimedOut),
    ];
    let comes = prop_oneof![
        (0_usize..3).prop_map(Comes::While),
        (0_usize..3).prop_map(Comes::After),
        any::<u8>().prop_map(Comes::AtTheEnd),
    ];
    let late = option::weighted(0.8, (any_code(), comes));
    (at_first, late).prop_map(|(at_first, late)| Fate { at_first, late })
}

fn attempt(number: usize, code: Option<i64>, failure: Option<Failure>) -> Attempt {
    Attempt {
        number: u16::try_from(number + 1).unwrap(),
        random: 0,
        duration: Duration::ZERO,
        http_status: None,
        answer: code.map(|error_code| Answer {
            action_status: None,
            error_code,
            error_info: String::new(),
            request_id: None,
        }),
        failure: failure.map(Into::into),
    }
}

/// As `tencent` judges it.
fn answered(number: usize, code: i64) -> Proof {
    let verdict = match class_of(kick_seat::KIND.api, code) {
        _ if code == 0 => Verdict::Succeeded,
        class @ (Class::Transient | Class::TransientAmbiguous) => Verdict::Unknown(Some(class)),
        class => Verdict::Refused(class),
    };
    (attempt(number, Some(code), None), verdict)
}

fn at_first(number: usize, fate: Fate) -> Proof {
    let without = |failure, verdict| (attempt(number, None, Some(failure)), verdict);
    match fate.at_first {
        Code(code) => answered(number, code),
        Lost => without(Failure::ConnectionLost, Verdict::Unknown(None)),
        NotSent => without(Failure::Connect, Verdict::NotSent),
        TimedOut => without(Failure::TimedOut, Verdict::Unknown(None)),
    }
}

/// The late answers, in the order in which they come.
fn late_answers(fates: &[Fate]) -> Vec<(usize, i64, Comes)> {
    let mut late: Vec<_> = fates
        .iter()
        .enumerate()
        .filter(|(_, fate)| matches!(fate.at_first, TimedOut))
        .filter_map(|(number, fate)| fate.late.map(|(code, comes)| (number, code, comes)))
        .collect();
    late.sort_by_key(|(_, _, comes)| match comes {
        Comes::AtTheEnd(order) => *order,
        _ => 0,
    });
    late
}

/// What the record holds in the end.
#[derive(Debug)]
struct Recorded {
    ends: Vec<Ending>,
    /// How many attempts were made.
    made: usize,
    evidence: Evidence,
}

/// Plays the action as it is carried out.
fn play(kind: Kind, fates: &[Fate]) -> Recorded {
    let mut evidence = Evidence::new(kind);
    let late = late_answers(fates);
    let mut waiting: Vec<_> = late.iter().collect();
    let mut hear = |evidence: &mut Evidence, comes: &dyn Fn(usize, Comes) -> bool| {
        let mut one_came = false;
        waiting.retain(|(number, code, when)| {
            let now = comes(*number, *when);
            if now {
                evidence.hear(answered(*number, *code));
                one_came = true;
            }
            !now
        });
        one_came
    };
    let mut made = 0;
    for (at, fate) in fates.iter().enumerate() {
        let (attempt, verdict) = at_first(at, *fate);
        evidence.over(attempt, verdict);
        made += 1;
        let in_flight = |number: usize, when| matches!(when, Comes::While(during) if number < at && during <= at);
        let pausing = |number: usize, when| matches!(when, Comes::After(after) if number <= at && after <= at);
        let came = hear(&mut evidence, &in_flight) | hear(&mut evidence, &pausing);
        if came && evidence.needs_no_retry() {
            break;
        }
    }
    let mut ends = vec![evidence.end()];
    ends.extend(evidence.learnt());
    for (number, code, _) in &late {
        // Nobody listens once it is known.
        if *number < made && matches!(evidence.whole(), Verdict::Unknown(_)) {
            evidence.hear(answered(*number, *code));
            ends.extend(evidence.learnt());
        }
    }
    Recorded {
        ends,
        made,
        evidence,
    }
}

/// The table, written down a second time: state, and code of a refusal.
fn specified(kind: Kind, fates: &[Fate]) -> (State, Option<i64>) {
    let final_code = |fate: &Fate| match (fate.at_first, fate.late) {
        (Code(code), _) | (TimedOut, Some((code, _))) => Some(code),
        _ => None,
    };
    let looked_ambiguous = |fate: &Fate| match fate.at_first {
        Code(code) => matches!(code, 70500 | 60008),
        Lost | TimedOut => true,
        NotSent => false,
    };
    let done = fates.iter().enumerate().any(|(at, fate)| {
        let repeat = fates[..at].iter().any(looked_ambiguous);
        let code = final_code(fate);
        code == Some(0) || (kind == kick_seat::KIND && repeat && code == Some(100_206))
    });
    if done {
        return (State::Succeeded, None);
    }
    let open = fates.iter().any(|fate| match final_code(fate) {
        Some(code) => matches!(code, 70500 | 60008),
        None => !matches!(fate.at_first, NotSent),
    });
    if open {
        return (State::Unknown, None);
    }
    let given_up = |fate: &&Fate| matches!(fate.at_first, TimedOut);
    let told_of = fates.iter().rev().find(given_up);
    let told_of = told_of.or_else(|| fates.iter().rev().find(|fate| final_code(fate).is_some()));
    match told_of.and_then(final_code) {
        Some(code) => (State::Refused, Some(code)),
        None => (State::NotSent, None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn no_order_of_arrival_changes_the_end(
        seat in any::<bool>(),
        fates in vec(any_fate(), 1..=3),
    ) {
        let kind = if seat { kick_seat::KIND } else { kick_login::KIND };
        let Recorded { ends, made, evidence } = play(kind, &fates);
        let states: Vec<State> = ends.iter().map(|end| end.verdict.state()).collect();
        prop_assert!(
            matches!(states[..], [_] | [State::Unknown, State::Succeeded | State::Refused]),
            "the record takes no such ends: {states:?}"
        );
        let end = ends.last().unwrap();
        let (state, refusal) = specified(kind, &fates[..made]);
        prop_assert_eq!(end.verdict.state(), state, "{:?}", ends);
        // What a reader makes of the record: the last answer is that of the end.
        let attempts = evidence.attempts();
        let told = attempts.iter().rev().find_map(|attempt| attempt.answer.as_ref());
        if let Some(code) = refusal {
            prop_assert_eq!(end.verdict, Verdict::Refused(class_of(kind.api, code)));
            prop_assert_eq!(told.map(|answer| answer.error_code), Some(code));
        }
        if state == State::Succeeded {
            let of_the_end = end.attempt.as_ref().and_then(|attempt| attempt.answer.as_ref());
            prop_assert!(of_the_end.is_some(), "the record takes no such end without an answer");
            prop_assert_eq!(told, of_the_end);
        }
    }

    #[test]
    fn every_late_answer_is_told_of_or_left_to_the_log(
        seat in any::<bool>(),
        fates in vec(any_fate(), 1..=3),
    ) {
        let kind = if seat { kick_seat::KIND } else { kick_login::KIND };
        let Recorded { ends, evidence, .. } = play(kind, &fates);
        for late in evidence.tried.iter().filter_map(|tried| tried.late.as_ref()) {
            let is_it = |attempt: &Attempt| attempt.number == late.0.number && attempt.answer == late.0.answer;
            let told = ends.iter().filter_map(|end| end.attempt.as_ref()).any(is_it);
            prop_assert_ne!(told, evidence.untold().any(is_it));
        }
    }
}

#[test]
fn a_refusal_stays_one_though_the_attempt_after_it_was_not_sent() {
    let mut evidence = Evidence::new(kick_login::KIND);
    let (refused, verdict) = answered(0, 70001);
    evidence.over(refused, verdict);
    evidence.over(attempt(1, None, Some(Failure::Connect)), Verdict::NotSent);
    let end = evidence.end();
    assert_eq!(end.verdict, Verdict::Refused(Class::Credential));
    assert_eq!(end.attempt.as_ref().map(|attempt| attempt.number), Some(1));
    let (sign, from) = evidence.about_the_api(&end);
    assert_eq!(
        (sign, from.and_then(Attempt::failure)),
        (Verdict::NotSent, Some(Failure::Connect)),
        "the signature that was made anew has not been tried"
    );
}

#[test]
fn a_late_refusal_is_as_good_a_reason_against_a_repeat_as_one_in_time() {
    let timed_out = |number| attempt(number, None, Some(Failure::TimedOut));
    let mut evidence = Evidence::new(kick_seat::KIND);
    evidence.over(timed_out(0), Verdict::Unknown(None));
    assert!(!evidence.needs_no_retry());
    evidence.hear(answered(0, 70500));
    assert!(!evidence.needs_no_retry(), "it may have been done");
    evidence.over(timed_out(1), Verdict::Unknown(None));
    evidence.hear(answered(0, 60007));
    assert!(!evidence.needs_no_retry(), "the second may have been done");
    evidence.hear(answered(1, 60007));
    assert!(evidence.needs_no_retry());
}
