//! Passwords that leaked: a guesser tries them first (NIST SP 800-63B, section 3.1.1.2: passwords from breaches are refused).
//!
//! `leaked.bin` is a Bloom filter of the eight thousand among the half million most frequent ones that [`super::password`]
//! would take otherwise. It takes 16 KiB, and refuses one of two thousand passwords that never leaked. It is made anew from a
//! list, a password a line, by
//! `ACCORD_LEAKED_PASSWORDS=FILE cargo test -p accord-core leaked`.

use crate::auth::secret;

/// The filter. Its length is part of where a password's bits are.
static FILTER: &[u8] = include_bytes!("leaked.bin");

/// Whether a password, spelt as guessers spell it, is among those that leaked.
pub(super) fn contains(spelling: &str) -> bool {
    places(spelling, FILTER.len()).all(|(byte, bit)| FILTER.get(byte).is_some_and(|bits| bits & bit != 0))
}

/// The bits of a spelling, as byte and mask: one for each four bytes of its SHA-256.
fn places(spelling: &str, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let digest = secret::digest(spelling.as_bytes());
    let (words, _) = digest.as_chunks::<4>();
    let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    words.into_iter().map(move |word| {
        let place = usize::try_from(word).unwrap_or_default() % (bytes * 8);
        (place / 8, 1 << (place % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::password;

    /// How long the filter is, in bytes.
    const LENGTH: usize = 16 * 1024;

    #[test]
    fn the_filter_is_made_of_a_list_and_knows_what_is_in_every_one() {
        if let Ok(list) = std::env::var("ACCORD_LEAKED_PASSWORDS") {
            let list = std::fs::read(list).expect("the list can be read");
            let mut filter = vec![0; LENGTH];
            let mut count = 0;
            for password in String::from_utf8_lossy(&list).lines().filter(|line| password::is_taken_but_leaked(line)) {
                count += 1;
                places(&password::spelling(password), LENGTH).for_each(|(byte, bit)| filter[byte] |= bit);
            }
            println!("{count} passwords");
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sign_in/leaked.bin");
            std::fs::write(path, filter).expect("the filter can be written");
            return;
        }
        for known in ["1qaz2wsx3edc", "1Q2W3E4R5T6Y", "chickenwing101", "counterstrike", "finalfantasy"] {
            assert!(contains(&password::spelling(known)), "{known}");
        }
        let unknown = |n: usize| password::spelling(&format!("nobody ever took {n} for one"));
        let refused = (0..10_000).filter(|n| contains(&unknown(*n))).count();
        assert!(refused < 20, "{refused} of 10,000 that never leaked");
    }
}
