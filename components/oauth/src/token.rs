//! The token endpoint (RFC 6749, section 3.2), one at three paths.

use std::sync::Arc;

use accord_core::auth::caller::CallingConnector;
use accord_core::auth::id_token::{self, IdClaims};
use accord_core::auth::scope::{self, Scopes};
use accord_core::auth::token::{AccessClaims, FIRST_PARTY};
use accord_core::connectors::{connector, relying_party};
use accord_core::error::Error;
use accord_core::setting;
use accord_core::sign_in::claims;
use accord_core::sign_in::code::{self, Redeemed};
use accord_core::sign_in::credentials::{self, SignIn};
use accord_core::sign_in::session::{self, Holder, Refreshed};
use accord_core::store::Connection;
use accord_core::values::id::AccountId;
use accord_core::values::time::Time;
use accord_web::Call;
use accord_web::described::Id;
use axum::Json;
use http::{HeaderMap, HeaderName, Uri, header};
use jwt_simple::prelude::{Claims, Duration};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::failure::{Failure, Failures};
use crate::form::{Form, required};
use crate::signing::{self, SigningKey};
use crate::{beginning, client, openapi};

/// The path at which the endpoint API has its token endpoint. It is its "Refresh URL" too: connectors get a refresh token
/// there.
pub const ENDPOINT_PATH: &str = "/oAuth/rest/v2/Token";

/// What no cache on the way may keep (RFC 6749, section 5.1).
pub type Unkept<T> = ([(HeaderName, &'static str); 1], T);

/// An answer that no cache on the way may keep.
pub fn unkept<T>(answer: T) -> Unkept<T> {
    ([(header::CACHE_CONTROL, "no-store")], answer)
}

/// An issued token (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
pub struct Issued {
    #[schema(example = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzY29wZSI6InBvcnRhbDp3cml0ZSJ9.c2lnbmF0dXJl")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(minimum = 1, example = 3600)]
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "a-refresh-token")]
    refresh_token: Option<String>,
    /// Who signed in, for a relying party (OpenID Connect Core 1.0, section 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id_token: Option<String>,
    /// What the token allows. A user's has none, which is told to who asked for some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "portal:write")]
    scope: Option<String>,
    /// The account that a user signed in to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Id>)]
    account: Option<AccountId>,
}

/// Get a token
///
/// The client proves itself by HTTP Basic, or by `client_id` and `client_secret` in the body. A user needs none; the token of
/// a user who signs in through one reaches the client's account and what that owns.
#[utoipa::path(
    post,
    operation_id = "oauth_token",
    path = "/oauth/token",
    tag = "oauth",
    request_body(content = openapi::TokenRequest, content_type = "application/x-www-form-urlencoded", examples(
        ("authorization_code" = (summary = "A user's token, of a browser's sign-in", value = json!({
            "grant_type": "authorization_code", "code": "a-code", "redirect_uri": "https://app.example.com/callback",
            "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        }))),
        ("client_credentials" = (summary = "A connector's token", value = json!({ "grant_type": "client_credentials" }))),
        ("password" = (summary = "A user's token", value = json!({
            "grant_type": "password", "username": "jane@example.com", "password": "secure_password_123"
        }))),
        ("refresh_token" = (summary = "The next token", value = json!({
            "grant_type": "refresh_token", "refresh_token": "a-refresh-token"
        })))
    )),
    responses((status = 200, description = "A token.", body = Issued), Failures),
    security(("client" = []), ())
)]
pub async fn token(call: Call, uri: Uri, headers: HeaderMap, form: Form) -> Result<Unkept<Json<Issued>>, Failure> {
    let connection = Connection::lease().await?;
    beginning::ensure(&call, &connection).await?;
    // First of all: without a key nothing is used up.
    let key = signing::current(&connection).await?;
    let asked = form.scope.is_some();
    let grant = match form.grant_type.as_deref() {
        Some("authorization_code") => authorization_code(&call, &headers, form, &connection).await?,
        Some("client_credentials") => client_credentials(&call, &uri, &headers, &form, &connection).await?,
        Some("password") => password(&call, &headers, form, &connection).await?,
        Some("refresh_token") => refresh_token(&call, &headers, form, &connection).await?,
        Some(_) => return Err(Failure::UnsupportedGrantType),
        None => return Err(Failure::InvalidRequest("grant_type is missing".to_owned())),
    };
    grant.sign(&connection, &key, asked).await.map(Json).map(unkept)
}

/// What an access token is to be signed for.
struct Grant {
    holder: Holder,
    scopes: Scopes,
    /// The family that it belongs to, and the refresh token to give with it.
    session: Option<(String, String)>,
    /// What an ID token tells beside that, if one is to be given.
    identity: Option<Identity>,
}

/// What an ID token tells of a sign-in.
struct Identity {
    key: Arc<SigningKey>,
    nonce: Option<String>,
    authenticated_at: Time,
    browser: String,
}

impl Identity {
    /// That of a sign-in by a browser, if the person was asked to tell it.
    fn of(key: Option<Arc<SigningKey>>, session: &Refreshed, nonce: Option<String>) -> Option<Self> {
        let key = key.filter(|_| session.scopes.contains(scope::OPENID))?;
        let (authenticated_at, browser) = (session.origin.authenticated_at?, session.origin.browser.clone()?);
        Some(Self { key, nonce, authenticated_at, browser })
    }
}

/// The key that signs the ID tokens of a connector, if it is a relying party.
async fn id_key(
    connection: &Connection,
    connector: Option<&CallingConnector>,
) -> Result<Option<Arc<SigningKey>>, Failure> {
    let Some(connector) = connector else { return Ok(None) };
    Ok(match relying_party::algorithm(connection, connector.id)? {
        Some(algorithm) => Some(signing::of(connection, algorithm).await?),
        None => None,
    })
}

/// The grant of a code that a browser has brought (RFC 6749, section 4.1.3; OpenID Connect Core 1.0, section 3.1.3).
async fn authorization_code(
    call: &Call,
    headers: &HeaderMap,
    form: Form,
    connection: &Connection,
) -> Result<Grant, Failure> {
    let connector = client::find(call, headers, &form, connection).await?.ok_or(client::MISSING)?;
    let shown = required(form.code, "code")?;
    // Before anything is used up, and before the write lock.
    let key = id_key(connection, Some(&connector)).await?;
    let (sent_to, verifier) = (form.redirect_uri.as_deref(), form.code_verifier.as_deref());
    let redeemed = code::redeem(&shown, &connector, sent_to, verifier, &call.request_id).await;
    let Redeemed { session, nonce } = redeemed.map_err(invalid_grant)?;
    let identity = Identity::of(key, &session, nonce);
    let Refreshed { family, refresh_token, holder, scopes, .. } = session;
    Ok(Grant { holder, scopes, session: Some((family, refresh_token)), identity })
}

/// The grant of a connector (RFC 6749, section 4.4).
async fn client_credentials(
    call: &Call,
    uri: &Uri,
    headers: &HeaderMap,
    form: &Form,
    connection: &Connection,
) -> Result<Grant, Failure> {
    let connector = client::require(call, headers, form, connection).await?;
    let scopes = connector.scopes.grant(form.scope.as_deref()).ok_or(Failure::InvalidScope)?;
    note(connection, Some(&connector)).await?;
    let holder = Holder::Connector(connector);
    let session =
        if uri.path() == ENDPOINT_PATH { Some(session::begin(connection, &holder, &scopes).await?) } else { None };
    Ok(Grant { holder, scopes, session, identity: None })
}

/// The grant of a person (RFC 6749, section 4.3). What a client gets for a person leads to its own account and to what that
/// owns, so it is these among which the person has to choose.
async fn password(call: &Call, headers: &HeaderMap, form: Form, connection: &Connection) -> Result<Grant, Failure> {
    let connector = client::confidential(call, headers, &form, connection).await?;
    let (name, password) = (required(form.username, "username")?, required(form.password, "password")?);
    let (author, account) = (|actor| call.author_of(actor), form.account.as_deref());
    let within = connector.as_ref().map(|connector| connector.account_id);
    let signed_in = credentials::sign_in(connection, author, &name, &password, account, call.address, within).await;
    match signed_in.map_err(invalid_grant)? {
        SignIn::Select(accounts) => Err(Failure::AccountSelectionRequired(accounts)),
        SignIn::Done(person) => {
            note(connection, connector.as_ref()).await?;
            let (holder, scopes) = (Holder::Person(person, connector), Scopes::default());
            let session = session::begin(connection, &holder, &scopes).await?;
            Ok(Grant { holder, scopes, session: Some(session), identity: None })
        }
    }
}

/// Notes that a connector gets a token, see [`connector::token_issued`].
async fn note(connection: &Connection, connector: Option<&CallingConnector>) -> Result<(), Failure> {
    let Some(connector) = connector else { return Ok(()) };
    let lifetime = setting::seconds("access_token_lifetime").await?;
    Ok(connector::token_issued(connection, connector, Time::now() + lifetime).await?)
}

/// The next token of a session (RFC 6749, section 6). The connector that it belongs to proves itself again.
async fn refresh_token(
    call: &Call,
    headers: &HeaderMap,
    form: Form,
    connection: &Connection,
) -> Result<Grant, Failure> {
    let connector = client::find(call, headers, &form, connection).await?;
    let shown = required(form.refresh_token, "refresh_token")?;
    let key = id_key(connection, connector.as_ref()).await?;
    let refreshed = session::refresh(&shown, connector.as_ref(), form.scope.as_deref(), &call.request_id).await;
    let refreshed = refreshed.map_err(invalid_grant)?.ok_or(Failure::InvalidScope)?;
    // No nonce: that was of the first (OpenID Connect Core 1.0, section 12.2).
    let identity = Identity::of(key, &refreshed, None);
    let session = Some((refreshed.family, refreshed.refresh_token));
    Ok(Grant { holder: refreshed.holder, scopes: refreshed.scopes, session, identity })
}

/// Credentials of a person or a refresh token that are not right are `invalid_grant` (RFC 6749, section 5.2).
fn invalid_grant(error: Error) -> Failure {
    match error {
        Error::Unauthenticated(_) => Failure::InvalidGrant,
        other => Failure::from(other),
    }
}

impl Grant {
    /// Signs the access token, and the ID token if there is to be one. `asked` says whether a scope was asked for.
    async fn sign(self, connection: &Connection, key: &SigningKey, asked: bool) -> Result<Issued, Failure> {
        let lifetime = setting::seconds("access_token_lifetime").await?;
        let issuer = setting::get("public_url").await?;
        let client_id = self.holder.connector().map_or(FIRST_PARTY, |connector| &connector.client_id);
        let (subject, account, password_version) = match &self.holder {
            Holder::Connector(connector) => (&connector.client_id, None, None),
            Holder::Person(person, _) => (&person.uuid, person.account_id, Some(person.password_version)),
        };
        // RFC 6749, section 5.1: what was not granted is told.
        let scope = Some(self.scopes.to_string()).filter(|scope| asked || !scope.is_empty());
        let (family, refresh_token) = self.session.unzip();
        let custom = AccessClaims {
            client_id: client_id.to_owned(),
            scope: self.scopes.to_string(),
            account,
            session: family,
            password_version,
        };
        let claims = Claims::with_custom_claims(custom, Duration::from_secs(lifetime.as_secs()))
            .with_issuer(&issuer)
            .with_audience(setting::get("audience").await?)
            .with_subject(subject)
            .with_jwt_id(Uuid::new_v4());
        let access_token = key.sign_access_token(claims)?;
        let id_token = match (&self.identity, &self.holder) {
            (Some(identity), Holder::Person(person, Some(_))) => {
                let person = claims::of(connection, person.person_id, account, &self.scopes)?;
                let custom = IdClaims {
                    azp: client_id.to_owned(),
                    nonce: identity.nonce.clone(),
                    auth_time: identity.authenticated_at.seconds(),
                    at_hash: id_token::at_hash(identity.key.algorithm(), &access_token),
                    sid: identity.browser.clone(),
                    account,
                    person,
                };
                let claims = Claims::with_custom_claims(custom, Duration::from_secs(lifetime.as_secs()))
                    .with_issuer(&issuer)
                    .with_audience(client_id)
                    .with_subject(subject);
                Some(identity.key.sign_id_token(claims)?)
            }
            _ => None,
        };
        Ok(Issued {
            access_token,
            token_type: "Bearer",
            expires_in: i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX),
            refresh_token,
            id_token,
            scope,
            account,
        })
    }
}
