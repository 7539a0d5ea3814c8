//! ID tokens (OpenID Connect Core 1.0, section 2): who signed in, told to a relying party.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{Deserialize, Duration, Serialize, Token, VerificationOptions};
use sha2::{Digest as _, Sha256, Sha512};

use crate::auth::key::{self, Algorithm};
use crate::error::Result;
use crate::setting;
use crate::store::Connection;
use crate::values::id::AccountId;

/// What the `typ` of an ID token's header is: no access token has it, and an ID token is never taken for one.
pub const TYPE: &str = "JWT";

/// Longest ID token that is looked at, in bytes.
const MAX_LENGTH: usize = 4096;

/// How long an ID token tells who it was about after it has expired: a relying party keeps the last one it got.
const HINTS: Duration = Duration::from_days(400);

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

/// Reads an ID token that a relying party shows as a hint (OpenID Connect Core 1.0, section 3.1.2.1): one of ours, which may
/// have expired. `None` if it is not.
pub async fn read_hint(connection: &Connection, token: &str) -> Result<Option<Hint>> {
    if token.len() > MAX_LENGTH {
        return Ok(None);
    }
    let metadata = Token::decode_metadata(token).ok();
    let Some(kid) = metadata.as_ref().and_then(|metadata| metadata.key_id()) else { return Ok(None) };
    let Some((key, _)) = key::look_up(connection, kid)? else { return Ok(None) };
    let options = VerificationOptions {
        required_signature_type: Some(TYPE.to_owned()),
        allowed_issuers: Some(HashSet::from([setting::get("public_url").await?])),
        time_tolerance: Some(HINTS),
        max_token_length: Some(MAX_LENGTH),
        ..VerificationOptions::default()
    };
    let Ok(claims) = key.verify::<IdClaims>(token, options) else { return Ok(None) };
    let client = HashSet::from([claims.custom.azp.clone()]);
    let is_for_it = claims.audiences.as_ref().is_some_and(|audiences| audiences.contains(&client));
    Ok(claims.subject.filter(|_| is_for_it).map(|subject| Hint {
        subject,
        client_id: claims.custom.azp,
        account: claims.custom.account,
        sid: claims.custom.sid,
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use jwt_simple::prelude::{Claims, Ed25519KeyPair, EdDSAKeyPairLike as _, HeaderOptions};

    use super::*;
    use crate::entry::first_start::tests::author;
    use crate::store::Edit;
    use crate::store::native::run;
    use crate::values::id::Id as _;

    /// A key of ours.
    pub(crate) async fn key() -> Result<Ed25519KeyPair> {
        let pair = Ed25519KeyPair::generate();
        let kid = pair.jwk_thumbprint();
        let edit = Edit::begin(author("oauth")).await?;
        edit.run(
            "INSERT INTO signing_keys (kid, algorithm, public_jwk, created_at, retires_at, expires_at)
             VALUES (?1, 'EdDSA', ?2, 0, 9999999999999, 9999999999999)",
            &[kid.as_str().into(), pair.public_key().to_jwk().into()],
        )?;
        edit.commit().await?;
        Ok(pair.with_key_id(&kid))
    }

    /// An ID token of a person and a client, as the token endpoint signs it, that expired a while ago or is to.
    pub(crate) fn sign(
        pair: &Ed25519KeyPair,
        kind: &str,
        issuer: &str,
        client_id: &str,
        person: &str,
        sid: &str,
    ) -> String {
        let custom = IdClaims {
            azp: client_id.to_owned(),
            nonce: None,
            auth_time: 0,
            at_hash: String::new(),
            sid: sid.to_owned(),
            account: Some(AccountId::from_number(1)),
            person: PersonClaims::default(),
        };
        let mut claims = Claims::with_custom_claims(custom, Duration::from_hours(1))
            .with_issuer(issuer)
            .with_audience(client_id)
            .with_subject(person);
        claims.expires_at = claims.issued_at.map(|now| now - Duration::from_days(30));
        let header = HeaderOptions { signature_type: Some(kind.to_owned()), ..HeaderOptions::default() };
        pair.sign_with_options(claims, &header).expect("a token")
    }

    #[test]
    fn a_hint_is_an_id_token_of_ours_that_may_have_expired() {
        run(async {
            setting::set("public_url", "https://accord.example");
            let (own, foreign) = (key().await?, Ed25519KeyPair::generate());
            let foreign = foreign.with_key_id(own.key_id().as_deref().unwrap_or_default());
            let connection = Connection::lease().await?;
            let issuer = "https://accord.example";
            let good = sign(&own, TYPE, issuer, "client", "person", "browser");
            let hint = read_hint(&connection, &good).await?.expect("a hint");
            assert_eq!(
                (hint.subject.as_str(), hint.client_id.as_str(), hint.sid.as_str()),
                ("person", "client", "browser")
            );
            for (bad, why) in [
                (sign(&foreign, TYPE, issuer, "client", "person", "browser"), "another key"),
                (sign(&own, TYPE, "https://other.example", "client", "person", "browser"), "another issuer"),
                (sign(&own, "at+jwt", issuer, "client", "person", "browser"), "an access token"),
                (good.replacen('.', ".e30", 1), "another claim"),
                ("x".repeat(MAX_LENGTH + 1), "too long"),
                (String::new(), "nothing"),
            ] {
                assert_eq!(read_hint(&connection, &bad).await?, None, "{why}");
            }
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
