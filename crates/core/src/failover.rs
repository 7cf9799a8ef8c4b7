//! Which provider next, after these failures, at this time. Decides only; `providers/gateway` calls,
//! `answer.rs` walks. Nothing here waits or knows a vendor.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::chat::{FailureKind, NextStep};
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

/// Which providers have failed lately, and until when others are preferred.
#[derive(Debug, Default)]
pub struct Breakers {
    resting: HashMap<String, Timestamp>,
}

impl Breakers {
    /// A call failed: later questions ask it last until it has rested.
    pub fn failed(&mut self, provider: &str, rest: Duration, now: Timestamp) {
        if rest > Duration::ZERO {
            self.resting.insert(
                provider.to_owned(),
                now.saturating_add(rest).unwrap_or(Timestamp::MAX),
            );
        }
    }

    /// A call went well: it is asked in its turn again.
    pub fn succeeded(&mut self, provider: &str) {
        self.resting.remove(provider);
    }

    /// Whether others are preferred now.
    pub fn is_resting(&self, provider: &str, now: Timestamp) -> bool {
        self.resting.get(provider).is_some_and(|until| now < *until)
    }
}

/// One question's way along its route.
#[derive(Debug)]
pub struct Walk {
    order: Vec<usize>,
    next: usize,
    again: bool,
}

/// The pause before the last provider is asked once more.
const RETRY_PAUSE: Duration = Duration::from_millis(1_500);
/// A question tries this many models and no more.
const MOST_TRIES: usize = 3;

impl Walk {
    /// In the route's order, then those to whom others are `preferred`, because they rest after a failure or are
    /// still on their way: the last one is always tried.
    pub fn new(route: &Route, preferred: impl Fn(&str) -> bool) -> Self {
        let (mut order, last): (Vec<_>, Vec<_>) =
            (0..route.models.len()).partition(|&at| !preferred(&route.models[at].provider));
        order.extend(last);
        order.truncate(MOST_TRIES);
        Walk {
            order,
            next: 0,
            again: false,
        }
    }

    /// The model to ask now, by its place in the route.
    pub fn next_model(&mut self) -> Option<usize> {
        let at = self.order.get(self.next).copied();
        self.next += 1;
        at
    }

    /// Who is asked after a failure of this kind, and after which pause: the next in order at once, else the last
    /// one once more if the failure may pass by itself.
    pub fn after(&mut self, kind: FailureKind) -> Option<(usize, Duration)> {
        if let Some(at) = self.next_model() {
            return Some((at, Duration::ZERO));
        }
        if self.again || !kind.may_pass() {
            return None;
        }
        self.again = true;
        self.order.last().map(|at| (*at, RETRY_PAUSE))
    }

    /// Whether a failure of this kind ends the walk.
    pub fn ends_with(kind: FailureKind) -> bool {
        matches!(kind.next_step(None), NextStep::GiveUp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

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

    fn order(route: &Route, breakers: &Breakers, now: Timestamp) -> Vec<String> {
        let mut walk = Walk::new(route, |provider| breakers.is_resting(provider, now));
        std::iter::from_fn(|| walk.next_model())
            .map(|at| route.models[at].provider.clone())
            .collect()
    }

    #[test]
    fn a_sick_provider_is_asked_last_until_it_has_rested() {
        let route = route(&["a", "b"]);
        let mut breakers = Breakers::default();
        assert_eq!(order(&route, &breakers, at(0)), ["a", "b"]);
        breakers.failed("a", Duration::from_secs(10), at(0));
        assert_eq!(order(&route, &breakers, at(9)), ["b", "a"]);
        assert_eq!(order(&route, &breakers, at(10)), ["a", "b"]);
        breakers.failed("b", Duration::from_secs(1_800), at(0));
        assert_eq!(
            order(&route, &breakers, at(5)),
            ["a", "b"],
            "all are sick: all are still tried, in order"
        );
        breakers.succeeded("b");
        assert_eq!(order(&route, &breakers, at(5)), ["b", "a"]);
    }

    #[test]
    fn only_the_last_provider_is_asked_twice_and_only_when_it_may_help() {
        let route = route(&["a", "b"]);
        let mut walk = Walk::new(&route, |_| false);
        assert_eq!(walk.next_model(), Some(0));
        assert_eq!(walk.after(FailureKind::Server), Some((1, Duration::ZERO)));
        assert_eq!(walk.after(FailureKind::Server), Some((1, RETRY_PAUSE)));
        assert_eq!(walk.after(FailureKind::Server), None);
        let mut walk = Walk::new(&route, |_| false);
        walk.next_model();
        walk.after(FailureKind::BadKey);
        assert_eq!(walk.after(FailureKind::BadKey), None);
    }

    #[test]
    fn a_declined_question_is_not_shopped_around() {
        assert!(Walk::ends_with(FailureKind::ContentInput));
        assert!(!Walk::ends_with(FailureKind::BadKey));
    }

    #[test]
    fn a_wish_to_wait_is_honoured_within_reason() {
        for (asked, rest) in [
            (Some(1), 1),
            (Some(0), 1),
            (Some(1_000_000_000), 600),
            (None, 20),
        ] {
            let step = FailureKind::Rate.next_step(asked.map(Duration::from_secs));
            assert_eq!(
                step,
                NextStep::Failover {
                    rest: Duration::from_secs(rest)
                }
            );
        }
    }
}
