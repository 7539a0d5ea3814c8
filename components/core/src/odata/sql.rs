//! SQL that is put together from parts, each with its parameters.

use crate::store::Value;

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
