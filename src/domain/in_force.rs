//! Which restrictions of one target are in force, as far as the record can know.
//!
//! At Tencent the last word holds. Which of two calls came last is known only where one had ended before the other
//! began: a later one that was done then stands in the place of the earlier. Of two that were under way at once either
//! may be the last, and one of unknown outcome may or may not hold: both may be in force. Where Tencent was asked, and
//! said that nothing is, that counts.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Channels, Kind, Moderator, Span, State};

/// How long after its end an action of unknown outcome may still arrive at Tencent: for as long as somebody listens to
/// what was given up, and until its socket is closed.
pub const LATEST: TimeDelta = TimeDelta::seconds(11);

/// An action that has set or lifted a restriction of a target, or may have.
#[derive(Clone, Debug)]
pub struct TargetAction {
    /// Its id.
    pub id: Uuid,
    /// Its kind, which restricts or lifts.
    pub kind: Kind,
    /// To whom.
    pub user_id: Option<String>,
    /// Where.
    pub room_id: Option<String>,
    /// Who did it: issuer and subject.
    pub moderator: (String, String),
    /// How long it lasts; `None` of one that lifts, and of one that lasts until it is lifted.
    pub span: Option<Span>,
    /// The messages that it is about.
    pub channels: Channels,
    /// When it was asked for, by the gateway's clock.
    pub requested_at: DateTime<Utc>,
    /// When its intent came into the record, by the clock of the database: nothing was sent before.
    pub begun_at: DateTime<Utc>,
    /// Its end; `None` while it is under way.
    pub end: Option<Ended>,
    /// Whether the last probe of it has shown that nothing is in force.
    pub is_shown_off: bool,
}

/// How and when a [`TargetAction`] ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// [`State::Succeeded`] or [`State::Unknown`].
    pub state: State,
    /// When, by the gateway's clock; for one that a probe has proved, when its outcome became unknown.
    pub completed_at: DateTime<Utc>,
    /// When that came into the record, by the clock of the database.
    pub recorded_at: DateTime<Utc>,
    /// When what it has set ends by Tencent's word, where a probe has proved it.
    pub proved_until: Option<DateTime<Utc>>,
}

/// A restriction that is in force, or may be.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// What has set it.
    pub action: &'a TargetAction,
    /// The messages that it is still about.
    pub channels: Channels,
    /// When it ends; `None` if it does not.
    pub until: Option<DateTime<Utc>>,
    /// Whether it is: it was done, and nothing else may have come after it.
    pub certain: bool,
}

impl Ended {
    /// From when on it cannot arrive at Tencent any more, by the clock of the database.
    fn over(&self) -> DateTime<Utc> {
        match self.state {
            State::Unknown => self.recorded_at + LATEST,
            _ => self.recorded_at,
        }
    }
}

impl TargetAction {
    /// Whether `moderator` did it.
    pub fn is_by(&self, moderator: &Moderator) -> bool {
        let (issuer, subject) = &self.moderator;
        moderator.key() == (issuer, subject)
    }

    /// Whether it is known that this one was over when `other` began.
    fn precedes(&self, other: &Self) -> bool {
        let over = self.end.as_ref().map(Ended::over);
        over.is_some_and(|over| over <= other.begun_at)
    }

    /// Whether it was carried out; of one that lifts, also where Tencent has shown that it might as well have been.
    fn is_done(&self) -> bool {
        let end = self.end.as_ref();
        end.is_some_and(|end| end.state == State::Succeeded)
            || (self.kind.lifts().is_some() && self.is_shown_off)
    }

    /// When what it has set ends: as if Tencent had done it when its answer came, or, without one, when it was asked.
    fn until(&self) -> Option<DateTime<Utc>> {
        let duration = self.span.and_then(Span::duration)?;
        let end = self.end.as_ref();
        if let Some(proved) = end.and_then(|end| end.proved_until) {
            return Some(proved);
        }
        let from = end.map_or(self.requested_at, |end| end.completed_at);
        from.checked_add_signed(TimeDelta::from_std(duration).ok()?)
    }

    /// Whether it ends after `moment`.
    fn outlasts(&self, moment: DateTime<Utc>) -> bool {
        self.until().is_none_or(|until| moment < until)
    }

    /// Whether it lifts, or ends before `earlier` does.
    fn takes_back(&self, earlier: &Self) -> bool {
        self.kind.lifts().is_some() || self.until().is_some_and(|until| earlier.outlasts(until))
    }
}

/// Which later ones stand in the place of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaces {
    All,
    /// Those that take it back.
    TakesBack,
}

/// The actions about [`Channels::Direct`] or [`Channels::Groups`], in an order that tells of each what came after it: there
/// may be thousands.
struct OfChannel<'a> {
    number: usize,
    /// When they were over, as far as they are, in order.
    over: Vec<DateTime<Utc>>,
    /// Those that are done, by when they began.
    done: Vec<&'a TargetAction>,
    /// Of each of those and all after it: whether one lifts, and when the first of them ends.
    from: Vec<(bool, Option<DateTime<Utc>>)>,
}

impl<'a> OfChannel<'a> {
    fn new(actions: &'a [TargetAction], channel: Channels) -> Self {
        let of_channel = || actions.iter().filter(|one| one.channels.overlap(channel));
        let over = of_channel().filter_map(|one| one.end.as_ref().map(Ended::over));
        let (mut over, done) = (
            over.collect::<Vec<_>>(),
            of_channel().filter(|one| one.is_done()),
        );
        over.sort_unstable();
        let mut done: Vec<&TargetAction> = done.collect();
        done.sort_by_key(|one| one.begun_at);
        let (mut from, mut after) = (Vec::with_capacity(done.len()), (false, None));
        for one in done.iter().rev() {
            let (lifts, first) = after;
            let first = [first, one.until()].into_iter().flatten().min();
            after = (lifts || one.kind.lifts().is_some(), first);
            from.push(after);
        }
        from.reverse();
        Self {
            number: of_channel().count(),
            over,
            done,
            from,
        }
    }

    /// Whether `one` is in force, if those of the later ones that are done and of which `replaces` says so stand in its
    /// place: `None` if it is not, and else whether that is certain.
    fn stands(&self, one: &TargetAction, replaces: Replaces) -> Option<bool> {
        let before = self.over.partition_point(|over| *over <= one.begun_at);
        let alone = self.number - before == usize::from(!one.precedes(one));
        let Some(over) = one.end.as_ref().map(Ended::over) else {
            return Some(false);
        };
        let same_moment = self.done.partition_point(|other| other.begun_at < over);
        let later = self.done.partition_point(|other| other.begun_at <= over);
        // Two that began and ended in one moment: neither came after the other.
        let mut others = self.done[same_moment..later].iter();
        let by_these = others
            .any(|other| other.id != one.id && !other.precedes(one) && replaces.says(other, one));
        let by_later = |(lifts, first): &(bool, Option<DateTime<Utc>>)| match replaces {
            Replaces::All => true,
            Replaces::TakesBack => *lifts || first.is_some_and(|first| one.outlasts(first)),
        };
        let is_replaced = by_these || self.from.get(later).is_some_and(by_later);
        (!is_replaced).then_some(alone && one.is_done())
    }
}

impl Replaces {
    fn says(self, later: &TargetAction, earlier: &TargetAction) -> bool {
        self == Self::All || later.takes_back(earlier)
    }
}

/// Those of `actions`, all of one target, that are in force at `now`.
pub fn in_force(actions: &[TargetAction], now: DateTime<Utc>) -> Vec<InForce<'_>> {
    standing(actions, now, Replaces::All)
}

/// Those of `actions`, all of one target, that nobody has taken back at `now`: those in force, and those in whose place
/// one stands that ends no earlier.
pub fn not_taken_back(actions: &[TargetAction], now: DateTime<Utc>) -> Vec<InForce<'_>> {
    standing(actions, now, Replaces::TakesBack)
}

fn standing(actions: &[TargetAction], now: DateTime<Utc>, replaces: Replaces) -> Vec<InForce<'_>> {
    let [direct, groups] =
        [Channels::Direct, Channels::Groups].map(|channel| OfChannel::new(actions, channel));
    let setting = actions
        .iter()
        .filter(|action| action.kind.lifts().is_none() && !action.is_shown_off);
    // One that is under way may be done at this moment.
    let lasts = |action: &TargetAction| {
        action.end.is_none() || action.until().is_none_or(|until| until > now)
    };
    let lasting = setting.filter(|action| lasts(action));
    let standing = lasting.filter_map(|action| {
        let of = |channel: Channels, all: &OfChannel<'_>| {
            let is_about = action.channels.overlap(channel);
            is_about.then(|| all.stands(action, replaces)).flatten()
        };
        let of_both = (of(Channels::Direct, &direct), of(Channels::Groups, &groups));
        let (channels, certain) = match of_both {
            (None, None) => return None,
            (Some(certain), None) => (Channels::Direct, certain),
            (None, Some(certain)) => (Channels::Groups, certain),
            (Some(direct), Some(groups)) => (Channels::All, direct && groups),
        };
        Some(InForce {
            action,
            channels,
            until: action.until(),
            certain,
        })
    });
    standing.collect()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Api, Effect, Repeat, Scope, Spec};

    static API: Api = Api {
        word: "setnospeaking",
        command: "openconfigsvr/setnospeaking",
        codes: &[],
    };

    const fn spec(word: &'static str, effect: Effect) -> Spec {
        Spec {
            word,
            scope: Scope::new("action:mute_user", ""),
            summary: "",
            names: "",
            api: &API,
            fields: &[],
            packet: |_, _| vec![],
            repeat: Repeat::Harmless,
            effect,
            probe: None,
            advice: &[],
            refusals: &[],
        }
    }

    static MUTE: Spec = spec("mute_user", Effect::Restricts(&UNMUTE));
    static UNMUTE: Spec = spec("unmute_user", Effect::Lifts(&MUTE));

    /// A call, in seconds: when it begins, arrives at Tencent (if it does), and is over (if it is).
    #[derive(Clone, Debug)]
    struct Call {
        lifts: bool,
        span: Option<u32>,
        channels: Channels,
        begins: i64,
        arrives_after: Option<i64>,
        takes: Option<i64>,
        is_answered: bool,
    }

    const NOW: i64 = 100;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("it is a valid time")
    }

    impl Call {
        /// When Tencent does it, if it has by now.
        fn arrives(&self) -> Option<i64> {
            let arrives = self.begins + self.arrives_after?;
            (arrives <= NOW).then_some(arrives)
        }

        fn ends(&self) -> Option<i64> {
            self.takes
                .map(|takes| self.begins + takes)
                .filter(|ends| *ends <= NOW)
        }

        fn action(&self, number: u128) -> TargetAction {
            let state = if self.is_answered {
                State::Succeeded
            } else {
                State::Unknown
            };
            TargetAction {
                id: Uuid::from_u128(number),
                kind: Kind(if self.lifts { &UNMUTE } else { &MUTE }),
                user_id: Some("user".to_owned()),
                room_id: None,
                moderator: ("issuer".to_owned(), "alice".to_owned()),
                span: self.span.map(Span::Seconds).filter(|_| !self.lifts),
                channels: self.channels,
                requested_at: at(self.begins),
                begun_at: at(self.begins),
                end: self.ends().map(|ends| Ended {
                    state,
                    completed_at: at(ends),
                    recorded_at: at(ends),
                    proved_until: None,
                }),
                is_shown_off: false,
            }
        }
    }

    fn a_call() -> impl Strategy<Value = Call> {
        let channels = prop::sample::select(Channels::ALL);
        let span = option::weighted(0.8, 1_u32..200);
        // It takes at least until it arrives: later the gateway does not wait for it.
        let way = (option::weighted(0.8, 0_i64..10), 0_i64..10, any::<bool>());
        (any::<bool>(), span, channels, 0_i64..NOW, way, 0..10).prop_map(
            |(lifts, span, channels, begins, (arrives_after, longer, is_lost), pending)| Call {
                lifts,
                span,
                channels,
                begins,
                arrives_after,
                takes: (pending > 0).then(|| arrives_after.unwrap_or(0) + longer),
                is_answered: arrives_after.is_some() && !is_lost,
            },
        )
    }

    /// What is in force at Tencent, where the last word holds: the number of the call, if there is one.
    fn truth(calls: &[Call], channel: Channels) -> Option<usize> {
        let of_channel = calls.iter().enumerate();
        let of_channel = of_channel.filter(|(_, call)| call.channels.overlap(channel));
        let arrived = of_channel.filter_map(|(number, call)| Some((call.arrives()?, number, call)));
        let (arrived, number, last) = arrived.max_by_key(|(arrives, ..)| *arrives)?;
        let is_over = last
            .span
            .is_some_and(|span| arrived + i64::from(span) <= NOW);
        (!last.lifts && !is_over).then_some(number)
    }

    /// Two calls that arrive in the same second come in an order that nobody has written down.
    fn are_distinct(calls: &[Call]) -> bool {
        let mut arrivals: Vec<i64> = calls.iter().filter_map(Call::arrives).collect();
        arrivals.sort_unstable();
        arrivals.windows(2).all(|pair| pair[0] < pair[1])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn what_is_in_force_at_tencent_is_told_and_what_is_certain_is_true(calls in vec(a_call(), 0..8)) {
            prop_assume!(are_distinct(&calls));
            let actions: Vec<TargetAction> =
                (0..).zip(&calls).map(|(number, call)| call.action(number)).collect();
            let told = in_force(&actions, at(NOW));
            for channel in [Channels::Direct, Channels::Groups] {
                let mut of_channel = told.iter().filter(|one| one.channels.overlap(channel));
                if let Some(number) = truth(&calls, channel) {
                    let is_it = |one: &InForce<'_>| one.action.id == actions[number].id;
                    prop_assert!(of_channel.clone().any(is_it), "{channel}: {number} of {told:?}");
                }
                // It may have ended at Tencent a little before it does by the answer.
                let certain = of_channel.find(|one| one.certain);
                if let Some(one) = certain {
                    let last = calls.iter().enumerate().filter(|(_, call)| call.channels.overlap(channel));
                    let last = last.filter_map(|(number, call)| Some((call.arrives()?, number))).max();
                    let (_, number) = last.expect("something is certain");
                    prop_assert_eq!(one.action.id, actions[number].id);
                }
            }
        }
    }

    /// By the definition, each compared with each.
    fn by_definition(
        actions: &[TargetAction],
        one: &TargetAction,
        channel: Channels,
        replaces: Replaces,
    ) -> Option<bool> {
        let others = actions.iter().filter(|other| {
            other.id != one.id && other.channels.overlap(channel) && !other.precedes(one)
        });
        let mut replacing = others
            .clone()
            .filter(|other| other.is_done() && one.precedes(other) && replaces.says(other, one));
        let alone = others.count() == 0;
        replacing.next().is_none().then_some(alone && one.is_done())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn each_stands_as_if_it_were_compared_with_each_other(calls in vec(a_call(), 0..12)) {
            let actions: Vec<TargetAction> =
                (0..).zip(&calls).map(|(number, call)| call.action(number)).collect();
            for channel in [Channels::Direct, Channels::Groups] {
                let all = OfChannel::new(&actions, channel);
                for one in actions.iter().filter(|one| one.channels.overlap(channel)) {
                    for replaces in [Replaces::All, Replaces::TakesBack] {
                        let expected = by_definition(&actions, one, channel, replaces);
                        prop_assert_eq!(all.stands(one, replaces), expected, "{:?}", one);
                    }
                }
            }
        }
    }

    /// One of ten minutes that arrives as it begins, and is answered.
    fn call(begins: i64, takes: i64, lifts: bool) -> Call {
        Call {
            lifts,
            span: Some(600),
            channels: Channels::All,
            begins,
            arrives_after: Some(0),
            takes: Some(takes),
            is_answered: true,
        }
    }

    fn actions(calls: &[Call]) -> Vec<TargetAction> {
        (0..)
            .zip(calls)
            .map(|(number, call)| call.action(number))
            .collect()
    }

    fn told(calls: &[Call]) -> Vec<(u128, bool)> {
        let actions = actions(calls);
        let told = in_force(&actions, at(NOW));
        told.iter()
            .map(|one| (one.action.id.as_u128(), one.certain))
            .collect()
    }

    #[test]
    fn of_two_at_once_either_may_be_the_last() {
        let (first, beside) = (call(10, 5, false), call(12, 5, false));
        assert_eq!(told(std::slice::from_ref(&first)), [(0, true)]);
        assert_eq!(told(&[first.clone(), call(15, 5, false)]), [(1, true)]);
        assert_eq!(told(&[first.clone(), beside]), [(0, false), (1, false)]);
        assert_eq!(told(&[first.clone(), call(12, 5, true)]), [(0, false)]);
        assert!(told(&[first.clone(), call(15, 5, true)]).is_empty());
        // Begun, and nobody knows yet what became of it.
        assert_eq!(told(&[first, call(98, 10, true)]), [(0, false)]);
    }

    #[test]
    fn what_is_of_unknown_outcome_may_arrive_late_until_tencent_says_that_nothing_is_in_force() {
        let lost = Call {
            is_answered: false,
            ..call(10, 5, false)
        };
        assert_eq!(told(&[lost.clone(), call(25, 1, true)]), [(0, false)]);
        assert!(told(&[lost.clone(), call(26, 1, true)]).is_empty());
        let shown_off = |call: &Call, number| TargetAction {
            is_shown_off: true,
            ..call.action(number)
        };
        assert!(in_force(&[shown_off(&lost, 0)], at(NOW)).is_empty());
        let done = call(0, 1, false).action(0);
        let lost_lift = Call {
            lifts: true,
            ..lost
        };
        let with_lift = [done.clone(), lost_lift.action(1)];
        assert_eq!(in_force(&with_lift, at(NOW)).len(), 1);
        assert!(in_force(&[done, shown_off(&lost_lift, 1)], at(NOW)).is_empty());
    }

    #[test]
    fn what_a_longer_one_covers_is_taken_back_by_what_ends_earlier() {
        let of = |begins, span, lifts| Call {
            span,
            ..call(begins, 0, lifts)
        };
        let told = |calls: &[Call]| -> Vec<u128> {
            let actions = actions(calls);
            let told = not_taken_back(&actions, at(NOW));
            told.iter().map(|one| one.action.id.as_u128()).collect()
        };
        let (first, longer) = (of(10, Some(600), false), of(20, Some(700), false));
        assert_eq!(told(&[first.clone(), longer.clone()]), [0, 1]);
        assert_eq!(told(&[first.clone(), of(20, None, false)]), [0, 1]);
        assert_eq!(told(&[first.clone(), of(20, Some(500), false)]), [1]);
        assert!(told(&[first.clone(), longer.clone(), of(30, None, true)]).is_empty());
        let shorter = of(30, Some(100), false);
        assert_eq!(told(&[first, longer, shorter]), [2]);
    }
}
