//! How transactions run. One thread owns the writing connection (`writer.rs`): many questions share one flush of the
//! disk. Readers have connections of their own. What a transaction means is not known here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::writer::{Job, Write, Writer};
use super::{DataFolder, Fail, Outcome, sqlite};
use crate::{Standing, StoreError};

/// Writes that may wait for the writer.
const WAITING: usize = 4_096;
/// Reading connections.
const READERS: usize = 4;

pub(crate) struct Engine {
    kind: Kind,
    standing: watch::Receiver<Standing>,
}

enum Kind {
    /// A writer thread on a file, readers beside it.
    Threads {
        writer: Option<mpsc::Sender<Box<dyn Job>>>,
        thread: Option<JoinHandle<()>>,
        readers: Arc<Readers>,
    },
    /// Everything at once on one connection.
    Inline(Mutex<Connection>),
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
        let (tells, standing) = watch::channel(Standing::Well);
        let writing = Writer::new(connection, &readers.folder.database(), tells)?;
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writing.run(jobs))
            .map_err(|source| StoreError::Folder {
                path: readers.folder.path.display().to_string(),
                source,
            })?;
        Ok(Engine {
            kind: Kind::Threads {
                writer: Some(writer),
                thread: Some(thread),
                readers,
            },
            standing,
        })
    }

    pub(crate) fn inline(connection: Connection) -> Result<Self, StoreError> {
        prepare(&connection)?;
        Ok(Engine {
            kind: Kind::Inline(Mutex::new(connection)),
            standing: watch::channel(Standing::Well).1,
        })
    }

    /// How the disk is.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Runs one writing transaction; returns after its commit has reached the disk. The work is done anew if another
    /// one of the same commit has failed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.kind {
            Kind::Threads { writer, .. } => {
                let (reply, answer) = oneshot::channel();
                let job: Box<dyn Job> = Box::new(Write::new(what, work, reply));
                let writer = writer.as_ref().ok_or(StoreError::Closed)?;
                writer.send(job).await.map_err(|_| StoreError::Closed)?;
                answer.await.map_err(|_| StoreError::Closed)?
            }
            Kind::Inline(connection) => {
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
        match &self.kind {
            Kind::Threads { readers, .. } => {
                let readers = readers.clone();
                let _free = readers.free.acquire().await;
                let reading = readers.clone();
                tokio::task::spawn_blocking(move || reading.run(what, work))
                    .await
                    .map_err(|_| StoreError::Closed)?
            }
            Kind::Inline(connection) => {
                let db = lock(connection);
                guarded(what, || work(&db))
            }
        }
    }
}

impl Drop for Engine {
    /// Lets the writer finish what was handed to it.
    fn drop(&mut self) {
        if let Kind::Threads { writer, thread, .. } = &mut self.kind {
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
pub(super) fn guarded<T>(
    what: &'static str,
    work: impl FnOnce() -> Outcome<T>,
) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fail::Store(StoreError::BrokeOff { what })))
        .map_err(|fail| fail.named(what))
}

pub(super) fn run(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([])?;
    Ok(())
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
             PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; \
             PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY;",
        )
        .map_err(sqlite("set the database up"))
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
    fn a_locked_database_is_waited_for_and_the_wait_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder);
        let mut standing = engine.standing();
        let other = Connection::open(folder.path().join("teahouse.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        futures(async {
            let told = async {
                let waiting = |standing: &Standing| matches!(standing, Standing::Waiting { .. });
                standing.wait_for(waiting).await.unwrap();
                other.execute_batch("ROLLBACK").unwrap();
                standing.wait_for(|s| *s == Standing::Well).await.unwrap();
            };
            let (written, ()) = tokio::join!(engine.write("write", put), told);
            written.unwrap();
        });
        assert_eq!(count(&engine), 1);
    }

    #[test]
    fn a_store_that_is_closed_does_not_wait_for_its_disk_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder);
        let other = Connection::open(folder.path().join("teahouse.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut writing = Box::pin(engine.write("write", put));
        futures(std::future::poll_fn(|task| {
            let _ = writing.as_mut().poll(task);
            std::task::Poll::Ready(())
        }));
        drop(writing);
        drop(engine);
    }

    #[test]
    fn a_database_that_was_removed_or_replaced_is_not_written_to() {
        for name in ["teahouse.db", "teahouse.db-wal"] {
            let folder = tempfile::tempdir().unwrap();
            let engine = engine(&folder);
            futures(engine.write("write", put)).unwrap();
            std::fs::rename(folder.path().join(name), folder.path().join("gone")).unwrap();
            let lost = futures(engine.write("write", put));
            assert!(lost.is_err(), "{name}");
            let standing = engine.standing().borrow().clone();
            let Standing::Lost { why } = standing else {
                panic!("{standing:?}")
            };
            assert!(why.contains(name), "{why}");
            assert!(matches!(
                futures(engine.write("write", put)),
                Err(StoreError::Closed)
            ));
        }
    }

    #[test]
    fn the_log_is_brought_home_and_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder);
        let much = |db: &Connection| -> Outcome<()> {
            db.execute("INSERT INTO kept VALUES (zeroblob(4000000))", [])?;
            Ok(())
        };
        for _ in 0..12 {
            futures(engine.write("write", much)).unwrap();
        }
        let log = folder.path().join("teahouse.db-wal");
        let size = std::fs::metadata(log).unwrap().len();
        assert!(size < 24_000_000, "{size}");
    }

    #[test]
    fn a_long_read_of_another_program_lets_the_log_grow_and_no_more_is_lost_than_space() {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(&folder);
        let other = Connection::open(folder.path().join("teahouse.db")).unwrap();
        other
            .execute_batch("BEGIN; SELECT count(*) FROM kept;")
            .unwrap();
        let much = |db: &Connection| -> Outcome<()> {
            db.execute("INSERT INTO kept VALUES (zeroblob(30000000))", [])?;
            Ok(())
        };
        let mut standing = engine.standing();
        let log = folder.path().join("teahouse.db-wal");
        futures(async {
            let fills = async {
                loop {
                    engine.write("write", much).await.unwrap();
                }
            };
            let waiting = |standing: &Standing| matches!(standing, Standing::Waiting { .. });
            tokio::select! {
                () = fills => {}
                told = standing.wait_for(waiting) => drop(told.unwrap()),
            }
            // At the cap, and one write of a commit more.
            assert!(std::fs::metadata(&log).unwrap().len() < (256 << 20) + 64_000_000);
            other.execute_batch("COMMIT").unwrap();
            standing.wait_for(|s| *s == Standing::Well).await.unwrap();
            engine.write("write", put).await.unwrap();
        });
        assert!(std::fs::metadata(&log).unwrap().len() <= 64 << 20);
    }
}
