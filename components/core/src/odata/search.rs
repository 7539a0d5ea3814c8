//! `$search`: words that records must have.

use std::iter::Peekable;

use super::cursor::Cursor;
use super::expression::Literal;
use super::letters::Letters;
use super::lexer::Token;
use super::words::Part;
use super::work::{self, Work, byte};
use super::{Fault, NODES_MAX, Sql};

/// A parsed `$search`.
#[derive(Clone, Debug)]
pub struct Search {
    /// The condition.
    pub(super) sql: Sql,
    /// What it costs.
    pub(super) work: Work,
    /// What whatever it finds contains.
    pub(super) parts: Vec<Part>,
}

impl Search {
    /// Reads a `$search` in any of `columns`, case ignored.
    ///
    /// # Errors
    ///
    /// The [`Fault`] says what is wrong, and at which character.
    pub fn parse(text: &str, columns: &[&'static str]) -> Result<Self, Fault> {
        let tokens = tokens(text)?;
        let letters = Letters::of(&tokens)?;
        let words = tokens.iter().filter_map(|(_, token)| match token {
            Token::Literal(Literal::Text(text)) => Some(text.len() as u64),
            _ => None,
        });
        let words: Vec<_> = words.collect();
        let mut search = Words { tokens: Cursor::new(text, tokens), letters, sql: Sql::default(), parts: Vec::new() };
        search.sql.push("(SELECT ");
        search.or()?;
        if search.tokens.peek().is_some() {
            return Err(Fault::new(search.tokens.at(), "expected a word, a phrase or the end"));
        }
        let Words { letters, mut sql, parts, .. } = search;
        // What is searched is put together once for a row, and not once for each word. Between the columns is what none of them has.
        let searched = columns.iter().map(|column| format!("coalesce({column}, '')")).collect::<Vec<_>>();
        sql.push(" FROM (VALUES (");
        letters.lower(&mut sql, |sql| sql.push(&searched.join(" || char(31) || ")));
        sql.push(")))");
        let read: u64 = columns.iter().map(|column| 10 + work::of_expression(column)).sum();
        let mut work =
            Work { row: letters.work() + read + (words.len() * (columns.len() + 10)) as u64, ..Work::default() };
        let each = byte::TAKEN + work::of_case(&letters) + words.iter().map(|word| byte::searched(*word)).sum::<u64>();
        for column in columns {
            work.read(column, each);
        }
        Ok(Self { sql, work, parts })
    }
}

/// The tokens of a `$search`: words and phrases are texts, and only its three operators are [`Token::Word`]s.
fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, Fault> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().zip(1..).peekable();
    while let Some((first, at)) = characters.next() {
        let token = match first {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '"' => Token::Literal(Literal::Text(phrase(&mut characters, at)?)),
            first => {
                let mut word = String::from(first);
                while let Some((c, _)) = characters.next_if(|(c, _)| !c.is_whitespace() && !"()\"".contains(*c)) {
                    word.push(c);
                }
                match ["AND", "OR", "NOT"].into_iter().find(|operator| *operator == word) {
                    Some(operator) => Token::Word(operator),
                    None => Token::Literal(Literal::Text(word)),
                }
            }
        };
        if tokens.len() == NODES_MAX {
            return Err(Fault::new(at, format!("there may be at most {NODES_MAX} words")));
        }
        tokens.push((at, token));
    }
    Ok(tokens)
}

/// What follows the quote at the character `start`, up to the one that ends the phrase.
fn phrase(characters: &mut Peekable<impl Iterator<Item = (char, usize)>>, start: usize) -> Result<String, Fault> {
    let mut phrase = String::new();
    loop {
        match characters.next() {
            Some(('"', _)) if phrase.trim().is_empty() => return Err(Fault::new(start, "a phrase must not be empty")),
            Some(('"', _)) => return Ok(phrase),
            // A quote or a backslash in a phrase follows a backslash (ABNF, `quoted-escape`).
            Some(('\\', at)) => match characters.next() {
                Some((c @ ('"' | '\\'), _)) => phrase.push(c),
                _ => return Err(Fault::new(at, "expected \\\" or \\\\")),
            },
            Some((c, _)) => phrase.push(c),
            None => return Err(Fault::new(start, "this phrase does not end")),
        }
    }
}

/// Turns tokens into SQL as it reads them.
struct Words<'a> {
    tokens: Cursor<'a>,
    letters: Letters,
    sql: Sql,
    /// What has to be contained in any case: no word beside an `OR`, and none after a `NOT`.
    parts: Vec<Part>,
}

impl Words<'_> {
    fn or(&mut self) -> Result<(), Fault> {
        let before = self.parts.len();
        self.sql.push("(");
        self.and()?;
        while self.tokens.take_word("OR") {
            self.sql.push(" OR ");
            self.and()?;
            self.parts.truncate(before);
        }
        self.sql.push(")");
        Ok(())
    }

    fn and(&mut self) -> Result<(), Fault> {
        self.sql.push("(");
        self.term()?;
        while self.tokens.take_word("AND")
            || matches!(self.tokens.peek(), Some(Token::Literal(_) | Token::Open | Token::Word("NOT")))
        {
            self.sql.push(" AND ");
            self.term()?;
        }
        self.sql.push(")");
        Ok(())
    }

    fn term(&mut self) -> Result<(), Fault> {
        let start = self.tokens.at();
        if self.tokens.take_word("NOT") {
            self.sql.push("NOT ");
            let before = self.parts.len();
            self.operand(start)?;
            self.parts.truncate(before);
            return Ok(());
        }
        self.operand(start)
    }

    /// A word, a phrase or what is in parentheses.
    fn operand(&mut self, start: usize) -> Result<(), Fault> {
        if self.tokens.take(&Token::Open) {
            self.tokens.descend(start)?;
            self.or()?;
            self.tokens.ascend();
            if !self.tokens.take(&Token::Close) {
                return Err(Fault::new(self.tokens.at(), "expected )"));
            }
            return Ok(());
        }
        let at = self.tokens.at();
        let Some(Token::Literal(Literal::Text(text))) = self.tokens.next() else {
            return Err(Fault::new(at, "expected a word or a phrase"));
        };
        self.contained(&text);
        Ok(())
    }

    /// Adds the condition that what is searched contains `text`.
    fn contained(&mut self, text: &str) {
        self.sql.push("instr(column1, ");
        let text = self.letters.to_lower(text);
        self.sql.bind(text.as_str());
        self.sql.push(") > 0");
        self.parts.push(Part { text, folded: true });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{database, ids, texts};
    use super::*;

    #[test]
    fn a_search_finds_words_anywhere_without_case() {
        let found = |text: &str| {
            let columns = ["t.name", "t.description"];
            let search = Search::parse(text, &columns).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            ids(&database(), &search.sql, "t.id")
        };
        assert_eq!(found("ACME"), [1, 2, 3]);
        assert_eq!(found("acme corp"), [3]);
        assert_eq!(found("acme AND main"), [1]);
        assert_eq!(found("corp OR main"), [1, 3]);
        assert_eq!(found("acme NOT corp"), [1, 2]);
        assert_eq!(found("acme (corp OR main)"), [1, 3]);
        assert_eq!(found("\"main account\""), [1]);
        assert_eq!(found("\"account main\""), [0; 0]);
        assert_eq!(found("Ähtäri"), [8, 9]);
        assert_eq!(found("%"), [5]);
        assert_eq!(found("\"'; drop table\""), [7]);
        assert_eq!(found("\"\\\"quoted\\\"\""), [4]);
        for (text, at) in
            [("", 1), ("(a", 3), ("a)", 2), ("\"a", 1), ("a OR", 5), ("NOT", 4), ("\"\"", 1), ("a AND OR", 7)]
        {
            assert_eq!(Search::parse(text, &["t.name"]).map_err(|fault| fault.at).err(), Some(at), "{text}");
        }
        assert!(Search::parse(&"(".repeat(100_000), &["t.name"]).is_err());
    }

    #[test]
    fn a_search_costs_by_its_words_and_letters_and_any_runs() {
        let columns = ["t.name", "t.description", "(SELECT t.name)"];
        // Words of so many letters, of which each is another one beyond ASCII.
        let search = |words: usize, letters: u32| {
            let word: String = (0..letters).filter_map(|n| char::from_u32(0x430 + n)).collect();
            let text = vec![if letters > 0 { &word } else { "a" }; words].join(" OR ");
            let search = Search::parse(&text, &columns).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            ids(&database(), &search.sql, "t.id");
            search.work.of_row(|_| 10)
        };
        assert!(search(1, 0) < search(2, 0) && search(2, 0) < search(150, 0) && search(2, 0) < search(2, 32));
        search(140, 32);
        let of_fewer = Search::parse("a", &columns[..2]).map(|search| search.work.of_row(|_| 10));
        assert!(of_fewer.ok() < Some(search(1, 0)));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in texts()) {
            let _ = Search::parse(&text, &["t.name"]);
        }
    }
}
