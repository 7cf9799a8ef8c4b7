//! Who is left alone for a while after a failure, for how long, and which single call finds out whether that is over.
//! Decides only: time is handed in as what a steady clock shows, so that a wall clock that is set wrong or right
//! opens and closes nothing. Nothing here waits, calls anybody or knows a vendor.

use std::collections::HashMap;
use std::time::Duration;

use crate::chat::FailureKind;

/// At most one call in so long finds out whether somebody is well again.
pub const PROBE_EVERY: Duration = Duration::from_secs(10);

/// A rest that doubles grows no longer than this, so that whoever is well again is found out soon.
const LONGEST_DOUBLED: Duration = minutes(5);
/// What a vendor asks for is kept between these, but for the window of a plan.
const WISH: (Duration, Duration) = (Duration::from_secs(1), minutes(10));
/// The longest window of a plan that is believed.
const LONGEST_WINDOW: Duration = minutes(24 * 60);

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// Whom one call goes to, in the parts that fail apart from each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Callee {
    /// Where it lives: whoever lives there too is reached, or not, alike.
    pub base: String,
    /// The provider by its name in the settings.
    pub provider: String,
    /// Which of the provider's keys, counted from 0. Never the key itself.
    pub key: u16,
    /// The model as its provider names it.
    pub model: String,
}

/// What a failure is held against, and so what rests after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Blamed {
    /// An address: all providers and keys behind it.
    Base(String),
    /// A key, for all models.
    Key(String, u16),
    /// A key for one model.
    KeyModel(String, u16, String),
    /// A model of a provider, for all keys.
    Model(String, String),
}

impl Callee {
    fn parts(&self) -> [Blamed; 4] {
        let (provider, model) = (self.provider.clone(), self.model.clone());
        [
            Blamed::Base(self.base.clone()),
            Blamed::Key(provider.clone(), self.key),
            Blamed::KeyModel(provider.clone(), self.key, model.clone()),
            Blamed::Model(provider, model),
        ]
    }

    /// What a failure is about; nothing where only the question was.
    fn blamed(&self, kind: FailureKind) -> Option<Blamed> {
        let [base, key, key_model, model] = self.parts();
        match kind {
            FailureKind::Network
            | FailureKind::IpOrRegion
            | FailureKind::Timeout
            | FailureKind::Server
            | FailureKind::Interrupted => Some(base),
            FailureKind::BadKey
            | FailureKind::AccountDead
            | FailureKind::NoMoney
            | FailureKind::PlanWindow
            | FailureKind::Rate => Some(key),
            FailureKind::NoRight | FailureKind::BadModel => Some(key_model),
            FailureKind::Overloaded => Some(model),
            FailureKind::TooLong
            | FailureKind::ContentInput
            | FailureKind::ContentOutput
            | FailureKind::BadRequest
            | FailureKind::Conflict
            | FailureKind::Empty => None,
        }
    }
}

/// How long the blamed rests after so many failures in a row. `wish` is what the vendor asked for, if it did.
fn rest(kind: FailureKind, wish: Option<Duration>, failures: u32) -> Duration {
    let wish_or = |otherwise: Duration| wish.map_or(otherwise, |wish| wish.clamp(WISH.0, WISH.1));
    let doubled = |first: u64| {
        let times = 1 << failures.saturating_sub(1).min(10);
        (Duration::from_secs(first) * times).min(LONGEST_DOUBLED)
    };
    match kind {
        FailureKind::Rate => wish_or(doubled(20)),
        FailureKind::Overloaded => wish_or(doubled(30)),
        FailureKind::Server => wish_or(doubled(20)),
        FailureKind::Timeout => doubled(30),
        FailureKind::Network | FailureKind::Interrupted => doubled(10),
        // These do not mend by themselves; somebody may have mended them meanwhile.
        FailureKind::BadKey
        | FailureKind::AccountDead
        | FailureKind::NoMoney
        | FailureKind::BadModel => minutes(30),
        FailureKind::PlanWindow => {
            wish.map_or(minutes(60), |wish| wish.clamp(WISH.0, LONGEST_WINDOW))
        }
        FailureKind::IpOrRegion => minutes(6 * 60),
        FailureKind::NoRight => minutes(24 * 60),
        FailureKind::TooLong
        | FailureKind::ContentInput
        | FailureKind::ContentOutput
        | FailureKind::BadRequest
        | FailureKind::Conflict
        | FailureKind::Empty => Duration::ZERO,
    }
}

/// How somebody stands who might be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing is known against it.
    Well,
    /// It has rested: one call may find out.
    Due,
    /// Well, but every place for a call to it is taken.
    Full,
    /// Others are preferred until then, by the steady clock.
    Resting {
        /// The end of its rest.
        until: Duration,
    },
    /// It has to be fetched first, which takes minutes.
    OnItsWay,
}

/// Leave for one call. Whoever holds it says what came of the call, or gives it back.
#[derive(Debug)]
pub struct Pass {
    number: u64,
    /// When it was given.
    begun: Duration,
    /// Whether this call is the one that finds out.
    pub probes: bool,
}

/// Somebody who rests, for the operator's eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// What the failure was.
    pub kind: FailureKind,
    /// Since when it has not been well.
    pub since: Duration,
    /// Until when others are preferred.
    pub until: Duration,
}

/// What is open. Who is not in here is well.
#[derive(Debug, Default)]
pub struct Breakers {
    open: HashMap<Blamed, Open>,
    passes: u64,
}

/// An open breaker; half open while its probe is under way.
#[derive(Debug)]
struct Open {
    kind: FailureKind,
    failures: u32,
    since: Duration,
    /// When the last failure was told: a call begun before knows nothing newer.
    failed: Duration,
    until: Duration,
    /// The call under way that finds out.
    probe: Option<u64>,
    /// When it was last called.
    called: Option<Duration>,
}

impl Open {
    fn condition(&self, now: Duration) -> Condition {
        let called = self.called.map_or(Duration::ZERO, |at| at + PROBE_EVERY);
        let until = self.until.max(called);
        if self.probe.is_some() || now < until {
            Condition::Resting { until }
        } else {
            Condition::Due
        }
    }
}

impl Breakers {
    /// How a callee stands: as the worst of its parts.
    pub fn condition(&self, callee: &Callee, now: Duration) -> Condition {
        let mut worst = Condition::Well;
        for open in self.of(callee) {
            worst = match (open.condition(now), worst) {
                (Condition::Resting { until: one }, Condition::Resting { until: other }) => {
                    Condition::Resting {
                        until: one.max(other),
                    }
                }
                (resting @ Condition::Resting { .. }, _) => resting,
                (_, resting @ Condition::Resting { .. }) => resting,
                (due, _) => due,
            };
        }
        worst
    }

    /// Why and until when others are preferred to a callee; nothing where they are not.
    pub fn rest_of(&self, callee: &Callee) -> Option<Rest> {
        let longest = self.of(callee).max_by_key(|open| open.until)?;
        Some(Rest {
            kind: longest.kind,
            since: longest.since,
            until: longest.until,
        })
    }

    fn of(&self, callee: &Callee) -> impl Iterator<Item = &Open> {
        let parts = (!self.open.is_empty()).then(|| callee.parts());
        parts
            .into_iter()
            .flatten()
            .filter_map(|part| self.open.get(&part))
    }

    /// Leave for a call that is about to be made. It finds out about every part that is due.
    pub fn begin(&mut self, callee: &Callee, now: Duration) -> Pass {
        self.passes += 1;
        let mut pass = Pass {
            number: self.passes,
            begun: now,
            probes: false,
        };
        for part in callee.parts() {
            if let Some(open) = self.open.get_mut(&part)
                && open.condition(now) == Condition::Due
            {
                open.probe = Some(pass.number);
                pass.probes = true;
            }
        }
        pass
    }

    /// The call goes out now: whoever rests is not called again for a while.
    pub fn called(&mut self, callee: &Callee, now: Duration) {
        for part in callee.parts() {
            if let Some(open) = self.open.get_mut(&part) {
                open.called = Some(now);
            }
        }
    }

    /// The call went well. Says whether that has ended a rest.
    pub fn succeeded(&mut self, callee: &Callee, pass: &Pass) -> bool {
        self.give_back(callee, pass);
        let mut ended = false;
        for part in callee.parts() {
            ended |= self.is_well(&part, pass);
        }
        ended
    }

    /// A part answered to a call that began after it had failed: it is well.
    fn is_well(&mut self, part: &Blamed, pass: &Pass) -> bool {
        let learned = self
            .open
            .get(part)
            .is_some_and(|open| open.failed <= pass.begun);
        learned && self.open.remove(part).is_some()
    }

    /// The call failed. What it is about rests, twice as long if the call began after the last failure. Says which
    /// rest has begun, if one has.
    pub fn failed(
        &mut self,
        callee: &Callee,
        pass: &Pass,
        (kind, wish): (FailureKind, Option<Duration>),
        now: Duration,
    ) -> Option<Rest> {
        let Some(blamed) = callee.blamed(kind) else {
            // The question was at fault, and it took somebody well to say so.
            self.succeeded(callee, pass);
            return None;
        };
        self.give_back(callee, pass);
        if !matches!(blamed, Blamed::Base(_)) {
            // Whoever refuses has been reached.
            self.is_well(&Blamed::Base(callee.base.clone()), pass);
        }
        match self.open.get_mut(&blamed) {
            Some(open) if pass.begun < open.failed => {
                // It knows nothing newer, but the vendor may ask for more time.
                open.until = open.until.max(now + rest(kind, wish, open.failures));
                None
            }
            Some(open) => {
                open.failures += 1;
                open.kind = kind;
                open.failed = now;
                open.until = now + rest(kind, wish, open.failures);
                None
            }
            None => {
                let until = now + rest(kind, wish, 1);
                let open = Open {
                    kind,
                    failures: 1,
                    since: now,
                    failed: now,
                    until,
                    probe: None,
                    called: None,
                };
                self.open.insert(blamed, open);
                Some(Rest {
                    kind,
                    since: now,
                    until,
                })
            }
        }
    }

    /// The call told nothing, for it was dropped: another one may find out.
    pub fn give_back(&mut self, callee: &Callee, pass: &Pass) {
        if !pass.probes {
            return;
        }
        for part in callee.parts() {
            if let Some(open) = self.open.get_mut(&part)
                && open.probe == Some(pass.number)
            {
                open.probe = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureKind::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    fn callee(base: &str, provider: &str, model: &str) -> Callee {
        Callee {
            base: base.into(),
            provider: provider.into(),
            key: 0,
            model: model.into(),
        }
    }

    fn main() -> Callee {
        callee("https://a.example", "main", "m")
    }

    /// One call that fails at once.
    fn fail(breakers: &mut Breakers, callee: &Callee, kind: FailureKind, now: Duration) {
        let pass = breakers.begin(callee, now);
        breakers.called(callee, now);
        breakers.failed(callee, &pass, (kind, None), now);
    }

    fn is_well(breakers: &Breakers, callee: &Callee, now: Duration) -> bool {
        breakers.condition(callee, now) == Condition::Well
    }

    #[test]
    fn a_failure_is_held_against_what_it_is_about_and_nobody_else() {
        let mut second_key = main();
        second_key.key = 1;
        let other_model = callee("https://a.example", "main", "n");
        let neighbour = callee("https://a.example", "other", "m");
        let stranger = callee("https://b.example", "spare", "m");
        let all = [main(), second_key, other_model, neighbour, stranger];
        // Who rests after the first one failed so: itself, another key, another model, another account at the same
        // address, somebody elsewhere.
        for (kind, rests) in [
            (Network, [true, true, true, true, false]),
            (IpOrRegion, [true, true, true, true, false]),
            (Timeout, [true, true, true, true, false]),
            (Server, [true, true, true, true, false]),
            (Interrupted, [true, true, true, true, false]),
            (BadKey, [true, false, true, false, false]),
            (AccountDead, [true, false, true, false, false]),
            (NoMoney, [true, false, true, false, false]),
            (PlanWindow, [true, false, true, false, false]),
            (Rate, [true, false, true, false, false]),
            (NoRight, [true, false, false, false, false]),
            (BadModel, [true, false, false, false, false]),
            (Overloaded, [true, true, false, false, false]),
            (TooLong, [false; 5]),
            (ContentInput, [false; 5]),
            (ContentOutput, [false; 5]),
            (BadRequest, [false; 5]),
            (Conflict, [false; 5]),
            (Empty, [false; 5]),
        ] {
            let mut breakers = Breakers::default();
            fail(&mut breakers, &main(), kind, at(0));
            let found = all
                .each_ref()
                .map(|callee| !is_well(&breakers, callee, at(0)));
            assert_eq!(found, rests, "{kind:?}");
        }
    }

    #[test]
    fn a_rest_has_its_length_and_doubles_up_to_its_cap() {
        for (kind, wish, expected) in [
            (Rate, None, [20, 40, 80, 160, 300, 300]),
            (Rate, Some(1), [1; 6]),
            (Rate, Some(0), [1; 6]),
            (Rate, Some(1_000_000_000), [600; 6]),
            (Overloaded, None, [30, 60, 120, 240, 300, 300]),
            (Server, None, [20, 40, 80, 160, 300, 300]),
            (Timeout, None, [30, 60, 120, 240, 300, 300]),
            (Network, None, [10, 20, 40, 80, 160, 300]),
            (Interrupted, None, [10, 20, 40, 80, 160, 300]),
            (BadKey, None, [1_800; 6]),
            (AccountDead, None, [1_800; 6]),
            (NoMoney, None, [1_800; 6]),
            (PlanWindow, None, [3_600; 6]),
            (PlanWindow, Some(7_200), [7_200; 6]),
            (PlanWindow, Some(1_000_000_000), [86_400; 6]),
            (IpOrRegion, None, [21_600; 6]),
            (NoRight, None, [86_400; 6]),
            (BadModel, None, [1_800; 6]),
        ] {
            let wish = wish.map(Duration::from_secs);
            let mut breakers = Breakers::default();
            let mut now = at(0);
            for expected in expected {
                let pass = breakers.begin(&main(), now);
                breakers.failed(&main(), &pass, (kind, wish), now);
                let until = breakers.rest_of(&main()).unwrap().until;
                assert_eq!(until - now, Duration::from_secs(expected), "{kind:?}");
                now = until;
            }
        }
        assert_eq!(rest(Rate, None, u32::MAX), LONGEST_DOUBLED);
    }

    #[test]
    fn one_call_finds_out_and_the_others_wait_for_what_it_finds() {
        let mut breakers = Breakers::default();
        fail(&mut breakers, &main(), Network, at(0));
        let resting = |until| Condition::Resting { until: at(until) };
        assert_eq!(breakers.condition(&main(), at(9)), resting(10));
        assert_eq!(breakers.condition(&main(), at(10)), Condition::Due);
        let probe = breakers.begin(&main(), at(10));
        assert!(probe.probes);
        breakers.called(&main(), at(10));
        assert_eq!(breakers.condition(&main(), at(11)), resting(20));
        // However long it takes.
        assert_eq!(breakers.condition(&main(), at(500)), resting(20));
        let late = breakers.begin(&main(), at(500));
        assert!(!late.probes, "there is one");
        assert!(breakers.succeeded(&main(), &probe));
        assert!(is_well(&breakers, &main(), at(501)));
    }

    #[test]
    fn a_probe_that_fails_doubles_the_rest_and_one_that_goes_well_forgets_it() {
        let mut breakers = Breakers::default();
        fail(&mut breakers, &main(), Network, at(0));
        fail(&mut breakers, &main(), Network, at(10));
        assert_eq!(breakers.rest_of(&main()).unwrap().until, at(30));
        fail(&mut breakers, &main(), Network, at(30));
        assert_eq!(breakers.rest_of(&main()).unwrap().until, at(70));
        assert_eq!(breakers.rest_of(&main()).unwrap().since, at(0));
        let probe = breakers.begin(&main(), at(70));
        assert!(breakers.succeeded(&main(), &probe));
        fail(&mut breakers, &main(), Network, at(71));
        assert_eq!(breakers.rest_of(&main()).unwrap().until, at(81));
    }

    #[test]
    fn a_probe_that_is_dropped_gives_its_place_back() {
        let mut breakers = Breakers::default();
        fail(&mut breakers, &main(), Network, at(0));
        let dropped = breakers.begin(&main(), at(10));
        breakers.give_back(&main(), &dropped);
        assert_eq!(breakers.condition(&main(), at(10)), Condition::Due);
        // One that went out before it was dropped was a call all the same: the next is not at once.
        let dropped = breakers.begin(&main(), at(10));
        breakers.called(&main(), at(10));
        breakers.give_back(&main(), &dropped);
        assert!(matches!(
            breakers.condition(&main(), at(19)),
            Condition::Resting { .. }
        ));
        assert_eq!(breakers.condition(&main(), at(20)), Condition::Due);
    }

    #[test]
    fn a_call_that_began_before_the_failure_knows_nothing_newer() {
        let mut breakers = Breakers::default();
        let early: Vec<_> = (0..64).map(|_| breakers.begin(&main(), at(0))).collect();
        for (n, pass) in (0..).zip(&early) {
            let now = at(1) + Duration::from_millis(n);
            breakers.failed(&main(), pass, (Server, None), now);
        }
        let until = breakers.rest_of(&main()).unwrap().until;
        assert!(
            until < at(22),
            "64 that fail together are one failure: {until:?}"
        );
        // Neither does a long answer that began well end a rest.
        let mut breakers = Breakers::default();
        let early = breakers.begin(&main(), at(0));
        fail(&mut breakers, &main(), Rate, at(1));
        assert!(!breakers.succeeded(&main(), &early));
        assert!(!is_well(&breakers, &main(), at(2)));
        // But the last resort that is answered does.
        let last_resort = breakers.begin(&main(), at(2));
        assert!(breakers.succeeded(&main(), &last_resort));
        assert!(is_well(&breakers, &main(), at(3)));
    }

    #[test]
    fn whoever_refuses_has_been_reached() {
        let mut breakers = Breakers::default();
        let neighbour = callee("https://a.example", "other", "m");
        fail(&mut breakers, &main(), Network, at(0));
        fail(&mut breakers, &main(), BadKey, at(10));
        assert!(is_well(&breakers, &neighbour, at(10)));
        assert!(!is_well(&breakers, &main(), at(10)));
        // And whoever finds fault with the question is well.
        let mut breakers = Breakers::default();
        fail(&mut breakers, &main(), Rate, at(0));
        fail(&mut breakers, &main(), ContentInput, at(20));
        assert!(is_well(&breakers, &main(), at(20)));
    }

    #[test]
    fn a_sick_one_is_called_at_most_once_in_ten_seconds() {
        // Asked ten times a second for an hour, by a vendor that wants us back after one second and refuses again.
        let mut breakers = Breakers::default();
        let mut calls = Vec::new();
        for tick in 0..36_000 {
            let now = at(0) + Duration::from_millis(100 * tick);
            if matches!(breakers.condition(&main(), now), Condition::Resting { .. }) {
                continue;
            }
            calls.push(now);
            let pass = breakers.begin(&main(), now);
            breakers.called(&main(), now);
            let wish = Some(Duration::from_secs(1));
            breakers.failed(&main(), &pass, (Rate, wish), now);
        }
        let gaps: Vec<_> = calls.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // The first failure is a question's; from then on there are only probes.
        assert_eq!(gaps[0], Duration::from_secs(1), "as the vendor asked");
        assert!(gaps[1..].iter().all(|gap| *gap >= PROBE_EVERY), "{gaps:?}");
    }
}
