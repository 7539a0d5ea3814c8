//! Access tokens: JWTs as RFC 9068 has them, and who stands behind one.
//!
//! A signature is checked once per token and instance; what was found is remembered by the token's digest until it
//! expires. Whether the token was revoked and whether its client still may act is looked up at each request.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use http::{HeaderMap, header};
use jwt_simple::prelude::*;

use crate::error::{Error, Result, Unauthenticated};
use crate::scope::Scopes;
use crate::store::{Connection, now};
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
/// [`Error::Unauthenticated`] if there is no token, if it is malformed, forged, expired, not yet valid, revoked, of
/// another issuer or for another audience, or if its client or the client's account is not active.
pub async fn client(headers: &HeaderMap, connection: &Connection) -> Result<Client> {
    let token = bearer(headers)?;
    let verified = verify(token, connection).await?;
    let row = connection.query_first(
        "SELECT c.id, c.account_id FROM connectors c JOIN accounts a ON a.id = c.account_id
          WHERE c.client_id = ?1 AND c.status <> 'inactive' AND a.status = 'active'
            AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti = ?2)",
        &[verified.client_id.as_str().into(), verified.jti.as_str().into()],
    )?;
    let mut row = row.ok_or(INVALID)?;
    Ok(Client {
        connector_id: row.take(0)?,
        account_id: row.take(1)?,
        client_id: verified.client_id,
        scopes: Scopes::trusted(verified.scope),
    })
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
#[derive(Clone)]
struct Verified {
    client_id: String,
    scope: String,
    jti: String,
    /// Milliseconds since the epoch.
    expires_at: i64,
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
    let (Some(expires_at), Some(jti)) = (claims.expires_at, claims.jwt_id) else { return Err(INVALID) };
    Ok(Verified {
        client_id: claims.custom.client_id,
        scope: claims.custom.scope,
        jti,
        expires_at: i64::try_from(expires_at.as_millis()).unwrap_or(i64::MAX),
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
