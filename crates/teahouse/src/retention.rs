//! Beside the journey: what is kept no longer is dropped, at the start and then every hour. By which time things grow
//! old is a fact of the store: it follows the wall clock, but never further than time can have passed, so that a clock
//! that jumps by years takes nothing with it. Never decides what is kept for how long.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use teahouse_store::{Ageing, Lease, StoreError};
use tokio::time::Instant;
use tracing::warn;

use crate::clock::time_since;
use crate::host::{Host, chain, with_open};
use crate::room::Lane;

/// What is no longer kept is dropped this often.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// So much more than has passed before our eyes is believed each time: a house that was closed for a week has caught
/// up within a day, and a clock that is years ahead takes nothing of the week within the hours until somebody notices.
const CATCH_UP: Duration = Duration::from_secs(6 * 3_600);
/// A clock that is further behind is not believed. Less may be what a clock that was ahead has left.
const BEHIND: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Where the time stands between two processes.
const FACT: &str = "retention/time";

/// By which time things grow old, once it is known, and when it was moved last in this process.
pub(crate) type Known = (Timestamp, Option<Instant>);

impl Host {
    /// Drops what is no longer kept, again and again.
    pub(crate) async fn tidy_up(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.drop_old().await {
                warn!(error = %chain(&error), "old words could not be dropped; the next hour tries again");
            }
            self.rest_for(TIDY_EVERY).await;
        }
    }

    async fn drop_old(self: &Arc<Self>) -> Result<(), StoreError> {
        let time = self.time_goes_on().await?;
        while self.store.purge(time).await? {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            // Others write in between.
            tokio::task::yield_now().await;
        }
        for lane in self.lanes_of(|_| true) {
            if let Some(lease) = with_open(&lane, |open| open.lease) {
                self.forget_old(&lane, lease, time).await?;
                self.expire_cases(&lane, lease).await?;
            }
        }
        Ok(())
    }

    /// Drops what a room keeps no longer.
    pub(crate) async fn forget_old(
        &self,
        lane: &Lane,
        lease: Lease,
        time: Ageing,
    ) -> Result<(), StoreError> {
        let keep = lane.charter().keep;
        while self.store.forget_old(lease, keep, time).await? && !self.stop.is_cancelled() {
            // Others write in between.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// By which time things grow old now.
    pub(crate) async fn ageing(&self) -> Result<Ageing, StoreError> {
        let (time, _) = self.known_time().await?;
        Ok(self.ageing_at(time))
    }

    /// What is written now is dated so: a clock that is months behind is not believed, or what it dates would
    /// be dropped once it is right again.
    pub(crate) fn dated(&self, now: Timestamp) -> Timestamp {
        match *self.retention() {
            Some((time, _)) if time_since(now, time) > BEHIND => time,
            Some(_) | None => now,
        }
    }

    async fn time_goes_on(&self) -> Result<Ageing, StoreError> {
        let (time, moved) = self.known_time().await?;
        let passed = moved.map_or(Duration::ZERO, |moved| moved.elapsed());
        let time = later(time, passed, self.clock.now());
        self.store.keep_fact(FACT, &time.to_string()).await?;
        *self.retention() = Some((time, Some(Instant::now())));
        Ok(self.ageing_at(time))
    }

    /// A house that never had one begins with the wall clock's.
    async fn known_time(&self) -> Result<Known, StoreError> {
        let known = *self.retention();
        if let Some(known) = known {
            return Ok(known);
        }
        let kept = self.store.fact(FACT).await?;
        let time = kept.and_then(|kept| kept.parse().ok());
        let read = (time.unwrap_or_else(|| self.clock.now()), None);
        // Another task may have read it too, and moved it on.
        Ok(*self.retention().get_or_insert(read))
    }

    fn ageing_at(&self, time: Timestamp) -> Ageing {
        let now = self.clock.now();
        Ageing {
            by: time.min(now),
            latest: time.max(now),
        }
    }

    fn retention(&self) -> MutexGuard<'_, Option<Known>> {
        self.retention
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the time stands when the wall clock shows `now`. It never goes back: a clock that is set back is waited for.
fn later(time: Timestamp, passed: Duration, now: Timestamp) -> Timestamp {
    let most = time
        .saturating_add(passed + CATCH_UP)
        .unwrap_or(Timestamp::MAX);
    now.min(most).max(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_follows_the_wall_clock_no_further_than_time_can_have_passed() {
        const HOUR: i64 = 3_600;
        const YEARS: i64 = 3_650 * 24 * HOUR;
        let at = |second| Timestamp::from_second(1_795_521_600 + second).unwrap();
        for (passed, now, expected, why) in [
            (HOUR, HOUR, HOUR, "a clock that is right"),
            (HOUR, 0, 0, "one that stands"),
            (HOUR, 5 * HOUR, 5 * HOUR, "a little slept through"),
            (HOUR, YEARS, 7 * HOUR, "ahead by years"),
            (0, YEARS, 6 * HOUR, "at a start"),
            (HOUR, -HOUR, 0, "set back an hour"),
            (HOUR, -YEARS, 0, "set back by years"),
        ] {
            let passed = Duration::from_secs(passed.unsigned_abs());
            assert_eq!(later(at(0), passed, at(now)), at(expected), "{why}");
        }
        let last = Timestamp::MAX;
        assert_eq!(later(last, Duration::MAX / 4, at(0)), last);
    }
}
