//! `$filter`: which records are listed.

use super::cursor::Cursor;
use super::expression::{Comparison, Expression, Function, Literal};
use super::letters::Letters;
use super::render::{self, render};
use super::words::Part;
use super::work::Work;
use super::{Fault, Field, Sql, bound_values, lexer, parser};

/// A parsed `$filter`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    expression: Expression,
    letters: Letters,
}

impl Filter {
    /// Reads a `$filter` over `fields`.
    ///
    /// # Errors
    ///
    /// The [`Fault`] says what is wrong, and at which character.
    pub fn parse(text: &str, fields: &'static [Field]) -> Result<Self, Fault> {
        let tokens = lexer::tokens(text)?;
        let letters = Letters::of(&tokens)?;
        let expression = parser::parse(Cursor::new(text, tokens), fields)?;
        bound_values(render::values(&expression, &letters))?;
        Ok(Self { expression, letters })
    }

    /// The condition.
    pub fn sql(&self) -> Sql {
        let mut sql = Sql::default();
        render(&self.expression, &self.letters, &mut sql);
        sql
    }

    /// What it costs.
    pub(super) fn work(&self) -> Work {
        render::work(&self.expression, &self.letters)
    }

    /// Whether the filter speaks of the field of this name.
    pub fn names(&self, field: &str) -> bool {
        self.expression.names(field)
    }

    /// What must be contained in one of these columns.
    pub(super) fn parts(&self, columns: &[&str]) -> Vec<Part> {
        let part = |Demand { field, folded, wanted }| {
            let text: &str = match wanted {
                Wanted::Part(text) | Wanted::Prefix(text) => text,
                Wanted::OneOf(texts) if texts.len() == 1 => texts[0],
                Wanted::OneOf(_) | Wanted::Number(_) => return None,
            };
            columns.contains(&field.column).then(|| Part { text: text.to_owned(), folded })
        };
        self.demands().into_iter().filter_map(part).collect()
    }

    /// What the filter demands of the values of fields, each by itself: nothing is found that one of them is not true of.
    pub fn demands(&self) -> Vec<Demand<'_>> {
        let mut demands = Vec::new();
        let mut conjuncts = vec![&self.expression];
        while let Some(expression) = conjuncts.pop() {
            match expression {
                Expression::And(left, right) => conjuncts.extend([right.as_ref(), left.as_ref()]),
                other => demands.extend(Demand::of(other)),
            }
        }
        demands
    }
}

/// What must be true of a field, if a filter lets through what has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Demand<'a> {
    /// The field.
    pub field: &'static Field,
    /// Whether it is so of the field in lower or upper case, and not as it is.
    pub folded: bool,
    /// What its value must be.
    pub wanted: Wanted<'a>,
}

/// What a value must be.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// One of these texts.
    OneOf(Vec<&'a str>),
    /// One of these numbers.
    Number(Vec<i64>),
    /// A text that begins with this.
    Prefix(&'a str),
    /// A text that contains this.
    Part(&'a str),
}

impl<'a> Wanted<'a> {
    /// One of these, if all are texts or all are whole numbers.
    fn one_of(literals: &'a [Literal]) -> Option<Self> {
        let text = |literal: &'a Literal| if let Literal::Text(text) = literal { Some(text.as_str()) } else { None };
        let number = |literal: &Literal| if let Literal::Integer(number) = literal { Some(*number) } else { None };
        let texts = literals.iter().map(text).collect::<Option<_>>().map(Self::OneOf);
        texts.or_else(|| literals.iter().map(number).collect::<Option<_>>().map(Self::Number))
    }
}

impl<'a> Demand<'a> {
    fn of(expression: &'a Expression) -> Option<Self> {
        let (operand, wanted) = match expression {
            Expression::Compare(Comparison::Eq, left, right) => match (left.as_ref(), right.as_ref()) {
                (operand, Expression::Literal(literal)) | (Expression::Literal(literal), operand) => {
                    (operand, Wanted::one_of(std::slice::from_ref(literal))?)
                }
                _ => return None,
            },
            Expression::In(operand, literals) => (operand.as_ref(), Wanted::one_of(literals)?),
            Expression::Call(function, operands) => match (function, operands.as_slice()) {
                (Function::StartsWith, [operand, Expression::Literal(Literal::Text(text))]) => {
                    (operand, Wanted::Prefix(text))
                }
                (Function::Contains | Function::EndsWith, [operand, Expression::Literal(Literal::Text(text))]) => {
                    (operand, Wanted::Part(text))
                }
                _ => return None,
            },
            _ => return None,
        };
        let (field, folded) = match operand {
            Expression::Call(Function::ToLower | Function::ToUpper, operands) => (operands.first()?, true),
            operand => (operand, false),
        };
        match field {
            Expression::Field(field) => Some(Self { field, folded, wanted }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
