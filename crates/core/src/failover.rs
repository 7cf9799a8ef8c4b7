//! Which provider next, after these failures. Decides only; `providers/gateway` calls, `answer.rs` walks.
//! Who is well is `breaker`'s to know. Nothing here waits or knows a vendor.

use std::time::Duration;

use crate::breaker::Condition;
use crate::chat::FailureKind;
use crate::money::Price;
use crate::notice::AiMark;

/// One model of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteModel {
    /// The provider by its name in the settings.
    pub provider: String,
    /// The model as its provider names it.
    pub model: String,
    /// What it costs.
    pub price: Price,
    /// How its words are marked.
    pub mark: AiMark,
}

/// The models a charter asks, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Its name in the settings.
    pub name: String,
    /// In the order they are asked.
    pub models: Vec<RouteModel>,
}

/// One question's way along its route.
#[derive(Debug)]
pub struct Walk {
    models: usize,
    chosen: Vec<usize>,
    tries: usize,
    /// The latest one that failed in a way that may pass, and the pause before it is asked once more.
    again: Option<(usize, Duration)>,
    retried: bool,
}

/// A question makes this many calls and no more: the first, and two after it.
const MOST_TRIES: usize = 3;

impl Walk {
    /// At the beginning of a route.
    pub fn new(route: &Route) -> Self {
        Walk {
            models: route.models.len(),
            chosen: Vec::new(),
            tries: 0,
            again: None,
            retried: false,
        }
    }

    /// The model to ask now, by its place in the route: the first that is well or due, else one that is only busy,
    /// else the one whose rest ends first, else one that has to be fetched. Each is chosen once, and all are: who
    /// rests is the last resort, not nobody.
    pub fn next_model(&mut self, condition: impl Fn(usize) -> Condition) -> Option<usize> {
        if self.tries >= MOST_TRIES {
            return None;
        }
        let rank = |at: &usize| match condition(*at) {
            Condition::Well | Condition::Due => (0, Duration::ZERO),
            Condition::Full => (1, Duration::ZERO),
            Condition::Resting { until } => (2, until),
            Condition::OnItsWay => (3, Duration::ZERO),
        };
        let next = (0..self.models)
            .filter(|at| !self.chosen.contains(at))
            .min_by_key(rank)?;
        self.chosen.push(next);
        Some(next)
    }

    /// Who is asked after the one chosen last has failed, and after which pause: the next at once. When nobody else
    /// is left, one whose failure may pass by itself is asked once more.
    pub fn after(
        &mut self,
        kind: FailureKind,
        wish: Option<Duration>,
        condition: impl Fn(usize) -> Condition,
    ) -> Option<(usize, Duration)> {
        let failed = *self.chosen.last()?;
        self.tries += 1;
        if let Some(pause) = kind.retry_pause(wish) {
            self.again = Some((failed, pause));
        }
        if let Some(next) = self.next_model(condition) {
            return Some((next, Duration::ZERO));
        }
        if self.retried || self.tries >= MOST_TRIES {
            return None;
        }
        self.retried = true;
        let (again, pause) = self.again?;
        // Whoever is asked last has failed last.
        self.chosen.push(again);
        Some((again, pause))
    }

    /// Whether somebody who is well has not been chosen yet.
    pub fn has_well(&self, condition: impl Fn(usize) -> Condition) -> bool {
        let left = self.tries + 1 < MOST_TRIES;
        let mut models = (0..self.models).filter(|at| !self.chosen.contains(at));
        left && models.any(|at| condition(at) == Condition::Well)
    }

    /// The one chosen last is asked once more with a shorter question; no, if the calls are used up.
    pub fn once_shorter(&mut self) -> bool {
        self.tries += 1;
        self.tries < MOST_TRIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::{Breakers, Callee};
    use FailureKind::*;

    fn route(names: &[&str]) -> Route {
        let model = |name: &&str| RouteModel {
            provider: (*name).into(),
            model: "m".into(),
            price: Price::free(),
            mark: AiMark::Model,
        };
        Route {
            name: "default".into(),
            models: names.iter().map(model).collect(),
        }
    }

    fn callee(name: &str) -> Callee {
        Callee {
            base: name.into(),
            provider: name.into(),
            key: 0,
            model: "m".into(),
        }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn order(names: &[&str], breakers: &Breakers, now: Duration) -> String {
        let mut walk = Walk::new(&route(names));
        let condition = |at: usize| breakers.condition(&callee(names[at]), now);
        std::iter::from_fn(|| walk.next_model(condition))
            .map(|at| names[at])
            .collect()
    }

    #[test]
    fn a_sick_provider_is_asked_last_until_it_has_rested() {
        let names = ["a", "b"];
        let mut breakers = Breakers::default();
        let fails = |breakers: &mut Breakers, name: &str, kind, now| {
            let pass = breakers.begin(&callee(name), now);
            breakers.failed(&callee(name), &pass, (kind, None), now);
            pass
        };
        assert_eq!(order(&names, &breakers, seconds(0)), "ab");
        fails(&mut breakers, "a", Network, seconds(0));
        assert_eq!(order(&names, &breakers, seconds(9)), "ba");
        assert_eq!(order(&names, &breakers, seconds(10)), "ab");
        fails(&mut breakers, "b", BadKey, seconds(1));
        assert_eq!(
            order(&names, &breakers, seconds(5)),
            "ab",
            "all rest: all are still asked, who has rested first comes first"
        );
        fails(&mut breakers, "a", BadKey, seconds(5));
        assert_eq!(order(&names, &breakers, seconds(5)), "ba");
        let last_resort = breakers.begin(&callee("a"), seconds(6));
        breakers.succeeded(&callee("a"), &last_resort);
        assert_eq!(order(&names, &breakers, seconds(6)), "ab");
    }

    #[test]
    fn the_well_come_before_the_busy_the_busy_before_the_sick_and_the_far_come_last() {
        let far = Condition::OnItsWay;
        let sick = |n| Condition::Resting { until: seconds(n) };
        let (full, due, well) = (Condition::Full, Condition::Due, Condition::Well);
        for (conditions, expected) in [
            ([well, well, well, well], [0, 1, 2, 3]),
            ([far, sick(1), full, well], [3, 2, 1, 0]),
            ([sick(9), due, sick(5), well], [1, 3, 2, 0]),
            ([far, far, sick(9), sick(8)], [3, 2, 0, 1]),
        ] {
            let mut walk = Walk::new(&route(&["a", "b", "c", "d"]));
            let found: Vec<_> =
                std::iter::from_fn(|| walk.next_model(|at| conditions[at])).collect();
            assert_eq!(found, expected, "{conditions:?}");
        }
    }

    /// The calls that a walk makes when all of them fail like this, with the pauses in milliseconds.
    fn calls(names: &[&str], failures: &[FailureKind]) -> String {
        let well = |_| Condition::Well;
        let mut walk = Walk::new(&route(names));
        let mut next = walk.next_model(well).map(|at| (at, Duration::ZERO));
        let mut failures = failures.iter().cycle();
        let mut out = Vec::new();
        while let Some((at, pause)) = next {
            let pause = match pause.as_millis() {
                0 => String::new(),
                millis => format!("+{millis}"),
            };
            out.push(format!("{}{pause}", names[at]));
            next = walk.after(*failures.next().unwrap(), None, well);
        }
        out.join(" ")
    }

    #[test]
    fn a_question_makes_three_calls_at_most_and_two_to_one_provider_only_as_the_last() {
        for (names, failures, expected) in [
            (&["a"][..], &[Server][..], "a a+1500"),
            (&["a"], &[Network], "a a"),
            (&["a"], &[Timeout], "a"),
            (&["a"], &[BadKey], "a"),
            (&["a", "b"], &[Server], "a b b+1500"),
            (&["a", "b"], &[BadKey], "a b"),
            // The one that may pass, and not the one whose key is wrong.
            (&["a", "b"], &[Server, BadKey], "a b a+1500"),
            (&["a", "b"], &[BadKey, Server], "a b b+1500"),
            (&["a", "b", "c"], &[Server], "a b c"),
            (&["a", "b", "c", "d"], &[Server], "a b c"),
        ] {
            assert_eq!(calls(names, failures), expected, "{names:?} {failures:?}");
        }
    }

    #[test]
    fn who_is_passed_over_for_want_of_money_is_no_call() {
        let well = |_| Condition::Well;
        let mut walk = Walk::new(&route(&["a", "b", "c", "d", "e"]));
        for at in 0..4 {
            assert_eq!(walk.next_model(well), Some(at));
        }
        assert_eq!(walk.after(Server, None, well), Some((4, Duration::ZERO)));
    }

    #[test]
    fn the_same_key_is_asked_again_when_its_vendor_says_so_and_not_later() {
        let well = |_| Condition::Well;
        for (kind, wish, pause) in [
            (Rate, Some(seconds(3)), Some(seconds(3))),
            (Rate, Some(seconds(11)), None),
            (Rate, None, None),
            (Overloaded, Some(seconds(11)), None),
            (Conflict, None, Some(Duration::ZERO)),
            (Empty, None, Some(Duration::ZERO)),
            (ContentInput, None, None),
        ] {
            let mut walk = Walk::new(&route(&["a"]));
            walk.next_model(well);
            let again = walk.after(kind, wish, well);
            assert_eq!(again, pause.map(|pause| (0, pause)), "{kind:?} {wish:?}");
        }
    }
}
