//! Several hands at one stream: each takes lines from it, and gives up its turn in the order in which the lines came.
//! It knows lines by their ends only and judges nothing.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Condvar, Mutex, PoisonError};

/// Lines as they were read, one after the other.
#[derive(Default)]
pub(super) struct Raw {
    /// Which of all batches it is.
    pub(super) turn: u64,
    /// The number of the first line.
    first: usize,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Whether whoever writes them waits for answers before there will be more.
    pub(super) is_awaited: bool,
}

impl Raw {
    /// Each line with its number.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends);
        (self.first..).zip(spans.map(|(start, end)| &self.bytes[start..*end]))
    }
}

/// Lines that are taken by turns.
pub(super) struct Lines<R>(Mutex<Source<R>>);

struct Source<R> {
    input: BufReader<R>,
    turn: u64,
    line: usize,
    end: Option<io::Result<()>>,
}

impl<R: Read> Lines<R> {
    /// All lines of an input.
    pub(super) fn of(input: R) -> Self {
        Lines(Mutex::new(Source {
            input: BufReader::with_capacity(READ, input),
            turn: 0,
            line: 1,
            end: None,
        }))
    }

    /// The next ones, `most` at most; none at the end. Those before the place where reading failed come first.
    pub(super) fn take(&self, most: usize, raw: &mut Raw) -> bool {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raw.bytes.clear();
        raw.ends.clear();
        (raw.turn, raw.first, raw.is_awaited) = (source.turn, source.line, false);
        let mut goes_on = true;
        while source.end.is_none() && goes_on {
            match source.input.read_until(b'\n', &mut raw.bytes) {
                Ok(0) => source.end = Some(Ok(())),
                Ok(_) => {
                    raw.ends.push(raw.bytes.len());
                    raw.is_awaited = source.input.buffer().is_empty();
                    let is_full = raw.ends.len() >= most || raw.bytes.len() >= READ;
                    goes_on = !is_full && !raw.is_awaited;
                }
                Err(error) => source.end = Some(Err(error)),
            }
        }
        source.turn += 1;
        source.line += raw.ends.len();
        !raw.ends.is_empty()
    }

    /// How it ended; an end that nobody reached is none.
    pub(super) fn ended(self) -> io::Result<()> {
        let source = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        source.end.unwrap_or(Ok(()))
    }
}

/// So many bytes are read at once.
const READ: usize = 1 << 17;

/// A thing that is used in order of turns.
pub(super) struct Turns<T> {
    place: Mutex<Place<T>>,
    next: Condvar,
}

struct Place<T> {
    thing: T,
    turn: u64,
    is_over: bool,
}

impl<T> Turns<T> {
    pub(super) fn of(thing: T) -> Self {
        let place = Place {
            thing,
            turn: 0,
            is_over: false,
        };
        Turns {
            place: Mutex::new(place),
            next: Condvar::new(),
        }
    }

    /// Waits for a turn and has it; nothing once it is over.
    pub(super) fn have<U>(&self, turn: u64, has: impl FnOnce(&mut T) -> U) -> Option<U> {
        let place = self.place.lock().ok()?;
        let mut place = self
            .next
            .wait_while(place, |place| place.turn != turn && !place.is_over)
            .ok()?;
        if place.is_over {
            return None;
        }
        let had = has(&mut place.thing);
        place.turn += 1;
        drop(place);
        self.next.notify_all();
        Some(had)
    }

    /// The thing, after all turns.
    pub(super) fn ended(self) -> T {
        let place = self.place.into_inner();
        place.unwrap_or_else(PoisonError::into_inner).thing
    }

    /// Nobody has a turn any more.
    pub(super) fn end(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.is_over = true;
        drop(place);
        self.next.notify_all();
    }
}

/// Ends turns for all when one hand is gone before the last line, whatever took it away.
pub(super) struct Gone<F: Fn()>(pub(super) Option<F>);

impl<F: Fn()> Drop for Gone<F> {
    fn drop(&mut self) {
        if let Some(end) = &self.0 {
            end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives bytes in the pieces that a pipe would, and fails after them if it is told to.
    struct Pieces(Vec<io::Result<&'static [u8]>>);

    impl Read for Pieces {
        fn read(&mut self, place: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0)?;
            place[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    /// Takes two lines at most: which turn, the number and words of each, and whether an answer is awaited.
    fn taken(lines: &Lines<Pieces>) -> Option<String> {
        let mut raw = Raw::default();
        let text = |(n, line)| format!(" {n}:{}", std::str::from_utf8(line).unwrap().trim_end());
        lines.take(2, &mut raw).then(|| {
            let texts: String = raw.lines().map(text).collect();
            let end = if raw.is_awaited { " awaited" } else { "" };
            format!("turn {}{texts}{end}", raw.turn)
        })
    }

    #[test]
    fn lines_come_in_batches_and_whoever_waits_for_an_answer_gets_one() {
        let lines = Lines::of(Pieces(vec![
            Ok(b"a\nb\nc\nd"),
            Ok("茶\n".as_bytes()),
            Ok(b"e\n\n"),
            Ok(b"f"),
        ]));
        for expected in [
            "turn 0 1:a 2:b",
            "turn 1 3:c 4:d茶 awaited",
            "turn 2 5:e 6: awaited",
            "turn 3 7:f awaited",
        ] {
            assert_eq!(taken(&lines).as_deref(), Some(expected));
        }
        assert_eq!(taken(&lines), None);
        assert!(lines.ended().is_ok());
    }

    #[test]
    fn what_was_read_before_a_failure_comes_and_the_failure_is_told() {
        let failure = || io::Error::other("the disk is gone");
        let lines = Lines::of(Pieces(vec![Ok(b"a\nb"), Err(failure())]));
        assert_eq!(taken(&lines).as_deref(), Some("turn 0 1:a"));
        assert_eq!(taken(&lines), None);
        assert_eq!(
            lines.ended().map_err(|error| error.to_string()),
            Err("the disk is gone".into())
        );
    }

    #[test]
    fn turns_are_had_in_order_whoever_comes_first() {
        let turns = Turns::of(Vec::new());
        std::thread::scope(|threads| {
            for turn in (0..20).rev() {
                let turns = &turns;
                threads.spawn(move || turns.have(turn, |had| had.push(turn)));
            }
        });
        let had = turns.have(20, |had| had.clone());
        assert_eq!(had, Some((0..20).collect()));
    }

    #[test]
    fn whoever_waits_for_one_that_never_comes_is_let_go() {
        let turns = Turns::of(());
        std::thread::scope(|threads| {
            let waits = threads.spawn(|| turns.have(1, |()| "had"));
            let gone = threads.spawn(|| {
                let _gone = Gone(Some(|| turns.end()));
                panic!("in the middle of turn 0");
            });
            assert!(gone.join().is_err());
            assert_eq!(waits.join().unwrap(), None);
        });
    }
}
