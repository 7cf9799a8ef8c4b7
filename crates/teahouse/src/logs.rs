//! What the program says to its operator: log lines and plain ones, on standard error. A house never waits for whoever
//! reads it: lines stand in a short queue, a thread of its own writes them, and what does not fit is dropped and
//! counted. It never holds a line of the journey, and it cannot be made to panic.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use tracing::{error, warn};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait to be written.
const WAITING: usize = 256 * 1024;
/// The end of a process waits so long for its last lines to be read.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The queue of a process that must never wait; none where a command may wait for its reader.
static QUEUE: OnceLock<Queue> = OnceLock::new();

thread_local! {
    /// Only the writing thread has it: what that thread says of itself goes out at once.
    static TARGET: std::cell::RefCell<Option<File>> = const { std::cell::RefCell::new(None) };
}

/// Lines that wait for the writing thread.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A line is in the writer's hand.
    writing: bool,
    dropped: u64,
}

/// From here on no line waits for whoever reads standard error; a panic's words go the same way. What was said is
/// written when this is dropped, if anybody takes it.
#[must_use]
pub fn never_wait() -> LastWords {
    if let Err(error) = start_to_write() {
        warn!("whoever does not read the log holds up the house: {error}");
    }
    LastWords
}

/// Lets go of the process once its lines are written.
pub struct LastWords;

impl Drop for LastWords {
    fn drop(&mut self) {
        finish();
    }
}

fn start_to_write() -> std::io::Result<()> {
    let target = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
    std::thread::Builder::new()
        .name("logs".to_owned())
        .spawn(move || queue().write_to(target))?;
    // From here on: `put` finds it.
    queue();
    std::panic::set_hook(Box::new(|panic| {
        let trace = std::backtrace::Backtrace::capture();
        let told = panic.to_string().replace('\n', " ");
        error!("a defect, please report it: {told}");
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            tell(&trace.to_string());
        }
    }));
    Ok(())
}

fn queue() -> &'static Queue {
    QUEUE.get_or_init(|| Queue {
        state: Mutex::default(),
        changed: Condvar::new(),
    })
}

/// One line in plain words, for whoever started the program.
pub fn tell(line: &str) {
    put(format!("{line}\n").as_bytes());
}

/// Waits a little until all that was said is written: the last act before the process ends.
pub fn finish() {
    if let Some(queue) = QUEUE.get() {
        let busy = |state: &mut State| state.writing || !state.lines.is_empty();
        let _ = (queue.changed).wait_timeout_while(queue.state(), LAST_WORDS, busy);
    }
}

fn put(line: &[u8]) {
    match (write_at_once(line), QUEUE.get()) {
        (Some(_), _) => {}
        (None, Some(queue)) => queue.put(line),
        // A command's reader is waited for; one that has left is no error.
        (None, None) => {
            let _ = std::io::stderr().write_all(line);
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: &[u8]) {
        let line = line.to_owned();
        let mut state = self.state();
        if state.bytes + line.len() > WAITING {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        drop(state);
        self.changed.notify_all();
    }

    fn write_to(&self, target: File) {
        TARGET.set(Some(target));
        loop {
            let line = self.next_line();
            let written = write_at_once(&line).expect("this thread has the target");
            let mut state = self.state();
            state.bytes -= line.len();
            let dropped = match written {
                // With half of the queue free the flood is over: one line tells of it, not many.
                Ok(()) if state.bytes <= WAITING / 2 => std::mem::take(&mut state.dropped),
                Ok(()) => 0,
                Err(_) => {
                    state.dropped += 1;
                    0
                }
            };
            drop(state);
            if dropped > 0 {
                warn!("{dropped} log lines were dropped: standard error did not take them");
            }
        }
    }

    fn next_line(&self) -> Vec<u8> {
        let mut state = self.state();
        state.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(line) = state.lines.pop_front() {
                state.writing = true;
                return line;
            }
            state = (self.changed.wait(state)).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// On the writing thread only.
fn write_at_once(line: &[u8]) -> Option<std::io::Result<()>> {
    // A thread that is ending has none of its own things left, and may still say something.
    let written = TARGET.try_with(|target| Some(write_whole(target.borrow().as_ref()?, line)));
    written.ok().flatten()
}

/// Writes it all, however slowly it is taken; also where the other end has made the pipe refuse instead of wait.
fn write_whole(mut target: &File, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match target.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_for_room(target.as_fd())?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wait_for_room(target: BorrowedFd<'_>) -> std::io::Result<()> {
    match poll(
        &mut [PollFd::from_borrowed_fd(target, PollFlags::OUT)],
        None,
    ) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where the log's lines go; each comes in one piece.
#[derive(Clone, Copy)]
pub struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Lines;

    fn make_writer(&self) -> Lines {
        Lines
    }
}
