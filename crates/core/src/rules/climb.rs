//! Who broke which rule how often, and who says too much at once: what ladders and the rule `flood` remember of
//! members. Bounded, by hashes instead of names, and forgotten in time. It decides nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use foldhash::fast::RandomState;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

/// So many members' marks are remembered of each kind; the oldest go first.
const MOST: usize = 50_000;
/// The same words so often in a minute are a repeat.
const REPEATS: usize = 4;
/// … within this time.
const REPEATS_WITHIN: Duration = Duration::from_secs(60);

/// A member of a room, as a number that says nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who([u8; 16]);

impl Who {
    /// The same for the same room and member, on every run and in every release.
    pub fn of(room: &str, member: &str) -> Self {
        Who(digest(&["who", room, member]))
    }

    /// As it is kept.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// As it was kept.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Who(bytes)
    }
}

fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

/// A rule of a charter, as ladders know it: by its section and name, so that its rungs outlast a new order of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleKey([u8; 16]);

impl RuleKey {
    /// Of a key such as `words:spam`.
    pub fn of(key: &str) -> Self {
        RuleKey(digest(&["rule", key]))
    }

    /// As it is kept.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// As it was kept.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        RuleKey(bytes)
    }
}

/// Where a member stands on a rule's ladder, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Whose.
    pub who: Who,
    /// On which.
    pub rule: RuleKey,
    /// How often the rule was broken.
    pub times: u32,
    /// When it was last.
    pub last: Timestamp,
}

/// When something was said, and by which message, where that is known.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// A number that stands for the message: the same one judged twice is one.
    pub message: Option<u64>,
}

impl Said {
    /// Then, by a message that nobody will judge again.
    pub fn at(at: Timestamp) -> Self {
        Said { at, message: None }
    }
}

/// What is remembered.
#[derive(Debug, Default)]
pub struct Climbs {
    rungs: HashMap<(Who, RuleKey), Rungs, RandomState>,
    talk: HashMap<Who, Talk, RandomState>,
    /// For words that somebody says.
    words: RandomState,
    /// Time as the stream tells it; it never goes back.
    latest: Option<Timestamp>,
}

#[derive(Debug)]
struct Rungs {
    times: usize,
    last: Timestamp,
    /// The message that climbed last: judged again, it does not climb again.
    by: Option<u64>,
}

#[derive(Debug, Default)]
struct Talk {
    said: VecDeque<Words>,
}

#[derive(Debug)]
struct Words {
    /// In nanoseconds.
    at: i64,
    hash: u64,
    /// Which message they were of, where that is known.
    message: Option<u64>,
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
    /// within `together` of the last time is part of it and climbs no further, and neither does the same message again.
    pub fn climb(
        &mut self,
        who: Who,
        rule: RuleKey,
        said: Said,
        forget: Duration,
        together: Duration,
    ) -> usize {
        let now = self.time(said.at);
        if self.rungs.len() >= MOST {
            self.rungs
                .retain(|_, rungs| now.duration_since(rungs.last).unsigned_abs() < forget);
            make_room(&mut self.rungs, |rungs| rungs.last);
        }
        let rungs = self.rungs.entry((who, rule)).or_insert(Rungs {
            times: 0,
            last: now,
            by: None,
        });
        if rungs.times > 0 && said.message.is_some() && rungs.by == said.message {
            return rungs.times - 1;
        }
        let since = now.duration_since(rungs.last).unsigned_abs();
        if since >= forget {
            rungs.times = 0;
        }
        rungs.by = said.message;
        if rungs.times > 0 && since < together {
            return rungs.times - 1;
        }
        rungs.last = now;
        rungs.times += 1;
        rungs.times - 1
    }

    /// Where a member stands on a ladder.
    pub fn mark(&self, who: Who, rule: RuleKey) -> Option<Mark> {
        self.rungs.get(&(who, rule)).map(|rungs| Mark {
            who,
            rule,
            times: u32::try_from(rungs.times).unwrap_or(u32::MAX),
            last: rungs.last,
        })
    }

    /// Takes marks that were kept; what is known already is newer.
    pub fn remember(&mut self, marks: &[Mark]) {
        for mark in marks.iter().take(MOST.saturating_sub(self.rungs.len())) {
            self.rungs.entry((mark.who, mark.rule)).or_insert(Rungs {
                times: mark.times as usize,
                last: mark.last,
                by: None,
            });
        }
    }

    /// Forgives a member everything.
    pub fn pardon(&mut self, who: Who) {
        self.rungs.retain(|(whose, _), _| *whose != who);
        self.talk.remove(&who);
    }

    /// Takes back what a message climbed, where it was found to be right.
    pub fn step_down(&mut self, who: Who, rule: RuleKey) {
        if let Some(rungs) = self.rungs.get_mut(&(who, rule)) {
            rungs.times = rungs.times.saturating_sub(1);
        }
    }

    /// Puts a message to what its author has said, and says whether it is too much: more than `messages` in `within`,
    /// or the same words again and again. The same message twice is one.
    pub fn says(
        &mut self,
        who: Who,
        words: &str,
        when: Said,
        messages: usize,
        within: Duration,
    ) -> Option<TooMuch> {
        let now = self.time(when.at);
        if self.talk.len() >= MOST {
            make_room(&mut self.talk, |talk| {
                talk.said.back().map_or(i64::MIN, |words| words.at)
            });
        }
        let now = nanoseconds(now.as_nanosecond());
        let said = &mut self.talk.entry(who).or_default().said;
        let hash = self.words.hash_one(words);
        let age = |words: &Words| now.saturating_sub(words.at);
        let [within, soon] =
            [within, REPEATS_WITHIN].map(|time| nanoseconds(time.as_nanos().cast_signed()));
        let keep = within.max(soon);
        while said.len() > messages.max(REPEATS)
            || said.front().is_some_and(|words| age(words) > keep)
        {
            said.pop_front();
        }
        let is_known = |words: &Words| when.message.is_some() && words.message == when.message;
        if !said.iter().any(is_known) {
            said.push_back(Words {
                at: now,
                hash,
                message: when.message,
            });
        }
        if said.iter().filter(|words| age(words) < within).count() > messages {
            return Some(TooMuch::Messages);
        }
        let same = said
            .iter()
            .filter(|words| words.hash == hash && age(words) < soon);
        (same.count() >= REPEATS).then_some(TooMuch::Repeats)
    }

    fn time(&mut self, now: Timestamp) -> Timestamp {
        let latest = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(latest);
        latest
    }
}

/// As they are counted here: the farthest times there are lie beyond that, and are all the same.
fn nanoseconds(n: i128) -> i64 {
    i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX })
}

/// The older half goes.
fn make_room<K: Eq + Hash, V, T: Copy + Ord>(
    map: &mut HashMap<K, V, RandomState>,
    last: impl Fn(&V) -> T,
) {
    if map.len() < MOST {
        return;
    }
    let mut times: Vec<T> = map.values().map(&last).collect();
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
        let mut climb = |who, rule: u8, seconds| {
            let rule = RuleKey::of(&rule.to_string());
            climbs.climb(who, rule, Said::at(at(seconds)), DAY, NEVER)
        };
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
            .map(|seconds| {
                climbs.climb(lin, RuleKey::of("1"), Said::at(at(seconds)), DAY, together)
            })
            .to_vec();
        assert_eq!(times, [0, 0, 0, 1]);
    }

    #[test]
    fn more_than_so_many_messages_in_a_time_are_too_many_and_pauses_are_forgotten() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        let mut says = |n: i64, seconds| {
            let words = format!("line {n}");
            climbs.says(
                lin,
                &words,
                Said::at(at(seconds)),
                3,
                Duration::from_secs(10),
            )
        };
        assert_eq!([says(1, 0), says(2, 1), says(3, 2)], [None; 3]);
        assert_eq!(says(4, 3), Some(TooMuch::Messages));
        assert_eq!(says(5, 30), None);
    }

    #[test]
    fn the_same_words_four_times_in_a_minute_are_a_repeat() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        let mut says = |seconds| {
            climbs.says(
                lin,
                "买吗",
                Said::at(at(seconds)),
                100,
                Duration::from_secs(10),
            )
        };
        assert_eq!([says(0), says(15), says(30)], [None; 3]);
        assert_eq!(says(45), Some(TooMuch::Repeats));
        assert_eq!(says(200), None);
    }

    #[test]
    fn a_stream_whose_time_goes_back_frees_nobody() {
        let mut climbs = Climbs::default();
        let lin = Who::of("qq:1", "lin");
        for seconds in [100, 0, 50] {
            climbs.says(lin, "a", Said::at(at(seconds)), 3, Duration::from_secs(10));
        }
        let fourth = climbs.says(lin, "b", Said::at(at(1)), 3, Duration::from_secs(10));
        assert_eq!(fourth, Some(TooMuch::Messages));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut climbs = Climbs::default();
        for n in 0..(MOST as i64 * 2) {
            let who = Who::of("qq:1", &n.to_string());
            climbs.says(who, "a", Said::at(at(n)), 3, Duration::from_secs(10));
            climbs.climb(who, RuleKey::of("1"), Said::at(at(n)), DAY * 365, NEVER);
        }
        assert!(climbs.talk.len() <= MOST && climbs.rungs.len() <= MOST);
    }

    #[test]
    fn a_message_judged_again_does_not_climb_again_and_marks_outlast_a_restart() {
        let (lin, rule) = (Who::of("qq:1", "lin"), RuleKey::of("words:spam"));
        let by = |message, seconds| Said {
            at: at(seconds),
            message: Some(message),
        };
        let mut climbs = Climbs::default();
        let mut climb = |message| climbs.climb(lin, rule, by(message, 0), DAY, NEVER);
        assert_eq!([climb(7), climb(7), climb(8), climb(8)], [0, 0, 1, 1]);
        let mut says = |message| climbs.says(lin, "a", by(message, 0), 2, Duration::from_secs(9));
        assert_eq!([says(7), says(7), says(7), says(8)], [None; 4]);
        assert_eq!(says(9), Some(TooMuch::Messages));
        assert_eq!(says(9), Some(TooMuch::Messages));
        let kept = climbs.mark(lin, rule).unwrap();
        assert_eq!(kept.times, 2);

        let mut next = Climbs::default();
        next.remember(&[kept]);
        assert_eq!(next.climb(lin, rule, by(9, 60), DAY, NEVER), 2);
        next.step_down(lin, rule);
        assert_eq!(next.climb(lin, rule, by(10, 70), DAY, NEVER), 2);
        next.pardon(lin);
        assert_eq!(next.climb(lin, rule, by(11, 80), DAY, NEVER), 0);
    }
}
