//! A connection to a database as a component has it: the resource `connection`.
//!
//! It has a connection of SQLite from the beginning of a transaction to its end, or for good if a component has made something in it that
//! others do not have, such as a temporary table, or the database is not in WAL mode. What else it runs, it runs on any: what it
//! was told by PRAGMA and what SQLite tells of its last write stay with it, for each connection is told and asked in turn. The functions
//! of SQL that tell the same (`changes()`, `total_changes()`, `last_insert_rowid()`) tell of this connection within a transaction only.
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

use crate::background;
use crate::metrics::One;
use crate::spin::bindings::spin::sqlite::sqlite::{Error, QueryResult, Value};
use crate::spin::database::{Database, Statement, Threads, Turn, blocking, ended};
use crate::spin::group::{Outcome, Write};
use crate::spin::queue::{LITTLE, Weight};
use crate::spin::session::{Made, Session, Settings};
use crate::spin::sql;
use crate::spin::values::total_size;
use futures::FutureExt as _;
use rusqlite::InterruptHandle;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// A connection that an instance has open.
pub struct Lease(Arc<Loan>);

impl Lease {
    /// Opens a database for a component. Whether that can be done is told now.
    pub async fn open(database: Arc<Database>, component: Arc<str>) -> Result<Self, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let session = if database.has_idle() {
            None
        } else {
            let database = database.clone();
            Some(blocking(move || database.open()).await?)
        };
        Ok(Self(Arc::new(Loan {
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            component,
            _lent: One::of(&database.metrics.lent),
            database,
            own: Mutex::new(Own { session, settings: Settings::default() }),
            made: Mutex::default(),
            interrupt: Mutex::default(),
            turn: Mutex::default(),
            asks: AtomicBool::new(false),
            locked: AtomicBool::new(false),
        })))
    }

    pub(super) fn loan(&self) -> Arc<Loan> {
        self.0.clone()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A statement that still runs has an `Arc` of its own. Nobody waits for its result any more.
        if let Some(interrupt) = &*self.0.interrupt() {
            interrupt.interrupt();
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
    own: Mutex<Own>,
    /// What its last write has made.
    made: Mutex<Made>,
    /// Ends the statement that runs on another thread.
    interrupt: Mutex<Option<InterruptHandle>>,
    /// The turn to write, from the first statement that needs it to the end of its transaction.
    turn: Mutex<Option<Turn>>,
    /// Whether it waits for the turn of a transaction.
    asks: AtomicBool,
    /// Whether the last statement left the connection with the write lock.
    locked: AtomicBool,
}

/// What it does not share.
struct Own {
    /// The connection of SQLite that it needs for itself.
    session: Option<Session>,
    /// What it was told by PRAGMA.
    settings: Settings,
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
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Two requests must never meet inside one transaction.
        if let Some(session) = own.session.take()
            && session.ends_transaction()
        {
            self.database.put(session);
        }
    }
}

impl Loan {
    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interrupt(&self) -> MutexGuard<'_, Option<InterruptHandle>> {
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the row that was inserted last.
    pub fn last_id(&self) -> i64 {
        self.made().last_id
    }

    /// How many rows the last statement that writes has changed.
    pub fn changes(&self) -> u64 {
        self.made().changes
    }

    /// Whether it has the turn to write.
    pub fn has_turn(&self) -> bool {
        self.turn().as_ref().is_some_and(|turn| turn.0.is_some())
    }

    /// Whether it has the turn to write, asks for it, or writes without one that it has waited for too long.
    pub fn writes(&self) -> bool {
        self.asks.load(Ordering::Relaxed) || self.turn().is_some()
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
        let mut reads = false;
        if sql::may_read(&statement) {
            self.be_ready().await?;
            let mut asked = None;
            let run_briefly = |session: &Session| {
                let reads = *asked.insert(session.reads(&statement));
                reads.then(|| session.run_briefly(&statement, &parameters)).flatten()
            };
            if let Some(result) = self.here(run_briefly) {
                return result;
            }
            reads = match asked {
                Some(reads) => reads,
                None => self.clone().reads(statement.clone()).await?,
            };
        }
        // What only reads and turned out to be long waits for no writer: an instance that has the turn may wait for it.
        if reads && !self.has_turn() {
            takes_long();
            return self.run_elsewhere(statement, parameters, Threads::Background).await;
        }
        if sql::writes(&statement) && !reads && self.turn().is_none() {
            let Some(how) = sql::begins(&statement) else {
                return self.run_single(Write { statement, parameters }).await;
            };
            let is_long = how.eq_ignore_ascii_case("EXCLUSIVE");
            self.clone().take_turn(if is_long { Weight::Long } else { Weight::Transaction }).await;
        }
        if self.writes() {
            background::leave().await;
        }
        let run_in_turn = |session: &Session| {
            let run = |made: &mut Made| session.run_in_turn(&statement, &parameters, made);
            self.run(session, run)
        };
        if self.has_turn()
            && let Some(result) = self.here(run_in_turn)
        {
            return result;
        }
        self.run_elsewhere(statement, parameters, Threads::Usual).await
    }

    /// Whether a statement is a query, as SQLite has it, asked on a thread that may block.
    async fn reads(self: Arc<Self>, statement: String) -> Result<bool, Error> {
        blocking(move || self.with(self.own(), |session| Ok(session.reads(&statement)))).await
    }

    /// Has a connection of SQLite at hand, for to open one takes a thread that may block.
    async fn be_ready(&self) -> Result<(), Error> {
        let needs_one = self.own.try_lock().is_ok_and(|own| own.session.is_none());
        if needs_one && !self.database.has_idle() {
            let database = self.database.clone();
            self.database.put(blocking(move || database.open()).await?);
        }
        Ok(())
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
    async fn run_single(self: Arc<Self>, write: Write) -> Result<QueryResult, Error> {
        let (write, is_late) = match self.fits_in_group(&write) {
            Some(settings) => {
                let made = *self.made();
                match self.database.join(self.component.clone(), write, settings, made).await {
                    Outcome::Ran(result, made) => {
                        *self.made() = made;
                        self.database.count_busy(&result);
                        return result;
                    }
                    Outcome::Apart(write) => (write, false),
                    Outcome::Late(write) => (write, true),
                }
            }
            None => (write, false),
        };
        let runtime = self.database.runtime.clone();
        // Dropped, the set ends its task.
        let mut tasks = JoinSet::new();
        let alone = async move {
            let weight = Weight::Bytes(total_size(&write.parameters));
            let turn = if is_late { Turn(None) } else { self.database.turn(weight, &self.component).await };
            *self.turn() = Some(turn);
            blocking(move || self.run_as_writer(&write)).await
        };
        tasks.spawn_on(alone, &runtime);
        let ended = tasks.join_next().await.expect("it has a task");
        ended.unwrap_or_else(|panic| Err(Error::Io(panic.to_string())))
    }

    /// If a statement is its own transaction, and so small that a group may wait for it: what its connection was told.
    fn fits_in_group(&self, write: &Write) -> Option<Settings> {
        let is_small = total_size(&write.parameters) <= LITTLE
            && sql::may_change_few_rows(&write.statement)
            && sql::is_one(&write.statement);
        let own = self.own.try_lock().ok().filter(|own| is_small && own.session.is_none())?;
        Some(own.settings)
    }

    /// Runs a statement that is its own transaction on the connection that writes, which is made at first. May block.
    fn run_as_writer(&self, write: &Write) -> Result<QueryResult, Error> {
        let own = self.own();
        // It is part of a transaction that began with a read, or makes what belongs to the connection; or others write just now.
        let is_apart = own.session.is_none() && sql::changes_rows(&write.statement) && sql::is_one(&write.statement);
        if is_apart && self.has_turn() {
            let writer = self.database.writer(own.settings);
            // One that has not noticed that a table was made anew tells so when it begins, and not always before.
            if let Some(session) = writer.as_ref().filter(|session| session.knows(&write.statement)) {
                return self.run_to_end(session, &write.statement, &write.parameters);
            }
        }
        self.with(own, |session| self.run_to_end(session, &write.statement, &write.parameters))
    }

    /// Runs a statement on a thread that may block.
    pub(super) async fn run_elsewhere(
        self: Arc<Self>,
        statement: String,
        parameters: Vec<Value>,
        threads: Threads,
    ) -> Result<QueryResult, Error> {
        let run = move || {
            self.with(self.own(), |session| {
                *self.interrupt() = Some(session.sqlite.get_interrupt_handle());
                let result = self.run_to_end(session, &statement, &parameters);
                // Who is interrupted from now on is somebody else.
                *self.interrupt() = None;
                result
            })
        };
        match threads {
            Threads::Usual => blocking(run).await,
            Threads::Background => ended(background::spawn_blocking(run)).await,
        }
    }

    /// Does some work on the thread that it is on. None if another statement has the connection, or none of SQLite's is free: then this
    /// one waits on a thread that may.
    fn here<T>(&self, work: impl FnOnce(&Session) -> Option<T>) -> Option<T> {
        let mut own = self.own.try_lock().ok()?;
        let session = own.session.take().or_else(|| self.database.take_idle(own.settings))?;
        let done = work(&session);
        self.keep(&mut own, session);
        done
    }

    /// Does some work on its connection of SQLite, or on any. May block.
    fn with<T>(
        &self,
        mut own: MutexGuard<'_, Own>,
        work: impl FnOnce(&Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let session = match own.session.take() {
            Some(session) => Ok(session),
            None => self.database.take(own.settings),
        };
        // Who cannot begin has no turn.
        let session = session.inspect_err(|_| *self.turn() = None)?;
        let done = work(&session);
        self.keep(&mut own, session);
        done
    }

    /// Keeps a connection that has become its own, and gives any other back.
    fn keep(&self, own: &mut Own, session: Session) {
        own.settings = session.settings();
        if session.is_like_others() {
            self.database.put(session);
        } else {
            own.session = Some(session);
        }
    }

    fn run_to_end(&self, session: &Session, statement: &str, parameters: &[Value]) -> Result<QueryResult, Error> {
        let run = |made: &mut Made| Some(session.run(statement, parameters, made).map_err(Error::from));
        self.run(session, run).expect("it runs in any case")
    }

    /// Runs a statement, if it is run, and notes what that has made and in which state it leaves the connection. The turn ends with its
    /// transaction.
    fn run(
        &self,
        session: &Session,
        run: impl FnOnce(&mut Made) -> Option<Result<QueryResult, Error>>,
    ) -> Option<Result<QueryResult, Error>> {
        let mut made = *self.made();
        let result = run(&mut made)?;
        *self.made() = made;
        if session.sqlite.is_autocommit() {
            *self.turn() = None;
            self.database.committed(session);
        }
        self.locked.store(session.has_lock(), Ordering::Relaxed);
        self.database.count_busy(&result);
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::spin::session::{SMALL, is_busy};
    use std::path::Path;
    use std::sync::mpsc::channel;
    use std::time::Duration;
    use tokio::runtime::{Builder, Runtime};

    async fn lease(path: &Path) -> Lease {
        let database = Database::new(path.to_owned(), None, Duration::ZERO, Metrics::new("test").database("default"));
        Lease::open(Arc::new(database), "a".into()).await.unwrap()
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
            let second = Lease::open(database.clone(), "a".into()).await.unwrap();
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
            let [one, two] = [(); 2].map(|()| Lease::open(database.clone(), "a".into()));
            let (one, two) = (one.await.unwrap(), two.await.unwrap());
            let own = |lease: &Lease| lease.0.own().session.as_ref().map(|session| session.sqlite.changes());
            let told = |lease: &Lease| (lease.0.changes(), lease.0.last_id());
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
            assert_eq!((own(&one), own(&two)), (None, None));
            // What belongs to a transaction stays in it.
            run(&one, "BEGIN").await;
            assert!(run(&one, "SELECT count(*) FROM t").await.contains("Integer(3)"));
            run(&one, "INSERT INTO t VALUES ('d'), ('e'), ('f')").await;
            assert_eq!((told(&one), own(&one)), ((3, 6), Some(3)));
            run(&one, "ROLLBACK").await;
            run(&two, "BEGIN IMMEDIATE").await;
            run(&two, "INSERT INTO t VALUES ('g')").await;
            assert_eq!((told(&two), own(&two)), ((1, 4), Some(1)));
            run(&two, "COMMIT").await;
            assert!(run(&one, "SELECT group_concat(name, '') FROM t").await.contains("abcg"));
        });
    }

    #[test]
    fn a_connection_is_its_own_only_while_it_has_a_transaction_or_something_of_its_own() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let first = lease(&home.path().join("t.db")).await;
            let database = first.0.database.clone();
            let idle = || database.metrics.idle.get();
            run(&first, "PRAGMA busy_timeout = 20").await;
            assert_eq!(idle(), 0, "what is not in WAL mode shares nothing");
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "CREATE TABLE t (name TEXT) STRICT").await;
            assert_eq!(idle(), 1);
            let (one, two) = (
                Lease::open(database.clone(), "a".into()).await.unwrap(),
                Lease::open(database.clone(), "a".into()).await.unwrap(),
            );
            let names = "SELECT group_concat(name, '') FROM t";
            for lease in [&one, &two] {
                run(lease, "INSERT INTO t VALUES ('a')").await;
                assert!(run(lease, names).await.contains("\"a"), "what is written is seen");
            }
            assert_eq!(idle(), 1, "all were one");
            // What is not committed, nobody else sees.
            run(&one, "BEGIN IMMEDIATE").await;
            run(&one, "INSERT INTO t VALUES ('b')").await;
            assert_eq!(idle(), 0);
            assert!(run(&one, names).await.contains("\"aab\""));
            assert!(run(&two, names).await.contains("\"aa\""));
            run(&one, "COMMIT").await;
            assert!(run(&two, names).await.contains("\"aab\""));
            assert_eq!(idle(), 2);
            // Nor what is its own.
            run(&one, "CREATE TEMPORARY TABLE t (name TEXT)").await;
            run(&one, "INSERT INTO t VALUES ('own')").await;
            assert!(run(&one, names).await.contains("\"own\""));
            assert!(run(&two, names).await.contains("\"aab\""));
            drop(one);
            assert!(run(&two, names).await.contains("\"aab\""));
            assert_eq!(idle(), 1, "it is nobody's any more");
        });
    }

    #[test]
    fn each_connection_has_what_it_was_told_and_no_other() {
        runtime().block_on(async {
            let home = tempfile::tempdir().unwrap();
            let first = lease(&home.path().join("t.db")).await;
            run(&first, "PRAGMA journal_mode = WAL").await;
            run(&first, "CREATE TABLE t (id INTEGER PRIMARY KEY, of INTEGER REFERENCES t (id)) STRICT").await;
            let database = first.0.database.clone();
            let (strict, lax) = (
                Lease::open(database.clone(), "a".into()).await.unwrap(),
                Lease::open(database, "a".into()).await.unwrap(),
            );
            run(&strict, "PRAGMA foreign_keys = ON").await;
            run(&strict, "PRAGMA busy_timeout = 70").await;
            run(&lax, "PRAGMA foreign_keys = OFF").await;
            let insert = "INSERT INTO t (of) VALUES (1234)";
            for _ in 0..3 {
                assert!(run(&strict, insert).await.contains("FOREIGN KEY"));
                assert!(run(&lax, insert).await.starts_with("Ok"));
            }
            assert!(run(&strict, "PRAGMA busy_timeout").await.contains("Integer(70)"));
            assert!(!run(&lax, "PRAGMA busy_timeout").await.contains("Integer(70)"));
            for hidden in ["EXPLAIN PRAGMA query_only = ON", "SELECT 1; PRAGMA query_only = ON"] {
                let hides = Lease::open(strict.0.database.clone(), "b".into()).await.unwrap();
                run(&hides, hidden).await;
                assert!(hides.0.own().session.is_some(), "{hidden}");
                assert!(run(&lax, insert).await.starts_with("Ok"), "{hidden}");
            }
            run(&lax, "PRAGMA reverse_unordered_selects = ON").await;
            assert!(lax.0.own().session.is_some(), "it was told what is not known to be told to another");
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
            database.writer(Settings::default()).as_mut().unwrap().sqlite.commit_hook(Some(count)).unwrap();
            let mut leases = Vec::new();
            for _ in 0..4 {
                let lease = Lease::open(database.clone(), "a".into()).await.unwrap();
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
            let begins = Lease::open(database.clone(), "b".into()).await.unwrap();
            let begins = begins.loan().execute("BEGIN IMMEDIATE".to_owned(), Vec::new(), || {});
            let (_, written, begun) = futures::join!(run(&first, "COMMIT"), futures::future::join_all(writes), begins);
            assert!(written.iter().all(Result::is_ok) && begun.is_ok(), "{written:?}");
            let ids = leases.iter().map(|lease| lease.0.last_id());
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
            let (second, third) = (
                Lease::open(database.clone(), "a".into()).await.unwrap(),
                Lease::open(database, "a".into()).await.unwrap(),
            );
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
