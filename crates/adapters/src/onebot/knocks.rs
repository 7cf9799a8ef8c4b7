//! Who was turned away: from which address, as which account, why, how often. Bounded, and quiet under a flood: the
//! same cause from the same address is counted, not repeated. Holds no token, right or wrong.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many are remembered.
const MOST: usize = 50;
/// The longest claim that is kept.
const LONGEST_CLAIM: usize = 24;
/// Lines for the operator's log, in a minute.
const MOST_LINES: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// Somebody who was turned away, or who turned us away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// The address it came from, or the one we dialled.
    pub from: String,
    /// The account it said it was; empty if it said nothing.
    pub claimed: String,
    /// Why not, and what to do.
    pub why: &'static str,
    /// How often.
    pub times: u64,
    /// The last time.
    pub at: Instant,
}

/// The latest knocks of one account.
#[derive(Debug, Default)]
pub(super) struct Knocks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The latest is last.
    knocks: VecDeque<Knock>,
    /// Lines written in the minute that began then.
    lines: Option<(Instant, u32)>,
}

impl Knocks {
    /// Notes one; says whether the log should have a line of it.
    pub(super) fn note(&self, from: &str, claimed: &str, why: &'static str) -> bool {
        let now = Instant::now();
        let claimed: String = claimed
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_CLAIM)
            .collect();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state
            .knocks
            .iter()
            .position(|knock| knock.from == from && knock.why == why)
            .and_then(|at| state.knocks.remove(at));
        let is_new = known.is_none();
        if state.knocks.len() >= MOST {
            state.knocks.pop_front();
        }
        let times = known.map_or(0, |knock| knock.times) + 1;
        state.knocks.push_back(Knock {
            from: from.to_owned(),
            claimed,
            why,
            times,
            at: now,
        });
        is_new && state.may_write(now)
    }

    /// A bridge that we dialled does not take our token.
    pub(super) fn refused_us(&self, url: &str) {
        self.note(
            url,
            "",
            "the bridge we dial refuses our token; enter the same token there and here",
        );
    }

    /// All that are remembered, the latest first.
    pub(super) fn latest(&self) -> Vec<Knock> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.knocks.iter().rev().cloned().collect()
    }
}

impl State {
    fn may_write(&mut self, now: Instant) -> bool {
        match &mut self.lines {
            Some((since, lines)) if now.duration_since(*since) < MINUTE => {
                *lines += 1;
                *lines <= MOST_LINES
            }
            lines => {
                *lines = Some((now, 1));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_same_knock_is_counted_and_not_repeated() {
        let knocks = Knocks::default();
        assert!(knocks.note("10.0.0.9", "10001000", "no token"));
        for _ in 0..1_000 {
            assert!(!knocks.note("10.0.0.9", "10001000", "no token"));
        }
        assert!(knocks.note("10.0.0.9", "5", "wrong token"));
        let latest: Vec<_> = knocks
            .latest()
            .into_iter()
            .map(|knock| (knock.claimed, knock.why, knock.times))
            .collect();
        assert_eq!(
            latest,
            [
                ("5".to_owned(), "wrong token", 1),
                ("10001000".to_owned(), "no token", 1_001)
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_keeps_fifty_and_writes_twenty_lines_a_minute() {
        let knocks = Knocks::default();
        let flood = || {
            (0..5_000)
                .filter(|n| {
                    knocks.note(&format!("10.0.{}.{}", n / 250, n % 250), "\u{1b}[31m", "no")
                })
                .count()
        };
        assert_eq!(flood(), 20);
        assert_eq!(knocks.latest().len(), MOST);
        assert_eq!(knocks.latest()[0].claimed, "[31m");
        tokio::time::advance(MINUTE).await;
        assert_eq!(flood(), 20);
    }
}
