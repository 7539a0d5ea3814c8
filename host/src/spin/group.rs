//! Writes of one statement that are committed together: group commit.
//!
//! A commit waits for the disk, and who writes next waits for the commit. Those who come meanwhile become one transaction. In it each
//! statement succeeds or fails by itself; nobody sees any of it and nobody has an answer before all of it is on the disk. So it looks as
//! if each had been committed by itself, in the order in which they ran.
//!
//! Where it would not, all of a group is undone and written again without the one that it was for, and that one by itself: if it has ended
//! the transaction, or has failed and may have left a part of what it did, or leaves a key broken until the commit. What is not known
//! as short joins no group, for the others would wait for it.

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
/// How often it is tried to write a group, each time without the one that has undone it.
const TRIES: u32 = 2;

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
    /// What it gives, and what whoever waits has made by then.
    fn run(&self, session: &Session) -> (Result<QueryResult, Failure>, Made) {
        let mut made = self.made;
        let result = session.run(&self.write.statement, &self.write.parameters, &mut made);
        (result, made)
    }

    /// Whoever has gone away does not look for the outcome.
    fn ends(self, began: Instant, result: Result<QueryResult, Error>, made: Made) {
        self.waits.observe((began - self.since).as_secs_f64());
        _ = self.outcome.send(Outcome::Ran(result, made));
    }

    pub fn leaves(self) {
        _ = self.outcome.send(Outcome::Apart(self.write));
    }

    pub fn comes_too_late(self) {
        _ = self.outcome.send(Outcome::Late(self.write));
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

    /// Takes those who have waited for too long. If nobody else waits, whoever writes for them does no more.
    pub fn late(&mut self) -> Vec<Waiting> {
        let mut taken = Vec::new();
        for (_, waiting) in &mut self.waiting {
            // In each queue they are in their order.
            while waiting.front().is_some_and(|first| first.since.elapsed() >= MAX_WAIT) {
                taken.extend(waiting.pop_front());
            }
        }
        self.waiting.retain(|(_, waiting)| !waiting.is_empty());
        self.has_writer = !self.waiting.is_empty();
        taken
    }

    pub fn has_writer(&self) -> bool {
        self.has_writer
    }
}

/// What a write has given, and what whoever waits has made by then.
type Given = (Result<QueryResult, Error>, Made);

/// Why a group is not written.
enum Undone {
    /// The write at this place cannot be in a transaction with others.
    By(usize),
    /// None can be written: the lock is another process's, or the disk is full or fails.
    Failed(Error),
}

impl From<rusqlite::Error> for Undone {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(io(error))
    }
}

/// Writes a group by one connection. May block.
pub(super) fn write(session: &Session, group: Vec<Waiting>) {
    let began = Instant::now();
    let fits = |waiting: &Waiting| {
        session.is_set(waiting.settings) && session.is_short(&waiting.write.statement, &waiting.write.parameters)
    };
    let (mut together, apart): (Vec<_>, Vec<_>) = group.into_iter().partition(fits);
    apart.into_iter().for_each(Waiting::leaves);
    for _ in 0..TRIES {
        if together.len() < 2 {
            break;
        }
        match commit(session, &together) {
            Ok(results) => {
                return together
                    .into_iter()
                    .zip(results)
                    .for_each(|(waiting, (result, made))| waiting.ends(began, result, made));
            }
            Err(Undone::By(place)) => together.remove(place).leaves(),
            Err(Undone::Failed(error)) => {
                return together.into_iter().for_each(|waiting| {
                    let made = waiting.made;
                    waiting.ends(began, Err(error.clone()), made);
                });
            }
        }
    }
    if together.len() > 1 {
        return together.into_iter().for_each(Waiting::leaves);
    }
    // Its own transaction, which costs less.
    if let Some(only) = together.pop() {
        let (result, made) = only.run(session);
        only.ends(began, result.map_err(Error::from), made);
    }
}

/// Runs writes in one transaction.
fn commit(session: &Session, group: &[Waiting]) -> Result<Vec<Given>, Undone> {
    session.sqlite.execute_batch("BEGIN IMMEDIATE")?;
    let mut results = Vec::with_capacity(group.len());
    for (place, waiting) in group.iter().enumerate() {
        let (result, made) = waiting.run(session);
        let is_as_alone = result.as_ref().err().is_none_or(|failure| failure.is_as_alone);
        if !is_as_alone || session.owes() || session.sqlite.is_autocommit() {
            undo(session)?;
            return Err(Undone::By(place));
        }
        results.push((result.map_err(Error::from), made));
    }
    let committed = session.sqlite.execute_batch("COMMIT");
    undo(session)?;
    committed?;
    Ok(results)
}

/// Ends the transaction, if there is one still.
fn undo(session: &Session) -> rusqlite::Result<()> {
    if session.sqlite.is_autocommit() { Ok(()) } else { session.sqlite.execute_batch("ROLLBACK") }
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
    fn a_write_that_would_leave_something_else_in_a_group_than_alone_leaves_nothing_and_the_others_are_written_without_it()
     {
        let (_home, session, commits) = database();
        let text = |text: &str| Value::Text(text.to_owned());
        let orphan = || (CHILD, vec![text("e"), text("parent")]);
        let mut expected = "first other".to_owned();
        for (name, culprit) in [
            // It ends the transaction of all.
            ("a", (INSERT, names(&["end"]))),
            // Without a constraint that it could break, nothing says before that it may fail in its midst.
            ("b", (NUMBERS, vec![text("[1, 2, \"three\"]")])),
            ("c", (NUMBERS, vec![text("[1, 2")])),
            // Only a commit refuses it, and would not if another one has mended it.
            ("d", orphan()),
            ("parent", orphan()),
        ] {
            let told = outcomes(&session, vec![culprit, (INSERT, names(&[name])), (INSERT, names(&["first"]))]);
            assert!(told[0].starts_with("apart") && told[1].starts_with("1 rows"), "{told:?}");
            assert_eq!(told[2], "UNIQUE constraint failed: t.name");
            expected = format!("{expected} {name}");
            assert_eq!(all_names(&session), expected);
            assert_eq!(session.sqlite.query_row("SELECT sum(number) FROM numbers", [], |row| row.get(0)), Ok(1));
        }
        assert_eq!(*commits.lock().unwrap(), 5);
    }

    #[test]
    fn a_group_that_two_would_undo_is_none() {
        let (_home, session, commits) = database();
        let ends = || (INSERT, names(&["end"]));
        let told = outcomes(&session, vec![ends(), (INSERT, names(&["a"])), ends(), (INSERT, names(&["b"]))]);
        assert!(told.iter().all(|outcome| outcome.starts_with("apart")), "{told:?}");
        assert_eq!((all_names(&session).as_str(), *commits.lock().unwrap()), ("first other", 0));
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
