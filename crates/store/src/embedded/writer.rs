//! The one thread that writes. It takes all that waits into one commit and answers after it; a disk that is locked,
//! full or read-only is waited for, and nothing is answered meanwhile. A disk that lost what it had taken ends the
//! writing for good: what SQLite keeps in memory is then no proof of what lies on the disk.
//! What a transaction means is not known here.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use super::engine::{guarded, run};
use super::{Outcome, sqlite};
use crate::{Standing, StoreError, fault};

/// Writes that share one commit at most.
const BATCH: usize = 512;
/// A commit of so many writes tells of a crowd.
const CROWD: usize = 8;
/// In a crowd, a commit waits so long for company.
const GATHER: Duration = Duration::from_millis(3);
/// Pages in the write-ahead log before they are brought home into the database.
const BRING_HOME: i32 = 2_000;
/// A log of so many pages is begun anew as soon as nobody reads from it.
const RESTART_FROM: i32 = 16_384;
/// The log never grows beyond so many pages (256 MiB): writing waits until its pages can be brought home.
const MOST_PAGES: i32 = 65_536;
/// A lock of another program is waited for so long before that is told.
const LOCK_WAIT: Duration = Duration::from_millis(250);
/// A disk that is away is tried again after so long, then twice that, …
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// … and never later than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A store that is being closed waits for its disk so often.
const CLOSING_TRIES: u32 = 4;

/// One write on its way through the writer.
pub(super) trait Job: Send {
    /// Runs it, perhaps for the second time.
    fn run(&mut self, db: &Connection) -> Ran;
    /// Tells its caller, after the commit.
    fn finish(&mut self, committed: Result<(), StoreError>);
}

/// What came of one job.
pub(super) enum Ran {
    /// It belongs into the commit.
    Kept,
    /// It failed by itself and is rolled back alone.
    Refused,
    /// The disk failed under it.
    DiskFailed(rusqlite::Error),
}

pub(super) struct Write<T, F> {
    what: &'static str,
    work: F,
    done: Option<Result<T, StoreError>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<T, F> Write<T, F> {
    pub(super) fn new(
        what: &'static str,
        work: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Write {
            what,
            work,
            done: None,
            reply: Some(reply),
        }
    }
}

impl<T: Send, F: Fn(&Connection) -> Outcome<T> + Send> Job for Write<T, F> {
    fn run(&mut self, db: &Connection) -> Ran {
        let done = guarded(self.what, || (self.work)(db));
        if let Err(StoreError::Sqlite { source, .. }) = &done
            && Disk::of(source) != Disk::Sound
        {
            return Ran::DiskFailed(copy(source));
        }
        let ran = match done {
            Ok(_) => Ran::Kept,
            Err(_) => Ran::Refused,
        };
        self.done = Some(done);
        ran
    }

    fn finish(&mut self, committed: Result<(), StoreError>) {
        let done = match (self.done.take(), committed) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(shared)) => Err(shared),
            (Some(done), Ok(())) => done,
            (None, Ok(())) => Err(StoreError::Closed),
        };
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(done);
        }
    }
}

/// What a failure says of the disk.
#[derive(Debug, PartialEq, Eq)]
enum Disk {
    /// Nothing: the statement was wrong.
    Sound,
    /// It is locked, full or away; later it may be well again, and nothing is lost.
    Away,
    /// What it was given is gone, or not what was given.
    Lost,
}

impl Disk {
    fn of(error: &rusqlite::Error) -> Disk {
        let Some(failure) = error.sqlite_error() else {
            return Disk::Sound;
        };
        // After a flush that failed the kernel may call the lost pages clean, and the next flush would succeed without
        // them: only opening anew, which copies and flushes all of the log again, shows what is there.
        if matches!(
            failure.extended_code,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC
        ) {
            return Disk::Lost;
        }
        match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Disk::Lost,
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory => Disk::Away,
            _ => Disk::Sound,
        }
    }
}

/// The thread's own.
pub(super) struct Writer {
    db: Connection,
    files: Files,
    /// Pages in the write-ahead log after the latest commit.
    log_pages: Arc<AtomicI32>,
    /// From so many pages on the log is to begin anew.
    restart_at: i32,
    standing: watch::Sender<Standing>,
}

impl Writer {
    pub(super) fn new(
        mut db: Connection,
        database: &Path,
        standing: watch::Sender<Standing>,
    ) -> Result<Self, StoreError> {
        let log_pages = Arc::new(AtomicI32::new(0));
        let counted = log_pages.clone();
        // It takes the place of SQLite's own bringing home, whose failures nobody sees.
        let count = move |_: &mut Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        };
        db.wal_hook(Some(count))
            .and_then(|()| db.busy_timeout(LOCK_WAIT))
            .map_err(sqlite("set the database up"))?;
        Ok(Writer {
            files: Files::of(database),
            db,
            log_pages,
            restart_at: RESTART_FROM,
            standing,
        })
    }

    /// Until nobody can hand over anything any more, or the disk has lost something.
    pub(super) fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut crowded = false;
        while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            if crowded {
                gather(&mut batch, &mut jobs);
            }
            crowded = batch.len() >= CROWD;
            let committed = self.commit_when_it_can(&mut batch, &jobs);
            let is_lost = committed
                .as_ref()
                .is_err_and(|error| Disk::of(error) == Disk::Lost);
            if let Err(error) = &committed
                && is_lost
            {
                self.lose(error);
            }
            for mut job in batch.drain(..) {
                let told = match &committed {
                    Ok(()) => Ok(()),
                    Err(error) => Err(StoreError::Sqlite {
                        what: "commit",
                        source: copy(error),
                    }),
                };
                job.finish(told);
            }
            if is_lost || !self.bring_home(&jobs) {
                return;
            }
        }
    }

    /// Commits the batch, however long the disk is away. Gives up only if the store is being closed, or if the disk
    /// has lost what was written.
    fn commit_when_it_can(
        &mut self,
        batch: &mut [Box<dyn Job>],
        jobs: &mpsc::Receiver<Box<dyn Job>>,
    ) -> rusqlite::Result<()> {
        let mut wait = Waiting::default();
        loop {
            let committed = self
                .files
                .are_still_ours()
                .and_then(|()| commit(&self.db, batch));
            match committed {
                Ok(()) => {
                    self.is_well(&wait);
                    return Ok(());
                }
                Err(error) if Disk::of(&error) == Disk::Away && wait.goes_on(jobs) => {
                    self.waits(&mut wait, &error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Brings the pages of the log into the database, after everybody has had their answer. At its cap the log gets
    /// nothing more until that has gone well. False: the disk has lost something.
    fn bring_home(&mut self, jobs: &mpsc::Receiver<Box<dyn Job>>) -> bool {
        let mut wait = Waiting::default();
        while self.log_pages.load(Ordering::Relaxed) >= BRING_HOME {
            match self.checkpoint() {
                Ok(pages) if pages < MOST_PAGES => break,
                Ok(pages) if wait.goes_on(jobs) => {
                    let why = format!(
                        "the write-ahead log has {} MiB, and another program's long read of teahouse.db keeps it from being emptied; end that read",
                        megabytes(pages)
                    );
                    self.waits(&mut wait, &why);
                }
                Ok(_) => break,
                Err(error) if Disk::of(&error) == Disk::Lost => {
                    self.lose(&error);
                    return false;
                }
                // What is in the log is safe there; the next commit will see how the disk is.
                Err(error) => {
                    warn!("the write-ahead log was not brought into the database: {error}");
                    break;
                }
            }
        }
        self.is_well(&wait);
        true
    }

    /// Brings home what no reader needs any more, and says how many pages the log goes on with. Readers that follow
    /// each other closely keep it from beginning anew: when it has grown long, all of them are waited for.
    fn checkpoint(&mut self) -> rusqlite::Result<i32> {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.restart_at {
            pragma(&self.db, "PRAGMA wal_checkpoint(PASSIVE)")?;
            return Ok(pages);
        }
        let is_held = pragma(&self.db, "PRAGMA wal_checkpoint(RESTART)")?;
        if !is_held {
            self.restart_at = RESTART_FROM;
            self.log_pages.store(0, Ordering::Relaxed);
            return Ok(0);
        }
        if pages < MOST_PAGES {
            self.restart_at = pages.saturating_mul(2).min(MOST_PAGES);
            warn!(
                "the write-ahead log has grown to {} MiB: another program has been reading teahouse.db for long; at {} MiB writing waits for it",
                megabytes(pages),
                megabytes(MOST_PAGES)
            );
        }
        Ok(pages)
    }

    fn waits(&self, wait: &mut Waiting, why: &str) {
        self.standing.send_if_modified(|standing| {
            let now = Standing::Waiting {
                why: why.to_owned(),
            };
            let is_new = *standing != now;
            *standing = now;
            is_new
        });
        if wait.times == 1 {
            warn!(
                "the store waits for its disk: {why}; nothing new is taken in until it is back, and nothing is lost"
            );
        }
        std::thread::sleep(wait.pause());
    }

    fn is_well(&self, wait: &Waiting) {
        if wait.times > 0 {
            self.standing.send_replace(Standing::Well);
            info!("the store writes again");
        }
    }

    fn lose(&self, error: &rusqlite::Error) {
        self.standing.send_replace(Standing::Lost {
            why: error.to_string(),
        });
    }
}

/// One wait for the disk.
#[derive(Default)]
struct Waiting {
    times: u32,
    closing: u32,
}

impl Waiting {
    /// Whether to try once more: always, unless the store is being closed.
    fn goes_on(&mut self, jobs: &mpsc::Receiver<Box<dyn Job>>) -> bool {
        self.times = self.times.saturating_add(1);
        self.closing += u32::from(jobs.is_closed());
        self.closing <= CLOSING_TRIES
    }

    fn pause(&self) -> Duration {
        FIRST_PAUSE
            .saturating_mul(1 << self.times.saturating_sub(1).min(10))
            .min(LONGEST_PAUSE)
    }
}

/// The database's file as it was when it was opened. SQLite goes on writing into a file that somebody has removed or
/// replaced: nobody would ever find it again.
struct Files {
    database: PathBuf,
    log: PathBuf,
    database_was: Option<(u64, u64)>,
    log_was: Option<(u64, u64)>,
}

impl Files {
    fn of(database: &Path) -> Self {
        let log = database.with_extension("db-wal");
        Files {
            database_was: identity(database),
            log_was: None,
            database: database.to_owned(),
            log,
        }
    }

    fn are_still_ours(&mut self) -> rusqlite::Result<()> {
        // The log comes with the first commit.
        self.log_was = self.log_was.or_else(|| identity(&self.log));
        for (file, was) in [
            (&self.database, self.database_was),
            (&self.log, self.log_was),
        ] {
            if was.is_some() && identity(file) != was {
                return Err(rusqlite::Error::SqliteFailure(
                    ffi::Error::new(ffi::SQLITE_CORRUPT),
                    Some(format!(
                        "\"{}\" was removed or replaced while it was in use",
                        file.display()
                    )),
                ));
            }
        }
        Ok(())
    }
}

fn identity(file: &Path) -> Option<(u64, u64)> {
    let file = std::fs::metadata(file).ok()?;
    Some((file.dev(), file.ino()))
}

/// Whether a reader was in the way.
fn pragma(db: &Connection, checkpoint: &str) -> rusqlite::Result<bool> {
    db.prepare_cached(checkpoint)?
        .query_row([], |row| Ok(row.get::<_, i32>(0)? != 0))
}

fn megabytes(pages: i32) -> i32 {
    pages / 256
}

/// Among many, a moment's wait brings more writes into one commit: pages that all of them touch are written once.
fn gather(batch: &mut Vec<Box<dyn Job>>, jobs: &mut mpsc::Receiver<Box<dyn Job>>) {
    std::thread::sleep(GATHER);
    while batch.len() < BATCH {
        let Ok(job) = jobs.try_recv() else { return };
        batch.push(job);
    }
}

/// All jobs in one commit. After a failure nothing of the batch is kept and nothing of it stays open.
fn commit(db: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let committed = run_together(db, batch).and_then(|whole| match whole {
        true => Ok(()),
        false => run_apart(db, batch),
    });
    if committed.is_err() && !db.is_autocommit() {
        let _ = run(db, "ROLLBACK");
    }
    committed
}

/// Nearly always all jobs succeed, and no place to go back to is needed. False: one failed and nothing was written.
fn run_together(db: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<bool> {
    run(db, "BEGIN IMMEDIATE")?;
    for job in batch.iter_mut() {
        match job.run(db) {
            Ran::Kept => {}
            Ran::DiskFailed(error) => return Err(error),
            Ran::Refused => {
                run(db, "ROLLBACK")?;
                return Ok(false);
            }
        }
    }
    seal(db)?;
    Ok(true)
}

/// One job that fails is rolled back alone.
fn run_apart(db: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    run(db, "BEGIN IMMEDIATE")?;
    for job in batch.iter_mut() {
        run(db, "SAVEPOINT job")?;
        match job.run(db) {
            Ran::Kept => {}
            Ran::DiskFailed(error) => return Err(error),
            Ran::Refused => run(db, "ROLLBACK TO job")?,
        }
        run(db, "RELEASE job")?;
    }
    seal(db)
}

fn seal(db: &Connection) -> rusqlite::Result<()> {
    fault::point("before-commit");
    run(db, "COMMIT")?;
    fault::point("after-commit");
    Ok(())
}

/// The same failure for each caller that shared the commit.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        other => rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;

    /// Fails with each of these in turn, then is kept.
    struct Scripted {
        failures: VecDeque<i32>,
        runs: Arc<AtomicI32>,
        told: Arc<Mutex<Option<Result<(), StoreError>>>>,
    }

    impl Job for Scripted {
        fn run(&mut self, _: &Connection) -> Ran {
            self.runs.fetch_add(1, Ordering::Relaxed);
            match self.failures.pop_front() {
                None => Ran::Kept,
                Some(code) => Ran::DiskFailed(failure(code)),
            }
        }

        fn finish(&mut self, committed: Result<(), StoreError>) {
            *self.told.lock().unwrap() = Some(committed);
        }
    }

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    /// How often it ran, whether it was kept, and how the disk is then.
    fn check(failures: &[i32]) -> (i32, bool, Standing) {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("teahouse.db");
        let db = Connection::open(&database).unwrap();
        db.execute_batch("CREATE TABLE kept (n)").unwrap();
        let (tells, standing) = watch::channel(Standing::Well);
        let writer = Writer::new(db, &database, tells).unwrap();
        let (hand, jobs) = mpsc::channel::<Box<dyn Job>>(4);
        let (runs, told) = (Arc::default(), Arc::default());
        let job = Scripted {
            failures: failures.iter().copied().collect(),
            runs: Arc::clone(&runs),
            told: Arc::clone(&told),
        };
        assert!(hand.try_send(Box::new(job)).is_ok());
        let thread = std::thread::spawn(move || writer.run(jobs));
        while told.lock().unwrap().is_none() {
            std::thread::yield_now();
        }
        drop(hand);
        thread.join().unwrap();
        let kept = told.lock().unwrap().take().unwrap().is_ok();
        (
            runs.load(Ordering::Relaxed),
            kept,
            standing.borrow().clone(),
        )
    }

    #[test]
    fn a_disk_that_is_away_is_asked_again_until_it_is_back() {
        for code in [
            ffi::SQLITE_FULL,
            ffi::SQLITE_BUSY,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_CANTOPEN,
        ] {
            assert_eq!(check(&[code, code]), (3, true, Standing::Well), "{code}");
        }
    }

    #[test]
    fn a_flush_that_failed_and_a_damaged_file_are_never_asked_again() {
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_CORRUPT,
        ] {
            let (runs, kept, standing) = check(&[code]);
            assert_eq!((runs, kept), (1, false), "{code}");
            assert!(matches!(standing, Standing::Lost { .. }), "{standing:?}");
        }
    }

    #[test]
    fn a_wrong_statement_says_nothing_of_the_disk() {
        assert_eq!(Disk::of(&failure(ffi::SQLITE_CONSTRAINT)), Disk::Sound);
        assert_eq!(Disk::of(&rusqlite::Error::InvalidQuery), Disk::Sound);
    }
}
