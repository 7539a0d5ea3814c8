//! Drafts: what is to be written, as steps that the database takes one after the other, in one statement
//! (`migrations/0018_steps.sql`, `0025_taken.sql`, `0026_strangers.sql`).
//!
//! A round trip to the database costs more than what it does there, and under the write lock everybody else waits for it. So what
//! can be planned is planned before: a question is asked, a draft is made of its answer, and [`Draft::apply`] writes all of it by one
//! statement, which is a transaction by itself. The statement asks the question again. If the answer is another one by then,
//! nothing is written, and the plan is to be made anew. So what is written is what would be if nobody else had come in between.
//!
//! Within a transaction an [`Edit`](crate::store::Edit) writes its draft in the same way, without a question.

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::store::audit::Author;
use crate::store::connection::Connection;
use crate::store::look::Look;
use crate::store::sql::{Sql, rows};
use crate::store::sqlite::is_stale;
use crate::store::{Row, Value};
use crate::values::time::Time;

/// How often a plan is made before a lock: who was overtaken so often makes it under the lock, where nobody overtakes.
pub(crate) const ATTEMPTS: usize = 3;

/// How often a plan of so many entries is made before a lock. One of many waits for its turn so long that whoever has overtaken it
/// once is likely to do so again.
pub(crate) fn attempts(entries: usize) -> usize {
    if entries < MANY { ATTEMPTS } else { 1 }
}

/// How many rows are many: a change of so many lets others go first.
pub(crate) const MANY: usize = 1000;

/// How many bytes of a parameter are a whole list.
const LONG: usize = 4096;

/// A question to the directory, and its answer.
pub(crate) struct Premise {
    /// An expression, which gives a text or null. Its parameters are numbered from 1.
    question: String,
    parameters: Vec<Value>,
    answer: Option<String>,
}

impl Premise {
    /// Asks.
    pub(crate) async fn ask(connection: &Connection, question: String, parameters: Vec<Value>) -> Result<Self> {
        let statement = format!("SELECT {question} AS answer");
        // What is short waits for nobody; while a whole list is looked at, others go on.
        let is_long = parameters.iter().any(|value| matches!(value, Value::Text(text) if text.len() > LONG));
        let asked = if is_long {
            connection.read(&statement, parameters.clone()).await?
        } else {
            connection.query(&statement, &parameters)?
        };
        let answer = asked.into_iter().next().map(|mut row| row.take("answer")).transpose()?.flatten();
        Ok(Self { question, parameters, answer })
    }

    /// What is known to have been answered.
    pub(crate) fn of(question: String, parameters: Vec<Value>, answer: Option<String>) -> Self {
        Self { question, parameters, answer }
    }

    /// The question, as it stands in a statement after so many other parameters.
    fn asked_after(&self, others: usize) -> Sql {
        let mut parts = self.question.split('?');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            // A question mark without a number would be in a text.
            let number = part[..end].parse().map_or(0, |number: usize| number + others);
            // Writing to a string never fails.
            let _ = write!(text, "?{number}{}", &part[end..]);
        }
        Sql { text, parameters: self.parameters.clone() }
    }

    /// What the directory has answered.
    pub(crate) fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// What it has answered with an array of objects, as rows; none for null.
    pub(crate) fn rows(&self) -> Result<Vec<Row>> {
        let Some(answer) = &self.answer else { return Ok(Vec::new()) };
        let objects: Vec<Map<String, Json>> = serde_json::from_str(answer).map_err(anyhow::Error::from)?;
        Ok(objects.into_iter().map(Row::from_object).collect())
    }
}

/// What was read to make a plan.
impl From<Look> for Premise {
    fn from(Look { question, parameters, answer }: Look) -> Self {
        Self { question, parameters, answer }
    }
}

/// Whether each question has the same answer now: for a plan that comes to nothing, of which nothing is written that would ask.
pub(crate) async fn hold(connection: &Connection, premises: &[Premise]) -> Result<bool> {
    for Premise { question, parameters, answer } in premises {
        if Premise::ask(connection, question.clone(), parameters.clone()).await?.answer != *answer {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The rows of a query as an expression, an array of objects: see [`Premise::rows`]. The query gives columns of these names.
pub(crate) fn objects<'a>(names: impl IntoIterator<Item = &'a str>, query: &str) -> String {
    let pairs: Vec<_> = names.into_iter().map(|name| format!("'{name}', {name}")).collect();
    format!("(SELECT json_group_array(json_object({})) FROM ({query}))", pairs.join(", "))
}

/// What is to be written, on whose behalf.
pub(crate) struct Draft {
    pub(crate) author: Author,
    steps: Vec<Step>,
    /// What is to be written into the audit, in its order: action, table, id or key, what more there is to say, and the account that it is
    /// about, as JSON.
    notes: Vec<String>,
}

/// What one trigger does.
struct Step {
    name: &'static str,
    rows: Value,
    common: Value,
}

impl Draft {
    pub(crate) fn new(author: Author) -> Self {
        Self { author, steps: Vec::new(), notes: Vec::new() }
    }

    /// Adds a step: its rows, an array of arrays unless its trigger takes them otherwise, and what they have in common, an array.
    pub(crate) fn step<R, C>(&mut self, name: &'static str, of: &R, common: C) -> Result<()>
    where
        R: Serialize + ?Sized,
        C: Serialize,
    {
        self.steps.push(Step { name, rows: rows(of)?, common: rows(&common)? });
        Ok(())
    }

    /// See [`Edit::record`](crate::store::Edit::record). A row that a step of this draft makes is told by its key.
    pub(crate) fn note<I: Serialize>(
        &mut self,
        action: &'static str,
        subject: &'static str,
        notes: &[(I, Json)],
    ) -> Result<()> {
        for (id, detail) in notes {
            let note = (action, subject, id, detail, detail.get("account"));
            let note = serde_json::to_string(&note).map_err(anyhow::Error::from)?;
            self.notes.push(note);
        }
        Ok(())
    }

    /// Makes a step of what was noted so far, for a step that notes by itself to come after.
    pub(crate) fn tell(&mut self) {
        if self.notes.is_empty() {
            return;
        }
        let notes = format!("[{}]", std::mem::take(&mut self.notes).join(","));
        let Author { actor, api, request_id } = &self.author;
        let common = serde_json::json!([Time::now(), actor.to_string(), api, request_id]).to_string();
        self.steps.push(Step { name: "audit", rows: notes.into(), common: common.into() });
    }

    /// Adds what another draft of the same author has.
    pub(crate) fn adopt(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.notes.extend(other.notes);
    }

    /// How many notes there are.
    pub(super) fn notes(&self) -> usize {
        self.notes.len()
    }

    /// The statement that writes what was drafted so far, if something was, and asks for `returning` then.
    pub(super) fn take(&mut self, premises: &[Premise], returning: &str) -> Option<Sql> {
        self.tell();
        let steps = std::mem::take(&mut self.steps);
        if steps.is_empty() {
            return None;
        }
        let mut sql = Sql { text: "INSERT INTO steps (step, rows, common)".to_owned(), parameters: Vec::new() };
        let mut before = " ";
        for premise in premises {
            sql.push(before);
            sql.push("SELECT 'premise', ");
            sql.append(premise.asked_after(sql.parameters.len()));
            sql.push(" IS ");
            sql.bind(premise.answer.as_deref());
            sql.push(", NULL");
            before = " UNION ALL ";
        }
        for Step { name, rows, common } in steps {
            sql.push(before);
            sql.push("SELECT '");
            sql.push(name);
            sql.push("', ");
            sql.bind(rows);
            sql.push(", ");
            sql.bind(common);
            before = " UNION ALL ";
        }
        sql.push(returning);
        Some(sql)
    }

    /// Writes what was drafted, if the answers to the questions are still the same, as a transaction by itself. Returns whether they were.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when others hold the write lock for too long.
    pub(crate) async fn apply(mut self, connection: &Connection, premises: &[Premise]) -> Result<bool> {
        let Some(sql) = self.take(premises, "") else { return Ok(true) };
        Ok(written(connection, sql).await?.is_some())
    }

    /// As [`Draft::apply`], and returns the ids of the rows that a step has made, see [`Edit::write_made`](crate::store::Edit::write_made), or
    /// none if an answer is another one.
    pub(crate) async fn apply_made<T: DeserializeOwned>(
        mut self,
        connection: &Connection,
        premises: &[Premise],
        step: &str,
        made: &str,
    ) -> Result<Option<Vec<T>>> {
        let Some(sql) = self.take(premises, &returning(step, made)) else { return Ok(Some(Vec::new())) };
        written(connection, sql).await?.map(self::made).transpose()
    }
}

/// Writes a draft, if the answers are the same, and returns what it gives.
async fn written(connection: &Connection, sql: Sql) -> Result<Option<Vec<Row>>> {
    match connection.execute(&sql.text, sql.parameters).await {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if is_stale(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What [`Draft::take`] asks for as `made`: an expression of the step's `rows`.
pub(super) fn returning(step: &str, made: &str) -> String {
    format!(" RETURNING iif(step = '{step}', ({made}), NULL) AS made")
}

/// The ids of the rows that a step has made, in their order, out of the answer that [`Draft::take`] asked for as `made`.
pub(super) fn made<T: DeserializeOwned>(answer: Vec<Row>) -> Result<Vec<T>> {
    for mut row in answer {
        if let Some(made) = row.take::<Option<String>>("made")? {
            return serde_json::from_str(&made).map_err(|error| Error::Internal(error.into()));
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Actor;
    use crate::store::native::run;
    use crate::values::id::{Id as _, PersonId};

    /// A draft that notes something.
    fn draft() -> Result<Draft> {
        let author = Author { actor: Actor::System, api: "accounts", request_id: "a request".to_owned() };
        let mut draft = Draft::new(author);
        draft.note("tried", "people", &[(PersonId::from_number(7), Json::Null)])?;
        Ok(draft)
    }

    /// How often something was noted.
    fn noted(connection: &Connection) -> Result<i64> {
        connection.query_one("SELECT count(*) AS noted FROM audit", &[])?.take("noted")
    }

    async fn asked(connection: &Connection, question: &str, of: &[&str]) -> Result<Premise> {
        Premise::ask(connection, question.to_owned(), of.iter().map(|of| (*of).into()).collect()).await
    }

    #[test]
    fn a_draft_is_written_as_long_as_each_question_has_the_same_answer() {
        run(async {
            let connection = Connection::lease().await?;
            let questions = async || -> Result<Vec<Premise>> {
                Ok(vec![
                    asked(&connection, "?2 || ?1", &["b", "a"]).await?,
                    asked(&connection, "(SELECT max(at) FROM audit WHERE action = ?1)", &["never"]).await?,
                    asked(&connection, "(SELECT 'x' || count(*) FROM audit WHERE ?2 = 'q' AND ?1 = 'p')", &["p", "q"])
                        .await?,
                ])
            };
            let premises = questions().await?;
            let answers: Vec<_> = premises.iter().map(Premise::answer).collect();
            assert_eq!(answers, [Some("ab"), None, Some("x0")]);
            assert!(draft()?.apply(&connection, &premises).await?);
            assert_eq!(noted(&connection)?, 1);
            assert!(!draft()?.apply(&connection, &premises).await?, "the last answer is another one");
            assert_eq!(noted(&connection)?, 1);
            assert!(draft()?.apply(&connection, &questions().await?).await?);
            assert_eq!(noted(&connection)?, 2);
            Ok(())
        });
    }

    #[test]
    fn what_cannot_be_written_is_not_written_at_all() {
        run(async {
            let connection = Connection::lease().await?;
            let mut draft = draft()?;
            // A person has a UUID.
            draft.step("people", &[(None::<&str>, "Jane")], ("portal", 0))?;
            assert!(draft.apply(&connection, &[]).await.is_err());
            assert_eq!(noted(&connection)?, 0);
            Ok(())
        });
    }
}
