//! Parts of statements, and many rows as one parameter.

use serde::Serialize;
use spin_sdk::sqlite::Value;

use crate::error::Result;

/// A part of a statement: its text, and a parameter for each of its question marks.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The parameters, in the order of their question marks.
    pub parameters: Vec<Value>,
}

impl Sql {
    /// Adds text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a value as a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) {
        self.text.push('?');
        self.parameters.push(value.into());
    }

    /// Adds another part.
    pub fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.parameters.extend(other.parameters);
    }
}

/// Many rows as one parameter, for `json_each`.
pub fn rows<T: Serialize + ?Sized>(rows: &T) -> Result<Value> {
    Ok(Value::Text(serde_json::to_string(rows).map_err(anyhow::Error::from)?))
}

/// Those of the parameters `?1`, `?2`, … that a statement takes: up to the last that it names. SQLite takes no others.
pub fn named(statement: &str, parameters: &[Value]) -> Vec<Value> {
    let last = (1..=parameters.len()).rev().find(|place| statement.contains(&format!("?{place}")));
    parameters[..last.unwrap_or_default()].to_vec()
}
