//! Access tokens: JWTs as RFC 9068 has them, and who stands behind one.
//!
//! A signature is checked once per token and instance; what was found is remembered by the token's digest until it
//! expires. Whether the token was revoked and whether its client still may act is looked up at each request.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use http::{HeaderMap, header};
use jwt_simple::prelude::*;

use crate::error::{Error, Result, Unauthenticated};
use crate::health::FAILURES_MAX;
use crate::scope::Scopes;
use crate::store::{Connection, Transaction, Value, now};
use crate::{key, secret, setting};

/// Seconds by which clocks of one Accord may differ.
const LEEWAY: u64 = 5;

/// Longest token that is looked at. Ours have some 600 bytes, with RSA 850.
const MAX_LENGTH: usize = 4096;

/// How many verified tokens an instance remembers.
const REMEMBERED: usize = 1024;

/// The claims of an access token beside the registered ones (RFC 9068, section 2.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The client that asked for the token.
    pub client_id: String,
    /// What the token allows.
    pub scope: String,
    /// The account that a user signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<i64>,
    /// The family of refresh tokens that it was issued with. When that ends, so does the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The version of the user's password. When that changes, the token ends. Only users' tokens have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_version: Option<i64>,
}

/// The `client_id` of tokens that users get without a client of their own. No connector may have it.
pub const FIRST_PARTY: &str = "accord";

/// Who calls with a good token.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A connector, by itself.
    Client(Client),
    /// A user.
    User(User),
}

/// A user that calls with a good token. What the user may do is looked up, see [`crate::membership`].
#[derive(Clone, Debug)]
pub struct User {
    /// The user.
    pub id: i64,
    /// The account that the user signed in to, if the user has one.
    pub account_id: Option<i64>,
}

/// A connector that calls with a good token.
#[derive(Clone, Debug)]
pub struct Client {
    /// The connector.
    pub connector_id: i64,
    /// Its `client_id`.
    pub client_id: String,
    /// The account it belongs to.
    pub account_id: i64,
    /// What the token allows.
    pub scopes: Scopes,
    /// Whether its writes are refused, see [`crate::health`].
    pub is_paused: bool,
}

impl Client {
    /// Refuses the client unless its token has the scope.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn require(&self, scope: &'static str) -> Result<()> {
        self.require_any(&[scope])
    }

    /// Refuses the client unless its token has one of the scopes.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`], which names the first.
    pub fn require_any(&self, scopes: &[&'static str]) -> Result<()> {
        if scopes.iter().any(|scope| self.scopes.contains(scope)) {
            return Ok(());
        }
        Err(Error::Forbidden { needs: scopes.first().copied().unwrap_or_default() })
    }
}

/// Finds the client behind the request's bearer token (RFC 6750, section 2.1).
///
/// # Errors
///
/// As [`caller`]; [`Error::Forbidden`] if it is a user's token.
pub async fn client(headers: &HeaderMap, connection: &Connection) -> Result<Client> {
    match caller(headers, connection).await? {
        Caller::Client(client) => Ok(client),
        Caller::User(_) => Err(Error::Forbidden { needs: "the token of a connector" }),
    }
}

/// Finds who is behind the request's bearer token.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if there is no token, if it is malformed, forged, expired, not yet valid, revoked, of
/// another issuer or for another audience, or if its user, its client or the client's account is not active.
pub async fn caller(headers: &HeaderMap, connection: &Connection) -> Result<Caller> {
    let verified = verify(bearer(headers)?, connection).await?;
    active(verified, connection)?.ok_or(INVALID)
}

/// What a token stands for, for those who introspect it (RFC 7662) or revoke it (RFC 7009); `None` if it is not good.
pub async fn inspect(token: &str, connection: &Connection) -> Result<Option<(Verified, Caller)>> {
    let verified = match verify(token, connection).await {
        Ok(verified) => verified,
        Err(Error::Unauthenticated(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(active(verified.clone(), connection)?.map(|caller| (verified, caller)))
}

/// Whoever the token was issued to, if that is active and the token was not revoked.
fn active(verified: Verified, connection: &Connection) -> Result<Option<Caller>> {
    let session = verified.session.as_deref().map_or(Value::Null, Value::from);
    let Some(password_version) = verified.password_version else {
        let row = connection.query_first(
            "SELECT c.id, c.account_id, c.failures FROM connectors c JOIN accounts a ON a.id = c.account_id
              WHERE c.client_id = ?1 AND c.status <> 'inactive' AND a.status = 'active'
                AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?2, ?3))",
            &[verified.client_id.as_str().into(), verified.jti.as_str().into(), session],
        )?;
        let Some(mut row) = row else { return Ok(None) };
        return Ok(Some(Caller::Client(Client {
            connector_id: row.take(0)?,
            account_id: row.take(1)?,
            is_paused: row.take::<i64>(2)? >= FAILURES_MAX,
            client_id: verified.client_id,
            scopes: Scopes::trusted(verified.scope),
        })));
    };
    let row = connection.query_first(
        "SELECT u.id FROM users u
          WHERE u.uuid = ?1 AND u.is_active = 1 AND u.password_version = ?4
            AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?2, ?3))",
        &[verified.subject.into(), verified.jti.into(), session, password_version.into()],
    )?;
    let Some(mut row) = row else { return Ok(None) };
    Ok(Some(Caller::User(User { id: row.take(0)?, account_id: verified.account })))
}

/// Ends tokens before they expire: `id` is the `jti` of one or the `session` of several, `expires_at` (milliseconds since
/// the epoch) when the last of them would have expired.
pub fn revoke(transaction: &Transaction, id: &str, expires_at: i64) -> Result<()> {
    transaction.run("DELETE FROM revoked_tokens WHERE expires_at <= ?", &[now().into()])?;
    transaction.run(
        "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        &[id.into(), expires_at.into()],
    )?;
    Ok(())
}

const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidToken);

/// The token of the `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<&str> {
    const MISSING: Error = Error::Unauthenticated(Unauthenticated::Missing);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(MISSING)?;
    if values.next().is_some() {
        return Err(INVALID);
    }
    let (scheme, token) = value.to_str().map_err(|_| INVALID)?.trim().split_once(' ').ok_or(MISSING)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(MISSING);
    }
    Ok(token.trim_start())
}

/// What a signature vouched for.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Whom the token was issued to: a user's UUID, or the `client_id`.
    pub subject: String,
    /// The client that asked for it.
    pub client_id: String,
    /// What it allows.
    pub scope: String,
    /// Its id.
    pub jti: String,
    /// The account that a user signed in to.
    pub account: Option<i64>,
    /// See [`AccessClaims::session`].
    pub session: Option<String>,
    /// When it was issued, in milliseconds since the epoch.
    pub issued_at: i64,
    /// When it expires, in milliseconds since the epoch.
    pub expires_at: i64,
    password_version: Option<i64>,
}

thread_local! {
    static VERIFIED: RefCell<HashMap<[u8; 32], Verified>> = RefCell::default();
}

async fn verify(token: &str, connection: &Connection) -> Result<Verified> {
    if token.len() > MAX_LENGTH {
        return Err(INVALID);
    }
    let digest = secret::digest(token.as_bytes());
    if let Some(verified) = VERIFIED.with_borrow(|known| known.get(&digest).cloned()) {
        return if now() < verified.expires_at { Ok(verified) } else { Err(INVALID) };
    }
    let options = VerificationOptions {
        required_signature_type: Some("at+jwt".to_owned()),
        allowed_issuers: Some(HashSet::from([setting::get("public_url").await?])),
        allowed_audiences: Some(HashSet::from([setting::get("audience").await?])),
        time_tolerance: Some(Duration::from_secs(LEEWAY)),
        max_token_length: Some(MAX_LENGTH),
        ..VerificationOptions::default()
    };
    let verified = check(token, options, connection)?;
    VERIFIED.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED {
            let now = now();
            known.retain(|_, verified| now < verified.expires_at);
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        known.insert(digest, verified.clone());
    });
    Ok(verified)
}

fn check(token: &str, options: VerificationOptions, connection: &Connection) -> Result<Verified> {
    let metadata = Token::decode_metadata(token).map_err(|_| INVALID)?;
    let kid = metadata.key_id().ok_or(INVALID)?;
    let key = key::find(connection, kid)?.ok_or(INVALID)?;
    let claims = key.verify::<AccessClaims>(token, options).map_err(|_| INVALID)?;
    // Claims that RFC 9068, section 2.2, requires and the library does not.
    let (Some(expires_at), Some(issued_at), Some(jti), Some(subject)) =
        (claims.expires_at, claims.issued_at, claims.jwt_id, claims.subject)
    else {
        return Err(INVALID);
    };
    Ok(Verified {
        subject,
        client_id: claims.custom.client_id,
        scope: claims.custom.scope,
        jti,
        account: claims.custom.account,
        session: claims.custom.session,
        issued_at: i64::try_from(issued_at.as_millis()).unwrap_or(i64::MAX),
        expires_at: i64::try_from(expires_at.as_millis()).unwrap_or(i64::MAX),
        password_version: claims.custom.password_version,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str]) -> Result<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(of(&["Bearer abc"]).ok().as_deref(), Some("abc"));
        assert_eq!(of(&["bearer  abc"]).ok().as_deref(), Some("abc"));
        for missing in [&[][..], &["Basic abc"], &["Bearer"], &["Token abc"]] {
            assert!(matches!(of(missing), Err(Error::Unauthenticated(Unauthenticated::Missing))), "{missing:?}");
        }
    }

    #[test]
    fn two_authorization_headers_are_none() {
        assert!(matches!(of(&["Bearer a", "Bearer b"]), Err(Error::Unauthenticated(Unauthenticated::InvalidToken))));
    }
}
