//! What texts have to contain, as a query of an index of their trigrams.
//!
//! The index narrows: it gives whatever the options let through, and more, for it ignores case and knows nothing of the order in which
//! three characters follow three others. What the options say is asked of each as it is without the index.
//!
//! # Case
//!
//! An index is an FTS5 table, which ignores case as Unicode 6.1 has it, character by character. A part of which case is ignored by
//! `tolower`, `toupper` or `$search` is looked for by the characters of which both do the same, see [`is_folded_alike`]. Of the others it
//! is not known under which trigram they stand.

use std::iter;

/// An index of the trigrams of what `$search` looks in.
#[derive(Debug)]
pub struct Words {
    /// The FTS5 table, whose columns have what stands in [`searched`](super::Collection::searched).
    pub table: &'static str,
    /// What a list calls that which the rows of the table are called by.
    pub id: &'static str,
}

/// Most trigrams of a query. Each more makes it find fewer, and costs a walk through those that have it.
const TRIGRAMS_MAX: usize = 16;

/// A text that must be contained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The text, in lower case if case is ignored.
    pub text: String,
    /// Whether it is contained in another case, too.
    pub folded: bool,
}

/// The query that finds whatever contains all of the parts. `None` if they have no three characters in a row.
pub(super) fn query<'a>(parts: impl Iterator<Item = &'a Part>) -> Option<String> {
    let trigrams: Vec<_> = parts.flat_map(trigrams).collect();
    if trigrams.is_empty() {
        return None;
    }
    // Of many some from everywhere.
    let step = trigrams.len().div_ceil(TRIGRAMS_MAX);
    let quoted = trigrams.iter().step_by(step).map(|trigram| quoted(trigram));
    Some(quoted.collect::<Vec<_>>().join(" AND "))
}

/// A text as a query of FTS5 has it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Trigrams that a text has which contains the part: one after the other, and the last.
fn trigrams(part: &Part) -> impl Iterator<Item = String> {
    let is_known = |c: &char| !c.is_control() && (!part.folded || is_folded_alike(*c));
    let characters: Vec<_> = part.text.chars().collect();
    let pieces: Vec<_> = characters.split(|c| !is_known(c)).map(<[char]>::to_vec).collect();
    pieces.into_iter().flat_map(|piece| {
        let last = piece.len().checked_sub(3);
        let starts = last.into_iter().flat_map(|last| (0..last).step_by(3).chain(iter::once(last)));
        starts.map(|start| piece[start..].iter().take(3).collect()).collect::<Vec<_>>()
    })
}

/// Whether FTS5 takes for one what `tolower` and `toupper` take for one, of this character and those that differ from it in case. It does so of
/// all that have one case only, and of most scripts that have two; of letters that came after Unicode 6.1 it does not.
fn is_folded_alike(c: char) -> bool {
    let is_old = |c: char| matches!(c, '\0'..='\u{36f}' | '\u{386}'..='\u{527}' | '\u{531}'..='\u{587}' | '\u{1e00}'..='\u{1fff}');
    let mut cases = c.to_lowercase().chain(c.to_uppercase());
    cases.clone().all(|case| case == c) || is_old(c) && cases.all(is_old)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::super::letters::Letters;
    use super::*;

    fn index() -> Connection {
        let index = Connection::open_in_memory().expect("a database");
        index
            .execute_batch("CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'trigram', detail = none, columnsize = 0)")
            .expect("an index");
        index
    }

    fn found(index: &Connection, asked: &str) -> rusqlite::Result<i64> {
        index.query_row("SELECT count(*) FROM words WHERE words MATCH ?", [asked], |row| row.get(0))
    }

    #[test]
    fn letters_that_are_looked_for_stand_under_the_same_trigram_in_every_case() {
        let index = index();
        let mut count = 0;
        for c in ('\0'..=char::MAX).filter(|c| !c.is_ascii() && c.is_alphabetic()) {
            let letters = Letters(BTreeSet::from([c]));
            for (one, other) in letters.lowered().into_iter().chain(letters.raised()) {
                for (asked, had) in
                    [(one, other), (other, one)].into_iter().filter(|(asked, _)| is_folded_alike(*asked))
                {
                    let text = String::from_iter([had; 3]);
                    index.execute("INSERT INTO words (rowid, text) VALUES (1, ?)", [&text]).expect("a row");
                    let found = found(&index, &quoted(&String::from_iter([asked; 3]))).expect("a number");
                    assert_eq!(found, 1, "{asked:?} U+{:x} and {had:?} U+{:x}", u32::from(asked), u32::from(had));
                    index
                        .execute("INSERT INTO words (words, rowid, text) VALUES ('delete', 1, ?)", [&text])
                        .expect("none");
                    count += 1;
                }
            }
        }
        assert!(count > 1500, "{count}");
    }

    proptest! {
        #[test]
        fn any_text_makes_a_query_that_fts5_understands(text in "\\PC{0,20}|[\"'*^:() \0\u{1f}a-c]{0,12}", folded in any::<bool>()) {
            let index = index();
            if let Some(asked) = query([Part { text, folded }].iter()) {
                prop_assert!(found(&index, &asked).is_ok(), "{}", asked);
            }
        }
    }
}
