//! SQLite databases in files: connections that are lent, and statements that run on them.
//!
//! # Connections
//!
//! Spin opens a SQLite connection for each `open`. Opening one costs more than most statements, and closing the last
//! one of a database in WAL mode writes the log back, so this host keeps connections and lends them out. A connection
//! that comes back in the middle of a transaction is rolled back first. What a component sets by PRAGMA stays with the
//! connection for its next borrower; that is no harm as long as all of an application's components set the same.
//!
//! # Threads
//!
//! A statement that waits, for the write lock or for the disk at a commit, must not hold up the requests that share its
//! thread, so statements run on threads that may block. To hand a statement over costs two to three times as much as a
//! short query itself, though. So what waits for nobody runs on the thread that it is on, in a database in WAL mode:
//!
//! - A query. If it turns out to be long it is ended, and begins again on a thread of lower priority ([`background`]),
//!   unless others wait for its transaction.
//! - `BEGIN IMMEDIATE`, once the queue of writers has given the turn. If another process has the lock it is told so at once,
//!   and waits on another thread.
//! - An `INSERT` or `UPDATE` of a transaction that has the lock. One cannot be ended and begun again, for SQLite would roll
//!   the transaction back, so it has to be known as short: it was when this connection last ran it, and its parameters are
//!   small, which bounds the rows that they can be. What a `DELETE` takes with it nothing bounds.
//!
//! `COMMIT` waits for the disk, and never runs so.
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

use crate::background;
use crate::metrics::{DatabaseMetrics, One};
use crate::spin::bindings::spin::sqlite::sqlite::{Error, QueryResult, Value};
use crate::spin::group::{self, Group, Outcome, Waiting, Write};
use crate::spin::queue::{self, LITTLE, Queue, Weight};
use crate::spin::session::{Made, Session, begins, changes_rows, inserts, is_busy, may_read, writes};
use crate::spin::values::{io, total_size};
use futures::FutureExt as _;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Idle connections that are kept per database.
const MAX_IDLE: usize = 64;
/// Connections that are kept for short queries.
const MAX_READERS: usize = 8;
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

/// A database file and the connections to it that nobody uses right now.
pub(crate) struct Database {
    path: PathBuf,
    idle: Mutex<Vec<Session>>,
    /// The connection that all single statements are written by, whoever sends them, from the first one on. SQLite forgets the pages that
    /// a connection keeps as soon as another one has written.
    writer: Mutex<Option<Session>>,
    /// Connections that short queries run on, whoever asks, last come first served: what one has read the next one has at hand.
    readers: Mutex<Vec<Session>>,
    writers: Queue,
    group: Mutex<Group>,
    /// Where what all wait for runs, also if one who stands back has asked for it.
    runtime: Handle,
    /// Whether somebody writes the log back.
    writes_back: AtomicBool,
    observer: Option<StatementObserver>,
    /// How far away it is to seem.
    distance: Duration,
    metrics: DatabaseMetrics,
}

/// Which threads run a statement that may block.
enum Threads {
    Usual,
    /// Those that stand back: nobody waits for the statement but who asked for it.
    Background,
}

/// A turn to write, until it is dropped: `None` if the wait for it was too long.
struct Turn(Option<queue::Turn>);

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
            readers: Mutex::default(),
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

    fn writer(&self) -> MutexGuard<'_, Option<Session>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Session>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self) -> MutexGuard<'_, Group> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection, or opens one.
    pub async fn lease(self: Arc<Self>, component: Arc<str>) -> Result<Lease, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let idle = self.idle().pop();
        let session = if let Some(session) = idle {
            self.metrics.idle.dec();
            session
        } else {
            let database = self.clone();
            blocking(move || Session::open(&database.path).map_err(io)).await?
        };
        Ok(Lease(Arc::new(Loan {
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            component,
            _lent: One::of(&self.metrics.lent),
            database: self,
            interrupt: session.sqlite.get_interrupt_handle(),
            session: Mutex::new(Some(session)),
            turn: Mutex::default(),
            asks: AtomicBool::new(false),
            locked: AtomicBool::new(false),
            elsewhere: Mutex::default(),
        })))
    }

    /// Waits for a turn to write. Who has waited for too long has none, asks SQLite, and gets the error that components know.
    async fn turn(&self, weight: Weight, component: &Arc<str>) -> Turn {
        let (_waiting, since) = (One::of(&self.metrics.writers), Instant::now());
        let turn = self.writers.turn(weight, component).await;
        self.metrics.waits.observe(since.elapsed().as_secs_f64());
        Turn(turn)
    }

    /// Has a write run in the next group.
    async fn join(self: &Arc<Self>, component: Arc<str>, write: Write) -> Outcome {
        let (outcome, has_ended) = oneshot::channel();
        let counted = One::of(&self.metrics.writers);
        let waiting = Waiting { write, since: Instant::now(), _counted: counted, outcome };
        if self.group().joins(component, waiting) {
            self.runtime.spawn(self.clone().write_groups());
        }
        has_ended.await.unwrap_or_else(|_| Outcome::Ran(Err(Error::Io("the host failed".to_owned()))))
    }

    /// Writes one group after the other, until nobody waits.
    async fn write_groups(self: Arc<Self>) {
        loop {
            let turn = self.writers.turn(Weight::Bytes(0), &HOST.into()).await;
            let database = self.clone();
            // What has panicked has left the others where they were.
            if let Ok(false) = blocking(move || Ok(database.write_in_turn(turn.as_ref()))).await {
                return;
            }
        }
    }

    /// Writes groups as long as nobody else wants the turn. Whether somebody waits still. May block.
    fn write_in_turn(self: &Arc<Self>, turn: Option<&queue::Turn>) -> bool {
        loop {
            let group = self.group().next();
            if group.is_empty() {
                return false;
            }
            for waiting in &group {
                self.metrics.waits.observe(waiting.since.elapsed().as_secs_f64());
            }
            match &*self.writer() {
                Some(session) if turn.is_some() => {
                    group::write(session, group);
                    self.committed(session);
                }
                _ => group.into_iter().for_each(Waiting::goes_alone),
            }
            if turn.is_none_or(queue::Turn::is_wanted) {
                return true;
            }
        }
    }

    fn count_busy<T>(&self, result: &Result<T, Error>) {
        if is_busy(result) {
            self.metrics.busy.inc();
        }
    }

    /// Has the log written back if it is long.
    fn committed(self: &Arc<Self>, session: &Session) {
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
        let Ok(lease) = self.clone().lease(HOST.into()).await else { return };
        _ = lease.loan().run_elsewhere("PRAGMA wal_checkpoint(PASSIVE)".to_owned(), Vec::new(), Threads::Usual).await;
    }

    fn take_back(&self, session: Session) {
        // Two requests must never meet inside one transaction.
        if !session.sqlite.is_autocommit() && session.sqlite.execute_batch("ROLLBACK").is_err() {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(session);
            self.metrics.idle.inc();
        }
    }
}

/// A connection that an instance has open: the resource `connection`.
pub struct Lease(Arc<Loan>);

impl Lease {
    pub(super) fn loan(&self) -> Arc<Loan> {
        self.0.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A statement that still runs has an `Arc` of its own. Nobody waits for its result any more.
        if Arc::strong_count(&self.0) > 1 {
            self.0.interrupt.interrupt();
        }
    }
}

/// What a lease is of. A statement that runs keeps it, also when the lease is gone.
pub(crate) struct Loan {
    number: u64,
    /// Who has it.
    component: Arc<str>,
    _lent: One,
    database: Arc<Database>,
    interrupt: rusqlite::InterruptHandle,
    /// `None` only while it is given back.
    session: Mutex<Option<Session>>,
    /// The turn to write, from the first statement that needs it to the end of its transaction.
    turn: Mutex<Option<Turn>>,
    /// Whether it waits for the turn of a transaction.
    asks: AtomicBool,
    /// Whether the last statement left the connection with the write lock.
    locked: AtomicBool,
    /// What its last write made, if another connection has written it.
    elsewhere: Mutex<Option<Made>>,
}

/// A loan that asks for the turn, until it has it or gives up.
struct Asks<'a>(&'a AtomicBool);

impl<'a> Asks<'a> {
    fn begin(asks: &'a AtomicBool) -> Self {
        asks.store(true, Ordering::Relaxed);
        Self(asks)
    }
}

impl Drop for Asks<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let session = self.session.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            self.database.take_back(session);
        }
    }
}

impl Loan {
    fn elsewhere(&self) -> MutexGuard<'_, Option<Made>> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> Result<Made, Error> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        self.elsewhere().or_else(|| session.as_ref().map(Made::by)).ok_or(Error::InvalidConnection)
    }

    /// The id of the row that was inserted last.
    pub fn last_id(&self) -> Result<i64, Error> {
        Ok(self.made()?.last_id)
    }

    /// How many rows the last statement that writes has changed.
    pub fn changes(&self) -> Result<u64, Error> {
        Ok(self.made()?.changes)
    }

    /// Whether it has the turn to write.
    pub fn has_turn(&self) -> bool {
        self.turn().as_ref().is_some_and(|turn| turn.0.is_some())
    }

    /// Whether it has the turn to write, asks for it, or writes without one that it has waited for too long.
    pub fn writes(&self) -> bool {
        self.asks.load(Ordering::Relaxed) || self.turn().is_some()
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one statement to its end. If it is a query that is long, tells so before it goes on in the background.
    pub async fn execute(
        self: Arc<Self>,
        statement: String,
        parameters: Vec<Value>,
        takes_long: impl FnOnce(),
    ) -> Result<QueryResult, Error> {
        if let Some(observer) = &self.database.observer {
            let locked = self.locked.load(Ordering::Relaxed);
            if let Some(error) = observer(&Statement { sql: &statement, connection: self.number, locked }) {
                return Err(Error::Io(error));
            }
        }
        if !self.database.distance.is_zero() {
            tokio::time::sleep(self.database.distance).await;
        }
        if let Some(result) = self.here(|session| self.run_briefly(session, &statement, &parameters)) {
            return result;
        }
        let begins = begins(&statement);
        // What only reads and turned out to be long waits for no writer: an instance that has the turn may wait for it.
        let reads = self.here(|session| session.reads(&statement).then_some(())).is_some();
        if reads && !self.has_turn() {
            takes_long();
            return self.run_elsewhere(statement, parameters, Threads::Background).await;
        }
        if writes(&statement) && !reads && self.turn().is_none() {
            if begins.is_none() {
                return self.run_single(statement, parameters).await;
            }
            let is_long = begins.as_deref() == Some("EXCLUSIVE");
            self.clone().take_turn(if is_long { Weight::Long } else { Weight::Transaction }).await;
        }
        if self.writes() {
            background::leave().await;
        }
        if changes_rows(&statement) && !reads {
            *self.elsewhere() = None;
        }
        let run_in_turn = |session: &Session| {
            session.run_in_turn(&statement, &parameters).inspect(|result| self.ran(session, result))
        };
        if self.has_turn()
            && let Some(result) = self.here(run_in_turn)
        {
            return result;
        }
        self.run_elsewhere(statement, parameters, Threads::Usual).await
    }

    /// Runs a query to its end if it is short and need not wait, on a connection for all if it belongs to no transaction.
    fn run_briefly(&self, own: &Session, statement: &str, parameters: &[Value]) -> Option<Result<QueryResult, Error>> {
        if !own.is_like_others() || !may_read(statement) {
            return own.run_briefly(statement, parameters);
        }
        let reader = self.database.readers().pop();
        let reader = reader.or_else(|| Session::like(own, &self.database.path).ok())?;
        let result = reader.run_briefly(statement, parameters);
        let mut readers = self.database.readers();
        if readers.len() < MAX_READERS {
            readers.push(reader);
        }
        result
    }

    /// Waits for the turn of a transaction, in a task of its own: its instance may be busy with something else when the turn comes, and has
    /// to be known to have it (see [`Self::has_turn`]).
    async fn take_turn(self: Arc<Self>, weight: Weight) {
        let _asks = Asks::begin(&self.asks);
        background::leave().await;
        let loan = self.clone();
        let mut taken = Box::pin(async move {
            let turn = loan.database.turn(weight, &loan.component).await;
            *loan.turn() = Some(turn);
        });
        if taken.as_mut().now_or_never().is_none() {
            // Dropped, the set ends its task.
            let mut tasks = JoinSet::new();
            tasks.spawn(taken);
            tasks.join_next().await;
        }
    }

    /// Runs a statement that writes and has no turn, in a group or else as soon as it has one, in a task of its own. Whoever waits for
    /// the statement may be an instance that another of its requests keeps busy, with a password for example: the turn of all must
    /// not wait for that.
    async fn run_single(self: Arc<Self>, statement: String, parameters: Vec<Value>) -> Result<QueryResult, Error> {
        let write = Write { statement, parameters };
        let write = if self.fits_in_group(&write) {
            let before = self.made()?;
            let inserts = inserts(&write.statement);
            match self.database.join(self.component.clone(), write).await {
                Outcome::Ran(result) => {
                    self.database.count_busy(&result);
                    let (result, made) = result?;
                    *self.elsewhere() = Some(made.after(before, inserts));
                    return Ok(result);
                }
                Outcome::Alone(write) => write,
            }
        } else {
            write
        };
        let runtime = self.database.runtime.clone();
        // Dropped, the set ends its task.
        let mut tasks = JoinSet::new();
        let alone = async move {
            let weight = Weight::Bytes(total_size(&write.parameters));
            let turn = self.database.turn(weight, &self.component).await;
            *self.turn() = Some(turn);
            blocking(move || self.run_as_writer(&write.statement, &write.parameters)).await
        };
        tasks.spawn_on(alone, &runtime);
        let ended = tasks.join_next().await.expect("it has a task");
        ended.unwrap_or_else(|panic| Err(Error::Io(panic.to_string())))
    }

    /// Whether a statement is its own transaction, and so small that a group may wait for it.
    fn fits_in_group(&self, write: &Write) -> bool {
        total_size(&write.parameters) <= LITTLE
            && changes_rows(&write.statement)
            && self.here(|session| session.is_like_others().then_some(())).is_some()
    }

    /// Runs a statement on the connection that writes, which it makes if there is none, if it is its own transaction. May block.
    fn run_as_writer(&self, statement: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
        let own = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let own = own.as_ref().ok_or(Error::InvalidConnection)?;
        // It is part of a transaction that began with a read, or makes what belongs to the connection; or others write just now.
        let is_apart = own.is_like_others() && changes_rows(statement) && self.has_turn();
        let mut writer = is_apart.then(|| self.database.writer());
        if let Some(writer) = writer.as_mut().filter(|writer| writer.is_none()) {
            **writer = Session::like(own, &self.database.path).ok();
        }
        // One that has not noticed that a table was made anew tells so when it begins, and not always before.
        let writer = writer.as_ref().and_then(|writer| writer.as_ref()).filter(|writer| writer.knows(statement));
        let session = writer.unwrap_or(own);
        let before = self.elsewhere().unwrap_or_else(|| Made::by(own));
        let result = session.run(statement, parameters);
        if writer.is_none() {
            *self.elsewhere() = None;
        } else if result.is_ok() {
            *self.elsewhere() = Some(Made::by(session).after(before, inserts(statement)));
        }
        self.ran(session, &result);
        result
    }

    /// Runs a statement on a thread that may block.
    async fn run_elsewhere(
        self: Arc<Self>,
        statement: String,
        parameters: Vec<Value>,
        threads: Threads,
    ) -> Result<QueryResult, Error> {
        let run = move || {
            let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let session = session.as_ref().ok_or(Error::InvalidConnection)?;
            let result = session.run(&statement, &parameters);
            self.ran(session, &result);
            result
        };
        match threads {
            Threads::Usual => blocking(run).await,
            Threads::Background => ended(background::spawn_blocking(run)).await,
        }
    }

    /// Does some work on the thread that it is on. None if another statement has the connection: then this one waits on a
    /// thread that may.
    fn here<T>(&self, work: impl FnOnce(&Session) -> Option<T>) -> Option<T> {
        self.session.try_lock().ok()?.as_ref().and_then(work)
    }

    /// Notes in which state a statement has left the connection. The turn ends with its transaction.
    fn ran(&self, session: &Session, result: &Result<QueryResult, Error>) {
        if session.sqlite.is_autocommit() {
            *self.turn() = None;
            self.database.committed(session);
        }
        self.locked.store(session.has_lock(), Ordering::Relaxed);
        self.database.count_busy(result);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    ended(tokio::task::spawn_blocking(work)).await
}

async fn ended<T>(task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    task.await.unwrap_or_else(|panic| Err(Error::Io(panic.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::spin::session::SMALL;
    use std::sync::mpsc::channel;
    use tokio::runtime::{Builder, Runtime};

    async fn lease(path: &Path) -> Lease {
        let database = Database::new(path.to_owned(), None, Duration::ZERO, Metrics::new("test").database("default"));
        Arc::new(database).lease("a".into()).await.unwrap()
    }

    async fn run(lease: &Lease, statement: &str) -> String {
        format!("{:?}", lease.loan().execute(statement.to_owned(), Vec::new(), || {}).await)
    }

    /// A runtime with a single thread that may block.
    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap()
    }

    /// The result of a statement, and whether it ran where it is, for nobody else had time for it.
    async fn execute(lease: &Lease, statement: &str, parameters: &[Value]) -> (Result<QueryResult, Error>, bool) {
        let (release, held) = channel();
        let holder = tokio::task::spawn_blocking(move || held.recv());
        let mut running = Box::pin(lease.loan().execute(statement.to_owned(), parameters.to_vec(), || {}));
        let at_once = running.as_mut().now_or_never();
        release.send(()).unwrap();
        holder.await.unwrap().unwrap();
        let ran_here = at_once.is_some();
        (if let Some(result) = at_once { result } else { running.await }, ran_here)
    }

    const INSERT: &str = "INSERT INTO t (name) SELECT value FROM json_each(?)";

    #[test]
    fn a_transaction_leaves_its_thread_for_what_waits_and_for_what_may_take_long() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let lease = lease(&home.path().join("t.db")).await;
            run(&lease, "PRAGMA journal_mode = WAL").await;
            run(&lease, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT) STRICT").await;
            let one = [Value::Text(r#"["a"]"#.to_owned())];
            let many = [Value::Text(format!("[{}1]", "1,".repeat(SMALL)))];
            for (statement, parameters, expected) in [
                ("BEGIN IMMEDIATE", &[][..], true),
                (INSERT, &one, false), // Nobody knows yet what it takes.
                (INSERT, &one, true),
                ("SELECT count(*) FROM t", &[], true),
                (INSERT, &many, false),
                (INSERT, &one, false), // It was long when it last ran.
                (INSERT, &one, true),
                ("DELETE FROM t", &[], false),
                ("COMMIT", &[], false),
                (INSERT, &one, false), // It is a transaction of its own, and is committed.
            ] {
                let (result, ran_here) = execute(&lease, statement, parameters).await;
                assert!(result.is_ok() && ran_here == expected, "{statement}: {result:?} {ran_here}");
            }
        });
    }

    #[test]
    fn the_lock_of_another_process_holds_up_no_thread() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("t.db");
            let lease = lease(&path).await;
            run(&lease, "PRAGMA busy_timeout = 30").await;
            run(&lease, "PRAGMA journal_mode = WAL").await;
            let other = rusqlite::Connection::open(&path).unwrap();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            let (result, ran_here) = execute(&lease, "BEGIN IMMEDIATE", &[]).await;
            assert!(is_busy(&result) && !ran_here, "{result:?} {ran_here}");
            other.execute_batch("COMMIT").unwrap();
            let (result, ran_here) = execute(&lease, "BEGIN IMMEDIATE", &[]).await;
            assert!(result.is_ok() && ran_here, "{result:?} {ran_here}");
            let patience = run(&lease, "PRAGMA busy_timeout").await;
            assert!(patience.contains("Integer(30)"), "as the component has told it: {patience}");
        });
    }

    #[test]
    fn a_query_that_is_long_stands_in_no_queue_of_writers() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let first = lease(&home.path().join("t.db")).await;
            let database = first.0.database.clone();
            let second = database.clone().lease("a".into()).await.unwrap();
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "CREATE TABLE t (name TEXT) STRICT").await;
            run(&second, "SELECT 1").await;
            run(&first, "BEGIN IMMEDIATE").await;
            let long =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT max(i) FROM n";
            let mut reads = Box::pin(second.loan().execute(long.to_owned(), Vec::new(), || {}));
            assert!(reads.as_mut().now_or_never().is_none(), "it is long");
            tokio::task::yield_now().await;
            assert_eq!(database.metrics.writers.get(), 0);
            assert!(format!("{:?}", reads.await).contains("50000"));
        });
    }

    #[test]
    fn single_statements_are_written_by_one_connection_and_told_of_as_if_each_had_written_its_own() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let first = lease(&home.path().join("t.db")).await;
            let database = first.0.database.clone();
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "CREATE TABLE t (name TEXT) STRICT").await;
            run(&first, "DELETE FROM t").await;
            drop(first);
            let [one, two] = [(); 2].map(|()| database.clone().lease("a".into()));
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            let own = |lease: &Lease| lease.0.session.lock().unwrap().as_ref().unwrap().sqlite.total_changes();
            let told = |lease: &Lease| (lease.0.changes().unwrap(), lease.0.last_id().unwrap());
            for lease in [&one, &two] {
                run(lease, "SELECT 1").await;
            }
            run(&one, "INSERT INTO t VALUES ('a'), ('b')").await;
            run(&two, "INSERT INTO t VALUES ('c')").await;
            assert_eq!((told(&one), told(&two)), ((2, 2), (1, 3)));
            run(&one, "UPDATE t SET name = name WHERE name = 'c'").await;
            assert_eq!(told(&one), (1, 2));
            assert!(run(&one, "INSERT INTO t VALUES (x'00')").await.contains("cannot store"));
            assert_eq!(told(&one), (1, 2), "it made nothing");
            assert_eq!((own(&one), own(&two)), (0, 0));
            // What belongs to a transaction stays in it.
            run(&one, "BEGIN").await;
            assert!(run(&one, "SELECT count(*) FROM t").await.contains("Integer(3)"));
            run(&one, "INSERT INTO t VALUES ('d'), ('e'), ('f')").await;
            assert_eq!((told(&one), own(&one)), ((3, 6), 3));
            run(&one, "ROLLBACK").await;
            run(&two, "BEGIN IMMEDIATE").await;
            run(&two, "INSERT INTO t VALUES ('g')").await;
            assert_eq!((told(&two), own(&two)), ((1, 4), 1));
            run(&two, "COMMIT").await;
            assert!(run(&one, "SELECT group_concat(name, '') FROM t").await.contains("abcg"));
        });
    }

    #[test]
    fn short_queries_run_on_a_connection_for_all_unless_they_belong_to_their_own() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let first = lease(&home.path().join("t.db")).await;
            let database = first.0.database.clone();
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "PRAGMA reverse_unordered_selects = OFF").await;
            run(&first, "CREATE TABLE t (name TEXT) STRICT").await;
            run(&first, "SELECT count(*) FROM t").await;
            assert_eq!(database.readers().len(), 0, "it has been told what is not copied");
            let [one, two] = [(); 2].map(|()| database.clone().lease("a".into()));
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            let names = "SELECT group_concat(name, '') FROM t";
            for lease in [&one, &two] {
                run(lease, "PRAGMA temp_store = MEMORY").await;
                run(lease, "PRAGMA journal_mode").await;
                run(lease, "INSERT INTO t VALUES ('a')").await;
                assert!(run(lease, names).await.contains("\"a"), "what is written is seen");
            }
            let readers = || {
                let readers = database.readers();
                let setting =
                    |reader: &Session| reader.sqlite.pragma_query_value(None, "temp_store", |row| row.get(0)).unwrap();
                readers.iter().map(setting).collect::<Vec<i64>>()
            };
            assert_eq!(readers(), [2], "it is one, and told what they are");
            // What is not committed, nobody else sees.
            run(&one, "BEGIN IMMEDIATE").await;
            run(&one, "INSERT INTO t VALUES ('b')").await;
            assert!(run(&one, names).await.contains("aab"));
            assert!(run(&two, names).await.contains("\"aa\""));
            run(&one, "COMMIT").await;
            assert!(run(&two, names).await.contains("aab"));
            // Nor what is its own.
            run(&one, "CREATE TEMPORARY TABLE t (name TEXT)").await;
            run(&one, "INSERT INTO t VALUES ('own')").await;
            assert!(run(&one, names).await.contains("\"own\""));
            assert!(run(&two, names).await.contains("aab"));
            assert_eq!(readers(), [2]);
        });
    }

    #[test]
    fn those_who_wait_for_one_that_writes_are_written_together_and_before_a_transaction_that_came_then() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let first = lease(&home.path().join("t.db")).await;
            let database = first.0.database.clone();
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT) STRICT").await;
            let insert = |lease: &Lease, name: &str| {
                lease.loan().execute(
                    "INSERT INTO t (name) VALUES (?)".to_owned(),
                    vec![Value::Text(name.to_owned())],
                    || {},
                )
            };
            insert(&first, "first").await.unwrap();
            let commits = Arc::new(AtomicU64::new(0));
            let counted = commits.clone();
            let count = move || counted.fetch_add(1, Ordering::Relaxed) == u64::MAX;
            database.writer().as_mut().unwrap().sqlite.commit_hook(Some(count)).unwrap();
            let mut leases = Vec::new();
            for _ in 0..4 {
                let lease = database.clone().lease("a".into()).await.unwrap();
                run(&lease, "PRAGMA journal_mode").await;
                leases.push(lease);
            }
            run(&first, "BEGIN IMMEDIATE").await;
            run(&first, "INSERT INTO t (name) VALUES ('begins')").await;
            let mut writes: Vec<_> =
                ["a", "b", "c", "d"].iter().zip(&leases).map(|(name, lease)| Box::pin(insert(lease, name))).collect();
            for write in &mut writes {
                assert!(write.as_mut().now_or_never().is_none(), "another one has the turn");
            }
            let begins = leases[0].0.database.clone().lease("b".into()).await.unwrap();
            let begins = begins.loan().execute("BEGIN IMMEDIATE".to_owned(), Vec::new(), || {});
            let (_, written, begun) = futures::join!(run(&first, "COMMIT"), futures::future::join_all(writes), begins);
            assert!(written.iter().all(Result::is_ok) && begun.is_ok(), "{written:?}");
            let ids = leases.iter().map(|lease| lease.0.last_id().unwrap());
            assert_eq!(ids.collect::<Vec<_>>(), [3, 4, 5, 6]);
            assert_eq!(commits.load(Ordering::Relaxed), 1);
            assert_eq!(database.metrics.writers.get(), 0);
        });
    }

    #[test]
    fn a_long_log_is_written_back_when_its_turn_is_over() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let lease = lease(&home.path().join("t.db")).await;
            run(&lease, "PRAGMA journal_mode = WAL").await;
            run(&lease, "CREATE TABLE t (name BLOB) STRICT").await;
            let written = |what| std::fs::metadata(home.path().join(what)).map_or(0, |file| file.len());
            run(&lease, "INSERT INTO t VALUES (zeroblob(8000000))").await;
            let log = written("t.db-wal");
            while written("t.db") < 8_000_000 || lease.0.database.writes_back.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            run(&lease, "INSERT INTO t VALUES (zeroblob(7000000))").await;
            assert_eq!(written("t.db-wal"), log, "it began anew");
        });
    }

    #[test]
    fn a_write_of_one_statement_has_its_turn_while_nobody_looks_after_it() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("t.db");
            let first = lease(&path).await;
            let database = first.0.database.clone();
            let (second, third) =
                (database.clone().lease("a".into()).await.unwrap(), database.lease("a".into()).await.unwrap());
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "CREATE TABLE t (name TEXT) STRICT").await;
            run(&first, "BEGIN IMMEDIATE").await;
            let mut waits = Box::pin(second.loan().execute("INSERT INTO t VALUES ('a')".to_owned(), Vec::new(), || {}));
            assert!(waits.as_mut().now_or_never().is_none());
            // So that it stands in the queue before the next.
            tokio::task::yield_now().await;
            let begins = third.loan().execute("BEGIN IMMEDIATE".to_owned(), Vec::new(), || {});
            let (_, begun) = futures::future::join(run(&first, "COMMIT"), begins).await;
            begun.unwrap();
            assert!(run(&third, "SELECT name FROM t").await.contains("Text(\"a\")"), "it is written");
            waits.await.unwrap();
        });
    }
}
