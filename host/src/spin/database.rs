//! SQLite databases in files: their connections, and who writes to them when.
//!
//! # Connections
//!
//! Opening a connection costs more than most statements, closing the last one of a database in WAL mode writes the log back, and each
//! keeps the schema, what it has planned and the pages that it has read. SQLite forgets those pages as soon as another connection has
//! written. So a connection that a component opens ([`crate::spin::loan`]) is one of SQLite's only while it needs its own: from the
//! beginning of a transaction to its end. All else runs on whichever is free, that first which was used last, and all single
//! statements that change rows are written by one.
//!
//! # Writers
//!
//! SQLite has one writer at a time, and makes the others ask again and again, with pauses, in no order. Here those that
//! belong to this process stand in a queue ([`crate::spin::queue`]), in which who writes less goes first: a single statement is
//! weighed by its parameters, and a transaction that begins by `BEGIN EXCLUSIVE`, which in WAL mode is the same as `IMMEDIATE`,
//! says that it writes much. A write of one statement has its turn in a task of its own, and does not keep it while its
//! instance is busy with something else; and one connection writes all of these, whose pages nobody else makes old. Those that
//! come while another one is committed are committed together ([`crate::spin::group`]).
//!
//! What is committed has to be written back from the log to the database one day, which SQLite does as part of a commit. After a
//! large one that takes as long as the commit, and everybody waits. Here it is done beside the writers, when the turn is over.

use crate::metrics::{DatabaseMetrics, One};
use crate::spin::bindings::spin::sqlite::sqlite::Error;
use crate::spin::group::{self, Group, Outcome, Waiting, Write};
use crate::spin::queue::{self, Queue, Weight};
use crate::spin::session::{Made, Session, Settings, is_busy};
use crate::spin::values::io;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Idle connections that are kept per database.
const MAX_IDLE: usize = 16;
/// Of these, how many keep the pages that they have read: those that were used last.
const WARM: usize = 4;
/// Who writes the log back or for all, in place of a component.
const HOST: &str = "";
/// Pages of the log from which on it is written back, as SQLite's default has it.
const LONG_LOG: u32 = 1000;

/// A statement that a component is about to run, as an observer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// Its text, with placeholders for values.
    pub sql: &'a str,
    /// The connection that it runs on. Each time that a component opens one, it has a number that no other of this process
    /// has.
    pub connection: u64,
    /// Whether the connection holds the database's write lock when the statement begins. It does from the end of `BEGIN
    /// IMMEDIATE`, or of the first write in a transaction that began otherwise, to the end of the transaction. So this is
    /// true of a `COMMIT`, and false of `BEGIN IMMEDIATE` itself and of a write outside a transaction, which has the lock to
    /// itself.
    pub locked: bool,
}

/// Called with each statement before it runs. What it returns, the component gets as SQLite's error, and the statement does
/// not run.
pub type StatementObserver = Arc<dyn Fn(&Statement<'_>) -> Option<String> + Send + Sync>;

/// The databases granted to a component, by label. One that is granted but not defined is `None`.
pub(crate) type Databases = BTreeMap<String, Option<Arc<Database>>>;

/// A database file.
pub(crate) struct Database {
    path: PathBuf,
    /// Its connections that nobody uses right now, the last used last.
    idle: Mutex<Vec<Session>>,
    /// The connection that all single statements are written by, whoever sends them, from the first one on.
    writer: Mutex<Option<Session>>,
    writers: Queue,
    group: Mutex<Group>,
    /// Where what all wait for runs, also if one who stands back has asked for it.
    pub(super) runtime: Handle,
    /// Whether somebody writes the log back.
    pub(super) writes_back: AtomicBool,
    pub(super) observer: Option<StatementObserver>,
    /// How far away it is to seem.
    pub(super) distance: Duration,
    pub(super) metrics: DatabaseMetrics,
}

/// Which threads run a statement that may block.
pub(super) enum Threads {
    Usual,
    /// Those that stand back: nobody waits for the statement but who asked for it.
    Background,
}

/// A turn to write, until it is dropped: `None` if the wait for it was too long.
pub(super) struct Turn(pub Option<queue::Turn>);

impl Database {
    /// Made where those threads are that stand back for nobody.
    pub fn new(
        path: PathBuf,
        observer: Option<StatementObserver>,
        distance: Duration,
        metrics: DatabaseMetrics,
    ) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            writer: Mutex::default(),
            writers: Queue::default(),
            group: Mutex::default(),
            runtime: Handle::current(),
            writes_back: AtomicBool::new(false),
            observer,
            distance,
            metrics,
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that writes, told what a component wants of it. None if there can be none.
    pub(super) fn writer(&self, settings: Settings) -> MutexGuard<'_, Option<Session>> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was left in the midst of a transaction, for example, would take all that follows into it.
        let left = writer.take().filter(Session::is_like_others);
        let session = left.map_or_else(|| self.open(), Ok);
        *writer = session.ok().filter(|session| session.set(settings).is_ok());
        writer
    }

    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a connection is free.
    pub(super) fn has_idle(&self) -> bool {
        !self.idle().is_empty()
    }

    /// Opens a connection. May block.
    pub(super) fn open(&self) -> Result<Session, Error> {
        Session::open(&self.path).map_err(io)
    }

    fn pop(&self) -> Option<Session> {
        let session = self.idle().pop()?;
        self.metrics.idle.dec();
        session.is_cool.set(false);
        Some(session)
    }

    /// Takes the idle connection that was used last, and tells it what a component wants of it. None if there is none.
    pub(super) fn take_idle(&self, settings: Settings) -> Option<Session> {
        self.pop().filter(|session| session.set(settings).is_ok())
    }

    /// Takes an idle connection, or opens one. May block.
    pub(super) fn take(&self, settings: Settings) -> Result<Session, Error> {
        if let Some(session) = self.take_idle(settings) {
            return Ok(session);
        }
        let session = self.open()?;
        session.set(settings).map_err(io)?;
        Ok(session)
    }

    /// Keeps a connection for the next.
    pub(super) fn put(self: &Arc<Self>, session: Session) {
        let mut idle = self.idle();
        if idle.len() >= MAX_IDLE {
            return;
        }
        idle.push(session);
        self.metrics.idle.inc();
        if let Some(last) = idle.len().checked_sub(WARM + 1)
            && !idle[last].is_cool.get()
        {
            let (database, session) = (self.clone(), idle.remove(last));
            self.runtime.spawn_blocking(move || {
                session.cool();
                database.idle().insert(0, session);
            });
        }
    }

    /// Waits for a turn to write. Who has waited for too long has none, asks SQLite, and gets the error that components know.
    pub(super) async fn turn(&self, weight: Weight, component: &Arc<str>) -> Turn {
        let (_waiting, since) = (One::of(&self.metrics.writers), Instant::now());
        let turn = self.writers.turn(weight, component).await;
        self.metrics.waits.observe(since.elapsed().as_secs_f64());
        Turn(turn)
    }

    /// Has a write run in the next group.
    pub(super) async fn join(
        self: &Arc<Self>,
        component: Arc<str>,
        write: Write,
        settings: Settings,
        made: Made,
    ) -> Outcome {
        let (outcome, has_ended) = oneshot::channel();
        let counted = One::of(&self.metrics.writers);
        let waiting = Waiting {
            write,
            settings,
            made,
            since: Instant::now(),
            waits: self.metrics.waits.clone(),
            _counted: counted,
            outcome,
        };
        if self.group().joins(component, waiting) {
            self.runtime.spawn(self.clone().write_groups());
        }
        has_ended.await.unwrap_or_else(|_| Outcome::Ran(Err(Error::Io("the host failed".to_owned())), made))
    }

    /// Writes one group after the other, until nobody waits.
    async fn write_groups(self: Arc<Self>) {
        loop {
            let Some(turn) = self.writers.turn(Weight::Bytes(0), &HOST.into()).await else {
                if self.give_up() {
                    return;
                }
                continue;
            };
            let database = self.clone();
            // What has panicked has left the others where they were.
            if let Ok(true) = blocking(move || Ok(database.write_in_turn(&turn))).await {
                return;
            }
        }
    }

    /// Tells those who have waited too long that the turn has not come. Whether nobody else waits.
    fn give_up(&self) -> bool {
        let mut group = self.group();
        let (late, is_over) = (group.late(), !group.has_writer());
        drop(group);
        late.into_iter().for_each(Waiting::comes_too_late);
        is_over
    }

    /// Writes groups until nobody waits, or somebody else wants the turn. Whether nobody waits. May block.
    fn write_in_turn(self: &Arc<Self>, turn: &queue::Turn) -> bool {
        loop {
            let group = self.group().next();
            let Some(first) = group.first() else { return true };
            let settings = first.settings;
            match &*self.writer(settings) {
                Some(session) => {
                    group::write(session, group);
                    self.committed(session);
                }
                None => group.into_iter().for_each(Waiting::leaves),
            }
            if turn.is_wanted() {
                return false;
            }
        }
    }

    pub(super) fn count_busy<T>(&self, result: &Result<T, Error>) {
        if is_busy(result) {
            self.metrics.busy.inc();
        }
    }

    /// Has the log written back if it is long.
    pub(super) fn committed(self: &Arc<Self>, session: &Session) {
        if session.log.swap(0, Ordering::Relaxed) >= LONG_LOG {
            self.write_back();
        }
    }

    /// Writes the log back, beside whoever writes on.
    fn write_back(self: &Arc<Self>) {
        if self.writes_back.swap(true, Ordering::Relaxed) {
            return;
        }
        let database = self.clone();
        self.runtime.spawn(async move {
            database.checkpoint().await;
            // What came meanwhile, in a turn: then there is nothing left, and the next writer begins the log anew.
            let turn = database.writers.turn(Weight::Bytes(0), &HOST.into()).await;
            database.checkpoint().await;
            database.writes_back.store(false, Ordering::Relaxed);
            drop(turn);
        });
    }

    /// Writes back what nobody reads in its old state. If it fails, the log stays, and the next one tries again.
    async fn checkpoint(self: &Arc<Self>) {
        let database = self.clone();
        let written = blocking(move || {
            let coldest = Some(database.idle()).filter(|idle| !idle.is_empty()).map(|mut idle| idle.remove(0));
            let session = coldest.inspect(|_| _ = database.metrics.idle.dec()).map_or_else(|| database.open(), Ok)?;
            session.sqlite.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(io)?;
            database.put(session);
            Ok(())
        });
        _ = written.await;
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    ended(tokio::task::spawn_blocking(work)).await
}

pub(super) async fn ended<T>(task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    task.await.unwrap_or_else(|panic| Err(Error::Io(panic.to_string())))
}
