//! Signing keys: the public halves, and verifying with them.
//!
//! The private halves are in the key-value store that only the `oauth` component may open; this module never sees one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Verifier as _};
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ES256PublicKey, NoCustomClaims, RS256PublicKey, RSAPublicKeyLike as _,
};
use serde::Deserialize;

use crate::auth::secret;
use crate::auth::signed::Signed;
use crate::error::Result;
use crate::store::{Connection, Row, Transaction};
use crate::values::time::Time;

/// How a token is signed (RFC 7518, section 3.1, and RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519: the default, the fastest to verify here.
    EdDsa,
    /// ECDSA over P-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with 2048 bits.
    Rs256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// The name in a token's header, in a JWK and in the setting `signing_algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

/// A public key. It verifies tokens of its own algorithm and of no other, whatever their header says.
pub enum VerifyingKey {
    /// See [`Algorithm::EdDsa`].
    EdDsa(ed25519_dalek::VerifyingKey),
    /// See [`Algorithm::Es256`].
    Es256(ES256PublicKey),
    /// See [`Algorithm::Rs256`].
    Rs256(Box<RS256PublicKey>),
}

impl VerifyingKey {
    /// Reads a public JWK (RFC 7517).
    pub fn from_jwk(algorithm: Algorithm, jwk: &str) -> anyhow::Result<Self> {
        Ok(match algorithm {
            Algorithm::EdDsa => Self::EdDsa(ed25519(jwk)?),
            Algorithm::Es256 => Self::Es256(ES256PublicKey::from_jwk(jwk)?),
            Algorithm::Rs256 => Self::Rs256(Box::new(RS256PublicKey::from_jwk(jwk)?)),
        })
    }

    /// Whether the key has signed this token.
    pub fn has_signed(&self, token: &Signed<'_>) -> bool {
        match self {
            Self::EdDsa(key) => {
                let signature = Signature::from_slice(&token.signature);
                token.header.alg == Algorithm::EdDsa.name()
                    && signature.is_ok_and(|signature| key.verify(token.input.as_bytes(), &signature).is_ok())
            }
            Self::Es256(key) => key.verify_token::<NoCustomClaims>(token.text, None).is_ok(),
            Self::Rs256(key) => key.verify_token::<NoCustomClaims>(token.text, None).is_ok(),
        }
    }
}

/// The public key in a JWK (RFC 8037, section 2).
fn ed25519(jwk: &str) -> anyhow::Result<ed25519_dalek::VerifyingKey> {
    #[derive(Deserialize)]
    struct Jwk {
        crv: String,
        x: String,
    }
    let Jwk { crv, x } = serde_json::from_str(jwk)?;
    let point: [u8; 32] = URL_SAFE_NO_PAD.decode(x)?.try_into().map_err(|_| anyhow!("a point has 32 bytes"))?;
    anyhow::ensure!(crv == "Ed25519", "a key of another curve");
    let key = ed25519_dalek::VerifyingKey::from_bytes(&point)?;
    anyhow::ensure!(!key.is_weak(), "a weak key");
    Ok(key)
}

thread_local! {
    static KNOWN: RefCell<HashMap<String, (Arc<VerifyingKey>, Time)>> = RefCell::default();
}

/// The key of this id, if there is one that has not expired. An instance asks the store once per key.
pub fn find(connection: &Connection, kid: &str) -> Result<Option<Arc<VerifyingKey>>> {
    let now = Time::now();
    let known = KNOWN.with_borrow(|known| known.get(kid).cloned());
    if let Some((key, expires_at)) = known {
        return Ok((now < expires_at).then_some(key));
    }
    let row = connection.query_first(
        "SELECT algorithm, public_jwk, expires_at FROM signing_keys WHERE kid = ? AND expires_at > ?",
        &[kid.into(), now.into()],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    let (algorithm, jwk): (String, String) = (row.take("algorithm")?, row.take("public_jwk")?);
    let Some(algorithm) = Algorithm::parse(&algorithm) else { return Ok(None) };
    let key = Arc::new(VerifyingKey::from_jwk(algorithm, &jwk)?);
    let expires_at = row.take("expires_at")?;
    KNOWN.with_borrow_mut(|known| known.insert(kid.to_owned(), (Arc::clone(&key), expires_at)));
    Ok(Some(key))
}

/// A key that signs, as the table has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Published {
    /// Its id.
    pub kid: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// What marks its ID tokens, see [`crate::auth::id_token`]: a secret, which is told to nobody. A release that knows no
    /// marks may still make a key without one while it is replaced.
    pub(super) mark_key: Option<String>,
}

impl Published {
    /// A new key.
    pub fn new(kid: &str, algorithm: Algorithm) -> Result<Self> {
        Ok(Self { kid: kid.to_owned(), algorithm, mark_key: Some(secret::generate()?) })
    }
}

/// How long a key is of use.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// How long it signs.
    pub signs: Duration,
    /// How long it verifies after that: as long as the last token that it signed is good.
    pub overlap: Duration,
}

const CURRENT: &str = "SELECT kid, mark_key FROM signing_keys
      WHERE algorithm = ?1 AND retires_at > ?2 ORDER BY retires_at DESC LIMIT 1";

/// The key to sign with now, if there is one.
pub fn current(connection: &Connection, algorithm: Algorithm) -> Result<Option<Published>> {
    current_at(connection, algorithm, Time::now())
}

/// The key to sign with at a time, if there is one by now.
pub fn current_at(connection: &Connection, algorithm: Algorithm, time: Time) -> Result<Option<Published>> {
    let row = connection.query_first(CURRENT, &[algorithm.name().into(), time.into()])?;
    let published = |mut row: Row| Ok(Published { kid: row.take("kid")?, algorithm, mark_key: row.take("mark_key")? });
    row.map(published).transpose()
}

/// What marks the ID tokens of the key of this id, as long as it verifies. It is asked of the store each time: a key that was ended
/// vouches for nothing, and nothing else says so.
pub(super) fn find_mark_key(connection: &Connection, kid: &str) -> Result<Option<String>> {
    let row = connection.query_first(
        "SELECT mark_key FROM signing_keys WHERE kid = ? AND expires_at > ?",
        &[kid.into(), Time::now().into()],
    )?;
    row.map_or(Ok(None), |mut row| row.take("mark_key"))
}

/// Publishes a new key. `known` is the current one that the caller could not use. Returns the ids of the keys that sign no more,
/// or `None`, and publishes nothing, if there is another current key by now.
pub async fn publish(
    new: &Published,
    public_jwk: &str,
    lifetimes: Lifetimes,
    known: Option<&Published>,
) -> Result<Option<Vec<String>>> {
    let transaction = Transaction::begin().await?;
    let now = Time::now();
    if current(transaction.connection(), new.algorithm)?.as_ref() != known {
        return Ok(None);
    }
    // An unusable current key retires now; the last token that it may have signed expires in the overlap.
    if let Some(Published { kid, .. }) = known {
        transaction.run(
            "UPDATE signing_keys SET retires_at = ?2, expires_at = ?3 WHERE kid = ?1",
            &[kid.as_str().into(), now.into(), (now + lifetimes.overlap).into()],
        )?;
    }
    transaction.run("DELETE FROM signing_keys WHERE expires_at <= ?", &[now.into()])?;
    insert(&transaction, new, public_jwk, lifetimes)?;
    let retired = transaction.run("SELECT kid FROM signing_keys WHERE retires_at <= ?", &[now.into()])?;
    let retired = retired.into_iter().map(|mut row| row.take("kid")).collect::<Result<_>>()?;
    transaction.commit().await?;
    Ok(Some(retired))
}

/// Adds a key.
pub(super) fn insert(transaction: &Transaction, new: &Published, public_jwk: &str, lifetimes: Lifetimes) -> Result<()> {
    let now = Time::now();
    let retires_at = now + lifetimes.signs;
    transaction.run(
        "INSERT INTO signing_keys (kid, algorithm, public_jwk, created_at, retires_at, expires_at, mark_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            new.kid.as_str().into(),
            new.algorithm.name().into(),
            public_jwk.into(),
            now.into(),
            retires_at.into(),
            (retires_at + lifetimes.overlap).into(),
            new.mark_key.as_deref().into(),
        ],
    )?;
    Ok(())
}

/// The public keys that verify now, the oldest first: their algorithm and JWK.
pub fn all(connection: &Connection) -> Result<Vec<(String, String)>> {
    connection
        .query(
            "SELECT algorithm, public_jwk FROM signing_keys WHERE expires_at > ? ORDER BY expires_at",
            &[Time::now().into()],
        )?
        .into_iter()
        .map(|mut row: Row| Ok((row.take("algorithm")?, row.take("public_jwk")?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use serde_json::json;

    use super::*;
    use crate::auth::signed::{self, Header};

    /// The order of the curve's group, the least byte first (RFC 8032, section 5.1).
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn public(pair: &SigningKey) -> VerifyingKey {
        let x = URL_SAFE_NO_PAD.encode(pair.verifying_key());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        VerifyingKey::from_jwk(Algorithm::EdDsa, &jwk.to_string()).expect("a public key")
    }

    fn token(pair: &SigningKey, alg: &str) -> String {
        let header = Header::new(alg, "at+jwt", "one");
        signed::sign(&header, &json!({ "sub": "jane" }), |input| pair.sign(input).to_bytes()).expect("a token")
    }

    #[test]
    fn a_token_is_taken_with_the_signature_of_its_key_and_with_no_other() {
        let pair = SigningKey::from_bytes(&[7; 32]);
        let key = public(&pair);
        let is_taken = |text: &str| Signed::parse(text).is_some_and(|signed| key.has_signed(&signed));
        let good = token(&pair, "EdDSA");
        assert!(is_taken(&good));
        let (input, signature) = good.rsplit_once('.').expect("a signature");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let with = |signature: &[u8]| format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        for at in 0..signature.len() {
            for bit in 0..8 {
                let mut changed = signature.clone();
                changed[at] ^= 1 << bit;
                assert!(!is_taken(&with(&changed)), "byte {at}, bit {bit}");
            }
        }
        // The same number, and another way to write it: nobody makes two tokens of one.
        let mut greater = signature.clone();
        let mut carry = 0;
        for (byte, more) in greater[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(more) + carry;
            *byte = u8::try_from(sum & 0xff).expect("a byte");
            carry = sum >> 8;
        }
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"john"}"#);
        let header = input.split_once('.').expect("claims").0;
        for (bad, why) in [
            (with(&greater), "a number beyond the order"),
            (with(&signature[..63]), "a short signature"),
            (with(&[&signature[..], &[0]].concat()), "a long one"),
            (with(&[]), "none"),
            (with(&[0; 64]), "nothing but zeros"),
            (input.to_owned(), "no place for one"),
            (format!("{good}."), "a fourth part"),
            (format!("{good}="), "padding"),
            (good.replacen('.', "..", 1), "no claims"),
            (format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(&signature)), "other claims"),
            (token(&SigningKey::from_bytes(&[8; 32]), "EdDSA"), "another key"),
            (token(&pair, "ES256"), "said to be of another algorithm"),
            (token(&pair, "none"), "said to be of none"),
        ] {
            assert!(!is_taken(&bad), "{why}");
        }
    }

    #[test]
    fn a_token_that_demands_what_nobody_here_understands_is_refused() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let parse = |header: &str| Signed::parse(&format!("{}.{}.AA", part(header), part("{}"))).is_some();
        assert!(parse(r#"{"alg":"EdDSA","typ":"at+jwt","kid":"one"}"#));
        for header in [
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"one","crit":["exp"]}"#,
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"one","kid":"two"}"#,
            r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
            r#"{"alg":"EdDSA","kid":"one"}"#,
            r#"{"alg":["EdDSA"],"typ":"at+jwt","kid":"one"}"#,
            "{}",
            "null",
            "",
        ] {
            assert!(!parse(header), "{header}");
        }
    }

    #[test]
    fn a_key_of_another_curve_is_none() {
        for jwk in [
            r#"{"crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"crv":"Ed25519","x":"AA"}"#,
            "{}",
        ] {
            assert!(VerifyingKey::from_jwk(Algorithm::EdDsa, jwk).is_err(), "{jwk}");
        }
    }
}
