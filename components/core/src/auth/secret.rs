//! Secrets and passwords: made here, kept as hashes, compared in constant time.
//!
//! A secret that Accord makes has 256 random bits: one SHA-256 is all that its hash needs, for there is nothing to guess.
//! What a person chose is hashed with Argon2id. [`hash_secret`] tells the two apart by their length, so that a chosen
//! client secret is safe as well, and a random one costs nothing per request.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;

use anyhow::anyhow;
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc::PasswordHash,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{Error, Result};
use crate::values::text;

/// From this many bytes on a client secret is taken for random.
const RANDOM_FROM: usize = 32;

/// What the hash of a random secret begins with. Argon2id's begin with `$argon2id$` (PHC string format).
const SHA256: &str = "$sha256$";

/// How many verified secrets an instance remembers.
const REMEMBERED: usize = 256;

thread_local! {
    /// Digests of (secret, hash) that Argon2id has found to belong together. The salted hash is part of the digest: a
    /// new password has a new hash, and what is remembered of the old one never matches again.
    static VERIFIED: RefCell<HashSet<[u8; 32]>> = RefCell::default();
}

/// A new secret: 256 random bits in base64url.
pub fn generate() -> Result<String> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Fills `bytes` with random ones.
pub fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| Error::Internal(anyhow!("no random numbers: {error}")))
}

/// New UUIDs, in their order: of many that come so an index takes half the time. Their random bits are asked for at once: one by one that
/// would take long.
pub fn uuids(count: usize) -> Result<Vec<String>> {
    let mut random = vec![[0; 16]; count];
    fill(random.as_flattened_mut())?;
    // The bits that say what kind of UUID it is are the same in all.
    random.sort_unstable();
    Ok(random.into_iter().map(|bits| uuid::Builder::from_random_bytes(bits).into_uuid().to_string()).collect())
}

/// SHA-256 of `bytes`.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The hash to keep of a client secret.
pub fn hash_secret(secret: &str) -> Result<String> {
    if secret.len() < RANDOM_FROM {
        return hash_argon2id(secret);
    }
    Ok(format!("{SHA256}{}", URL_SAFE_NO_PAD.encode(digest(secret.as_bytes()))))
}

/// How passwords are hashed: Argon2id with 7 MiB and 5 passes. OWASP's cheat sheet has this as equal to 19 MiB and 2 passes,
/// which an instance would keep until it ends, and which takes longer where memory is slow.
fn argon2id() -> Argon2<'static> {
    const MEMORY_KIB: u32 = 7 * 1024;
    const PASSES: u32 = 5;
    // Within the bounds of RFC 9106, section 3.1; or else the crate's defaults, which are as good.
    let parameters = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

/// The hash to keep of a password, in PHC form. It is made of what [`normal`] makes of the password.
pub fn hash_password(password: &str) -> Result<String> {
    hash_argon2id(&normal(password))
}

/// A password as it is compared, however a keyboard writes it: composed, and every space the one of ASCII (`OpaqueString`
/// of RFC 8265, section 4.2).
fn normal(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    let space = |c: char| if c.is_whitespace() && !c.is_control() { ' ' } else { c };
    let spaced: String = password.chars().map(space).collect();
    Cow::Owned(text::compose(&spaced).into_owned())
}

fn hash_argon2id(password: &str) -> Result<String> {
    let mut salt = [0; 16];
    fill(&mut salt)?;
    hash_salted(password, &salt)
}

/// As [`hash_password`], with a salt that nothing else is hashed with: 8 to 48 bytes.
pub fn hash_salted(password: &str, salt: &[u8]) -> Result<String> {
    let hash: PasswordHash = argon2id()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map_err(|error| Error::Internal(anyhow!("Argon2id: {error}")))?;
    Ok(hash.to_string())
}

/// Whether `secret` is the client secret of which `hash` was kept.
pub fn verify_secret(secret: &str, hash: &str) -> bool {
    let Some(kept) = hash.strip_prefix(SHA256) else {
        return verify_argon2id(secret, hash);
    };
    let given = URL_SAFE_NO_PAD.encode(digest(secret.as_bytes()));
    given.as_bytes().ct_eq(kept.as_bytes()).into()
}

/// Whether `password` is the one of which `hash` was kept. With no hash to compare with it takes as long as with one and
/// says no, so that the time does not tell whether a user exists.
pub fn verify_password(password: &str, hash: Option<&str>) -> bool {
    let kept = hash.unwrap_or(NOBODY);
    let normal = normal(password);
    // Before 0.2 a password was hashed as it was typed.
    let matches = verify_argon2id(&normal, kept) || (normal != password && verify_argon2id(password, kept));
    matches && hash.is_some()
}

/// An Argon2id hash, in the parameters of [`argon2id`], of no secret that anybody knows.
const NOBODY: &str = "$argon2id$v=19$m=7168,t=5,p=1$mBFTyehjNzCkHZk/fajtCw$aNncxf/8HXqKl1yygy6q0QiLlRzEFPYukrxhbQYsm6I";

/// Whether `secret` is seen at once to be the one of which `hash` was kept, before any limit on attempts: it is random, so that
/// attempts lead nowhere, or this instance has found it right before.
pub fn is_right_at_once(secret: &str, hash: &str) -> bool {
    if hash.starts_with(SHA256) { verify_secret(secret, hash) } else { is_verified(secret, hash) }
}

/// Whether this instance has found before that `password` is the one of which `hash` was kept.
pub fn is_verified(password: &str, hash: &str) -> bool {
    is_remembered(&normal(password), hash)
}

fn is_remembered(password: &str, hash: &str) -> bool {
    let both = digest_of_both(password, hash);
    VERIFIED.with_borrow(|verified| verified.contains(&both))
}

fn digest_of_both(password: &str, hash: &str) -> [u8; 32] {
    let mut both = Sha256::new();
    both.update(digest(password.as_bytes()));
    both.update(hash);
    both.finalize().into()
}

fn verify_argon2id(password: &str, hash: &str) -> bool {
    if is_remembered(password, hash) {
        return true;
    }
    let matches = argon2id().verify_password(password.as_bytes(), hash).is_ok();
    if matches {
        VERIFIED.with_borrow_mut(|verified| {
            if verified.len() >= REMEMBERED {
                verified.clear();
            }
            verified.insert(digest_of_both(password, hash));
        });
    }
    matches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_same_however_a_keyboard_writes_it() {
        let hash = hash_password("p\u{e4}\u{a0}ss").expect("a hash");
        assert!(verify_password("pa\u{308} ss", Some(&hash)));
        assert!(!verify_password("pa ss", Some(&hash)));
        let before = hash_argon2id("pa\u{308}ss").expect("a hash");
        assert!(verify_password("pa\u{308}ss", Some(&before)), "hashed as it was typed");
    }

    #[test]
    fn a_generated_secret_is_kept_as_sha256_and_a_chosen_one_as_argon2id() {
        let generated = generate().expect("random numbers");
        let hash = hash_secret(&generated).expect("a hash");
        assert!(hash.starts_with("$sha256$") && !hash.contains(&generated));
        assert!(verify_secret(&generated, &hash));
        assert!(!verify_secret(&generate().expect("random numbers"), &hash));

        let hash = hash_secret("chosen").expect("a hash");
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_secret("chosen", &hash) && verify_secret("chosen", &hash));
        assert!(!verify_secret("Chosen", &hash));
        assert!(verify_password("chosen", Some(&hash)));
    }

    #[test]
    fn nobody_has_no_secret() {
        assert!(PasswordHash::new(NOBODY).is_ok(), "or comparing with it would take no time");
        assert!(!verify_password("", None));
    }
}
