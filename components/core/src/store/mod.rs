//! The database of the directory, over Spin's SQLite interface.
//!
//! | module | its job |
//! |---|---|
//! | [`sqlite`] | a raw connection: what it is told once, its two ways to run a statement, its errors |
//! | [`row`] | rows by the names of their columns |
//! | [`sql`] | parts of statements, and many rows as one parameter |
//! | [`climb`] | the climb through the tree of accounts |
//! | `scoped` | what belongs to the request that runs now |
//! | [`along`] | a question that is asked in one statement with what a request reads |
//! | `look` | what was read to make a plan |
//! | [`patience`] | how long a request waits for the write lock, and how |
//! | `still` | when an instance may compute for long |
//! | [`migration`] | the schema of this release |
//! | [`connection`] | connections that an instance keeps, and transactions |
//! | [`audit`] | who changed what |
//! | [`draft`] | what is to be written, as steps of one statement |
//! | [`edit`] | transactions of somebody |
//! | [`seal`] | what is secret at rest |
//! | [`outbox`] | mail that is to be delivered |
//! | `native` | in unit tests alone, SQLite in place of the interface |

pub(crate) mod along;
pub mod audit;
pub(crate) mod climb;
pub mod connection;
pub(crate) mod draft;
mod edit;
mod look;
pub(crate) mod migration;
#[cfg(test)]
pub(crate) mod native;
pub mod outbox;
pub mod patience;
pub mod row;
mod scoped;
pub mod seal;
pub mod sql;
mod sqlite;
mod still;

pub use audit::{Actor, Author};
pub use connection::{Connection, Transaction};
pub use edit::Edit;
pub(crate) use edit::Settled;
pub use row::Row;
pub use spin_sdk::sqlite::Value;
pub use sqlite::away;
pub(crate) use sqlite::{IMPORTING, UNDER_WAY};
pub use still::still;
