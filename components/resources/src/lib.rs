//! What the components of the accounts API have in common: its problem documents, the ids in its paths, its lists, and how
//! it writes a time.

pub mod account;
pub mod done;
pub mod failure;
pub mod list;
pub mod parameters;
pub mod path;

use accord_core::values::time::Time;

pub use done::Done;
pub use failure::Problems;
pub use list::Options;
pub use path::{Member, Target};

/// A time as this API's document writes it: UTC, to the second.
pub fn written(time: Time) -> String {
    time.to_the_second().rfc3339()
}
