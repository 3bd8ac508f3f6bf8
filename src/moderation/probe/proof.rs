//! What a probe shows, and whether it proves that an action of unknown outcome was carried out. Pure.
//!
//! An action that restricts for so many seconds sets an end: the time at which it arrives at Tencent, plus its
//! seconds. It arrived between the first byte that was sent and the moment when the last attempt was given up. If
//! what is in force ends in that window, and no other action of ours can have its end there, then a restriction with
//! the end that this action would have set is in force. An equal request of somebody who does not ask the gateway, in
//! the same seconds, cannot be told apart.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Channels, Finding, Span, Until};

/// How far clocks may differ, and how coarse Tencent's times are.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// Between which moments an action can have arrived at Tencent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// Before the first byte of the first attempt.
    pub(super) from: DateTime<Utc>,
    /// When the last attempt was given up.
    pub(super) to: DateTime<Utc>,
}

/// An action that set an end, or may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) sent: Sent,
    /// `None` of one that lifts.
    pub(super) span: Option<Span>,
    pub(super) channels: Channels,
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// When the answer came, by our clock.
    pub(super) at: DateTime<Utc>,
    /// `Date` of the answer.
    pub(super) date: Option<DateTime<Utc>>,
    pub(super) direct: Option<Until>,
    pub(super) groups: Option<Until>,
}

/// What a probe shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Whether the target is restricted, in all the messages that the action is about; `None` where it is in some.
    pub(super) in_effect: Option<bool>,
    /// When the first of what is in force ends; `None` where that is not known, or nothing is, or it does not end.
    pub(super) until: Option<DateTime<Utc>>,
    /// Whether it proves that the action was carried out.
    pub(super) proves: bool,
}

impl Shown {
    /// Tencent has not said.
    pub(super) const NOTHING: Self = Self {
        in_effect: None,
        until: None,
        proves: false,
    };
}

impl Reading {
    /// That of an answer, if it was the last page.
    pub(super) const fn of(
        finding: Finding,
        at: DateTime<Utc>,
        date: Option<DateTime<Utc>>,
    ) -> Option<Self> {
        match finding {
            Finding::NextPage(_) => None,
            Finding::InForce { direct, groups } => Some(Self {
                at,
                date,
                direct,
                groups,
            }),
        }
    }

    /// The ends of what the action is about. What has ended is not in force, even if Tencent still lists it.
    fn of_channels(&self, channels: Channels) -> impl Iterator<Item = Option<Until>> {
        let direct = channels.has_direct().then_some(self.direct);
        let groups = channels.has_groups().then_some(self.groups);
        let found = direct.into_iter().chain(groups);
        found.map(|until| until.filter(|until| self.end(*until).is_none_or(|end| end > self.at)))
    }

    fn end(&self, until: Until) -> Option<DateTime<Utc>> {
        match until {
            Until::SecondsLeft(seconds) => self
                .at
                .checked_add_signed(TimeDelta::seconds(seconds.into())),
            Until::At(seconds) => DateTime::from_timestamp(seconds, 0),
            Until::Lifted => None,
        }
    }

    fn clocks_agree(&self) -> bool {
        self.date
            .is_some_and(|date| (date - self.at).abs() <= TOLERANCE)
    }
}

/// What `reading` shows of `action`, beside the `others` of ours on its target.
pub(super) fn shown(action: &Setting, others: &[Setting], reading: &Reading) -> Shown {
    let found: Vec<Option<Until>> = reading.of_channels(action.channels).collect();
    let in_force: Vec<Until> = found.iter().copied().flatten().collect();
    let ends = in_force.iter().filter_map(|until| reading.end(*until));
    let in_effect = match in_force.len() {
        0 => Some(false),
        all if all == found.len() => Some(true),
        _ => None,
    };
    let has_its_end = |until: &Until| {
        let end = reading.end(*until);
        end.is_some_and(|end| window(action).is_some_and(|window| window.holds(end)))
    };
    Shown {
        in_effect,
        until: ends.min(),
        proves: in_effect == Some(true)
            && reading.clocks_agree()
            && in_force.iter().all(has_its_end)
            && !others.iter().any(|other| may_be_mistaken(action, other)),
    }
}

/// Whether `other` can have set an end in the window of `action`.
fn may_be_mistaken(action: &Setting, other: &Setting) -> bool {
    let both = window(action).zip(window(other));
    action.channels.overlap(other.channels)
        && both.is_some_and(|(window, other)| window.from <= other.to && other.from <= window.to)
}

/// Where the end that an action sets can lie; `None` of one that sets none.
fn window(setting: &Setting) -> Option<Window> {
    let duration = TimeDelta::from_std(setting.span?.duration()?).ok()?;
    Some(Window {
        from: setting.sent.from.checked_add_signed(duration - TOLERANCE)?,
        to: setting.sent.to.checked_add_signed(duration + TOLERANCE)?,
    })
}

struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Window {
    fn holds(&self, moment: DateTime<Utc>) -> bool {
        (self.from..=self.to).contains(&moment)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("it is a valid time")
    }

    fn muted(from: i64, to: i64, seconds: u32) -> Setting {
        Setting {
            sent: Sent {
                from: at(from),
                to: at(to),
            },
            span: Some(Span::Seconds(seconds)),
            channels: Channels::All,
        }
    }

    /// Read at second 20, by clocks that agree.
    fn read(direct: Option<i64>, groups: Option<i64>) -> Reading {
        let until = |second: i64| Until::At(at(second).timestamp());
        Reading {
            at: at(20),
            date: Some(at(20)),
            direct: direct.map(until),
            groups: groups.map(until),
        }
    }

    #[test]
    fn an_end_in_the_window_is_proof_and_nothing_else_is() {
        let action = muted(0, 10, 600);
        let proves = |others: &[Setting], reading: &Reading| shown(&action, others, reading).proves;
        for end in [598, 600, 610, 612] {
            assert!(proves(&[], &read(Some(end), Some(end))), "{end}");
        }
        for end in [597, 613, 6000] {
            assert!(!proves(&[], &read(Some(end), Some(end))), "{end}");
        }
        // It was about both, and is in force for one.
        assert!(!proves(&[], &read(Some(605), None)));
        assert!(!proves(&[], &read(None, None)));
        let lifted = Some(Until::Lifted);
        let for_ever = Reading {
            direct: lifted,
            groups: lifted,
            ..read(None, None)
        };
        assert!(!proves(&[], &for_ever));
        // Another of ours has its end there, or may.
        let found = read(Some(605), Some(605));
        assert!(!proves(&[muted(-300, -295, 900)], &found));
        assert!(proves(&[muted(-300, -295, 60)], &found));
        let lift = Setting {
            span: None,
            ..action
        };
        assert!(proves(&[lift], &found));
        // Tencent's clock is off, or not told.
        for date in [None, Some(at(17)), Some(at(23))] {
            assert!(!proves(&[], &Reading { date, ..found }));
        }
        // It has ended: Tencent may show it for a moment longer.
        let over = shown(&muted(0, 10, 5), &[], &read(Some(12), Some(12)));
        assert_eq!(
            (over.in_effect, over.until, over.proves),
            (Some(false), None, false)
        );
    }

    #[test]
    fn a_lift_is_never_proved_and_its_effect_is_shown() {
        let lift = Setting {
            span: None,
            ..muted(0, 10, 600)
        };
        let nothing = shown(&lift, &[], &read(None, None));
        assert_eq!(
            (nothing.in_effect, nothing.until, nothing.proves),
            (Some(false), None, false)
        );
        let one = shown(&lift, &[], &read(Some(700), None));
        assert_eq!(
            (one.in_effect, one.until, one.proves),
            (None, Some(at(700)), false)
        );
    }

    /// A call of ours to Tencent, in seconds.
    #[derive(Clone, Debug)]
    struct Call {
        from: i64,
        /// When it was answered, or given up.
        to: i64,
        arrives: Option<i64>,
        /// `None` of one that lifts.
        seconds: Option<u32>,
        channels: Channels,
    }

    /// One whose answer was lost may arrive for as long as its socket is open.
    fn a_call() -> impl Strategy<Value = Call> {
        let arrives = prop::option::weighted(0.8, (0_i64..8, 0_i64..11, any::<bool>()));
        let seconds = prop::option::weighted(0.8, 1_u32..90);
        let channels = prop::sample::select(Channels::ALL);
        (0_i64..30, 0_i64..8, arrives, seconds, channels).prop_map(
            |(from, takes, arrives, seconds, channels)| {
                let to = from + takes;
                let arrives = arrives.map(|(after, later, is_late)| {
                    let in_time = (from + after).min(to);
                    if is_late { to + later } else { in_time }
                });
                Call {
                    from,
                    to,
                    arrives,
                    seconds,
                    channels,
                }
            },
        )
    }

    impl Call {
        /// As others know it: of one that was not heard of, nobody knows when it arrived.
        fn setting(&self, lasts: i64) -> Setting {
            Setting {
                sent: Sent {
                    from: at(self.from),
                    to: at(self.to + lasts),
                },
                span: self.seconds.map(Span::Seconds),
                channels: self.channels,
            }
        }
    }

    /// What Tencent has at this second, where the last word holds.
    fn in_force(calls: &[Call], channel: Channels, now: i64) -> Option<Until> {
        let of_channel = calls.iter().filter(|call| call.channels.overlap(channel));
        let calls = of_channel.filter_map(|call| Some((call.arrives?, call.seconds)));
        let (last, seconds) = calls.max_by_key(|(arrives, _)| *arrives)?;
        let end = last + i64::from(seconds?);
        (end > now).then(|| Until::At(at(end).timestamp()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn no_interleaving_of_ours_proves_what_did_not_happen(calls in vec(a_call(), 1..6)) {
            // The first is the one of unknown outcome. All are ours.
            let own = calls[0].setting(0);
            let others: Vec<Setting> = calls[1..].iter().map(|call| call.setting(11)).collect();
            let asked_at = 50;
            let reading = Reading {
                at: at(asked_at),
                date: Some(at(asked_at)),
                direct: in_force(&calls, Channels::Direct, asked_at),
                groups: in_force(&calls, Channels::Groups, asked_at),
            };
            let told = shown(&own, &others, &reading);
            let found: Vec<_> = reading.of_channels(own.channels).collect();
            let in_effect = found.iter().all(Option::is_some);
            prop_assert_eq!(told.in_effect == Some(true), in_effect);
            if told.proves {
                prop_assert!(calls[0].arrives.is_some(), "it did not happen");
                prop_assert!(in_effect && calls[0].seconds.is_some());
            }
        }
    }
}
