//! Ids: the numbers that the directory gives to what it holds. Each kind is a type of its own, so that the id of one thing
//! is never taken for another's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number that stands for one kind of thing.
pub trait Id: Copy + Send {
    /// The id of this number.
    fn from_number(number: i64) -> Self;

    /// The number.
    fn number(self) -> i64;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl Id for $name {
            fn from_number(number: i64) -> Self {
                Self(number)
            }

            fn number(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for spin_sdk::sqlite::Value {
            fn from(id: $name) -> Self {
                Self::Integer(id.0)
            }
        }
    )*};
}

ids! {
    /// An account: an organisation.
    AccountId,
    /// A person.
    PersonId,
    /// A record: what an organisation says of somebody.
    RecordId,
    /// A connector.
    ConnectorId,
    /// A package of account settings.
    PackageId,
    /// Something that the audit tells of.
    EventId,
}
