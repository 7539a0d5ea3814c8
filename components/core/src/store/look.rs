//! What was read to make a plan: each query, and what it gave, to be asked again when the plan is written.

use serde_json::Value as Json;
use spin_sdk::sqlite::Value;

use crate::store::row::Row;

/// A query, and what it gave.
pub(super) struct Look {
    /// The query as an expression, whose parameters are numbered.
    pub question: String,
    pub parameters: Vec<Value>,
    /// What the expression gave.
    pub answer: Option<String>,
}

impl Look {
    /// A query that gave these rows. None if that cannot be asked for as an expression.
    pub fn of(query: &str, parameters: &[Value], rows: &[Row]) -> Option<Self> {
        let query = numbered(query)?;
        let parameters = parameters.to_vec();
        let Some(first) = rows.first() else {
            let question = format!("(SELECT 'some' FROM ({query}) LIMIT 1)");
            return Some(Self { question, parameters, answer: None });
        };
        let columns: Vec<_> = first.columns().iter().map(|name| format!("\"{name}\"")).collect();
        let question = format!("(SELECT json_group_array(json_array({})) FROM ({query}))", columns.join(", "));
        let told: Option<Vec<Vec<Json>>> = rows.iter().map(|row| row.values().iter().map(told).collect()).collect();
        Some(Self { question, parameters, answer: Some(serde_json::to_string(&told?).ok()?) })
    }
}

/// Whether a statement reads and no more, as far as its words tell. What begins with `SELECT` does not write.
pub(super) fn only_reads(statement: &str) -> bool {
    let statement = statement.trim_start();
    let may_write = || ["INSERT ", "UPDATE ", "DELETE "].iter().any(|word| statement.contains(word));
    statement.starts_with("SELECT ") || statement.starts_with("WITH ") && !may_write()
}

/// A value as SQLite's JSON has it. What that has otherwise would only seem to have changed.
fn told(value: &Value) -> Option<Json> {
    match value {
        Value::Null => Some(Json::Null),
        Value::Integer(number) => Some((*number).into()),
        Value::Text(text) => Some(text.as_str().into()),
        Value::Real(_) | Value::Blob(_) => None,
    }
}

/// A query whose parameters all have numbers: those that have none are counted. None if some have one and others not.
fn numbered(query: &str) -> Option<String> {
    let mut parts = query.split('?');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let (mut counted, mut have_numbers) = (0, false);
    for part in parts {
        text.push('?');
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            have_numbers = true;
        } else {
            counted += 1;
            text.push_str(&counted.to_string());
        }
        text.push_str(part);
    }
    (counted == 0 || !have_numbers).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::native::with_database;

    #[test]
    fn parameters_are_numbered_all_or_none() {
        assert_eq!(numbered("SELECT ?, ? WHERE x = ?").as_deref(), Some("SELECT ?1, ?2 WHERE x = ?3"));
        assert_eq!(numbered("SELECT ?2, ?1").as_deref(), Some("SELECT ?2, ?1"));
        assert_eq!(numbered("SELECT ?2, ?"), None);
    }

    #[test]
    fn what_writes_is_no_look() {
        for writes in [
            "UPDATE people SET name = 'a'",
            "WITH a AS (SELECT 1) UPDATE people SET name = 'a'",
            "BEGIN IMMEDIATE",
            "DELETE FROM people",
        ] {
            assert!(!only_reads(writes), "{writes}");
        }
        assert!(only_reads("SELECT updated_at FROM people") && only_reads(" WITH a AS (SELECT 1) SELECT 2"));
    }

    #[test]
    fn what_a_query_gave_is_what_its_question_is_answered() {
        let text = "\u{1}\u{1f}\u{7f}\u{a0}\u{2028}\t\n\r\u{8}\u{c}\"\\/äß😀";
        let columns: Arc<[String]> = ["a".to_owned(), "1".to_owned(), "b c".to_owned()].into();
        let row = Row::new(&columns, vec![Value::Text(text.to_owned()), Value::Integer(-7), Value::Null]);
        let query = "SELECT ? AS a, -7 AS \"1\", NULL AS \"b c\"";
        let look = Look::of(query, &[Value::Text(text.to_owned())], &[row]).expect("a look");
        let none = Look::of("SELECT 1 WHERE ?1 = 'a'", &[Value::Text("b".to_owned())], &[]).expect("a look");
        with_database(|database| {
            let asked = |question: &str, of: &str| -> Option<String> {
                database.query_row(&format!("SELECT {question}"), [of], |row| row.get(0)).expect("an answer")
            };
            assert_eq!(asked(&look.question, text), look.answer);
            assert_eq!(asked(&none.question, "b"), none.answer);
            assert_ne!(asked(&none.question, "a"), none.answer);
        });
    }
}
