//! OData 4.01 query options as SQL conditions (the accounts API's document, "Query Parameters").
//!
//! A text is parsed over a fixed list of [`Field`]s, its types are checked, and what comes out is [`Sql`]: text made of
//! constants of this module and of the fields' columns, and one parameter per value. Nothing that a caller wrote is ever
//! part of the text.
//!
//! The parser is written by hand: a few levels of precedence and a handful of tokens need no library, and it can say at
//! which character it stopped, which the ready ones do not.
//!
//! # What is understood
//!
//! | option | grammar (OData 4.01 ABNF, the parts of it) |
//! |---|---|
//! | `$filter` | `eq ne gt ge lt le in`, `and or not`, parentheses, `contains startswith endswith tolower toupper length`, fields, `null true false`, numbers, `'text'` with `''` for a quote, dates and times |
//! | `$orderby` | fields, each with `asc` or `desc` |
//! | `$search` | words and `"phrases"`, `AND OR NOT`, parentheses; two words side by side must both be there |
//!
//! The operators and functions of `$filter` are taken in any case (OData 4.01, part 2, section 5.1.1), fields in their own.
//!
//! # Null
//!
//! A comparison of null with a value is false, `ne` excepted, and so is one by order (section 5.1.1.1). A function of
//! null is null, which no filter lets through. Hence `not (description eq 'x')` finds what has no description, and
//! `not contains(description,'x')` does not.
//!
//! # Case
//!
//! Text compares by its characters, case included. `tolower` and `toupper` go beyond ASCII for every letter that stands
//! in a text of the same option: others cannot decide whether a text is equal to, begins, ends or contains another.
//!
//! # Modules
//!
//! Each uses only those before it: `expression`, `lexer` (the tokens of `$filter` and `$orderby`), `cursor` (the way
//! through tokens), `letters` (upper and lower case), `render` (an expression as SQL), `parser` (tokens as an
//! expression); on top of them one module for each option: `filter`, `order`, `search`; `words`, what an index of trigrams finds of what they
//! ask for; `work`, what they cost; and `listing`, a list by all of them.

mod cursor;
mod expression;
mod filter;
#[cfg(test)]
mod fixture;
mod letters;
mod lexer;
pub(crate) mod listing;
mod order;
mod parser;
mod render;
mod search;
mod words;
mod work;

use std::fmt;

pub use filter::{Demand, Filter, Wanted};
pub use listing::{Collection, Item, Listing, Page};
pub use order::{Key, Order};
pub use search::Search;
pub use words::Words;

use crate::error::{Error, Faults};
use crate::store::sql::Sql;

/// Most operators, functions, fields and values of an option. SQLite bounds the depth of an expression at 1000.
const NODES_MAX: usize = 300;

/// Most values that a condition may bind, once it is SQL. A letter beyond ASCII costs two for each text that is compared without
/// case, so that few conditions of many letters can have more than many conditions.
const VALUES_MAX: usize = 2000;

/// Refuses a condition that would bind so many values.
fn bound_values(values: usize) -> Result<(), Fault> {
    if values <= VALUES_MAX {
        return Ok(());
    }
    Err(Fault::new(1, "this takes too much work: use fewer conditions, or fewer different letters beyond ASCII"))
}

/// What a field or an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole or a decimal number.
    Number,
    /// A point in time, in the store milliseconds since the epoch.
    Time,
    /// True or false.
    Boolean,
    /// A list or an object, in the store JSON: it is shown, and neither compared nor ordered by.
    Json,
    /// Null, which compares with all of them.
    Null,
}

impl Kind {
    /// As a [`Fault`] calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Time => "a time",
            Self::Boolean => "a condition",
            Self::Json => "a list or an object",
            Self::Null => "null",
        }
    }
}

/// A field that an option may name.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// As the API calls it.
    pub name: &'static str,
    /// As SQL calls it.
    pub column: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What a list is ordered by that is ordered by the field, if that is not its column.
    pub order: Option<&'static str>,
    /// Whether an index has that order, so that a list is walked in it.
    pub is_indexed: bool,
    /// How many characters a text has at most.
    pub longest: u64,
}

impl Field {
    /// A field of this kind.
    pub const fn new(name: &'static str, column: &'static str, kind: Kind) -> Self {
        Self { name, column, kind, order: None, is_indexed: false, longest: 255 }
    }

    /// A text.
    pub const fn text(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Text)
    }

    /// A number.
    pub const fn number(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Number)
    }

    /// A point in time.
    pub const fn time(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Time)
    }

    /// True or false.
    pub const fn boolean(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Boolean)
    }

    /// A list or an object.
    pub const fn json(name: &'static str, column: &'static str) -> Self {
        Self::new(name, column, Kind::Json)
    }

    /// The field, ordered by another column, of the same kind.
    #[must_use]
    pub const fn ordered_by(self, column: &'static str) -> Self {
        Self { order: Some(column), ..self }
    }

    /// The field, whose order an index has.
    #[must_use]
    pub const fn indexed(self) -> Self {
        Self { is_indexed: true, ..self }
    }

    /// The text, of so many characters at most.
    #[must_use]
    pub const fn up_to(self, longest: u64) -> Self {
        Self { longest, ..self }
    }

    /// What a list is ordered by that is ordered by the field.
    pub(crate) fn order_column(&self) -> &'static str {
        self.order.unwrap_or(self.column)
    }

    /// The one of `fields` with the name that stands at the character `at`.
    fn named(fields: &'static [Self], name: &str, at: usize) -> Result<&'static Self, Fault> {
        fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let names: Vec<_> = fields.iter().map(|field| field.name).collect();
            Fault::new(at, format!("there is no field {name}; there are {}", names.join(", ")))
        })
    }
}

/// What is wrong with an option, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The character at which reading stopped, counted from 1.
    pub at: usize,
    /// What was expected there.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at, self.message)
    }
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The error to answer with, where `option` is what the text was given as.
    pub fn of(self, option: &str) -> Error {
        Error::Invalid(Faults::of(option, self.to_string()))
    }
}
