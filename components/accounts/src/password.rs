//! Which passwords are taken.

use accord_core::session::PASSWORD_MAX;
use zxcvbn::Score;

use crate::input::Fields;

/// Shortest password, in characters.
const PASSWORD_MIN: usize = 12;

/// zxcvbn takes time that grows with the square of the length: what lies beyond adds strength, but is not looked at.
const LOOKED_AT: usize = 64;

/// Notes what is wrong with the field `password`. `known` is what a guesser would try first: address, names.
pub fn judge(fields: &mut Fields<'_>, password: &str, known: &[&str]) {
    if let Some(fault) = fault(password, known) {
        fields.refuse("password", fault);
    }
}

fn fault(password: &str, known: &[&str]) -> Option<String> {
    if password.chars().count() < PASSWORD_MIN {
        return Some(format!("must have at least {PASSWORD_MIN} characters"));
    }
    if password.len() > PASSWORD_MAX {
        return Some(format!("must have at most {PASSWORD_MAX} bytes"));
    }
    let looked_at: String = password.chars().take(LOOKED_AT).collect();
    let estimate = zxcvbn::zxcvbn(&looked_at, known);
    // Three of four: ten to the eighth guesses and more.
    if estimate.score() >= Score::Three {
        return None;
    }
    let why = estimate.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(|warning| format!(": {warning}"));
    Some(format!("is too easy to guess{}", why.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_hard_to_guess() {
        for good in ["secure_password_123", "correct horse battery staple", "päivänkakkara on 7 kukkaa"] {
            assert_eq!(fault(good, &[]), None, "{good}");
        }
        for bad in ["", "short", "aaaaaaaaaaaaaaaa", "123456789012", "passwordpassword", "qwertyuiop12"] {
            assert!(fault(bad, &[]).is_some(), "{bad}");
        }
        assert!(fault("acme corporation", &["Acme Corporation"]).is_some(), "the account's own name");
        assert!(fault(&"x".repeat(5000), &[]).is_some());
    }
}
