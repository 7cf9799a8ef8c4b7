//! Who broke which rule how often, and who says too much at once: what ladders and the rule `flood` remember of
//! members. Bounded, by hashes instead of names, and forgotten in time. It decides nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

/// So many members' marks are remembered of each kind; the oldest go first.
const MOST: usize = 50_000;
/// The same words so often in a minute are a repeat.
const REPEATS: usize = 4;
/// … within this time.
const REPEATS_WITHIN: Duration = Duration::from_secs(60);

/// A member of a room, as a number that says nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who(u64, u64);

impl Who {
    /// The same for the same room and member, on every run.
    pub fn of(room: &str, member: &str) -> Self {
        let half = |salt: u8| {
            // Its keys are fixed: the same input makes the same number in every process of a release.
            let mut hasher = DefaultHasher::new();
            (salt, room, member).hash(&mut hasher);
            hasher.finish()
        };
        Who(half(0), half(1))
    }
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Climbs {
    rungs: HashMap<(Who, u16), Rungs>,
    talk: HashMap<Who, Talk>,
    /// Time as the stream tells it; it never goes back.
    latest: Option<Timestamp>,
}

#[derive(Debug)]
struct Rungs {
    times: usize,
    last: Timestamp,
}

#[derive(Debug, Default)]
struct Talk {
    said: VecDeque<(Timestamp, u64)>,
}

/// What a message is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMuch {
    /// Messages.
    Messages,
    /// The same words.
    Repeats,
}

impl Climbs {
    /// How often this member broke this rule before, as far as it is remembered; and once more from now on. What comes
    /// within `together` of the last time is part of it and climbs no further.
    pub fn climb(
        &mut self,
        who: Who,
        rule: u16,
        now: Timestamp,
        forget: Duration,
        together: Duration,
    ) -> usize {
        let now = self.time(now);
        if self.rungs.len() >= MOST {
            self.rungs
                .retain(|_, rungs| now.duration_since(rungs.last).unsigned_abs() < forget);
            make_room(&mut self.rungs, |rungs| rungs.last);
        }
        let rungs = self.rungs.entry((who, rule)).or_insert(Rungs {
            times: 0,
            last: now,
        });
        let since = now.duration_since(rungs.last).unsigned_abs();
        if since >= forget {
            rungs.times = 0;
        }
        if rungs.times > 0 && since < together {
            return rungs.times - 1;
        }
        rungs.last = now;
        rungs.times += 1;
        rungs.times - 1
    }

    /// Puts a message to what its author has said, and says whether it is too much: more than `messages` in `within`,
    /// or the same words again and again.
    pub fn says(
        &mut self,
        who: Who,
        words: &str,
        now: Timestamp,
        messages: usize,
        within: Duration,
    ) -> Option<TooMuch> {
        let now = self.time(now);
        if self.talk.len() >= MOST {
            make_room(&mut self.talk, |talk| {
                talk.said.back().map_or(Timestamp::MIN, |(at, _)| *at)
            });
        }
        let said = &mut self.talk.entry(who).or_default().said;
        let mut hasher = DefaultHasher::new();
        words.hash(&mut hasher);
        let words = hasher.finish();
        let age = |at: &Timestamp| now.duration_since(*at).unsigned_abs();
        let keep = within.max(REPEATS_WITHIN);
        while said.len() > messages.max(REPEATS)
            || said.front().is_some_and(|(at, _)| age(at) > keep)
        {
            said.pop_front();
        }
        said.push_back((now, words));
        if said.iter().filter(|(at, _)| age(at) < within).count() > messages {
            return Some(TooMuch::Messages);
        }
        let same = said
            .iter()
            .filter(|(at, said)| *said == words && age(at) < REPEATS_WITHIN);
        (same.count() >= REPEATS).then_some(TooMuch::Repeats)
    }

    fn time(&mut self, now: Timestamp) -> Timestamp {
        let latest = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(latest);
        latest
    }
}

/// The older half goes.
fn make_room<K: Clone + Eq + Hash, V>(map: &mut HashMap<K, V>, last: impl Fn(&V) -> Timestamp) {
    if map.len() < MOST {
        return;
    }
    let mut times: Vec<Timestamp> = map.values().map(&last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    map.retain(|_, value| last(value) > median);
    // All of one moment: none is older than another.
    if map.len() >= MOST {
        map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NEVER: Duration = Duration::ZERO;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_member_climbs_each_rule_alone_and_is_forgiven_in_time() {
        let mut climbs = Climbs::default();
        let (lin, chen) = (Who::of("qq:1", "lin"), Who::of("qq:1", "chen"));
        let mut climb = |who, rule, seconds| climbs.climb(who, rule, at(seconds), DAY, NEVER);
        assert_eq!(climb(lin, 1, 0), 0);
        assert_eq!(climb(lin, 1, 10), 1);
        assert_eq!(climb(lin, 2, 20), 0);
        assert_eq!(climb(chen, 1, 30), 0);
        assert_eq!(climb(lin, 1, 40), 2);
        assert_eq!(
            climb(lin, 1, 40 + 86_400),
            0,
            "forgiven after a day of peace"
        );
    }

    #[test]
    fn one_member_in_two_rooms_is_two() {
        assert_ne!(Who::of("qq:1", "lin"), Who::of("qq:2", "lin"));
        assert_ne!(Who::of("qq:1", "2lin"), Who::of("qq:12", "lin"));
    }

    #[test]
    fn what_comes_together_climbs_once() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        let together = Duration::from_secs(10);
        let times: Vec<usize> = [0, 3, 6, 20]
            .map(|seconds| climbs.climb(lin, 1, at(seconds), DAY, together))
            .to_vec();
        assert_eq!(times, [0, 0, 0, 1]);
    }

    #[test]
    fn more_than_so_many_messages_in_a_time_are_too_many_and_pauses_are_forgotten() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        let mut says = |n: i64, seconds| {
            let words = format!("line {n}");
            climbs.says(lin, &words, at(seconds), 3, Duration::from_secs(10))
        };
        assert_eq!([says(1, 0), says(2, 1), says(3, 2)], [None; 3]);
        assert_eq!(says(4, 3), Some(TooMuch::Messages));
        assert_eq!(says(5, 30), None);
    }

    #[test]
    fn the_same_words_four_times_in_a_minute_are_a_repeat() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        let mut says =
            |seconds| climbs.says(lin, "买吗", at(seconds), 100, Duration::from_secs(10));
        assert_eq!([says(0), says(15), says(30)], [None; 3]);
        assert_eq!(says(45), Some(TooMuch::Repeats));
        assert_eq!(says(200), None);
    }

    #[test]
    fn a_stream_whose_time_goes_back_frees_nobody() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        for seconds in [100, 0, 50] {
            climbs.says(lin, "a", at(seconds), 3, Duration::from_secs(10));
        }
        let fourth = climbs.says(lin, "b", at(1), 3, Duration::from_secs(10));
        assert_eq!(fourth, Some(TooMuch::Messages));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut climbs = Climbs::default();
        for n in 0..(MOST as i64 * 2) {
            let who = Who::of("qq:1", &n.to_string());
            climbs.says(who, "a", at(n), 3, Duration::from_secs(10));
            climbs.climb(who, 1, at(n), DAY * 365, NEVER);
        }
        assert!(climbs.talk.len() <= MOST && climbs.rungs.len() <= MOST);
    }
}
