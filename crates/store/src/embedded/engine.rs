//! How transactions run. One thread owns the writing connection, takes all that waits into one commit and answers
//! after it: many questions share one flush of the disk. Readers have connections of their own.
//! What a transaction means is not known here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{DataFolder, Fail, Outcome, sqlite};
use crate::{StoreError, fault};

/// Writes that share one commit at most.
const BATCH: usize = 512;
/// A commit of so many writes tells of a crowd.
const CROWD: usize = 8;
/// In a crowd, a commit waits so long for company.
const GATHER: Duration = Duration::from_millis(3);
/// Writes that may wait for the writer.
const WAITING: usize = 4_096;
/// Reading connections.
const READERS: usize = 4;

pub(crate) enum Engine {
    /// A writer thread on a file, readers beside it.
    Threads {
        writer: Option<mpsc::Sender<Box<dyn Job>>>,
        thread: Option<JoinHandle<()>>,
        readers: Arc<Readers>,
    },
    /// Everything at once on one connection.
    Inline(Arc<Mutex<Connection>>),
}

pub(crate) struct Readers {
    idle: Mutex<Vec<Connection>>,
    free: Semaphore,
    folder: DataFolder,
}

impl Engine {
    pub(crate) fn threads(folder: DataFolder) -> Result<Self, StoreError> {
        let connection =
            Connection::open(folder.database()).map_err(sqlite("open the database"))?;
        prepare(&connection)?;
        let readers = Arc::new(Readers {
            idle: Mutex::new(Vec::new()),
            free: Semaphore::new(READERS),
            folder,
        });
        let (writer, jobs) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || write_loop(connection, jobs))
            .map_err(|source| StoreError::Folder {
                path: readers.folder.path.display().to_string(),
                source,
            })?;
        Ok(Engine::Threads {
            writer: Some(writer),
            thread: Some(thread),
            readers,
        })
    }

    pub(crate) fn inline(connection: Connection) -> Result<Self, StoreError> {
        prepare(&connection)?;
        Ok(Engine::Inline(Arc::new(Mutex::new(connection))))
    }

    /// Runs one writing transaction; returns after its commit has reached the disk. The work is done anew if another
    /// one of the same commit has failed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Engine::Threads { writer, .. } => {
                let (reply, answer) = oneshot::channel();
                let job = Box::new(Write {
                    what,
                    work,
                    done: None,
                    reply: Some(reply),
                });
                let writer = writer.as_ref().ok_or(StoreError::Closed)?;
                writer.send(job).await.map_err(|_| StoreError::Closed)?;
                answer.await.map_err(|_| StoreError::Closed)?
            }
            Engine::Inline(connection) => {
                let db = lock(connection);
                transaction(&db, "BEGIN IMMEDIATE", what, || guarded(what, || work(&db)))
            }
        }
    }

    /// Runs one reading transaction, off the async threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Engine::Threads { readers, .. } => {
                let readers = readers.clone();
                let _free = readers.free.acquire().await;
                let reading = readers.clone();
                tokio::task::spawn_blocking(move || reading.run(what, work))
                    .await
                    .map_err(|_| StoreError::Closed)?
            }
            Engine::Inline(connection) => {
                let db = lock(connection);
                guarded(what, || work(&db))
            }
        }
    }
}

impl Drop for Engine {
    /// Lets the writer finish what was handed to it.
    fn drop(&mut self) {
        if let Engine::Threads { writer, thread, .. } = self {
            drop(writer.take());
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

impl Readers {
    fn run<T>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Result<T, StoreError> {
        let idle = lock(&self.idle).pop();
        let db = idle.map_or_else(|| self.connect().map_err(sqlite(what)), Ok)?;
        let done = transaction(&db, "BEGIN", what, || guarded(what, || work(&db)));
        lock(&self.idle).push(db);
        done
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(self.folder.database(), flags)?;
        db.set_prepared_statement_cache_capacity(64);
        db.execute_batch("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000;")?;
        Ok(db)
    }
}

/// All of it or nothing, seen at one moment.
fn transaction<T>(
    db: &Connection,
    begin: &'static str,
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    run(db, begin).map_err(sqlite(what))?;
    let done = work().and_then(|done| {
        run(db, "COMMIT").map_err(sqlite(what))?;
        Ok(done)
    });
    if done.is_err() && !db.is_autocommit() {
        run(db, "ROLLBACK").map_err(sqlite(what))?;
    }
    done
}

/// A mistake in one transaction ends that one alone.
fn guarded<T>(what: &'static str, work: impl FnOnce() -> Outcome<T>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fail::Store(StoreError::BrokeOff { what })))
        .map_err(|fail| fail.named(what))
}

/// A panic in one transaction must not take the store from all others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(128);
    // Without this a statement is planned anew whenever another value is bound to it.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(sqlite("set the database up"))?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
             PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000; \
             PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
        )
        .map_err(sqlite("set the database up"))
}

/// One write on its way through the writer thread.
pub(crate) trait Job: Send {
    /// Runs it, perhaps for the second time; false rolls it back.
    fn run(&mut self, db: &Connection) -> bool;
    /// Tells its caller, after the commit.
    fn finish(&mut self, committed: Result<(), StoreError>);
}

struct Write<T, F> {
    what: &'static str,
    work: F,
    done: Option<Result<T, StoreError>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<T: Send, F: Fn(&Connection) -> Outcome<T> + Send> Job for Write<T, F> {
    fn run(&mut self, db: &Connection) -> bool {
        let done = guarded(self.what, || (self.work)(db));
        let keep = done.is_ok();
        self.done = Some(done);
        keep
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

fn write_loop(db: Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut crowded = false;
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        if crowded {
            gather(&mut batch, &mut jobs);
        }
        crowded = batch.len() >= CROWD;
        let committed = commit(&db, &mut batch);
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
        if committed.is_err_and(|error| is_unflushed(&error)) {
            return;
        }
    }
}

/// Among many, a moment's wait brings more writes into one commit: pages that all of them touch are written once.
fn gather(batch: &mut Vec<Box<dyn Job>>, jobs: &mut mpsc::Receiver<Box<dyn Job>>) {
    std::thread::sleep(GATHER);
    while batch.len() < BATCH {
        let Ok(job) = jobs.try_recv() else { return };
        batch.push(job);
    }
}

/// After a flush that failed the kernel may call the lost pages clean, and the next flush would succeed without
/// them: nothing more is written until the store has been opened, and looked through, anew.
fn is_unflushed(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};
    error.sqlite_error().is_some_and(|error| {
        matches!(
            error.extended_code,
            SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC
        )
    })
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
    if !batch.iter_mut().all(|job| job.run(db)) {
        // A full disk ends the whole transaction by itself.
        if !db.is_autocommit() {
            run(db, "ROLLBACK")?;
        }
        return Ok(false);
    }
    seal(db)?;
    Ok(true)
}

/// One job that fails is rolled back alone.
fn run_apart(db: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    run(db, "BEGIN IMMEDIATE")?;
    for job in batch.iter_mut() {
        run(db, "SAVEPOINT job")?;
        if !job.run(db) {
            // A full disk ends the whole transaction by itself.
            if db.is_autocommit() {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT),
                    Some("another write of the same commit had to end it".into()),
                ));
            }
            run(db, "ROLLBACK TO job")?;
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

fn run(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// The same failure for each caller that shared the commit.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            rusqlite::Error::SqliteFailure(*code, text.clone())
        }
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(folder: &tempfile::TempDir) -> Engine {
        let engine = Engine::threads(DataFolder::hold(folder.path()).unwrap()).unwrap();
        let table = |db: &Connection| Ok(db.execute_batch("CREATE TABLE kept (n BLOB)")?);
        futures(engine.write("make a table", table)).unwrap();
        engine
    }

    fn futures<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(work)
    }

    fn put(db: &Connection) -> Outcome<()> {
        db.execute("INSERT INTO kept VALUES (1)", [])?;
        Ok(())
    }

    fn count(engine: &Engine) -> i64 {
        let count =
            |db: &Connection| Ok(db.query_row("SELECT count(*) FROM kept", [], |row| row.get(0))?);
        futures(engine.read("count", count)).unwrap()
    }

    #[test]
    fn what_is_committed_is_flushed_and_what_is_deleted_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let pragma = |name: &'static str| {
            move |db: &Connection| {
                let sql = format!("PRAGMA {name}");
                Ok(db.query_row(&sql, [], |row| Ok(format!("{:?}", row.get_ref(0)?)))?)
            }
        };
        let engine = engine(&folder);
        for (name, value) in [
            ("synchronous", "Integer(2)"),
            ("secure_delete", "Integer(1)"),
            ("foreign_keys", "Integer(1)"),
            ("temp_store", "Integer(2)"),
            ("journal_size_limit", "Integer(67108864)"),
        ] {
            let found = futures(engine.write("ask", pragma(name))).unwrap();
            assert_eq!(found, value, "{name}");
        }
        let mode = |db: &Connection| {
            Ok(db.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?)
        };
        assert_eq!(futures(engine.write("ask", mode)).unwrap(), "wal");
    }

    #[test]
    fn a_panic_in_one_write_or_read_ends_that_one_alone() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Engine::inline(Connection::open_in_memory().unwrap()).unwrap();
        let table = |db: &Connection| Ok(db.execute_batch("CREATE TABLE kept (n BLOB)")?);
        futures(memory.write("make a table", table)).unwrap();
        for engine in [engine(&folder), memory] {
            let broken = |db: &Connection| -> Outcome<()> {
                put(db)?;
                panic!("a mistake of ours")
            };
            for done in [
                futures(engine.write("write", broken)),
                futures(engine.read("read", |_| panic!("another"))),
            ] {
                assert!(matches!(done, Err(StoreError::BrokeOff { .. })), "{done:?}");
            }
            futures(engine.write("write", put)).unwrap();
            assert_eq!(count(&engine), 1);
        }
    }

    #[test]
    fn a_full_disk_is_named_and_writing_goes_on_once_there_is_space() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder);
        let limit = |pages: u32| {
            move |db: &Connection| {
                let sql = format!("PRAGMA max_page_count = {pages}");
                Ok(db.query_row(&sql, [], |_| Ok(()))?)
            }
        };
        let much = |db: &Connection| -> Outcome<()> {
            db.execute("INSERT INTO kept VALUES (zeroblob(1000000))", [])?;
            Ok(())
        };
        futures(engine.write("limit", limit(20))).unwrap();
        let full = futures(engine.write("write", much)).unwrap_err();
        let StoreError::Sqlite { source, .. } = &full else {
            panic!("{full:?}")
        };
        assert_eq!(
            source.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DiskFull)
        );
        futures(engine.write("write", put)).unwrap();
        futures(engine.write("limit", limit(2_000))).unwrap();
        futures(engine.write("write", much)).unwrap();
        assert_eq!(count(&engine), 2);
    }

    #[test]
    fn a_failed_flush_is_told_from_other_failures() {
        let failure = |code| {
            let error = rusqlite::ffi::Error::new(code);
            is_unflushed(&rusqlite::Error::SqliteFailure(error, None))
        };
        assert!(failure(rusqlite::ffi::SQLITE_IOERR_FSYNC));
        assert!(!failure(rusqlite::ffi::SQLITE_FULL));
        assert!(!failure(rusqlite::ffi::SQLITE_IOERR_WRITE));
    }

    #[test]
    fn a_locked_database_is_said_to_be_locked_and_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder);
        let shorter = |db: &Connection| Ok(db.execute_batch("PRAGMA busy_timeout = 50")?);
        futures(engine.write("wait less", shorter)).unwrap();
        let other = Connection::open(folder.path().join("teahouse.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let locked = futures(engine.write("write", put)).unwrap_err();
        let StoreError::Sqlite { source, .. } = &locked else {
            panic!("{locked:?}")
        };
        assert_eq!(
            source.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DatabaseBusy)
        );
        other.execute_batch("ROLLBACK").unwrap();
        futures(engine.write("write", put)).unwrap();
        assert_eq!(count(&engine), 1);
    }
}
