//! Rows of an answer, by the names of their columns.

use std::sync::Arc;

use anyhow::anyhow;
use serde_json::{Map, Value as Json};
use spin_sdk::sqlite::Value;

use crate::error::{Error, Result};
use crate::values::id::Id;
use crate::values::role::Role;
use crate::values::time::Time;

/// One row of an answer. Each of its columns is taken at most once.
#[derive(Debug)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: &Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns: Arc::clone(columns), values }
    }

    /// A row that the database gave as an object.
    pub(crate) fn from_object(object: Map<String, Json>) -> Self {
        let value = |value| match value {
            Json::String(text) => Value::Text(text),
            Json::Number(number) => number.as_i64().map_or(Value::Null, Value::Integer),
            _ => Value::Null,
        };
        let (columns, values): (Vec<_>, Vec<_>) = object.into_iter().map(|(column, of)| (column, value(of))).unzip();
        Self { columns: columns.into(), values }
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values of its columns.
    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// Takes the value of a column.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if there is no such column or it has another type: a mistake in the statement.
    pub fn take<T: FromValue>(&mut self, column: &str) -> Result<T> {
        self.find(column).and_then(T::from_value).ok_or_else(|| mistaken(column))
    }

    /// Takes so many of the last columns away, as a row of their own.
    pub(super) fn split_last(&mut self, columns: usize) -> Self {
        let first = self.values.len().saturating_sub(columns);
        Self { columns: self.columns[first..].into(), values: self.values.split_off(first) }
    }

    /// Whether the last column is this number.
    pub(super) fn ends_with(&self, number: i64) -> bool {
        matches!(self.values.last(), Some(Value::Integer(last)) if *last == number)
    }

    fn find(&mut self, column: &str) -> Option<Value> {
        let index = self.columns.iter().position(|name| name == column)?;
        self.values.get_mut(index).map(|value| std::mem::replace(value, Value::Null))
    }
}

/// Made in one place for all types, so that their code is not in a component once for each.
#[cold]
fn mistaken(column: &str) -> Error {
    Error::Internal(anyhow!("there is no column {column} of the type that is asked for"))
}

/// A Rust type that a column's value can be taken as.
pub trait FromValue: Sized {
    /// The value as this type, or `None` if it is of another.
    fn from_value(value: Value) -> Option<Self>;
}

impl FromValue for Value {
    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(integer),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(|integer| integer != 0)
    }
}

impl FromValue for Time {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_milliseconds)
    }
}

impl<T: Id> FromValue for T {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self::from_number)
    }
}

impl FromValue for Role {
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value).as_deref().and_then(Self::parse)
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
