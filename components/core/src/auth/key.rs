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
use ed25519_dalek::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
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
    Es256(p256::ecdsa::VerifyingKey),
    /// See [`Algorithm::Rs256`].
    Rs256(Box<RsaPublicKey>),
}

/// What a public JWK tells of each kind of key (RFC 7518, section 6, and RFC 8037, section 2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl VerifyingKey {
    /// Reads a public JWK (RFC 7517).
    pub fn from_jwk(algorithm: Algorithm, jwk: &str) -> anyhow::Result<Self> {
        let jwk: Jwk = serde_json::from_str(jwk)?;
        match (algorithm, jwk.kty.as_str(), jwk.crv.as_deref()) {
            (Algorithm::EdDsa, "OKP", Some("Ed25519")) => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(&coordinate(jwk.x)?)?;
                anyhow::ensure!(!key.is_weak(), "a weak key");
                Ok(Self::EdDsa(key))
            }
            (Algorithm::Es256, "EC", Some("P-256")) => {
                // A point that is not compressed (SEC 1, section 2.3.3).
                let point = [&[4][..], &coordinate(jwk.x)?, &coordinate(jwk.y)?].concat();
                Ok(Self::Es256(p256::ecdsa::VerifyingKey::from_sec1_bytes(&point)?))
            }
            (Algorithm::Rs256, "RSA", None) => {
                let (n, e) = (decode(jwk.n)?, decode(jwk.e)?);
                let key = RsaPublicKey::new(BigUint::from_bytes_be(&n), BigUint::from_bytes_be(&e))?;
                anyhow::ensure!(key.n().bits() >= 2048, "a weak key");
                Ok(Self::Rs256(Box::new(key)))
            }
            _ => Err(anyhow!("a key of another kind")),
        }
    }

    /// Whether the key has signed this token.
    pub fn has_signed(&self, token: &Signed<'_>) -> bool {
        let (input, signature) = (token.input.as_bytes(), token.signature.as_slice());
        match self {
            Self::EdDsa(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature);
                token.header.alg == Algorithm::EdDsa.name()
                    && signature.is_ok_and(|signature| key.verify(input, &signature).is_ok())
            }
            Self::Es256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature);
                token.header.alg == Algorithm::Es256.name()
                    && signature.is_ok_and(|signature| key.verify(input, &signature).is_ok())
            }
            Self::Rs256(key) => {
                let scheme = Pkcs1v15Sign::new::<rsa::sha2::Sha256>();
                token.header.alg == Algorithm::Rs256.name()
                    && key.verify(scheme, &secret::digest(input), signature).is_ok()
            }
        }
    }
}

/// A number of 256 bits.
fn coordinate(member: Option<String>) -> anyhow::Result<[u8; 32]> {
    decode(member)?.try_into().map_err(|_| anyhow!("a coordinate has 32 bytes"))
}

fn decode(member: Option<String>) -> anyhow::Result<Vec<u8>> {
    Ok(URL_SAFE_NO_PAD.decode(member.ok_or_else(|| anyhow!("a key that lacks a part"))?)?)
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
    fn a_key_of_another_kind_is_none() {
        let good = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert!(VerifyingKey::from_jwk(Algorithm::EdDsa, good).is_ok());
        for jwk in [good.replace("Ed", "X"), good.replace("OKP", "EC"), good.replace("11qY", ""), "{}".to_owned()] {
            assert!(VerifyingKey::from_jwk(Algorithm::EdDsa, &jwk).is_err(), "{jwk}");
        }
        assert!(VerifyingKey::from_jwk(Algorithm::Es256, good).is_err());
        assert!(VerifyingKey::from_jwk(Algorithm::Rs256, good).is_err());
    }

    /// Signed by jwt-simple, which the component `oauth` signs with.
    #[test]
    fn tokens_of_the_other_algorithms_are_taken_with_the_signature_of_their_key_and_with_no_other() {
        use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike as _, ES256KeyPair};
        use jwt_simple::prelude::{HeaderOptions, RS256KeyPair, RSAKeyPairLike as _};

        let claims = || Claims::create(Duration::from_hours(1)).with_subject("jane");
        let header = HeaderOptions { signature_type: Some("at+jwt".to_owned()), ..HeaderOptions::default() };
        let ec = [(); 2].map(|()| ES256KeyPair::generate().with_key_id("one"));
        let rsa = [(); 2].map(|()| RS256KeyPair::generate(2048).expect("a pair").with_key_id("one"));
        let kinds = [
            (Algorithm::Es256, ec[0].public_key().to_jwk(), ec.map(|pair| pair.sign_with_options(claims(), &header))),
            (Algorithm::Rs256, rsa[0].public_key().to_jwk(), rsa.map(|pair| pair.sign_with_options(claims(), &header))),
        ];
        for (algorithm, jwk, tokens) in kinds {
            let key = VerifyingKey::from_jwk(algorithm, &jwk).expect("a public key");
            let is_taken = |text: &str| Signed::parse(text).is_some_and(|signed| key.has_signed(&signed));
            let [good, of_another] = tokens.map(|token| token.expect("a token"));
            assert!(is_taken(&good), "{algorithm:?}");
            assert!(!is_taken(&of_another), "{algorithm:?}: another key");
            let (input, signature) = good.rsplit_once('.').expect("a signature");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
            let with = |signature: &[u8]| format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
            let mut flipped = signature.clone();
            flipped[9] ^= 1;
            for bad in [&flipped[..], &signature[1..], &[&signature[..], &[0]].concat(), &[], &[0; 64], &[0; 256]] {
                assert!(!is_taken(&with(bad)), "{algorithm:?}: {} bytes", bad.len());
            }
            let (header, claims) = input.split_once('.').expect("claims");
            let other = URL_SAFE_NO_PAD.encode(r#"{"sub":"john"}"#);
            assert!(
                !is_taken(&format!("{header}.{other}.{}", URL_SAFE_NO_PAD.encode(&signature))),
                "{algorithm:?}: claims"
            );
            let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt","kid":"one"}"#);
            assert!(
                !is_taken(&format!("{none}.{claims}.{}", URL_SAFE_NO_PAD.encode(&signature))),
                "{algorithm:?}: none"
            );
            for algorithm in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert!(VerifyingKey::from_jwk(algorithm, &jwk).is_err(), "{algorithm:?}");
            }
        }
    }
}
