//! Drafts: what is to be written, as steps that the database takes one after the other, in one statement
//! (`migrations/0018_steps.sql`).
//!
//! A round trip to the database costs more than what it does there, and under the write lock everybody else waits for it. So what
//! can be planned is planned before: a question is asked, a draft is made of its answer, and [`Draft::apply`] writes all of it by one
//! statement, which is a transaction by itself. The statement asks the question again. If the answer is another one by then,
//! nothing is written, and the plan is to be made anew. So what is written is what would be if nobody else had come in between.
//!
//! Within a transaction an [`Edit`](crate::store::Edit) writes its draft in the same way, without a question.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::store::audit::Author;
use crate::store::connection::Connection;
use crate::store::sql::{Sql, rows};
use crate::store::sqlite::is_stale;
use crate::store::{Row, Value};
use crate::values::time::Time;

/// How often a plan is made before a lock: who was overtaken so often makes it under the lock, where nobody overtakes.
pub(crate) const ATTEMPTS: usize = 3;

/// How many rows are many: a change of so many is planned under the lock, and lets others go first.
pub(crate) const MANY: usize = 1000;

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
        let asked = connection.read(&format!("SELECT {question} AS answer"), parameters.clone()).await?;
        let answer = asked.into_iter().next().map(|mut row| row.take("answer")).transpose()?.flatten();
        Ok(Self { question, parameters, answer })
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

/// What is to be written, on whose behalf.
pub(crate) struct Draft {
    pub(crate) author: Author,
    steps: Vec<Step>,
    /// What is to be written into the audit, in its order: action, table, id or key, and what more there is to say, as JSON.
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

    /// Adds a step: its rows, an array of arrays, and what they have in common, an array.
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
            let note = serde_json::to_string(&(action, subject, id, detail)).map_err(anyhow::Error::from)?;
            self.notes.push(note);
        }
        Ok(())
    }

    /// How many notes there are.
    pub(super) fn notes(&self) -> usize {
        self.notes.len()
    }

    /// The statement that writes what was drafted so far, if something was, and asks for `returning` then.
    pub(super) fn take(&mut self, premise: Option<&Premise>, returning: &str) -> Option<Sql> {
        let mut steps = std::mem::take(&mut self.steps);
        if !self.notes.is_empty() {
            let notes = format!("[{}]", std::mem::take(&mut self.notes).join(","));
            let Author { actor, api, request_id } = &self.author;
            let common = serde_json::json!([Time::now(), actor.to_string(), api, request_id]).to_string();
            steps.push(Step { name: "audit", rows: notes.into(), common: common.into() });
        }
        if steps.is_empty() {
            return None;
        }
        let mut sql = Sql { text: "INSERT INTO steps (step, rows, common)".to_owned(), parameters: Vec::new() };
        let mut before = " ";
        if let Some(premise) = premise {
            sql.append(Sql {
                text: format!(" SELECT 'premise', {} IS ", premise.question),
                parameters: premise.parameters.clone(),
            });
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

    /// Writes what was drafted, if the answer to the question is still the same, as a transaction by itself. Returns whether it was.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when others hold the write lock for too long.
    pub(crate) async fn apply(mut self, connection: &Connection, premise: &Premise) -> Result<bool> {
        let Some(sql) = self.take(Some(premise), "") else { return Ok(true) };
        match connection.execute(&sql.text, sql.parameters).await {
            Ok(_) => Ok(true),
            Err(error) if is_stale(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The ids of the rows that a step has made, in their order, out of the answer that [`Draft::take`] asked for as `made`.
pub(super) fn made<T: serde::de::DeserializeOwned>(answer: Vec<Row>) -> Result<Vec<T>> {
    for mut row in answer {
        if let Some(made) = row.take::<Option<String>>("made")? {
            return serde_json::from_str(&made).map_err(|error| Error::Internal(error.into()));
        }
    }
    Ok(Vec::new())
}
