//! The import that is under way, if there is one.

use crate::error::Result;
use crate::store::{Connection, UNDER_WAY};

/// An import that has begun and not ended.
pub(super) struct Begun {
    /// What whoever began it has signed in by.
    pub name: String,
    /// The hash of that one's password.
    pub password_hash: String,
    /// How many lines have come.
    pub lines: i64,
}

/// The import that is under way, if there is one.
pub(super) fn begun(connection: &Connection) -> Result<Option<Begun>> {
    let row = connection.query_first("SELECT name, password_hash, lines FROM imports WHERE one = 1", &[])?;
    row.map(|mut row| {
        Ok(Begun { name: row.take("name")?, password_hash: row.take("password_hash")?, lines: row.take("lines")? })
    })
    .transpose()
}

/// Refuses while an import is under way.
///
/// # Errors
///
/// [`crate::Error::Unavailable`] then.
pub fn refuse(connection: &Connection) -> Result<()> {
    if begun(connection)?.is_some() { Err(UNDER_WAY) } else { Ok(()) }
}
