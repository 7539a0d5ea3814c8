//! The directory as a whole, taken out of one Accord and brought into another: lines of JSON, one a row.
//!
//! | module | its job |
//! |---|---|
//! | `sections` | which tables and columns are told, in which order, and which are not |
//! | [`under_way`] | the import that has begun and not ended, if there is one |
//! | [`export`] | the lines, a part of them a request |
//! | [`import`] | lines into an Accord that is empty, and what nobody may do meanwhile |
//! | [`operator`] | who may do either |
//!
//! The first line says what the lines are (`{"accord":"directory","format":1,"schema":15}`), the last one how many came before it,
//! and which ids were given out. In between each line is a row under the name of its section, without the columns that are null:
//! `{"people":{"id":1,…}}`. Ids and hashes are those of the directory. What is kept of sessions, what waits to be mailed, what
//! is counted for limits, and the keys that sign are not in it. Neither is what the audit says of exports and imports themselves,
//! so that what was exported, imported and exported again is the same to the byte.

pub mod export;
pub mod import;
pub mod operator;
pub(crate) mod sections;
pub mod under_way;

/// Which form of lines this is. Another one is refused.
const FORMAT: i64 = 1;

/// What the audit calls the directory as a whole.
const SUBJECT: &str = "directory";

#[cfg(test)]
mod tests;
