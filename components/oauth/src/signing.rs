//! The private signing keys: made at first use, kept in the key-value store, changed before they grow old.
//!
//! A key signs for `signing_key_lifetime` seconds. Then whoever needs one first makes the next. The old one verifies on
//! until the last token that it signed has expired, so that both are in the JWKS meanwhile.
//!
//! The private half is written before the public one. Whoever finds a key in the table therefore finds its private half;
//! should the store have lost it nevertheless, a new key is made. One that is there and
//! cannot be opened is another matter: nothing is done until the operator has set `encryption_key` right, or rotates.
//!
//! Nodes that do not share the store make no keys against each other: see [`accord_core::auth::key_store`]. The directory's first key marks
//! the store that it is in, and a node that finds no such mark in its own says so and signs nothing with keys of its own making.
//!
//! An operator ends all keys at once by [`rotate`]: when one may be known to others, or cannot be opened any more.

use std::cell::RefCell;
use std::sync::Arc;

use accord_core::auth::id_token::{self, IdClaims};
use accord_core::auth::key::{self, Algorithm, Lifetimes, Published};
use accord_core::auth::token::{self, AccessClaims};
use accord_core::auth::{key_store, rotation, secret};
use accord_core::connectors::relying_party;
use accord_core::store::seal::Seal;
use accord_core::store::{Author, Connection, away};
use accord_core::values::id::AccountId;
use accord_core::values::time::Time;
use accord_core::{Error, Result, setting};
use anyhow::anyhow;
use jwt_simple::prelude::*;
use spin_sdk::key_value::Store;

use crate::ed25519;

/// How long before a key grows old the next one is made, at most.
const EARLY: std::time::Duration = std::time::Duration::from_hours(24);

/// Bits of an RSA modulus.
const RSA_BITS: usize = 2048;

/// A key that signs.
pub struct SigningKey {
    published: Published,
    pair: KeyPair,
}

enum KeyPair {
    EdDsa(ed25519::Pair),
    Es256(ES256KeyPair),
    Rs256(Box<RS256KeyPair>),
}

impl KeyPair {
    /// A new pair, and its id: the thumbprint of its public JWK (RFC 7638).
    fn generate(algorithm: Algorithm) -> Result<(Self, String)> {
        Ok(match algorithm {
            Algorithm::EdDsa => {
                let pair = ed25519::Pair::generate()?;
                let kid = pair.kid().to_owned();
                (Self::EdDsa(pair), kid)
            }
            Algorithm::Es256 => {
                let pair = ES256KeyPair::generate();
                let kid = pair.jwk_thumbprint();
                (Self::Es256(pair.with_key_id(&kid)), kid)
            }
            Algorithm::Rs256 => {
                let pair = RS256KeyPair::generate(RSA_BITS).map_err(|error| anyhow!("RSA key: {error}"))?;
                let kid = pair.jwk_thumbprint();
                (Self::Rs256(Box::new(pair.with_key_id(&kid))), kid)
            }
        })
    }

    /// Reads the pair from a private JWK, its id included.
    fn from_jwk(algorithm: Algorithm, jwk: &str) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::EdDsa => ed25519::Pair::from_jwk(jwk).map(Self::EdDsa),
            // The library's error might quote the key: it stays here.
            Algorithm::Es256 => ES256KeyPair::from_jwk(jwk).ok().map(Self::Es256),
            Algorithm::Rs256 => RS256KeyPair::from_jwk(jwk).ok().map(|pair| Self::Rs256(Box::new(pair))),
        };
        pair.ok_or_else(|| Error::Internal(anyhow!("a stored signing key cannot be read")))
    }

    /// The private and the public JWK.
    fn to_jwks(&self) -> Result<(String, String)> {
        Ok(match self {
            Self::EdDsa(pair) => pair.to_jwks()?,
            Self::Es256(pair) => (pair.to_jwk(), pair.public_key().to_jwk()),
            Self::Rs256(pair) => (pair.to_jwk(), pair.public_key().to_jwk()),
        })
    }
}

impl SigningKey {
    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.published.algorithm
    }

    /// Signs an access token (RFC 9068, section 2.1).
    pub fn sign_access_token(&self, claims: JWTClaims<AccessClaims>) -> Result<String> {
        self.sign(token::TYPE, claims)
    }

    /// Signs an ID token, with the mark by which it is known again.
    pub fn sign_id_token(&self, claims: JWTClaims<IdClaims>) -> Result<String> {
        self.sign(id_token::TYPE, id_token::mark(&self.published, claims)?)
    }

    /// Signs a token whose header says that it is of this type.
    fn sign<C: Serialize>(&self, kind: &str, claims: JWTClaims<C>) -> Result<String> {
        let header = HeaderOptions { signature_type: Some(kind.to_owned()), ..HeaderOptions::default() };
        let token = match &self.pair {
            KeyPair::EdDsa(pair) => pair.sign(kind, &claims),
            KeyPair::Es256(pair) => pair.sign_with_options(claims, &header),
            KeyPair::Rs256(pair) => pair.sign_with_options(claims, &header),
        };
        token.map_err(|error| Error::Internal(anyhow!("signing: {error}")))
    }
}

thread_local! {
    /// One for each algorithm.
    static CURRENT: RefCell<Vec<Arc<SigningKey>>> = const { RefCell::new(Vec::new()) };
}

/// The key to sign access tokens with now, of the configured algorithm.
pub async fn current(connection: &Connection) -> Result<Arc<SigningKey>> {
    of(connection, algorithm().await?).await
}

/// Makes the keys that are lacking, or are about to grow old: that of access tokens, and those of ID tokens if there are relying
/// parties. To make an RSA key takes seconds: whoever asks for the keys, for the metadata of OpenID Connect or for the health has
/// it made, before anybody who signs in would have to wait for it.
pub async fn prepare(connection: &Connection) -> Result<()> {
    let mut wanted = relying_party::algorithms(connection)?;
    let of_access_tokens = algorithm().await?;
    if !wanted.contains(&of_access_tokens) {
        wanted.push(of_access_tokens);
    }
    let soon = Time::now() + EARLY.min(lifetimes().await?.signs / 10);
    for algorithm in wanted {
        if key::current_at(connection, algorithm, soon)?.is_none() {
            let old = key::current(connection, algorithm)?;
            let store = Store::open_default().await.map_err(store_failure)?;
            remember(make(connection, &store, algorithm, old.as_ref()).await?);
        }
    }
    Ok(())
}

/// The key of this algorithm to sign with now. Which one it is is asked each time: one that was ended signs no more, whoever
/// ended it.
pub async fn of(connection: &Connection, algorithm: Algorithm) -> Result<Arc<SigningKey>> {
    let published = key::current(connection, algorithm)?;
    let is_good = |key: &&Arc<SigningKey>| published.as_ref().is_some_and(|published| *published == key.published);
    if let Some(key) = CURRENT.with_borrow(|known| known.iter().find(is_good).cloned()) {
        return Ok(key);
    }
    let store = Store::open_default().await.map_err(store_failure)?;
    let key = match load(&store, algorithm, published.as_ref()).await? {
        Some(key) => key,
        None => make(connection, &store, algorithm, published.as_ref()).await?,
    };
    Ok(remember(key))
}

/// Ends every key now, and makes the next: its id, and those of the keys that were ended.
pub async fn rotate(author: Author, operator: AccountId) -> Result<(String, Vec<String>)> {
    let algorithm = algorithm().await?;
    let store = Store::open_default().await.map_err(store_failure)?;
    // Whoever ends all keys says that those to come are in this store, whichever the old ones were in.
    let connection = Connection::lease().await?;
    if !is_marked(&connection, &store).await? {
        let mark = mark(&store).await?;
        key_store::replace(&connection, &mark).await?;
    }
    drop(connection);
    let (key, public_jwk) = generate(&store, algorithm).await?;
    let ended = rotation::replace_all(author, operator, &key.published, &public_jwk, lifetimes().await?).await?;
    forget(&store, &ended).await?;
    Ok((remember(key).published.kid.clone(), ended))
}

/// The algorithm that the operator has set.
async fn algorithm() -> Result<Algorithm> {
    let name = setting::get("signing_algorithm").await?;
    Algorithm::parse(&name).ok_or_else(|| setting::refuse("signing_algorithm", "EdDSA, ES256 or RS256", &name))
}

async fn lifetimes() -> Result<Lifetimes> {
    let (signs, overlap) =
        (setting::seconds("signing_key_lifetime").await?, setting::seconds("access_token_lifetime").await?);
    Ok(Lifetimes { signs, overlap })
}

fn remember(key: SigningKey) -> Arc<SigningKey> {
    let key = Arc::new(key);
    CURRENT.with_borrow_mut(|known| {
        known.retain(|other| other.algorithm() != key.algorithm());
        known.push(Arc::clone(&key));
    });
    key
}

/// The published key, if there is one and the store has its private half. What is not sealed as it would be now is sealed anew.
async fn load(store: &Store, algorithm: Algorithm, published: Option<&Published>) -> Result<Option<SigningKey>> {
    let Some(published) = published else { return Ok(None) };
    let place = entry(&published.kid);
    let Some(kept) = store.get(place.clone()).await.map_err(store_failure)? else { return Ok(None) };
    let kept = String::from_utf8(kept).map_err(|_| anyhow!("a stored signing key is not text"))?;
    let seal = Seal::of_setting().await?;
    let jwk = seal.open(&place, &kept)?;
    let pair = KeyPair::from_jwk(algorithm, &jwk.text)?;
    if !jwk.is_current {
        let sealed = seal.seal(&place, &jwk.text)?;
        store.set(place, sealed).await.map_err(store_failure)?;
    }
    Ok(Some(SigningKey { published: published.clone(), pair }))
}

/// A new key whose private half the store has, and its public JWK.
async fn generate(store: &Store, algorithm: Algorithm) -> Result<(SigningKey, String)> {
    let (pair, kid) = KeyPair::generate(algorithm)?;
    let (private_jwk, public_jwk) = pair.to_jwks()?;
    let place = entry(&kid);
    let sealed = Seal::of_setting().await?.seal(&place, &private_jwk)?;
    store.set(place, sealed).await.map_err(store_failure)?;
    Ok((SigningKey { published: Published::new(&kid, algorithm)?, pair }, public_jwk))
}

/// Has the store forget private halves.
async fn forget(store: &Store, kids: &[String]) -> Result<()> {
    for kid in kids {
        store.delete(entry(kid)).await.map_err(store_failure)?;
    }
    Ok(())
}

/// Makes a key and publishes it in place of `unusable`. If another instance was first, its key is the one to use.
async fn make(
    connection: &Connection,
    store: &Store,
    algorithm: Algorithm,
    unusable: Option<&Published>,
) -> Result<SigningKey> {
    if !is_marked(connection, store).await? {
        return Err(ELSEWHERE);
    }
    let (key, public_jwk) = generate(store, algorithm).await?;
    let Some(retired) = key::publish(&key.published, &public_jwk, lifetimes().await?, unusable).await? else {
        forget(store, &[key.published.kid]).await?;
        let published = key::current(connection, algorithm)?;
        return load(store, algorithm, published.as_ref())
            .await?
            .ok_or(Error::Unavailable { retry_after: 1, reason: "the signing key is being changed" });
    };
    forget(store, &retired).await?;
    Ok(key)
}

/// What keeps a node from making keys whose store is not the directory's.
pub const ELSEWHERE: Error = Error::Unavailable {
    retry_after: 60,
    reason: "the key-value store of this node is not the one that the signing keys are in",
};

/// Whether the keys of the directory are in the store that this node has.
pub async fn is_at_home(connection: &Connection) -> Result<bool> {
    is_marked(connection, &Store::open_default().await.map_err(store_failure)?).await
}

/// Whether the keys of the directory are in this store. A directory without a mark gets that of the store.
async fn is_marked(connection: &Connection, store: &Store) -> Result<bool> {
    let known = match key_store::mark(connection)? {
        Some(known) => known,
        // First in the store, then in the directory: whoever finds it there finds it here.
        None => key_store::propose(&mark(store).await?).await?,
    };
    store.exists(entry_of_mark(&known)).await.map_err(store_failure)
}

/// A new mark, which the store has.
async fn mark(store: &Store) -> Result<String> {
    let mark = secret::generate()?;
    store.set(entry_of_mark(&mark), b"").await.map_err(store_failure)?;
    Ok(mark)
}

fn entry_of_mark(mark: &str) -> String {
    format!("directory/{mark}")
}

fn entry(kid: &str) -> String {
    format!("signing-key/{kid}")
}

/// A store that is not granted is a mistake of ours; any other error is of a store that is away, or full.
fn store_failure(error: spin_sdk::key_value::Error) -> Error {
    match error {
        spin_sdk::key_value::Error::Other(text) => away(&format!("the key-value store: {text}")),
        error => Error::Internal(anyhow::Error::new(error).context("the key-value store")),
    }
}
