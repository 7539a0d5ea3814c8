//! Which passwords are taken: at least twelve characters, of which enough are not what a guesser tries first (NIST SP
//! 800-63B, section 3.1.1.2).
//!
//! The judgement is zxcvbn's idea in small: words that everybody uses, words that belong to the person, runs on the
//! alphabet or the keyboard and repetitions count as one character each, in any case and in the usual disguises (`p4$$w0rd`).
//! What is left must amount to [`WORTH_MIN`] characters.
//!
//! The crate `zxcvbn` 3 itself does not run here: on wasm32 it takes the time from a browser, or from an import that no
//! component can have, and traps.

use crate::error::{Error, Faults, Result};
use crate::sign_in::leaked;

/// Shortest password that is taken, in characters.
pub const PASSWORD_MIN: usize = 12;

/// Longest password, in bytes: what is longer is not hashed.
pub const PASSWORD_MAX: usize = 1024;

/// What a password must be worth, in characters that nobody could foresee.
const WORTH_MIN: usize = 8;

/// What a password must be worth that somebody else chooses: more than one or two words that everybody uses.
const CHOSEN_WORTH_MIN: usize = 3;

/// Longest part that is looked at, in characters: what lies beyond adds strength only.
const LOOKED_AT: usize = 128;

/// Shortest word of a person's own that is looked for, in characters.
const WORD_MIN: usize = 3;

/// What people's passwords are made of most often, after disguises are undone.
const COMMON: [&str; 48] = [
    "password",
    "passwort",
    "passord",
    "salasana",
    "parola",
    "secret",
    "welcome",
    "letmein",
    "login",
    "admin",
    "administrator",
    "master",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "basketball",
    "iloveyou",
    "sunshine",
    "princess",
    "shadow",
    "superman",
    "batman",
    "michael",
    "jordan",
    "charlie",
    "freedom",
    "whatever",
    "trustno",
    "starwars",
    "computer",
    "internet",
    "samsung",
    "google",
    "changeme",
    "default",
    "access",
    "hello",
    "hunter",
    "killer",
    "summer",
    "winter",
    "spring",
    "autumn",
    "monday",
    "friday",
    "january",
    "accord",
];

/// Rows of the keyboard; the alphabet and the digits are runs by themselves.
const ROWS: [&str; 6] = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop", "1234567890"];

/// What is wrong with a password, if anything is. `own` is what belongs to the person: address, names.
pub fn fault(password: &str, own: &[&str]) -> Option<String> {
    fault_of_length(password).or_else(|| fault_of_worth(password, own, WORTH_MIN))
}

/// Makes sure that a person may have the password, which is called `password` in what is refused. `own` is what belongs to the
/// person.
///
/// # Errors
///
/// [`Error::Invalid`] with what is wrong.
pub fn require(password: &str, own: &[String]) -> Result<()> {
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    fault(password, &own).map_or(Ok(()), |fault| Err(Error::Invalid(Faults::of("password", fault))))
}

/// What is said of a password that is too easy to guess.
const TOO_EASY: &str =
    "is too easy to guess: use less of common words, of your own name and address, of runs and repetitions";

/// What is said of a password that leaked.
const LEAKED: &str = "is too easy to guess: it is among the passwords that leaked elsewhere, which guessers try first";

/// As [`fault`], of a password that somebody else chooses for the person: it is long enough, worth more than one or two
/// words, and did not leak. How hard it is to guess beyond that is left to whoever chooses it.
pub fn fault_of_chosen(password: &str) -> Option<String> {
    fault_of_length(password).or_else(|| fault_of_worth(password, &[], CHOSEN_WORTH_MIN))
}

fn fault_of_length(password: &str) -> Option<String> {
    if password.chars().count() < PASSWORD_MIN {
        return Some(format!("must have at least {PASSWORD_MIN} characters"));
    }
    if password.len() > PASSWORD_MAX {
        return Some(format!("must have at most {PASSWORD_MAX} bytes"));
    }
    None
}

fn fault_of_worth(password: &str, own: &[&str], least: usize) -> Option<String> {
    if worth(password, own) < least {
        return Some(TOO_EASY.to_owned());
    }
    leaked::contains(&spelling(password)).then(|| LEAKED.to_owned())
}

/// A password as it is looked for among those that leaked: in any case, without disguises.
pub(super) fn spelling(password: &str) -> String {
    password.to_lowercase().chars().map(undisguised).collect()
}

/// How many characters of a password nobody could foresee.
fn worth(password: &str, own: &[&str]) -> usize {
    let text: Vec<char> = password.to_lowercase().chars().take(LOOKED_AT).collect();
    let text = unrepeated(&text);
    let plain: Vec<char> = text.iter().copied().map(undisguised).collect();
    let words: Vec<Vec<char>> = COMMON
        .iter()
        .map(|word| (*word).to_owned())
        .chain(own.iter().flat_map(|own| words(own)))
        .map(|word| word.chars().map(undisguised).collect())
        .collect();
    let mut worth = 0;
    let mut at = 0;
    while at < text.len() {
        let word = words.iter().filter(|word| plain[at..].starts_with(word)).map(Vec::len).max().unwrap_or(0);
        at += word.max(run(&text[at..])).max(1);
        worth += 1;
    }
    worth
}

/// The words of a name or an address, in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= WORD_MIN);
    words.map(str::to_lowercase).collect()
}

/// The letter that a digit or a sign usually stands for.
fn undisguised(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// The shortest part that the whole repeats.
fn unrepeated(text: &[char]) -> &[char] {
    let repeats = |length: &usize| {
        text.len().is_multiple_of(*length) && text.chunks(*length).all(|part| part == &text[..*length])
    };
    (1..text.len()).find(repeats).map_or(text, |length| &text[..length])
}

/// How long the run is that `text` begins with: three characters or more that are the same, follow one another in the
/// alphabet or among the digits, or lie side by side on the keyboard, in either direction. 0 for none.
fn run(text: &[char]) -> usize {
    let beside = |one: char, other: char| {
        ROWS.iter().find_map(|row| {
            let (one, other) = (row.find(one)?, row.find(other)?);
            Some(i64::try_from(other).ok()? - i64::try_from(one).ok()?)
        })
    };
    let following = |one: char, other: char| Some(i64::from(u32::from(other)) - i64::from(u32::from(one)));
    let length = |step: &dyn Fn(char, char) -> Option<i64>| {
        let first = text.first().zip(text.get(1)).and_then(|(one, other)| step(*one, *other));
        let Some(first) = first.filter(|step| step.abs() <= 1) else { return 0 };
        1 + text.windows(2).take_while(|pair| step(pair[0], pair[1]) == Some(first)).count()
    };
    let longest = length(&following).max(length(&beside));
    if longest >= 3 { longest } else { 0 }
}

/// Whether nothing but its leak speaks against a password that somebody else chooses: what the filter has to know.
#[cfg(test)]
pub(super) fn is_taken_but_leaked(password: &str) -> bool {
    fault_of_chosen(password).is_none_or(|fault| fault == LEAKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_hard_to_foresee() {
        for good in [
            "secure_password_123",
            "another_password_456",
            "correct horse battery staple",
            "päivänkakkara on 7 kukkaa",
            "x7#Kq2!vLm9z",
        ] {
            assert_eq!(fault(good, &["user@example.com", "Acme Corporation"]), None, "{good}");
        }
        for bad in [
            "",
            "short",
            "aaaaaaaaaaaaaaaa",
            "123456789012",
            "passwordpassword",
            "P4$$w0rd123456",
            "qwertyuiop12",
            "zyxwvutsrqponm",
            "xkqxkqxkqxkq",
            "Summer2024!!!!",
            "1qaz2wsx3edc",
            "ch1ckenw1ng101",
        ] {
            assert!(fault(bad, &[]).is_some(), "{bad} is worth {}", worth(bad, &[]));
        }
        assert!(fault("AcmeCorporation1", &["user@example.com", "Acme Corporation"]).is_some(), "their own name");
        assert!(fault(&"x y".repeat(5000), &[]).is_some(), "too long to be hashed");
    }
}
