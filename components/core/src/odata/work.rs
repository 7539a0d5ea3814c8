//! What options cost, before anything is read: in steps, of which each takes some ten nanoseconds.
//!
//! What is done for a row costs the same in each. What is done with a text costs by its bytes, and by those of what it is compared with: the
//! longest description and a word of half its length take as long as a hundred names.

use super::letters::Letters;

/// What an expression of a [`Collection`](super::Collection) costs for a row. What looks into other tables costs more than a column, and what
/// climbs the tree of accounts yet more.
pub(super) fn of_expression(expression: &str) -> u64 {
    let times = |word: &str| expression.matches(word).count() as u64;
    1 + 80 * times("SELECT") + 200 * times("RECURSIVE")
}

/// What is done with each byte of a text, in thousandths of a step.
pub(super) mod byte {
    /// It is compared or copied.
    pub(in super::super) const TAKEN: u64 = 20;
    /// It is counted, or its letter written in another case.
    pub(in super::super) const READ: u64 = 100;

    /// A part of so many bytes is looked for in it. Where it is not, it may be nearly so everywhere.
    pub(in super::super) const fn searched(part: u64) -> u64 {
        READ + part * 3 / 2
    }
}

/// What an option costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    /// For each row.
    pub row: u64,
    /// For each byte of these columns, in thousandths.
    pub bytes: Vec<(&'static str, u64)>,
}

impl Work {
    /// Adds what is done with each byte of a column.
    pub fn read(&mut self, column: &'static str, thousandths: u64) {
        match self.bytes.iter_mut().find(|(other, _)| *other == column) {
            Some((_, sum)) => *sum = sum.saturating_add(thousandths),
            None => self.bytes.push((column, thousandths)),
        }
    }

    /// Adds what else is done, so often.
    pub fn add(&mut self, other: &Self, times: u64) {
        self.row = self.row.saturating_add(times.saturating_mul(other.row));
        for (column, thousandths) in &other.bytes {
            self.read(column, times.saturating_mul(*thousandths));
        }
    }

    /// What it costs for a row of which the texts are as long as `longest` says, in bytes.
    pub fn of_row(&self, longest: impl Fn(&str) -> u64) -> u64 {
        let texts = self.bytes.iter().map(|(column, thousandths)| longest(column).saturating_mul(*thousandths) / 1000);
        texts.fold(self.row, u64::saturating_add)
    }
}

/// What it costs to write each byte of a text in one case, in thousandths.
pub(super) fn of_case(letters: &Letters) -> u64 {
    byte::READ * (1 + letters.0.len() as u64)
}
