//! Where time, ids and chance come from; everything else takes them as arguments.
//! The simulation puts its own behind the same trait.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;
use ulid::Ulid;

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// Now, never earlier than the last answer but by an administrator's hand.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A moment by both clocks: nobody sets the steady one, and the wall clock goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) steady: Instant,
}

impl Moment {
    /// How long ago it was, by the clock that says longer: who cannot tell a sleep from a jump takes no old question
    /// for a fresh one.
    pub(crate) fn age(self, now: Timestamp) -> Duration {
        self.steady.elapsed().max(time_since(self.wall, now))
    }
}

/// By the wall clock alone; nothing, if that was set back.
pub(crate) fn time_since(wall: Timestamp, now: Timestamp) -> Duration {
    match now > wall {
        true => now.duration_since(wall).unsigned_abs(),
        false => Duration::ZERO,
    }
}

/// Makes ids that order what was made, and a little chance.
pub struct Ids {
    state: Mutex<(u64, u128, StdRng)>,
}

impl Ids {
    /// The same seed makes the same ids.
    pub fn seeded(seed: u64) -> Self {
        Ids {
            state: Mutex::new((0, 0, StdRng::seed_from_u64(seed))),
        }
    }

    /// Ids nobody can guess.
    pub fn random() -> Self {
        Ids {
            state: Mutex::new((0, 0, StdRng::from_rng(&mut rand::rng()))),
        }
    }

    /// A new id, higher than every one before, also when the clock stands still or jumps back.
    pub fn next(&self, now: Timestamp) -> Ulid {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (last_ms, last_random, chance) = &mut *state;
        let ms = now.as_millisecond().unsigned_abs();
        if ms > *last_ms {
            *last_ms = ms;
            // Room above for the ids of the same millisecond.
            *last_random = chance.random::<u128>() >> 50;
        } else {
            *last_random += 1;
        }
        Ulid::from_parts(*last_ms, *last_random)
    }

    /// Up to so long, by chance.
    pub fn jitter(&self, most: Duration) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(state.2.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_id_is_higher_whatever_the_clock_does() {
        let ids = Ids::seeded(7);
        let at = |s: i64| Timestamp::from_second(1_800_000_000 + s).unwrap();
        let made: Vec<_> = [0, 0, 1, -5, 1, 2]
            .into_iter()
            .map(|s| ids.next(at(s)))
            .collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]), "{made:?}");
        assert_eq!(
            made,
            [0, 0, 1, -5, 1, 2].map(at).map({
                let again = Ids::seeded(7);
                move |t| again.next(t)
            })
        );
    }
}
