//! A room's own clock: the real one, moved by an offset, or sixty times as fast. Within a mode it never goes back.
//! It is for rules that look at the time of day; logs, leases and money keep the real one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much faster the fast clock goes.
const FAST: i64 = 60;

/// How a room's clock goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum ClockMode {
    /// As the real one.
    #[default]
    Now,
    /// Away from it by so much.
    Set {
        /// In milliseconds.
        offset_ms: i64,
    },
    /// Sixty times as fast since then.
    Fast {
        /// The real time it began, in milliseconds.
        since: i64,
        /// The room's time it began with.
        from: i64,
    },
}

impl ClockMode {
    /// Sixty times as fast from now on, beginning with what the room's clock shows.
    pub fn fast(now: Timestamp, room_now: Timestamp) -> Self {
        ClockMode::Fast {
            since: now.as_millisecond(),
            from: room_now.as_millisecond(),
        }
    }

    /// Shows this moment now, and goes on from there.
    pub fn showing(moment: Timestamp, now: Timestamp) -> Self {
        ClockMode::Set {
            offset_ms: moment.as_millisecond().saturating_sub(now.as_millisecond()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            ClockMode::Now => "now",
            ClockMode::Set { .. } => "set",
            ClockMode::Fast { .. } => "fast",
        }
    }
}

/// A room's clock with the latest time it has shown.
#[derive(Debug, Default)]
pub(super) struct RoomClock {
    mode: ClockMode,
    shown: Option<Timestamp>,
}

impl RoomClock {
    pub(super) fn new(mode: ClockMode) -> Self {
        RoomClock { mode, shown: None }
    }

    pub(super) fn mode(&self) -> ClockMode {
        self.mode
    }

    /// What it shows at a real moment.
    pub(super) fn now(&mut self, now: Timestamp) -> Timestamp {
        let millis = now.as_millisecond();
        let moment = match self.mode {
            // The real clock is given as it is: an administrator may set it back.
            ClockMode::Now => return now,
            ClockMode::Set { offset_ms } => millis.saturating_add(offset_ms),
            ClockMode::Fast { since, from } => {
                from.saturating_add(millis.saturating_sub(since).saturating_mul(FAST))
            }
        };
        let moment = Timestamp::from_millisecond(moment).unwrap_or(now);
        let moment = self.shown.map_or(moment, |shown| shown.max(moment));
        self.shown = Some(moment);
        moment
    }

    pub(super) fn shown(&mut self, now: Timestamp) -> ClockShown {
        let at = self.now(now);
        ClockShown {
            mode: self.mode.word(),
            offset_ms: at.as_millisecond().saturating_sub(now.as_millisecond()),
            at: at.as_millisecond(),
        }
    }
}

/// A room's clock as pages see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockShown {
    /// `now`, `set` or `fast`.
    pub mode: &'static str,
    /// How far it is ahead just now, in milliseconds.
    pub offset_ms: i64,
    /// What it shows, in milliseconds.
    pub at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_set_clock_goes_on_from_there_and_never_back() {
        let mut clock = RoomClock::new(ClockMode::showing(at(3_600), at(0)));
        assert_eq!(clock.now(at(0)), at(3_600));
        assert_eq!(clock.now(at(10)), at(3_610));
        assert_eq!(clock.now(at(5)), at(3_610));
        assert_eq!(clock.shown(at(20)).offset_ms, 3_600_000);
    }

    #[test]
    fn a_fast_clock_goes_sixty_times_as_fast() {
        let mut clock = RoomClock::new(ClockMode::fast(at(0), at(100)));
        assert_eq!(clock.now(at(60)), at(3_700));
    }

    #[test]
    fn the_real_clock_is_the_real_clock() {
        let mut clock = RoomClock::default();
        assert_eq!(clock.now(at(9)), at(9));
        assert_eq!(clock.now(at(3)), at(3));
        assert_eq!(clock.shown(at(3)).mode, "now");
    }

    #[test]
    fn no_offset_is_too_large() {
        let mut clock = RoomClock::new(ClockMode::Set {
            offset_ms: i64::MAX,
        });
        assert_eq!(clock.now(at(1)), at(1));
    }
}
