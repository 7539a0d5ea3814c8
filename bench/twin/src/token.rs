//! Access tokens: verified once and remembered, looked up in the store at each request.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use anyhow::{Context as _, Result};
use axum::http::{HeaderMap, header};
use jwt_simple::prelude::*;
use rusqlite::{Connection, OptionalExtension as _};
use sha2_native::{Digest as _, Sha256};

use crate::store::now;

/// What Accord's tokens say beside the registered claims.
#[derive(Clone, Serialize, Deserialize)]
struct AccessClaims {
    client_id: String,
    session: Option<String>,
    password_version: Option<i64>,
}

/// What a signature vouched for.
#[derive(Clone)]
struct Verified {
    custom: AccessClaims,
    subject: String,
    jti: String,
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
    },
}

/// The keys that verify, and the tokens that they have verified.
pub struct Tokens {
    keys: HashMap<String, Ed25519PublicKey>,
    verified: RwLock<HashMap<[u8; 32], Verified>>,
}

impl Tokens {
    /// Reads the keys of the store.
    pub fn load(connection: &Connection) -> Result<Self> {
        let mut statement = connection.prepare("SELECT kid, public_jwk FROM signing_keys WHERE algorithm = 'EdDSA'")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let key = |row: rusqlite::Result<(String, String)>| -> Result<_> {
            let (kid, jwk) = row?;
            Ok((kid, Ed25519PublicKey::from_jwk(&jwk)?))
        };
        Ok(Self { keys: rows.map(key).collect::<Result<_>>()?, verified: RwLock::default() })
    }

    /// Who is behind the bearer token, if it is good, was not revoked, and its user or connector is active.
    pub fn caller(&self, headers: &HeaderMap, connection: &Connection) -> Result<Caller> {
        let value = headers.get(header::AUTHORIZATION).context("no token")?.to_str()?;
        let verified = self.verify(value.strip_prefix("Bearer ").context("no bearer token")?)?;
        let Verified { custom, subject, jti, .. } = verified;
        let caller = match custom.password_version {
            Some(version) => connection
                .prepare_cached(
                    "SELECT p.id FROM people p
                      WHERE p.uuid = ?1 AND p.password_version = ?4
                        AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?2, ?3))",
                )?
                .query_row((subject, jti, custom.session, version), |row| Ok(Caller::User(row.get(0)?)))
                .optional()?,
            None => connection
                .prepare_cached(
                    "SELECT c.id, c.account_id FROM connectors c JOIN accounts a ON a.id = c.account_id
                      WHERE c.client_id = ?1 AND c.status <> 'inactive' AND a.status = 'active'
                        AND NOT EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.jti IN (?2, ?3))",
                )?
                .query_row((custom.client_id, jti, custom.session), |row| {
                    Ok(Caller::Connector { id: row.get(0)?, account_id: row.get(1)? })
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
        let key = self.keys.get(metadata.key_id().context("no kid")?).context("an unknown kid")?;
        let options = VerificationOptions {
            required_signature_type: Some("at+jwt".to_owned()),
            allowed_issuers: Some(HashSet::from(["http://127.0.0.1:3000".to_owned()])),
            allowed_audiences: Some(HashSet::from(["accord".to_owned()])),
            ..VerificationOptions::default()
        };
        let claims = key.verify_token::<AccessClaims>(token, Some(options))?;
        let verified = Verified {
            subject: claims.subject.context("no sub")?,
            jti: claims.jwt_id.context("no jti")?,
            expires_at: i64::try_from(claims.expires_at.context("no exp")?.as_millis())?,
            custom: claims.custom,
        };
        self.verified.write().unwrap_or_else(PoisonError::into_inner).insert(digest, verified.clone());
        Ok(verified)
    }
}
