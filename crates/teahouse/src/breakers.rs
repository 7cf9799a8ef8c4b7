//! The breakers behind one lock, and the leave for a single call, which comes back whatever becomes of the call.
//! Who is asked and what a failure means is decided in core; nothing here waits.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use teahouse_core::{Breakers, Callee, FailureKind, Pass, Rest};

// A std one in the program; the test of all orders of threads puts its own in that place.
use super::Mutex;

/// The breakers of a house.
#[derive(Default)]
pub(crate) struct Board {
    breakers: Mutex<Breakers>,
}

impl Board {
    /// Looks at how everybody stands.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Breakers) -> T) -> T {
        at(&self.breakers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, how: impl FnOnce(&mut Breakers) -> T) -> T {
        how(&mut self.breakers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Chooses whom to ask, and takes leave for the call in the same moment: of all who see somebody due, one is the
    /// probe.
    pub(crate) fn choose<T>(
        board: &Arc<Board>,
        now: Duration,
        pick: impl FnOnce(&Breakers) -> Option<(T, Callee)>,
    ) -> Option<(T, Leave)> {
        board.change(|breakers| {
            let (chosen, callee) = pick(breakers)?;
            let pass = breakers.begin(&callee, now);
            let leave = Leave {
                board: board.clone(),
                callee,
                pass,
                told: false,
            };
            Some((chosen, leave))
        })
    }
}

/// Leave for one call. Dropped before it is told what came, the call has told nothing.
pub(crate) struct Leave {
    board: Arc<Board>,
    callee: Callee,
    pass: Pass,
    told: bool,
}

impl Leave {
    /// Whether this call finds out if somebody is well again.
    pub(crate) fn probes(&self) -> bool {
        self.pass.probes
    }

    /// The call goes out now.
    pub(crate) fn goes_out(&self, now: Duration) {
        self.board
            .change(|breakers| breakers.called(&self.callee, now));
    }

    /// The call went well; says whether that has ended a rest.
    pub(crate) fn succeeded(mut self) -> bool {
        self.told = true;
        self.board
            .change(|breakers| breakers.succeeded(&self.callee, &self.pass))
    }

    /// The call failed; says which rest has begun, if one has.
    pub(crate) fn failed(
        mut self,
        failure: (FailureKind, Option<Duration>),
        now: Duration,
    ) -> Option<Rest> {
        self.told = true;
        self.board
            .change(|breakers| breakers.failed(&self.callee, &self.pass, failure, now))
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if !self.told {
            self.board
                .change(|breakers| breakers.give_back(&self.callee, &self.pass));
        }
    }
}
