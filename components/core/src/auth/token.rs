//! Access tokens: JWTs as RFC 9068 has them, and what the signature of one vouches for.
//!
//! A signature is checked once per token and instance; what was found is remembered by the token's digest until it
//! expires. Whether the token was revoked and whether who is behind it still may act is looked up at each request, see
//! [`crate::auth::bearer`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::caller::Caller;
use crate::auth::signed::Signed;
use crate::auth::{key, secret};
use crate::error::{Error, Result, Unauthenticated};
use crate::setting;
use crate::store::{Connection, Transaction};
use crate::values::id::{AccountId, PersonId};
use crate::values::time::Time;

/// Seconds by which the clock of whoever signed a token may be ahead: `iat` and `nbf` may be so late. `exp` has none, so that
/// every instance says the same of a token, whether or not it has seen it before.
const LEEWAY: Duration = Duration::from_secs(5);

/// Longest token that is looked at. Ours have some 600 bytes, with RSA 850.
const MAX_LENGTH: usize = 4096;

/// How many verified tokens an instance remembers.
const REMEMBERED: usize = 1024;

/// What the `typ` of an access token's header is (RFC 9068, section 2.1).
pub const TYPE: &str = "at+jwt";

/// The claims of an access token beside the registered ones (RFC 9068, section 2.2).
#[derive(Clone, Debug, Serialize)]
pub struct AccessClaims {
    /// The connector that asked for the token, or [`FIRST_PARTY`].
    pub client_id: String,
    /// What the token allows.
    pub scope: String,
    /// The account that a person signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The family of refresh tokens that it was issued with. When that ends, so does the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The version of the person's password. When that changes, the token ends. Only people's tokens have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_version: Option<i64>,
}

/// All claims that are believed of an access token. Those that RFC 9068, section 2.2, requires have to be there.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: Moment,
    iat: Moment,
    nbf: Option<Moment>,
    jti: String,
    client_id: String,
    scope: String,
    account: Option<AccountId>,
    session: Option<String>,
    password_version: Option<i64>,
}

/// A time as a token says it: in seconds since 1970.
#[derive(Clone, Copy, Deserialize)]
struct Moment(u64);

impl From<Moment> for Time {
    fn from(Moment(seconds): Moment) -> Self {
        Self::from_milliseconds(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX))
    }
}

/// The `client_id` of the tokens that people get without a client. No connector may have it.
pub const FIRST_PARTY: &str = "accord";

/// Ends tokens before they expire: `id` is the `jti` of one, the `session` of several, or the `kid` of all that a key has
/// signed; `expires_at` is when the last of them would have expired.
pub fn revoke(transaction: &Transaction, id: &str, expires_at: Time) -> Result<()> {
    transaction.run(
        "DELETE FROM revoked_tokens
          WHERE jti IN (SELECT jti FROM revoked_tokens WHERE expires_at <= ? ORDER BY expires_at LIMIT 100)",
        &[Time::now().into()],
    )?;
    transaction.run(
        "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        &[id.into(), expires_at.into()],
    )?;
    Ok(())
}

/// As [`revoke`], the sessions of connectors that one column of theirs tells: those that a browser has begun, or a person.
pub(crate) fn revoke_sessions(transaction: &Transaction, of: Sessions<'_>, expires_at: Time) -> Result<()> {
    let (statement, value) = match of {
        Sessions::Browser(id) => (
            "INSERT INTO revoked_tokens (jti, expires_at)
         SELECT DISTINCT family, ?2 FROM refresh_tokens WHERE browser = ?1 AND kind <> 'browser' ON CONFLICT DO NOTHING",
            id.into(),
        ),
        Sessions::Person(id) => (
            "INSERT INTO revoked_tokens (jti, expires_at)
         SELECT DISTINCT family, ?2 FROM refresh_tokens WHERE person_id = ?1 AND kind <> 'browser' ON CONFLICT DO NOTHING",
            id.into(),
        ),
    };
    transaction.run(statement, &[value, expires_at.into()])?;
    Ok(())
}

/// Whose sessions.
#[derive(Clone, Copy)]
pub(crate) enum Sessions<'a> {
    /// Those that were begun in a browser, by the id of its session.
    Browser(&'a str),
    /// A person's.
    Person(PersonId),
}

/// The refusal of a token that is not good.
pub(crate) const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidToken);

/// What a signature vouched for.
#[derive(Debug)]
pub struct Verified {
    /// Whom the token was issued to: a person's UUID, or the `client_id`.
    pub subject: String,
    /// The connector that asked for it, or [`FIRST_PARTY`].
    pub client_id: String,
    /// What it allows.
    pub scope: String,
    /// Its id.
    pub jti: String,
    /// The id of the key that has signed it.
    pub kid: String,
    /// The account that a person signed in to.
    pub account: Option<AccountId>,
    /// See [`AccessClaims::session`].
    pub session: Option<String>,
    /// When it was issued.
    pub issued_at: Time,
    /// When it expires.
    pub expires_at: Time,
    /// See [`AccessClaims::password_version`].
    pub password_version: Option<i64>,
    /// Who was behind it when that was last looked up.
    last: Mutex<Option<Arc<Caller>>>,
}

impl Verified {
    /// Who was behind the token when that was last looked up, if anybody was.
    pub(crate) fn last(&self) -> Option<Arc<Caller>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes who is behind the token now.
    pub(crate) fn note(&self, caller: Option<&Caller>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = caller.cloned().map(Arc::new);
    }
}

thread_local! {
    static VERIFIED: RefCell<HashMap<[u8; 32], Arc<Verified>>> = RefCell::default();
}

/// What the token's signature vouches for.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if it is malformed, forged, expired, not yet valid, of another issuer or for another audience.
pub async fn verify(token: &str, connection: &Connection) -> Result<Arc<Verified>> {
    if let Some(verified) = recall(token)? {
        return Ok(verified);
    }
    let (issuer, audience) = (setting::get("public_url").await?, setting::get("audience").await?);
    let verified = Arc::new(check(token, &issuer, &audience, connection)?);
    VERIFIED.with_borrow_mut(|known| {
        if known.len() >= REMEMBERED {
            let now = Time::now();
            known.retain(|_, verified| now < verified.expires_at);
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        known.insert(secret::digest(token.as_bytes()), Arc::clone(&verified));
    });
    Ok(verified)
}

/// What the instance remembers of a token.
///
/// # Errors
///
/// [`Error::Unauthenticated`] if it is none, or expired.
pub(crate) fn recall(token: &str) -> Result<Option<Arc<Verified>>> {
    if token.len() > MAX_LENGTH {
        return Err(INVALID);
    }
    let digest = secret::digest(token.as_bytes());
    let verified = VERIFIED.with_borrow(|known| known.get(&digest).cloned());
    if verified.as_ref().is_some_and(|verified| Time::now() >= verified.expires_at) {
        Err(INVALID)
    } else {
        Ok(verified)
    }
}

fn check(token: &str, issuer: &str, audience: &str, connection: &Connection) -> Result<Verified> {
    let signed = Signed::parse(token).ok_or(INVALID)?;
    if !signed.header.typ.eq_ignore_ascii_case(TYPE) {
        return Err(INVALID);
    }
    let key = key::find(connection, &signed.header.kid)?.ok_or(INVALID)?;
    if !key.has_signed(&signed) {
        return Err(INVALID);
    }
    let claims: Claims = serde_json::from_slice(&signed.claims).map_err(|_| INVALID)?;
    let (now, expires_at, issued_at) = (Time::now(), claims.exp.into(), claims.iat.into());
    let begins_at = claims.nbf.map_or(issued_at, Time::from);
    let is_good = claims.iss == issuer
        && claims.aud == audience
        && now < expires_at
        && issued_at <= now + LEEWAY
        && begins_at <= now + LEEWAY;
    if !is_good {
        return Err(INVALID);
    }
    Ok(Verified {
        subject: claims.sub,
        client_id: claims.client_id,
        scope: claims.scope,
        jti: claims.jti,
        kid: signed.header.kid,
        account: claims.account,
        session: claims.session,
        issued_at,
        expires_at,
        password_version: claims.password_version,
        last: Mutex::default(),
    })
}
