//! Accounts: organisations, whichever API made them.

use std::fmt::Write as _;

use crate::error::Result;
use crate::secret;
use crate::store::{Transaction, now};

/// Longest name, in characters.
pub const NAME_MAX: usize = 255;

/// Longest registration id, in characters.
pub const REGISTRATION_ID_MAX: usize = 100;

/// New account keys, of the shape that the administration API gives them (`5a70d8fcd44aa9.76285892`): the second of their making in eight
/// hexadecimal digits, then 52 random bits in six digits that count in sixteens or tens and eight that count in tens.
pub fn new_keys(count: usize) -> Result<Vec<String>> {
    let mut random = vec![0; count * 8];
    secret::fill(&mut random)?;
    let seconds = now() / 1000;
    let key = |bytes: &[u8]| {
        let mut key = format!("{:08x}", seconds & 0xffff_ffff);
        let random = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        // The first half of the bits makes the hexadecimal part, the second the decimal one. Writing to a string never fails.
        let (high, low) = (random >> 32, random & 0xffff_ffff);
        let _ = write!(key, "{:05x}{}.{:08}", high & 0xf_ffff, (high >> 20) % 10, low % 100_000_000);
        key
    };
    Ok(random.chunks_exact(8).map(key).collect())
}

/// Notes that `owner` owns so many accounts more, or fewer: it does, and so do those that own it. To be called once for all
/// accounts of an owner that a transaction makes or deletes.
pub(crate) fn count(transaction: &Transaction, owner: i64, more: i64) -> Result<()> {
    transaction.run(
        "WITH RECURSIVE chain(id) AS (
             SELECT ?1 UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
         UPDATE accounts SET descendants = descendants + ?2 WHERE id IN (SELECT id FROM chain)",
        &[owner.into(), more.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_shape_of_the_document_and_differ() {
        let keys = new_keys(1000).expect("random numbers");
        for key in &keys {
            let (hexadecimal, decimal) = key.split_once('.').expect("a dot");
            assert!(hexadecimal.len() == 14 && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
            assert!(decimal.len() == 8 && decimal.bytes().all(|b| b.is_ascii_digit()), "{key}");
        }
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
