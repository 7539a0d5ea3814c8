//! Text as the directory takes it: trimmed, Unicode NFC, no control characters, of a bounded length.

use std::borrow::Cow;
use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use unicase::UniCase;

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// There is nothing but white space.
    Empty,
    /// It has a control character, NUL among them, or one that steers how the text around it runs.
    Control,
    /// It has more characters than this.
    TooLong(usize),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("must not be empty"),
            Self::Control => f.write_str("must not have control characters"),
            Self::TooLong(limit) => write!(f, "must have at most {limit} characters"),
        }
    }
}

/// The text trimmed and in NFC.
///
/// # Errors
///
/// What [`TextError`] says; `limit` counts characters of the result.
pub fn clean(text: &str, limit: usize) -> Result<Cow<'_, str>, TextError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(TextError::Empty);
    }
    if trimmed.chars().any(|c| c.is_control() || steers(c)) {
        return Err(TextError::Control);
    }
    let normal = compose(trimmed);
    // Characters are at most as many as bytes: most texts need no counting.
    if normal.len() > limit && normal.chars().count() > limit {
        return Err(TextError::TooLong(limit));
    }
    Ok(normal)
}

/// The text in NFC (Unicode Standard Annex 15), which most texts are.
pub(crate) fn compose(text: &str) -> Cow<'_, str> {
    const { ComposingNormalizerBorrowed::new_nfc() }.normalize(text)
}

/// Whether the character begins or ends another direction of writing, or a line: what it does reaches past the text itself, so that a
/// name could turn the words of a page or a mail around it (Unicode Standard Annex 9, section 2). Marks and joiners, which
/// names of some languages need, do not.
fn steers(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What two texts have in common that differ in case only. `text` is clean.
pub fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { UniCase::unicode(text).to_folded_case() }
}

/// What two names to sign in by have in common that differ in case only: simple lower case, so that letters which only look
/// alike when they are spelled out stay apart (`ß` and `ss`). `text` is clean.
pub fn lower(text: &str) -> String {
    let lower: String = text.chars().flat_map(char::to_lowercase).collect();
    compose(&lower).into_owned()
}

/// Whether nobody sees the character: it is ignored where text is shown, or steers how other characters are (Unicode's
/// `Default_Ignorable_Code_Point`, and what the blocks of tags and variation selectors hold).
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The range of the texts that begin with `prefix`, by Unicode's order: from the first to before the second. `None` if there
/// is no text after them.
pub fn prefix_range(prefix: &str) -> Option<(String, String)> {
    let mut end = prefix.to_owned();
    let last = end.pop()?;
    // The next character: a range of characters knows where there are none.
    end.push((last..=char::MAX).nth(1)?);
    Some((prefix.to_owned(), end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_trimmed_and_composed() {
        assert_eq!(clean("  Cafe\u{301} ", 10).as_deref(), Ok("Café"));
    }

    #[test]
    fn control_characters_and_nul_are_refused() {
        for text in ["a\0b", "a\nb", "a\u{7f}", "\u{85}x"] {
            assert_eq!(clean(&format!("x{text}x"), 10), Err(TextError::Control), "{text:?}");
        }
    }

    #[test]
    fn what_steers_the_text_around_it_is_refused_and_what_a_language_needs_is_taken() {
        for text in ["moc.live\u{202e}", "\u{2067}a", "a\u{2069}b", "a\u{2028}b"] {
            assert_eq!(clean(&format!("x{text}x"), 10 + text.len()), Err(TextError::Control), "{text:?}");
        }
        for text in ["\u{645}\u{6cc}\u{200c}\u{62e}", "a\u{200f}b", "\u{1f468}\u{200d}\u{1f469}"] {
            assert!(clean(text, 10).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn length_counts_characters_of_the_result() {
        assert!(clean("ääääö", 5).is_ok());
        assert!(clean("e\u{301}e\u{301}", 2).is_ok());
        assert_eq!(clean("abcdef", 5), Err(TextError::TooLong(5)));
        assert_eq!(clean(" \t ", 5), Err(TextError::Empty));
    }

    #[test]
    fn names_compare_without_case() {
        for (one, other) in
            [("Acme Ltd.", "ACME LTD."), ("Straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("Ähtäri", "ÄHTÄRI")]
        {
            assert_eq!(fold(one), fold(other));
        }
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in "\\PC{0,40}") {
            if let Ok(once) = clean(&text, 100) {
                prop_assert_eq!(clean(&once, 100), Ok(Cow::Borrowed(once.as_ref())));
            }
        }

        #[test]
        fn folding_ignores_ascii_case(text in "[ -~]{1,30}") {
            prop_assert_eq!(fold(&text.to_ascii_uppercase()), fold(&text.to_ascii_lowercase()));
        }
    }
}
