//! Access tokens: issued to clients, verified once and remembered, looked up in the store at each request.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, Result};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::json;
use sha2_native::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::App;
use crate::store::{now, waiting};

const ISSUER: &str = "http://127.0.0.1:3000";
const AUDIENCE: &str = "accord";

/// Seconds for which a token is good.
const LIFETIME: u64 = 3600;

/// Milliseconds by which what is noted of a connector's last token may be late.
const NOTED_WITHIN: i64 = 60_000;

/// Whether what belongs to the account `$account` is alive: nothing is being brought in, and neither it nor an owner is suspended.
macro_rules! live {
    ($account:literal) => {
        concat!(
            "(NOT EXISTS (SELECT 1 FROM imports WHERE one = 1) AND NOT EXISTS (
                WITH RECURSIVE chain(id) AS (
                    SELECT ",
            $account,
            " UNION ALL SELECT o.owner_id FROM chain JOIN accounts o ON o.id = chain.id WHERE o.owner_id IS NOT NULL)
                SELECT 1 FROM chain JOIN accounts s ON s.id = chain.id WHERE s.status = 'inactive'))"
        )
    };
}
pub(crate) use live;

/// What Accord's tokens say beside the registered claims.
#[derive(Clone, Serialize, Deserialize)]
struct AccessClaims {
    client_id: String,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_version: Option<i64>,
}

/// What a signature vouched for.
#[derive(Clone)]
struct Verified {
    custom: AccessClaims,
    subject: String,
    jti: String,
    kid: String,
    expires_at: i64,
}

/// A user's id, or a connector's id and its account.
pub enum Caller {
    /// A user.
    User(i64),
    /// A connector.
    Connector {
        /// Its id.
        id: i64,
        /// The account it belongs to.
        account_id: i64,
        /// When its last success was noted, unless something failed since.
        succeeded_at: Option<i64>,
    },
}

/// Notes that a connector's write succeeded, once in a second.
pub fn succeeded(connection: &Connection, id: i64, noted: Option<i64>) -> rusqlite::Result<()> {
    let now = now();
    if noted.is_some_and(|noted| noted / 1000 == now / 1000) {
        return Ok(());
    }
    let statement = "UPDATE connectors SET last_success_at = ?2, failures = 0 WHERE id = ?1";
    connection.prepare_cached(statement)?.execute((id, now)).map(drop)
}

/// The keys that verify and sign, and the tokens that they have verified.
pub struct Tokens {
    keys: HashMap<String, Ed25519PublicKey>,
    pairs: HashMap<String, Ed25519KeyPair>,
    verified: RwLock<HashMap<[u8; 32], Verified>>,
}

impl Tokens {
    /// Reads the public keys of the store, and the private ones of the key-value store in the file `private`.
    pub fn load(connection: &Connection, private: &Path) -> Result<Self> {
        let mut statement = connection.prepare("SELECT kid, public_jwk FROM signing_keys WHERE algorithm = 'EdDSA'")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let key = |row: rusqlite::Result<(String, String)>| -> Result<_> {
            let (kid, jwk) = row?;
            Ok((kid, Ed25519PublicKey::from_jwk(&jwk)?))
        };
        let keys: HashMap<_, _> = rows.map(key).collect::<Result<_>>()?;
        let private = Connection::open(private)?;
        let pair = |kid: &String| -> Result<_> {
            let statement = "SELECT value FROM spin_key_value WHERE key = ?";
            let jwk: Vec<u8> = private.query_row(statement, [format!("signing-key/{kid}")], |row| row.get(0))?;
            let pair = Ed25519KeyPair::from_jwk(&String::from_utf8(jwk)?)?;
            Ok((kid.clone(), pair.with_key_id(kid)))
        };
        let pairs = keys.keys().map(pair).collect::<Result<_>>()?;
        Ok(Self { keys, pairs, verified: RwLock::default() })
    }

    /// A token for a client that has shown its secret, and what else there is to answer: `None` if the secret is not right.
    fn issue(&self, connection: &Connection, client_id: &str, secret: &str) -> Result<Option<(Grant, String)>> {
        let kid: String = connection
            .prepare_cached(
                "SELECT kid, mark_key FROM signing_keys WHERE algorithm = 'EdDSA' AND retires_at > ?1
                  ORDER BY retires_at DESC LIMIT 1",
            )?
            .query_row([now()], |row| row.get(0))?;
        let found = connection
            .prepare_cached(concat!(
                "SELECT c.secret_hash, c.id, c.scopes, c.secret_version,
                        iif(c.status = 'active', c.token_expires_at, NULL) AS noted_token
                   FROM connectors c
                  WHERE c.client_id = ? AND c.public = 0 AND c.status <> 'inactive' AND ",
                live!("c.account_id")
            ))?
            .query_row([client_id], |row| {
                let grant = Grant { id: row.get(1)?, scope: row.get(2)?, version: row.get(3)?, noted: row.get(4)? };
                Ok((row.get::<_, String>(0)?, grant))
            })
            .optional()?;
        let Some((hash, grant)) = found else { return Ok(None) };
        let kept = hash.strip_prefix("$sha256$").context("the secret is one that the bench has made")?;
        let given = URL_SAFE_NO_PAD.encode(Sha256::digest(secret));
        if !bool::from(given.as_bytes().ct_eq(kept.as_bytes())) {
            return Ok(None);
        }
        let custom = AccessClaims {
            client_id: client_id.to_owned(),
            scope: grant.scope.clone(),
            session: None,
            password_version: None,
        };
        let claims = Claims::with_custom_claims(custom, Duration::from_secs(LIFETIME))
            .with_issuer(ISSUER)
            .with_audience(AUDIENCE)
            .with_subject(client_id)
            .with_jwt_id(Uuid::new_v4());
        let header = HeaderOptions { signature_type: Some("at+jwt".to_owned()), ..HeaderOptions::default() };
        let token = self.pairs.get(&kid).context("an unknown kid")?.sign_with_options(claims, &header)?;
        Ok(Some((grant, token)))
    }

    /// Who is behind the bearer token, if it is good, was not revoked, and its user or connector is active.
    pub fn caller(&self, headers: &HeaderMap, connection: &Connection) -> Result<Caller> {
        let value = headers.get(header::AUTHORIZATION).context("no token")?.to_str()?;
        let verified = self.verify(value.strip_prefix("Bearer ").context("no bearer token")?)?;
        let Verified { custom, subject, jti, kid, .. } = verified;
        let caller = match custom.password_version {
            Some(version) => connection
                .prepare_cached(
                    "SELECT p.id FROM people p
                      WHERE p.uuid = ?1 AND p.password_version = ?4
                        AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?2, ?3, ?5))",
                )?
                .query_row((subject, jti, custom.session, version, kid), |row| Ok(Caller::User(row.get(0)?)))
                .optional()?,
            None => connection
                .prepare_cached(concat!(
                    "SELECT c.id, c.account_id, iif(c.failures = 0, c.last_success_at, NULL) FROM connectors c
                      WHERE c.client_id = ?1 AND c.status <> 'inactive' AND ",
                    live!("c.account_id"),
                    " AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?2, ?3, ?4))"
                ))?
                .query_row((custom.client_id, jti, custom.session, kid), |row| {
                    Ok(Caller::Connector { id: row.get(0)?, account_id: row.get(1)?, succeeded_at: row.get(2)? })
                })
                .optional()?,
        };
        caller.context("the token is not good any more")
    }

    fn verify(&self, token: &str) -> Result<Verified> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let known = self.verified.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(verified) = known {
            anyhow::ensure!(now() < verified.expires_at, "the token has expired");
            return Ok(verified);
        }
        let metadata = Token::decode_metadata(token)?;
        let kid = metadata.key_id().context("no kid")?;
        let key = self.keys.get(kid).context("an unknown kid")?;
        let options = VerificationOptions {
            required_signature_type: Some("at+jwt".to_owned()),
            allowed_issuers: Some(HashSet::from([ISSUER.to_owned()])),
            allowed_audiences: Some(HashSet::from([AUDIENCE.to_owned()])),
            ..VerificationOptions::default()
        };
        let claims = key.verify_token::<AccessClaims>(token, Some(options))?;
        let verified = Verified {
            subject: claims.subject.context("no sub")?,
            jti: claims.jwt_id.context("no jti")?,
            kid: kid.to_owned(),
            expires_at: i64::try_from(claims.expires_at.context("no exp")?.as_millis())?,
            custom: claims.custom,
        };
        self.verified.write().unwrap_or_else(PoisonError::into_inner).insert(digest, verified.clone());
        Ok(verified)
    }
}

/// What a token is issued for.
struct Grant {
    id: i64,
    scope: String,
    version: i64,
    /// When its last token expires, as far as it is noted.
    noted: Option<i64>,
}

/// `POST /oauth/token` with `client_credentials`
pub async fn token(State(app): State<Arc<App>>, body: String) -> Result<impl IntoResponse, StatusCode> {
    let form: HashMap<_, _> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let value = |name: &str| form.get(name).ok_or(StatusCode::BAD_REQUEST);
    if value("grant_type")? != "client_credentials" {
        return Err(StatusCode::BAD_REQUEST);
    }
    let (client_id, secret) = (value("client_id")?, value("client_secret")?);
    // Two short reads and a signature: on the thread that they are on, as in Accord's host.
    let issued = app
        .store
        .with(|connection| app.tokens.issue(connection, client_id, secret))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let (Grant { id, scope, version, noted }, token) = issued.ok_or(StatusCode::UNAUTHORIZED)?;
    let expires_at = now() + i64::try_from(LIFETIME).map_or(0, |seconds| seconds * 1000);
    if noted.is_none_or(|noted| noted > expires_at || noted < expires_at - NOTED_WITHIN) {
        waiting(move || {
            app.store.write(|connection| {
                let noted = connection
                    .prepare_cached(
                        "UPDATE connectors SET status = 'active', token_expires_at = ?3
                          WHERE id = ?1 AND secret_version = ?2 AND status <> 'inactive'",
                    )?
                    .execute((id, version, expires_at))?;
                Ok(if noted == 1 { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) })
            })
        })
        .await?;
    }
    let headers = [
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::HeaderName::from_static("x-request-id"), Uuid::new_v4().to_string()),
    ];
    let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": scope });
    Ok((headers, Json(answer)))
}
