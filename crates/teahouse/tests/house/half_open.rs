//! The breakers' board under every order in which threads can come to its lock: the file of the program itself, with
//! loom's lock in place of the real one.

use std::sync::Arc;
use std::time::Duration;

use loom::sync::Mutex;
use teahouse_core::{Callee, Condition, FailureKind};

#[path = "../../src/breakers.rs"]
mod breakers;

use breakers::{Board, Leave};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn callee() -> Callee {
    Callee {
        base: "https://a.example".into(),
        provider: "main".into(),
        key: 0,
        model: "m".into(),
    }
}

/// A board whose only provider has been ill and has rested by second 10.
fn rested() -> Arc<Board> {
    let board = Arc::new(Board::default());
    let call = Board::choose(&board, seconds(0), |_| Some(((), callee())));
    let (_, leave) = call.expect("everybody may be asked");
    leave.goes_out(seconds(0));
    let rest = leave.failed((FailureKind::Network, None), seconds(0));
    assert_eq!(rest.expect("a rest begins").until, seconds(10));
    board
}

/// Leave for a question that has a spare: only for somebody who is well or due.
fn asks(board: &Arc<Board>, now: Duration) -> Option<Leave> {
    let chosen = Board::choose(board, now, |breakers| {
        let condition = breakers.condition(&callee(), now);
        matches!(condition, Condition::Well | Condition::Due).then(|| ((), callee()))
    });
    chosen.map(|(_, leave)| leave)
}

#[test]
fn of_all_who_come_exactly_one_is_the_probe() {
    loom::model(|| {
        let board = rested();
        let asking = |_| {
            let board = board.clone();
            loom::thread::spawn(move || asks(&board, seconds(10)))
        };
        let threads: Vec<_> = (0..2).map(asking).collect();
        let own = asks(&board, seconds(10));
        // Nobody gives leave back before all have come.
        let all = threads.into_iter().map(|thread| thread.join().unwrap());
        let leaves: Vec<_> = all.chain([own]).flatten().collect();
        assert_eq!(leaves.len(), 1);
        assert!(leaves[0].probes());
    });
}

#[test]
fn a_probe_that_is_dropped_gives_its_place_back_and_never_a_second_one() {
    loom::model(|| {
        let board = rested();
        let dropping = |_| {
            let board = board.clone();
            loom::thread::spawn(move || drop(asks(&board, seconds(10))))
        };
        let threads: Vec<_> = (0..2).map(dropping).collect();
        let own = asks(&board, seconds(10));
        for thread in threads {
            thread.join().unwrap();
        }
        // Whoever came too late may have gone to the spare; but the place is there again, once.
        let next = asks(&board, seconds(10));
        let held = usize::from(own.is_some()) + usize::from(next.is_some());
        assert_eq!(held, 1);
    });
}

#[test]
fn whatever_three_calls_tell_nobody_stays_half_open() {
    loom::model(|| {
        let board = rested();
        let going_well = loom::thread::spawn({
            let board = board.clone();
            move || {
                if let Some(leave) = asks(&board, seconds(10)) {
                    leave.goes_out(seconds(10));
                    leave.succeeded();
                }
            }
        });
        let failing = loom::thread::spawn({
            let board = board.clone();
            move || {
                if let Some(leave) = asks(&board, seconds(10)) {
                    leave.goes_out(seconds(10));
                    leave.failed((FailureKind::Network, None), seconds(11));
                }
            }
        });
        drop(asks(&board, seconds(10)));
        going_well.join().unwrap();
        failing.join().unwrap();
        let condition = |at| board.look(|breakers| breakers.condition(&callee(), seconds(at)));
        // No rest that two failures can begin is longer; a place that was lost would be missed for ever.
        assert!(
            matches!(condition(40), Condition::Well | Condition::Due),
            "{:?}",
            condition(40)
        );
    });
}
