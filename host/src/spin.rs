//! The interfaces that components import, with Spin's rules and error values.

mod bindings;
pub(crate) mod database;
mod group;
pub(crate) mod guest;
mod key_value;
pub(crate) mod loan;
pub(crate) mod outbound;
mod output;
mod queue;
mod session;
mod sql;
mod sqlite;
pub(crate) mod store;
mod values;
pub(crate) mod variables;
