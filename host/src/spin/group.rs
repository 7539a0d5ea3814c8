//! Writes of one statement that are committed together: group commit.
//!
//! A commit waits for the disk, and who writes next waits for the commit. Those who come meanwhile become one transaction. In it each
//! statement succeeds or fails by itself; nobody sees any of it and nobody has an answer before all of it is on the disk. So it looks as
//! if each had been committed by itself, in the order in which they ran.
//!
//! Where it would not, all of a group is undone, and each of them is written by itself: if one has ended the transaction, or has failed and
//! may have left a part of what it did, or leaves a key broken until the commit. What is not known as short joins no group, for the
//! others would wait for it.

use crate::metrics::One;
use crate::spin::bindings::spin::sqlite::sqlite::{Error, QueryResult, Value};
use crate::spin::queue::MAX_WAIT;
use crate::spin::session::{Failure, Made, Session, Settings};
use crate::spin::values::io;
use prometheus_client::metrics::histogram::Histogram;
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// How many are committed together.
const MAX: usize = 32;

/// A statement, and what it is given.
pub(super) struct Write {
    pub statement: String,
    pub parameters: Vec<Value>,
}

/// What has become of a write.
pub(super) enum Outcome {
    /// It has run and is on the disk, or has failed, and whoever waits has made so much by now.
    Ran(Result<QueryResult, Error>, Made),
    /// It has not, and is to be written by itself.
    Apart(Write),
    /// It has not, for it has waited too long for the turn.
    Late(Write),
}

/// A write that waits, until somebody has its outcome.
pub(super) struct Waiting {
    pub write: Write,
    /// What its connection was told.
    pub settings: Settings,
    /// What whoever waits has made before.
    pub made: Made,
    pub since: Instant,
    /// Counts how long it has waited.
    pub waits: Histogram,
    /// Counts it among those that wait.
    pub _counted: One,
    pub outcome: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn run(&mut self, session: &Session) -> Result<QueryResult, Failure> {
        self.waits.observe(self.since.elapsed().as_secs_f64());
        session.run(&self.write.statement, &self.write.parameters, &mut self.made)
    }

    /// Whoever has gone away does not look for the outcome.
    fn ends(self, result: Result<QueryResult, Error>) {
        _ = self.outcome.send(Outcome::Ran(result, self.made));
    }

    fn leaves(self) {
        _ = self.outcome.send(Outcome::Apart(self.write));
    }

    /// The turn has not come within its time.
    pub fn gives_up(self) {
        let is_late = self.since.elapsed() >= MAX_WAIT;
        _ = self.outcome.send(if is_late { Outcome::Late(self.write) } else { Outcome::Apart(self.write) });
    }
}

/// Those who wait for the next group, by the component that they belong to, that first whose turn is next.
#[derive(Default)]
pub(super) struct Group {
    waiting: VecDeque<(Arc<str>, VecDeque<Waiting>)>,
    /// Whether somebody writes for them.
    has_writer: bool,
}

impl Group {
    /// Returns whether nobody writes for them yet: who is told so does from now on.
    pub fn joins(&mut self, component: Arc<str>, waiting: Waiting) -> bool {
        match self.waiting.iter_mut().find(|(of, _)| *of == component) {
            Some((_, of_it)) => of_it.push_back(waiting),
            None => self.waiting.push_back((component, [waiting].into())),
        }
        !mem::replace(&mut self.has_writer, true)
    }

    /// Takes those who come next, of each component in turn, for whoever writes. If there is nobody, it writes no more. Whoever has gone
    /// away comes no more.
    pub fn next(&mut self) -> Vec<Waiting> {
        let mut taken = Vec::new();
        while taken.len() < MAX
            && let Some((component, mut waiting)) = self.waiting.pop_front()
        {
            taken.extend(waiting.pop_front().filter(|first| !first.outcome.is_closed()));
            if !waiting.is_empty() {
                self.waiting.push_back((component, waiting));
            }
        }
        self.has_writer = !taken.is_empty();
        taken
    }
}

/// Writes a group by one connection. May block.
pub(super) fn write(session: &Session, group: Vec<Waiting>) {
    let fits = |waiting: &Waiting| {
        session.is_set(waiting.settings) && session.is_short(&waiting.write.statement, &waiting.write.parameters)
    };
    let (mut together, apart): (Vec<_>, Vec<_>) = group.into_iter().partition(fits);
    apart.into_iter().for_each(Waiting::leaves);
    if together.len() < 2 {
        // Its own transaction, which costs less.
        if let Some(mut only) = together.pop() {
            let result = only.run(session).map_err(Error::from);
            only.ends(result);
        }
        return;
    }
    match commit(session, &mut together) {
        Ok(Some(results)) => together.into_iter().zip(results).for_each(|(waiting, result)| waiting.ends(result)),
        Ok(None) => together.into_iter().for_each(Waiting::leaves),
        Err(error) => together.into_iter().for_each(|waiting| waiting.ends(Err(error.clone()))),
    }
}

/// Runs writes in one transaction. None if it cannot be one, and is undone.
fn commit(session: &Session, group: &mut [Waiting]) -> Result<Option<Vec<Result<QueryResult, Error>>>, Error> {
    session.sqlite.execute_batch("BEGIN IMMEDIATE").map_err(io)?;
    let mut results = Vec::with_capacity(group.len());
    for waiting in group {
        let result = waiting.run(session);
        let is_as_alone = result.as_ref().err().is_none_or(|failure| failure.is_as_alone);
        if !is_as_alone || session.owes() || session.sqlite.is_autocommit() {
            undo(session)?;
            return Ok(None);
        }
        results.push(result.map_err(Error::from));
    }
    let committed = session.sqlite.execute_batch("COMMIT").map_err(io);
    undo(session)?;
    // Of a disk that is full or fails all are told.
    committed.map(|()| Some(results))
}

/// Ends the transaction, if there is one still.
fn undo(session: &Session) -> Result<(), Error> {
    if session.sqlite.is_autocommit() { Ok(()) } else { session.sqlite.execute_batch("ROLLBACK").map_err(io) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::gauge::Gauge;
    use std::sync::Mutex;
    use tempfile::TempDir;

    /// A database in which each statement of these tests is known as short, and how many commits it has seen since.
    fn database() -> (TempDir, Session, Arc<Mutex<usize>>) {
        let home = tempfile::tempdir().unwrap();
        let mut session = Session::open(&home.path().join("t.db")).unwrap();
        let mut made = Made::default();
        session.run("PRAGMA journal_mode = WAL", &[], &mut made).unwrap();
        let tables = "PRAGMA foreign_keys = ON;
            CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> 'no'), child TEXT) STRICT;
            CREATE TABLE child (name TEXT REFERENCES t (name) DEFERRABLE INITIALLY DEFERRED) STRICT;
            CREATE UNIQUE INDEX names ON t (name);
            CREATE TABLE numbers (number INTEGER) STRICT;
            CREATE TRIGGER ends BEFORE INSERT ON t WHEN NEW.name = 'end' BEGIN SELECT RAISE (ROLLBACK, 'all ends'); END;
            CREATE TRIGGER has AFTER INSERT ON t WHEN NEW.child IS NOT NULL
                BEGIN INSERT INTO child VALUES (NEW.child); END;";
        session.sqlite.execute_batch(tables).unwrap();
        session.run(INSERT, &names(&["first"]), &mut made).unwrap();
        session.run(NUMBERS, &[Value::Text("[1]".to_owned())], &mut made).unwrap();
        session.run(CHILD, &[Value::Text("other".to_owned()), Value::Text("first".to_owned())], &mut made).unwrap();
        let commits = Arc::new(Mutex::new(0));
        let counted = commits.clone();
        session
            .sqlite
            .commit_hook(Some(move || {
                *counted.lock().unwrap() += 1;
                false
            }))
            .unwrap();
        (home, session, commits)
    }

    const INSERT: &str = "INSERT INTO t (name) SELECT value FROM json_each(?) WHERE true RETURNING name";
    const NUMBERS: &str = "INSERT INTO numbers SELECT value FROM json_each(?)";
    const CHILD: &str = "INSERT INTO t (name, child) VALUES (?, ?)";

    fn names(names: &[&str]) -> Vec<Value> {
        vec![Value::Text(format!("{names:?}"))]
    }

    fn waiting(statement: &str, parameters: Vec<Value>) -> (Waiting, oneshot::Receiver<Outcome>) {
        let (outcome, has_ended) = oneshot::channel();
        let write = Write { statement: statement.to_owned(), parameters };
        let (settings, made) = (Settings::default(), Made { changes: 7, last_id: 70 });
        let counted = One::of(&Gauge::default());
        (
            Waiting {
                write,
                settings,
                made,
                since: Instant::now(),
                waits: Histogram::new([]),
                _counted: counted,
                outcome,
            },
            has_ended,
        )
    }

    /// What becomes of writes that are a group: their rows and the id of the last, an error, or that they go alone.
    fn outcomes(session: &Session, writes: Vec<(&str, Vec<Value>)>) -> Vec<String> {
        let (group, outcomes): (Vec<_>, Vec<_>) =
            writes.into_iter().map(|(statement, parameters)| waiting(statement, parameters)).unzip();
        write(session, group);
        let tell = |outcome| match outcome {
            Outcome::Ran(Ok(result), made) => {
                let QueryResult { rows, .. } = result;
                format!("{} rows, {} changes, id {}", rows.len(), made.changes, made.last_id)
            }
            Outcome::Ran(Err(Error::Io(message)), Made { changes: 7, last_id: 70 }) => message,
            Outcome::Ran(Err(error), made) => format!("{error} {made:?}"),
            Outcome::Apart(write) | Outcome::Late(write) => format!("apart: {}", write.parameters.len()),
        };
        outcomes.into_iter().map(|mut outcome| tell(outcome.try_recv().unwrap())).collect()
    }

    fn all_names(session: &Session) -> String {
        session.sqlite.query_row("SELECT group_concat(name, ' ' ORDER BY id) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn each_write_of_a_group_succeeds_or_fails_by_itself_and_all_are_one_commit() {
        let (_home, session, commits) = database();
        let told = outcomes(
            &session,
            vec![
                (INSERT, names(&["a", "b"])),
                (INSERT, names(&["c", "no"])),
                (INSERT, names(&["a"])),
                (INSERT, names(&["d"])),
            ],
        );
        assert_eq!(
            told,
            [
                "2 rows, 2 changes, id 4",
                "CHECK constraint failed: name <> 'no'",
                "UNIQUE constraint failed: t.name",
                "1 rows, 1 changes, id 5"
            ]
        );
        assert_eq!(all_names(&session), "first other a b d", "nothing is left of what has failed");
        assert_eq!(*commits.lock().unwrap(), 1);
    }

    #[test]
    fn a_write_that_would_leave_something_else_in_a_group_than_alone_leaves_nothing_and_all_are_written_apart() {
        let (_home, session, commits) = database();
        let text = |text: &str| Value::Text(text.to_owned());
        let orphan = || (CHILD, vec![text("e"), text("parent")]);
        for culprits in [
            // It ends the transaction of all.
            vec![(INSERT, names(&["end"]))],
            // Without a constraint that it could break, nothing says before that it may fail in its midst.
            vec![(NUMBERS, vec![text("[1, 2, \"three\"]")])],
            vec![(NUMBERS, vec![text("[1, 2")])],
            // Only a commit refuses it, and would not if another one has mended it.
            vec![orphan()],
            vec![orphan(), (INSERT, names(&["parent"]))],
        ] {
            let told = outcomes(&session, [vec![(INSERT, names(&["a"]))], culprits].concat());
            assert!(told.iter().all(|outcome| outcome.starts_with("apart")), "{told:?}");
            assert!(session.sqlite.is_autocommit());
            assert_eq!(all_names(&session), "first other");
            assert_eq!(session.sqlite.query_row("SELECT sum(number) FROM numbers", [], |row| row.get(0)), Ok(1));
        }
        assert_eq!(*commits.lock().unwrap(), 0);
    }

    #[test]
    fn what_is_not_known_as_short_goes_alone_and_one_that_is_left_needs_no_transaction() {
        let (_home, session, commits) = database();
        let unknown = "UPDATE t SET name = name || '!' WHERE name = 'first'";
        let told = outcomes(&session, vec![(unknown, vec![]), (INSERT, names(&["a"])), ("DELETE FROM t", vec![])]);
        assert_eq!(told, ["apart: 0", "1 rows, 1 changes, id 3", "apart: 0"]);
        assert_eq!((all_names(&session).as_str(), *commits.lock().unwrap()), ("first other a", 1));
    }

    #[test]
    fn who_finds_the_database_locked_by_another_process_is_told_so() {
        let (home, session, _) = database();
        let other = rusqlite::Connection::open(home.path().join("t.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        session.sqlite.busy_timeout(std::time::Duration::ZERO).unwrap();
        let told = outcomes(&session, vec![(INSERT, names(&["a"])), (INSERT, names(&["b"]))]);
        assert_eq!(told, ["database is locked", "database is locked"]);
    }

    #[test]
    fn components_take_turns_and_whoever_has_gone_away_comes_no_more() {
        let mut group = Group::default();
        let mut outcomes = Vec::new();
        for (component, name) in [("a", "1"), ("a", "2"), ("b", "3"), ("a", "gone"), ("b", "4")] {
            let (waiting, outcome) = waiting(name, vec![]);
            assert_eq!(group.joins(component.into(), waiting), outcomes.is_empty(), "the first one writes");
            outcomes.push(outcome);
        }
        outcomes.remove(3);
        let next = |group: &mut Group| -> Vec<String> {
            group.next().into_iter().map(|waiting| waiting.write.statement).collect()
        };
        assert_eq!(next(&mut group), ["1", "3", "2", "4"]);
        assert!(next(&mut group).is_empty());
        for _ in 0..=MAX {
            let (waiting, outcome) = waiting("", vec![]);
            group.joins("a".into(), waiting);
            outcomes.push(outcome);
        }
        assert_eq!([(); 3].map(|()| group.next().len()), [MAX, 1, 0]);
    }
}
