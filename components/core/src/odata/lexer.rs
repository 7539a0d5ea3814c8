//! The tokens of `$filter` and `$orderby`.

use std::fmt;

use super::Fault;
use super::expression::Literal;
use crate::values::time::Time;

/// A smallest part of an option that has a meaning.
#[derive(Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A field, a function or an operator.
    Word(&'a str),
    Literal(Literal),
    Open,
    Close,
    Comma,
}

impl fmt::Display for Token<'_> {
    /// As a [`Fault`] calls it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word(word) => word,
            Self::Literal(literal) => literal.kind().name(),
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => "a comma",
        })
    }
}

/// The tokens of a text, each with the character at which it begins, counted from 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at = 1;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_whitespace() => c.len_utf8(),
            first => {
                let (token, length) = token(first, rest, at)?;
                tokens.push((at, token));
                length
            }
        };
        at += rest[..length].chars().count();
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// The token that `rest` begins with, and its length in bytes.
fn token(first: char, rest: &str, at: usize) -> Result<(Token<'_>, usize), Fault> {
    match first {
        '(' => Ok((Token::Open, 1)),
        ')' => Ok((Token::Close, 1)),
        ',' => Ok((Token::Comma, 1)),
        '\'' => text_literal(rest, at),
        c if c.is_ascii_digit() || c == '-' => number_or_time(rest, at),
        c if c.is_ascii_alphabetic() || c == '_' => {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            Ok((Token::Word(&rest[..length]), length))
        }
        other => Err(Fault::new(at, format!("{other:?} has no meaning here"))),
    }
}

/// `'…'`, where `''` stands for a quote; and its length in bytes.
fn text_literal(rest: &str, at: usize) -> Result<(Token<'_>, usize), Fault> {
    let mut literal = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((index, c)) = characters.next() {
        if c == '\'' && characters.next_if(|(_, next)| *next == '\'').is_none() {
            return Ok((Token::Literal(Literal::Text(literal)), index + 1));
        }
        literal.push(c);
    }
    Err(Fault::new(at, "this text does not end"))
}

/// `1`, `-1.5`, `2026-06-02` (midnight in UTC) or `2026-06-02T10:30:00Z`; and its length in bytes.
fn number_or_time(rest: &str, at: usize) -> Result<(Token<'_>, usize), Fault> {
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.:".contains(c)).unwrap_or(rest.len());
    let text = &rest[..length];
    let is_date = text.len() >= 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
    if is_date && let Some(zone) = zone_after_a_space(text, &rest[length..]) {
        let time = Time::parse(&format!("{text}+{zone}")).map(|time| Literal::Time(time.milliseconds()));
        let time = time.ok_or_else(|| Fault::new(at, format!("{text}+{zone} is no number and no time")))?;
        return Ok((Token::Literal(time), length + 1 + zone.len()));
    }
    let literal = if is_date { Time::parse(text).map(|time| Literal::Time(time.milliseconds())) } else { number(text) };
    let literal = literal.ok_or_else(|| Fault::new(at, format!("{text} is no number and no time")))?;
    Ok((Token::Literal(literal), length))
}

/// The `02:00` of `2026-06-02T10:30:00+02:00`, if the plus came as a space: so a form decodes it, and so many callers send
/// it.
fn zone_after_a_space<'a>(time: &str, rest: &'a str) -> Option<&'a str> {
    let zone = rest.strip_prefix(' ')?.get(..5)?;
    let is_zone = zone.bytes().enumerate().all(|(place, b)| if place == 2 { b == b':' } else { b.is_ascii_digit() });
    let is_open = time.contains('T') && !time.ends_with('Z') && !time.contains('+') && time.matches('-').count() == 2;
    (is_zone && is_open).then_some(zone)
}

fn number(text: &str) -> Option<Literal> {
    // Rust reads more than OData writes: `1e5`, for one.
    if !text.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b)) {
        return None;
    }
    // A whole number that the store could not hold compares as a decimal.
    let decimal = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Literal::Decimal);
    text.parse().map(Literal::Integer).ok().or_else(decimal)
}
