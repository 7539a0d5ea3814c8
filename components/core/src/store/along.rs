//! A question that is asked along: in one statement with the first query that a request makes, rather than in one of its own. (A query of
//! many rows would bring the answer with each, which costs more than a statement: there it is asked by itself.)
//!
//! Each statement is a round trip on libSQL, and costs its way to the host everywhere. Who calls has to be asked at each request, and nearly
//! every request asks for something else as well. So who answers a request that only reads may say beforehand what it takes
//! the answer to be, and go on. Its first query brings the answer, of the same moment. If that is another one, the request ends there, what it
//! has made of it is thrown away, and it is answered anew.
//!
//! Nothing is written meanwhile: a request that writes knows first.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use spin_sdk::sqlite::Value;

use crate::error::{Error, Result};
use crate::store::row::Row;
use crate::store::scoped::{self, Scoped};

thread_local! {
    static NOW: Scoped<Presumption> = const { RefCell::new(None) };
}

/// A question, and what its answer is taken to be.
pub(crate) struct Question {
    /// A query that gives one row or none, whose parameters have no numbers.
    pub sql: &'static str,
    /// How many columns it has.
    pub columns: usize,
    /// Its parameters.
    pub parameters: Vec<Value>,
    /// Whether an answer is what it was taken to be.
    pub is_expected: Box<dyn Fn(Option<Row>) -> bool + Send>,
}

/// What a request takes for granted.
struct Presumption(Mutex<Stage>);

enum Stage {
    /// Nothing.
    Nothing,
    /// The answer of a question that was not asked yet.
    Unasked(Question),
    /// What was found to be so.
    Right,
    /// What is not so, or nobody knows.
    Wrong,
}

/// What is told to a request whose answer nobody gets.
fn wrong() -> Error {
    Error::Internal(anyhow!("what the request took for granted is not so"))
}

impl Presumption {
    fn replace(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), stage)
    }
}

/// What became of a request that could take something for granted.
pub(crate) enum Outcome<T> {
    /// What it gives is good.
    Good(T),
    /// What it gives is good if the answer of the question is what it was taken to be.
    Unasked(T, Question),
    /// What it gives is good for nothing.
    Void,
}

/// Runs a request that reads, which may [`presume`].
pub(crate) async fn presuming<F: Future>(request: F) -> Outcome<F::Output> {
    let presumption = Arc::new(Presumption(Mutex::new(Stage::Nothing)));
    let output = scoped::with(&NOW, Arc::clone(&presumption), request).await;
    match presumption.replace(Stage::Nothing) {
        Stage::Nothing | Stage::Right => Outcome::Good(output),
        Stage::Unasked(question) => Outcome::Unasked(output, question),
        Stage::Wrong => Outcome::Void,
    }
}

/// Takes it for granted that a question has the answer that it expects, if the request that runs now may do so. It says whether it may.
pub(crate) fn presume(question: Question) -> bool {
    let now = NOW.with_borrow(Clone::clone);
    let may = now.is_some();
    if let Some(now) = now {
        now.replace(Stage::Unasked(question));
    }
    may
}

/// Refuses to write while something is taken for granted: the request is answered anew, and knows then.
pub(super) fn refuse_to_write() -> Result<()> {
    let Some(now) = NOW.with_borrow(Clone::clone) else { return Ok(()) };
    match now.replace(Stage::Wrong) {
        Stage::Nothing => {
            now.replace(Stage::Nothing);
            Ok(())
        }
        _ => Err(wrong()),
    }
}

/// The question that the query that comes next is to be asked along with, if there is one.
///
/// # Errors
///
/// [`Error::Internal`] if something that the request takes for granted is not so.
pub(super) fn unasked() -> Result<Option<Along>> {
    let Some(now) = NOW.with_borrow(Clone::clone) else { return Ok(None) };
    // Until the answer is there nobody knows, whatever becomes of the query.
    match now.replace(Stage::Wrong) {
        Stage::Unasked(question) => Ok(Some(Along { now, question })),
        Stage::Wrong => Err(wrong()),
        settled => {
            now.replace(settled);
            Ok(None)
        }
    }
}

/// A question that is being asked along.
pub(super) struct Along {
    now: Arc<Presumption>,
    question: Question,
}

impl Along {
    /// The query, and the question with it. Parameters without a number follow those before them, so the query stands first.
    pub fn with(&self, sql: &str, parameters: &[Value]) -> (String, Vec<Value>) {
        let Question { sql: question, parameters: more, .. } = &self.question;
        let both = format!(
            "WITH said AS ({sql})
             SELECT said.*, known.* FROM ({question}) known LEFT JOIN (SELECT *, 1 FROM said) said"
        );
        (both, parameters.iter().chain(more).cloned().collect())
    }

    /// The first row of the query, if the answer of the question is what it was taken to be.
    ///
    /// # Errors
    ///
    /// As the statement of both; [`Error::Internal`] if the answer is another one.
    pub fn answered(self, rows: Result<Vec<Row>>) -> Result<Option<Row>> {
        let mut row = rows?.into_iter().next();
        let answer = row.as_mut().map(|row| row.split_last(self.question.columns));
        self.judge(answer)?;
        // Where the query has no row, there is one of nulls.
        Ok(row.filter(|row| row.ends_with(1)))
    }

    /// Asks by itself, where the query has many rows, each of which would bring the answer.
    pub fn alone(self, ask: impl FnOnce(&str, &[Value]) -> Result<Vec<Row>>) -> Result<()> {
        let rows = ask(self.question.sql, &self.question.parameters)?;
        self.judge(rows.into_iter().next())
    }

    fn judge(self, answer: Option<Row>) -> Result<()> {
        if !(self.question.is_expected)(answer) {
            return Err(wrong());
        }
        self.now.replace(Stage::Right);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::native::run;
    use crate::store::{Connection, Transaction};

    /// A question that is answered by its parameter, which is expected to be this one.
    fn question(answer: Option<i64>, expected: i64) -> Question {
        let is_expected =
            move |row: Option<Row>| row.is_some_and(|mut row| row.take::<i64>("answer").ok() == Some(expected));
        Question {
            sql: "SELECT value AS answer, 'beside' AS value FROM json_each(?) WHERE value IS NOT NULL",
            columns: 2,
            parameters: vec![Value::Text(serde_json::json!([answer]).to_string())],
            is_expected: Box::new(is_expected),
        }
    }

    /// What a request gets that takes the answer for granted and then reads `sql`.
    async fn read(question: Question, sql: &str, parameters: &[Value], many: bool) -> Result<Option<Vec<i64>>> {
        let outcome = presuming(async {
            assert!(presume(question));
            let connection = Connection::lease().await?;
            let rows = if many {
                connection.query(sql, parameters)?
            } else {
                connection.query_first(sql, parameters)?.into_iter().collect()
            };
            // What comes after the first query is asked by itself.
            assert!(connection.query_first("SELECT 1 AS one", &[])?.is_some());
            rows.into_iter().map(|mut row| row.take("value")).collect::<Result<Vec<_>>>()
        });
        match outcome.await {
            Outcome::Good(read) => read.map(Some),
            Outcome::Unasked(..) => panic!("it was asked along"),
            Outcome::Void => Ok(None),
        }
    }

    #[test]
    fn a_query_gives_the_same_rows_with_a_question_and_without() {
        run(async {
            for (sql, parameters, rows) in [
                ("SELECT value FROM json_each(?1) WHERE value > ?2", vec!["[1,2,3]".into(), 1.into()], vec![2, 3]),
                (
                    "SELECT value FROM json_each(?) WHERE value > ? ORDER BY value DESC LIMIT ?",
                    vec!["[1,2,3]".into(), 0.into(), 2.into()],
                    vec![3, 2],
                ),
                (
                    "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?1) SELECT value FROM n",
                    vec![4.into()],
                    vec![1, 2, 3, 4],
                ),
                ("SELECT value FROM json_each(?1) WHERE value > ?2", vec!["[1]".into(), 1.into()], vec![]),
            ] {
                let first = rows.first().copied().into_iter().collect();
                for (many, rows) in [(false, first), (true, rows)] {
                    assert_eq!(read(question(Some(7), 7), sql, &parameters, many).await?, Some(rows), "{sql}");
                    assert_eq!(
                        read(question(Some(8), 7), sql, &parameters, many).await?,
                        None,
                        "{sql}: another answer"
                    );
                    assert_eq!(read(question(None, 7), sql, &parameters, many).await?, None, "{sql}: no answer");
                }
            }
            Ok(())
        });
    }

    #[test]
    fn a_request_that_takes_something_for_granted_does_not_write() {
        run(async {
            let write = "DELETE FROM sign_ups";
            let refused = presuming(async {
                presume(question(Some(7), 7));
                let connection = Connection::lease().await?;
                connection.query("SELECT 1", &[])?;
                assert!(connection.execute(write, Vec::new()).await.is_err());
                assert!(Transaction::begin().await.is_err() && Transaction::begin_long().await.is_err());
                Ok::<_, Error>(())
            });
            assert!(matches!(refused.await, Outcome::Void));
            let written = presuming(async { Connection::lease().await?.execute(write, Vec::new()).await });
            assert!(matches!(written.await, Outcome::Good(Ok(_))), "nothing is taken for granted");
            assert!(!presume(question(Some(7), 7)), "nobody asked whether it may");
            Ok(())
        });
    }

    #[test]
    fn what_asks_for_nothing_and_what_fails_is_told() {
        run(async {
            let nothing = presuming(async { presume(question(Some(7), 7)) });
            assert!(matches!(nothing.await, Outcome::Unasked(true, _)));
            let fails = presuming(async {
                presume(question(Some(7), 7));
                Connection::lease().await?.query_first("SELECT nonsense", &[])
            });
            assert!(matches!(fails.await, Outcome::Void), "whether it was so is not known");
            Ok(())
        });
    }
}
