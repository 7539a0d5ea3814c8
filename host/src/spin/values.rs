//! Values and errors of SQLite, as components know them.

use crate::spin::bindings::spin::sqlite::sqlite::{Error, Value};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

/// A parameter, bound without copying it.
pub(super) struct Parameter<'a>(pub &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
            Value::Null => ValueRef::Null,
        }))
    }
}

/// A value of a row.
pub(super) fn value(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => return Err(Error::Io("a text in the result is not UTF-8".to_owned())),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    })
}

/// The bytes that values take.
pub(super) fn total_size(values: &[Value]) -> usize {
    values.iter().map(size).sum()
}

fn size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len(),
            Value::Blob(blob) => blob.len(),
            _ => 0,
        }
}

/// The text of SQLite's message: components look for phrases such as `UNIQUE constraint failed` in it.
#[expect(clippy::needless_pass_by_value, reason = "it is used with map_err")]
pub(super) fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}
