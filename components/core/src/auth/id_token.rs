//! ID tokens (OpenID Connect Core 1.0, section 2): who signed in, told to a relying party.

use std::time::Duration;

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jwt_simple::prelude::{Deserialize, JWTClaims, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

use crate::auth::key::{self, Algorithm, Published};
use crate::error::Result;
use crate::setting;
use crate::store::Connection;
use crate::values::id::AccountId;
use crate::values::time::Time;

/// What the `typ` of an ID token's header is: no access token has it, and an ID token is never taken for one.
pub const TYPE: &str = "JWT";

/// Longest ID token that is looked at, in bytes.
const MAX_LENGTH: usize = 4096;

/// How long an ID token tells who it was about after it has expired: a relying party keeps the last one it got.
const HINTS: Duration = Duration::from_hours(400 * 24);

/// The claims of an ID token beside the registered ones (OpenID Connect Core 1.0, section 2 and 5.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdClaims {
    /// The `client_id` that it is for.
    pub azp: String,
    /// What the request brought along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the person gave the password, in seconds since 1970.
    pub auth_time: i64,
    /// The left half of the access token's SHA-256 (OpenID Connect Core 1.0, section 3.1.3.6).
    pub at_hash: String,
    /// The browser's session (OpenID Connect Front-Channel Logout 1.0, section 3).
    pub sid: String,
    /// The account that the person signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// What the scopes allow to tell of the person.
    #[serde(flatten)]
    pub person: PersonClaims,
}

/// What a relying party learns of a person, by the scopes `profile`, `email` and `phone` (OpenID Connect Core 1.0, section 5.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonClaims {
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// When something of it changed last, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// The address that signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the person has proved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// What the account's organisation says of the person's telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Whether the organisation has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_verified: Option<bool>,
}

/// The left half of the hash of an access token, by the hash that the ID token is signed with (OpenID Connect Core 1.0, section
/// 3.1.3.6; Ed25519 signs by SHA-512).
pub fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    match algorithm {
        Algorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(access_token)[..32]),
        Algorithm::Es256 | Algorithm::Rs256 => URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16]),
    }
}

/// Whom an ID token was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The person's UUID.
    pub subject: String,
    /// The `client_id` that it was for.
    pub client_id: String,
    /// The account.
    pub account: Option<AccountId>,
    /// The browser's session.
    pub sid: String,
}

/// What is believed of an ID token that comes back: what its mark is made of. Its other claims are for relying parties.
#[derive(Serialize, Deserialize)]
struct Vouched {
    iss: String,
    sub: String,
    azp: String,
    sid: String,
    account: Option<AccountId>,
    exp: u64,
    /// It tells tokens of one session apart, for no other has this access token beside it.
    at_hash: String,
}

/// The parts of an ID token that comes back.
struct Shown {
    kid: String,
    vouched: Vouched,
    mark: Vec<u8>,
}

impl Shown {
    /// `None` if it is no ID token of ours in its form.
    fn read(token: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Header {
            kid: String,
        }
        #[derive(Deserialize)]
        struct Marked {
            jti: String,
        }
        if token.len() > MAX_LENGTH {
            return None;
        }
        let mut parts = token.split('.');
        let (header, claims) = (parts.next()?, parts.next()?);
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let Header { kid } = serde_json::from_slice(&header?).ok()?;
        let claims = claims?;
        let Marked { jti } = serde_json::from_slice(&claims).ok()?;
        let mark = URL_SAFE_NO_PAD.decode(jti).ok()?;
        Some(Self { kid, vouched: serde_json::from_slice(&claims).ok()?, mark })
    }
}

/// What makes a mark: HMAC-SHA-256 over what it vouches for, in a form that no two of them share.
fn marker(mark_key: &str, kid: &str, vouched: &Vouched) -> Result<Hmac<Sha256>> {
    let mut marker = Hmac::<Sha256>::new_from_slice(mark_key.as_bytes()).map_err(|error| anyhow!("a mark: {error}"))?;
    let text = serde_json::to_vec(&("ID token", kid, vouched)).map_err(|error| anyhow!("a mark: {error}"))?;
    marker.update(&text);
    Ok(marker)
}

/// Marks an ID token that this key is to sign: by its `jti` it is known again.
pub fn mark(key: &Published, claims: JWTClaims<IdClaims>) -> Result<JWTClaims<IdClaims>> {
    let Some(mark_key) = &key.mark_key else { return Ok(claims) };
    let (Some(iss), Some(sub), Some(expires_at)) = (&claims.issuer, &claims.subject, claims.expires_at) else {
        return Err(anyhow!("an ID token of nobody").into());
    };
    let IdClaims { azp, sid, account, at_hash, .. } = claims.custom.clone();
    let vouched = Vouched { iss: iss.clone(), sub: sub.clone(), azp, sid, account, exp: expires_at.as_secs(), at_hash };
    let mark = marker(mark_key, &key.kid, &vouched)?.finalize().into_bytes();
    Ok(claims.with_jwt_id(URL_SAFE_NO_PAD.encode(mark)))
}

/// Reads an ID token that a relying party shows as a hint (OpenID Connect Core 1.0, section 3.1.2.1): one of ours, which may
/// have expired. `None` if it is not.
///
/// Its signature is for relying parties. Here its mark vouches for it: nobody makes one without the secret that is kept beside the
/// public key, and whoever shows it has got this token from us. So what only reads hints has no need of three kinds of signatures.
pub async fn read_hint(connection: &Connection, token: &str) -> Result<Option<Hint>> {
    let Some(Shown { kid, vouched, mark }) = Shown::read(token) else { return Ok(None) };
    let Some(mark_key) = key::find_mark_key(connection, &kid)? else { return Ok(None) };
    if marker(&mark_key, &kid, &vouched)?.verify_slice(&mark).is_err() {
        return Ok(None);
    }
    let ends_at = Time::from_milliseconds(0) + Duration::from_secs(vouched.exp) + HINTS;
    let is_ours = vouched.iss == setting::get("public_url").await?;
    let Vouched { sub: subject, azp: client_id, account, sid, .. } = vouched;
    Ok((is_ours && Time::now() < ends_at).then_some(Hint { subject, client_id, account, sid }))
}

#[cfg(test)]
pub(crate) mod tests {
    use jwt_simple::prelude::{Claims, Ed25519KeyPair, EdDSAKeyPairLike as _, HeaderOptions};
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::key::Lifetimes;
    use crate::entry::first_start::tests::author;
    use crate::store::Edit;
    use crate::store::native::run;
    use crate::values::id::Id as _;

    const ISSUER: &str = "https://accord.example";

    /// A key of ours.
    pub(crate) struct Key(Published, Ed25519KeyPair);

    pub(crate) async fn key() -> Result<Key> {
        let pair = Ed25519KeyPair::generate();
        let published = Published::new(&pair.jwk_thumbprint(), Algorithm::EdDsa)?;
        let edit = Edit::begin(author("oauth")).await?;
        let lifetimes = Lifetimes { signs: Duration::from_hours(24), overlap: Duration::from_hours(1) };
        key::insert(&edit, &published, &pair.public_key().to_jwk(), lifetimes)?;
        edit.commit().await?;
        let pair = pair.with_key_id(&published.kid);
        Ok(Key(published, pair))
    }

    /// An ID token of a person and a client, as the token endpoint signs it, that expired a month ago.
    pub(crate) fn sign(key: &Key, issuer: &str, client_id: &str, person: &str, sid: &str) -> String {
        sign_until(key, issuer, client_id, person, sid, Time::now() - Duration::from_hours(30 * 24))
    }

    fn sign_until(key: &Key, issuer: &str, client_id: &str, person: &str, sid: &str, expires_at: Time) -> String {
        let custom = IdClaims {
            azp: client_id.to_owned(),
            nonce: None,
            auth_time: 0,
            at_hash: "of this access token".to_owned(),
            sid: sid.to_owned(),
            account: Some(AccountId::from_number(1)),
            person: PersonClaims { email: Some("jane@example.com".to_owned()), ..PersonClaims::default() },
        };
        let mut claims = Claims::with_custom_claims(custom, jwt_simple::prelude::Duration::from_hours(1))
            .with_issuer(issuer)
            .with_audience(client_id)
            .with_subject(person);
        let seconds = u64::try_from(expires_at.seconds()).expect("after 1970");
        claims.expires_at = Some(jwt_simple::prelude::Duration::from_secs(seconds));
        let header = HeaderOptions { signature_type: Some(TYPE.to_owned()), ..HeaderOptions::default() };
        key.1.sign_with_options(mark(&key.0, claims).expect("a mark"), &header).expect("a token")
    }

    /// The token with another claim, or without one; with the same signature.
    fn with(token: &str, claim: &str, value: Value) -> String {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
        let mut claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
        assert_ne!(claims[claim], value, "{claim}");
        claims[claim] = value;
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn a_hint_is_an_id_token_of_ours_that_may_have_expired() {
        run(async {
            setting::set("public_url", ISSUER);
            let own = key().await?;
            // Somebody who knows the public key, its id and how marks are made, and not the secret.
            let foreign = Key(Published { kid: own.0.kid.clone(), ..key().await?.0 }, Ed25519KeyPair::generate());
            let foreign = Key(foreign.0, foreign.1.with_key_id(&own.0.kid));
            let connection = Connection::lease().await?;
            let good = sign(&own, ISSUER, "client", "person", "browser");
            let hint = read_hint(&connection, &good).await?.expect("a hint");
            let expected = Hint {
                subject: "person".to_owned(),
                client_id: "client".to_owned(),
                account: Some(AccountId::from_number(1)),
                sid: "browser".to_owned(),
            };
            assert_eq!(hint, expected);
            let days = |days: u64| Time::now() - Duration::from_hours(24 * days);
            let until = |expires_at| sign_until(&own, ISSUER, "client", "person", "browser", expires_at);
            assert!(read_hint(&connection, &until(days(399))).await?.is_some());
            for (bad, why) in [
                (sign(&foreign, ISSUER, "client", "person", "browser"), "another key"),
                (sign(&own, "https://other.example", "client", "person", "browser"), "another issuer"),
                (with(&good, "iss", json!("https://other.example")), "said to be of another issuer"),
                (with(&good, "sub", json!("somebody")), "another person"),
                (with(&good, "azp", json!("another")), "another client"),
                (with(&good, "sid", json!("another")), "another session"),
                (with(&good, "account", json!(2)), "another account"),
                (with(&good, "account", Value::Null), "no account"),
                (with(&good, "exp", json!(4_000_000_000_u64)), "another end"),
                (with(&good, "at_hash", json!("")), "another access token"),
                (with(&good, "jti", Value::Null), "no mark, as before there were any"),
                (with(&good, "jti", json!("")), "an empty mark"),
                (with(&good, "jti", json!("AAAA")), "a short mark"),
                (until(days(401)), "too old"),
                ("x".repeat(MAX_LENGTH + 1), "too long"),
                ("e30.e30.".to_owned(), "nothing in it"),
                (String::new(), "nothing"),
            ] {
                assert_eq!(read_hint(&connection, &bad).await?, None, "{why}");
            }
            Ok(())
        });
    }

    #[test]
    fn a_key_that_was_ended_vouches_for_nothing_and_one_without_a_secret_marks_nothing() {
        run(async {
            setting::set("public_url", ISSUER);
            let (ended, other) = (key().await?, key().await?);
            let sign = |key: &Key| sign(key, ISSUER, "client", "person", "browser");
            let run = async |statement: &str, key: &Key| {
                let edit = Edit::begin(author("oauth")).await?;
                edit.run(statement, &[key.0.kid.as_str().into()])?;
                edit.commit().await
            };
            run("DELETE FROM signing_keys WHERE kid = ?", &ended).await?;
            run("UPDATE signing_keys SET mark_key = NULL WHERE kid = ?", &other).await?;
            let connection = Connection::lease().await?;
            for key in [&ended, &other] {
                assert_eq!(read_hint(&connection, &sign(key)).await?, None);
            }
            let without = key::current(&connection, Algorithm::EdDsa)?.expect("a key");
            let unmarked = sign(&Key(without, other.1));
            assert_eq!(Shown::read(&unmarked).map(|shown| shown.kid), None);
            Ok(())
        });
    }

    #[test]
    fn the_hash_of_an_access_token_is_that_of_the_signature() {
        // OpenID Connect Core 1.0, appendix A.3, has this pair.
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(Algorithm::Rs256, access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(at_hash(Algorithm::EdDsa, access_token).len(), 43);
    }
}
