//! How fast the house may speak: a bucket of tokens a room and an account. Bursts freeze accounts.
//! Decides only; delivery waits.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The pace of an account, from its settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// Keeps a real account out of trouble.
    #[default]
    Safe,
    /// For tests, benches and platforms of our own.
    Off,
}

impl Pace {
    /// A room's bucket: one message in 1.2 s, three at once.
    pub fn room(self) -> Bucket {
        match self {
            Pace::Safe => Bucket::new(3, Duration::from_millis(1_200)),
            Pace::Off => Bucket::unlimited(),
        }
    }

    /// A room's bucket for what is done instead of said: platforms stop taking back after some ten at once.
    pub fn effects(self) -> Bucket {
        match self {
            Pace::Safe => Bucket::new(4, Duration::from_millis(500)),
            Pace::Off => Bucket::unlimited(),
        }
    }

    /// An account's bucket: twenty messages a minute over all its rooms.
    pub fn account(self) -> Bucket {
        match self {
            Pace::Safe => Bucket::new(5, Duration::from_secs(3)),
            Pace::Off => Bucket::unlimited(),
        }
    }
}

/// Tokens that fill up with time: one a message.
#[derive(Clone, Debug)]
pub struct Bucket {
    burst: u32,
    every: Duration,
    /// When the bucket will be full again; unknown means full.
    full_at: Option<Timestamp>,
}

impl Bucket {
    /// So many at once, then one every so often.
    pub fn new(burst: u32, every: Duration) -> Self {
        Bucket {
            burst,
            every,
            full_at: None,
        }
    }

    /// Never waits.
    pub fn unlimited() -> Self {
        Bucket {
            burst: u32::MAX,
            every: Duration::ZERO,
            full_at: None,
        }
    }

    /// Takes a token, or says how long to wait for one. A clock that jumps back never makes a wait longer than
    /// an empty bucket's.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        if self.every.is_zero() {
            return Ok(());
        }
        let debt = self
            .full_at
            .map_or(Duration::ZERO, |full| match full > now {
                true => full
                    .duration_since(now)
                    .unsigned_abs()
                    .min(self.every * self.burst),
                false => Duration::ZERO,
            });
        let room = self.every * (self.burst - 1);
        // A full bucket's time that lies far ahead was written before the clock was set back.
        self.full_at = now.saturating_add(debt).ok();
        if debt > room {
            return Err(debt - room);
        }
        self.full_at = now.saturating_add(debt + self.every).ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn three_at_once_then_one_in_1200_ms() {
        let mut room = Pace::Safe.room();
        assert_eq!(
            [room.take(at(0)), room.take(at(0)), room.take(at(0))],
            [Ok(()); 3]
        );
        assert_eq!(room.take(at(0)), Err(Duration::from_millis(1_200)));
        assert_eq!(room.take(at(1_199)), Err(Duration::from_millis(1)));
        assert_eq!(room.take(at(1_200)), Ok(()));
        assert!(room.take(at(1_201)).is_err());
        assert_eq!(room.take(at(60_000)), Ok(()));
    }

    #[test]
    fn no_minute_has_more_than_the_burst_and_twenty() {
        let mut account = Pace::Safe.account();
        let sent = (0..60_000)
            .step_by(10)
            .filter(|ms| account.take(at(*ms)).is_ok())
            .count();
        assert!(sent <= 25, "{sent}");
        assert!(Pace::Off.room().take(at(0)).is_ok());
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_silence_the_house() {
        let mut room = Pace::Safe.room();
        for _ in 0..3 {
            room.take(at(86_400_000)).unwrap();
        }
        let wait = room.take(at(0)).unwrap_err();
        assert!(wait <= Duration::from_millis(3_600), "{wait:?}");
        assert_eq!(
            room.take(at(wait.as_millis() as i64)),
            Ok(()),
            "it waits once"
        );
    }
}
