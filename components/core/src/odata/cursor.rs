//! The way through the tokens of an option.

use std::vec::IntoIter;

use super::Fault;
use super::lexer::Token;

/// Deepest nesting of parentheses, functions and `not`.
pub(super) const DEPTH_MAX: usize = 32;

/// The tokens that are still to be read.
pub(super) struct Cursor<'a> {
    tokens: IntoIter<(usize, Token<'a>)>,
    /// The character after the last one of the option.
    end: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor before the first of `tokens`, which are those of `text`.
    pub(super) fn new(text: &str, tokens: Vec<(usize, Token<'a>)>) -> Self {
        Self { tokens: tokens.into_iter(), end: text.chars().count() + 1, depth: 0 }
    }

    /// The character at which the next token begins.
    pub(super) fn at(&self) -> usize {
        self.tokens.as_slice().first().map_or(self.end, |(at, _)| *at)
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.as_slice().first().map(|(_, token)| token)
    }

    /// The next token, which is passed.
    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        self.tokens.next().map(|(_, token)| token)
    }

    /// Passes the next token if `wanted` is true of it.
    fn take_if(&mut self, wanted: impl FnOnce(&Token<'a>) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.tokens.next();
        }
        found
    }

    /// Passes the next token if it is this one.
    pub(super) fn take(&mut self, token: &Token<'_>) -> bool {
        self.take_if(|next| next == token)
    }

    /// Passes the next token if it is this word in any case.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.take_if(|next| matches!(next, Token::Word(found) if found.eq_ignore_ascii_case(word)))
    }

    /// Passes the next token, which must be this one. `name` is what the fault calls it.
    pub(super) fn expect(&mut self, token: &Token<'_>, name: &str) -> Result<(), Fault> {
        if self.take(token) { Ok(()) } else { Err(unexpected(self.at(), name, self.peek())) }
    }

    /// Fails unless everything is read. `expected` is what else could follow.
    pub(super) fn expect_end(&self, expected: &str) -> Result<(), Fault> {
        if self.peek().is_none() { Ok(()) } else { Err(unexpected(self.at(), expected, self.peek())) }
    }

    /// Goes one level down, into what is nested at the character `at`.
    pub(super) fn descend(&mut self, at: usize) -> Result<(), Fault> {
        if self.depth == DEPTH_MAX {
            return Err(Fault::new(at, format!("this is nested more than {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from what is nested.
    pub(super) fn ascend(&mut self) {
        self.depth -= 1;
    }
}

/// The fault that `found` stands where `expected` should. No token is the end.
pub(super) fn unexpected(at: usize, expected: &str, found: Option<&Token<'_>>) -> Fault {
    let found = found.map_or_else(|| "the end".to_owned(), Token::to_string);
    Fault::new(at, format!("expected {expected}, found {found}"))
}
