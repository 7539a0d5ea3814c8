//! Upper and lower case beyond ASCII, which is all that SQLite's `lower` and `upper` know.

use std::collections::BTreeSet;

use super::expression::Literal;
use super::lexer::Token;
use super::{Fault, Sql};

/// Most different letters beyond ASCII in the texts of an option: each costs a `replace` per `tolower`.
const LETTERS_MAX: usize = 64;

/// The letters beyond ASCII in the texts of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letters(pub(super) BTreeSet<char>);

impl Letters {
    /// Those of the texts among `tokens`.
    pub(super) fn of(tokens: &[(usize, Token<'_>)]) -> Result<Self, Fault> {
        let mut letters = BTreeSet::new();
        for (at, token) in tokens {
            let Token::Literal(Literal::Text(text)) = token else { continue };
            letters.extend(text.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()));
            if letters.len() > LETTERS_MAX {
                return Err(Fault::new(
                    *at,
                    format!("there may be at most {LETTERS_MAX} different letters beyond ASCII"),
                ));
            }
        }
        Ok(Self(letters))
    }

    /// How many values [`Letters::lower`] or [`Letters::upper`] binds at most, those of what it is about aside.
    pub(super) fn values(&self) -> usize {
        2 * self.0.len()
    }

    /// What either costs for a row, see [`super::work_of`].
    pub(super) fn work(&self) -> u64 {
        10 + 15 * self.0.len() as u64
    }

    /// Adds what `inner` adds, in lower case.
    pub(super) fn lower(&self, sql: &mut Sql, inner: impl FnOnce(&mut Sql)) {
        replace(self.lowered(), "lower(", sql, inner);
    }

    /// A text as [`Letters::lower`] makes it.
    pub(super) fn to_lower(&self, text: &str) -> String {
        let lower = |text: String, (from, to): (char, char)| text.replace(from, to.encode_utf8(&mut [0; 4]));
        self.lowered().into_iter().fold(text.to_ascii_lowercase(), lower)
    }

    /// Each letter that has a lower case, with that.
    pub(super) fn lowered(&self) -> BTreeSet<(char, char)> {
        let lowered = |c: &char| {
            let lower = single(c.to_lowercase())?;
            let upper = single(lower.to_uppercase())?;
            // Only where both ways agree: the final sigma is no lower case of its capital.
            (upper != lower && single(upper.to_lowercase()) == Some(lower)).then_some((upper, lower))
        };
        self.0.iter().filter_map(lowered).collect()
    }

    /// Adds what `inner` adds, in upper case.
    pub(super) fn upper(&self, sql: &mut Sql, inner: impl FnOnce(&mut Sql)) {
        replace(self.raised(), "upper(", sql, inner);
    }

    /// The lower case of each letter that has an upper case, with that.
    pub(super) fn raised(&self) -> BTreeSet<(char, char)> {
        let raised = |c: &char| {
            let upper = single(c.to_uppercase())?;
            let lower = single(upper.to_lowercase())?;
            (upper != lower).then_some((lower, upper))
        };
        self.0.iter().filter_map(raised).collect()
    }
}

/// Adds what `inner` adds within `function`, and around that a `replace` of the one letter by the other for each pair.
fn replace(pairs: BTreeSet<(char, char)>, function: &str, sql: &mut Sql, inner: impl FnOnce(&mut Sql)) {
    sql.push(&"replace(".repeat(pairs.len()));
    sql.push(function);
    inner(sql);
    sql.push(")");
    for (from, to) in pairs {
        sql.push(", ");
        sql.bind(from.to_string());
        sql.push(", ");
        sql.bind(to.to_string());
        sql.push(")");
    }
}

/// The only character, if it is the only one.
fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.next().is_none())
}
