//! Connectors: the OAuth clients of an account, made and ended by those who manage it.
//!
//! A secret is shown once, in the answer that makes it. Creations therefore take no `Idempotency-Key`: the answer would
//! have to be kept, secret and all.

use accord_core::auth::key::Algorithm;
use accord_core::auth::scope::{self, Scopes};
use accord_core::connectors::change::{self, ConnectorChanges};
use accord_core::connectors::connector::{self, Connector, NewConnector, TEXT_MAX};
use accord_core::connectors::relying_party::{self, RelyingParty};
use accord_core::error::{Error, Thing};
use accord_core::store::{Connection, Edit};
use accord_core::values::change::Change;
use accord_core::values::id::{AccountId, ConnectorId, Id as _};
use accord_core::values::role::Role;
use accord_resources::parameters::ById;
use accord_resources::{Done, Problems, Target, path, written};
use accord_web::body::SmallJson;
use accord_web::described::{
    ClientId, ClientSecret, ConnectorName, ConnectorText, Count, Environment, Id, RedirectUri, Scope, Share, Timestamp,
};
use accord_web::fields::Fields;
use accord_web::{Bearer, Call, Result};
use axum::Json;
use axum::response::IntoResponse;
use http::{HeaderName, StatusCode, Uri, header};
use serde::Serialize;

use crate::openapi::body::{ConnectorStatus, IdTokenAlgorithm, Rank};

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorShown {
    #[schema(value_type = Id)]
    id: ConnectorId,
    #[schema(value_type = Id)]
    account_id: AccountId,
    #[schema(value_type = ConnectorName)]
    name: String,
    #[schema(value_type = ConnectorText)]
    integration: String,
    #[schema(value_type = ConnectorText)]
    property: String,
    #[schema(value_type = Environment)]
    environment: String,
    #[schema(value_type = Vec<Scope>)]
    scopes: Vec<String>,
    /// What the connector never does more than.
    #[schema(value_type = Rank)]
    rank: &'static str,
    /// `pending` until the first token, then `active`; `inactive` once disconnected, and while the account is.
    #[schema(value_type = ConnectorStatus)]
    status: String,
    /// Whether its last ten writes failed.
    in_error_state: bool,
    /// When whoever made the connector lost its rank. The connector goes on; a new secret takes the mark away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Timestamp>)]
    maker_lost_rank_at: Option<String>,
    #[schema(value_type = ClientId)]
    client_id: String,
    /// Shown once, to who makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ClientSecret>)]
    client_secret: Option<String>,
    /// Where a browser may be sent back to with a code.
    #[schema(value_type = Vec<RedirectUri>)]
    redirect_uris: Vec<String>,
    /// Where a browser may be sent back to after the sign-out.
    #[schema(value_type = Vec<RedirectUri>)]
    post_logout_redirect_uris: Vec<String>,
    /// Whether the connector keeps no secret, and has none.
    public: bool,
    /// Whether its authorization requests need PKCE.
    require_pkce: bool,
    /// How its ID tokens are signed.
    #[schema(value_type = IdTokenAlgorithm)]
    id_token_signed_response_alg: &'static str,
    /// Which share of its external ids the connector unbinds at most by one body, in percent, unless the body confirms the number.
    #[schema(value_type = Option<Share>)]
    unbind_guard: Option<i64>,
    #[schema(value_type = Timestamp)]
    created_at: String,
}

impl ConnectorShown {
    fn of(connector: Connector, client_secret: Option<String>) -> Self {
        Self {
            id: connector.id,
            account_id: connector.account_id,
            name: connector.name,
            integration: connector.integration,
            property: connector.property,
            environment: connector.environment,
            scopes: connector.scopes.as_str().split_whitespace().map(str::to_owned).collect(),
            rank: connector.rank.name(),
            status: connector.status,
            in_error_state: connector.in_error_state,
            maker_lost_rank_at: connector.maker_lost_rank_at.map(written),
            client_id: connector.client_id,
            client_secret,
            redirect_uris: connector.relying_party.redirect_uris,
            post_logout_redirect_uris: connector.relying_party.post_logout_redirect_uris,
            public: connector.relying_party.is_public,
            require_pkce: connector.relying_party.requires_pkce,
            id_token_signed_response_alg: connector.relying_party.id_token_algorithm.name(),
            unbind_guard: connector.unbind_share,
            created_at: written(connector.created_at),
        }
    }
}

/// What goes with an answer that has a secret in it: nobody on the way may keep it.
const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Create a connector
#[utoipa::path(
    post, operation_id = "connectors_create", path = "/api/connectors", tag = "accounts",
    request_body = crate::openapi::body::NewConnector,
    responses((status = 201, description = "It is made.", body = ConnectorShown), Problems),
    security(("bearer" = []))
)]
pub async fn create(call: Call, Bearer(caller): Bearer, SmallJson(body): SmallJson) -> Result<impl IntoResponse> {
    let mut fields = Fields::read(&body)?;
    let account_id = fields.integer("accountId").map(AccountId::from_number).or_else(|| caller.account_id());
    if account_id.is_none() {
        fields.refuse("accountId", "is required for a user without an account");
    }
    let relying_party = relying_party(&mut fields);
    let new = NewConnector {
        // What is nobody's account is refused below.
        account_id: account_id.unwrap_or(AccountId::from_number(0)),
        scopes: scopes(&mut fields, &relying_party),
        name: fields.required("name", TEXT_MAX),
        integration: fields.optional("integration", TEXT_MAX).unwrap_or_default(),
        property: fields.optional("property", TEXT_MAX).unwrap_or_default(),
        sandbox: fields.either("environment", "sandbox", "production").unwrap_or(false),
        rank: rank(&mut fields),
        relying_party,
    };
    fields.finish()?;
    let edit = Edit::begin(call.author(&caller)).await?;
    let (connector, secret) = connector::create(&edit, &caller, &new).await?;
    edit.commit().await?;
    let location = (header::LOCATION, format!("/api/connectors/{}", connector.id));
    Ok((StatusCode::CREATED, [NO_STORE], [location], Json(ConnectorShown::of(connector, secret))))
}

/// The rank that a body asks for: one by which connectors can be told apart, for each manages what its scopes let it.
fn rank(fields: &mut Fields<'_>) -> Option<Role> {
    let rank = fields.raw("rank")?;
    let known = Role::parse(&rank).filter(|role| *role >= Role::Manage);
    if known.is_none() {
        fields.refuse("rank", "must be manage, admin or owner");
    }
    known
}

/// What a body says of the connector as a relying party.
fn relying_party(fields: &mut Fields<'_>) -> RelyingParty {
    let is_public = fields.flag("public").unwrap_or(false);
    let said = said(fields, is_public);
    let default = RelyingParty::default();
    let redirect_uris = said.redirect_uris.unwrap_or_default();
    if is_public && redirect_uris.is_empty() {
        fields.refuse("redirectUris", NEEDED);
    }
    RelyingParty {
        redirect_uris,
        post_logout_redirect_uris: said.post_logout_redirect_uris.unwrap_or_default(),
        is_public,
        requires_pkce: said.requires_pkce.unwrap_or(default.requires_pkce),
        id_token_algorithm: said.id_token_algorithm.unwrap_or(default.id_token_algorithm),
    }
}

const NEEDED: &str = "are required for a public connector: it can do nothing else";

/// What a body says of how people sign in to a connector, apart from its name.
fn said(fields: &mut Fields<'_>, is_public: bool) -> ConnectorChanges {
    let requires_pkce = fields.flag("requirePkce");
    if is_public && requires_pkce == Some(false) {
        fields.refuse("requirePkce", "must be true for a public connector");
    }
    let id_token_algorithm = fields.raw("idTokenSignedResponseAlg").and_then(|name| {
        let known = Algorithm::parse(&name);
        if known.is_none() {
            fields.refuse("idTokenSignedResponseAlg", "must be RS256, ES256 or EdDSA");
        }
        known
    });
    ConnectorChanges {
        name: None,
        redirect_uris: uris(fields, "redirectUris", is_public),
        post_logout_redirect_uris: uris(fields, "postLogoutRedirectUris", is_public),
        requires_pkce,
        id_token_algorithm,
        unbind_share: Change::Keep,
    }
}

/// Redirect URIs that a body names, each once.
fn uris(fields: &mut Fields<'_>, name: &'static str, is_public: bool) -> Option<Vec<String>> {
    let mut uris: Vec<String> = Vec::new();
    for uri in fields.names(name)? {
        if let Some(fault) = relying_party::fault(&uri, is_public) {
            fields.refuse(name, fault);
        }
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    if uris.len() > relying_party::URIS_MAX {
        fields.refuse(name, "must not be more than 20");
    }
    Some(uris)
}

/// The scopes that a body asks for: some that exist. One that people sign in to with a browser needs none.
fn scopes(fields: &mut Fields<'_>, party: &RelyingParty) -> Scopes {
    let named = fields.names("scopes").map(|names| scope::names(&names.join(" ")));
    let is_relying_party = !party.redirect_uris.is_empty();
    let default = if is_relying_party { Vec::new() } else { vec![scope::PORTAL_WRITE.to_owned()] };
    let scopes = named.unwrap_or(default);
    let unknown = scopes.iter().find(|scope| !scope::ALL.contains(&scope.as_str()));
    if let Some(unknown) = unknown {
        fields.refuse("scopes", format!("there is no scope {unknown:?}"));
    } else if scopes.is_empty() && !is_relying_party {
        fields.refuse("scopes", "must not be empty");
    }
    Scopes::trusted(scopes.join(" "))
}

/// Whose connectors are meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
struct OfAccount {
    /// The account that the caller signed in to, if left out.
    #[param(inline, rename = "accountId")]
    account_id: Option<Id>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub struct Listed {
    value: Vec<ConnectorShown>,
    #[schema(value_type = Count)]
    count: usize,
}

/// List the connectors of an account
///
/// All of them, the oldest first.
#[utoipa::path(
    get, operation_id = "connectors_list", path = "/api/connectors", tag = "accounts",
    params(OfAccount),
    responses((status = 200, description = "It is done.", body = Listed), Problems),
    security(("bearer" = []))
)]
pub async fn list(Bearer(caller): Bearer, uri: Uri) -> Result<Json<Listed>> {
    let query = uri.query().unwrap_or_default();
    let account_id = match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "accountId") {
        Some((_, id)) => path::id(&id),
        None => caller.account_id(),
    };
    let account_id = account_id.ok_or(Error::NotFound(Thing::Account))?;
    let connectors = connector::list(&Connection::lease().await?, &caller, account_id)?;
    let value: Vec<_> = connectors.into_iter().map(|connector| ConnectorShown::of(connector, None)).collect();
    Ok(Json(Listed { count: value.len(), value }))
}

/// Get a connector
#[utoipa::path(
    get, operation_id = "connectors_get", path = "/api/connectors/{id}", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = ConnectorShown), Problems),
    security(("bearer" = []))
)]
pub async fn get(Bearer(caller): Bearer, Target(id): Target<ConnectorId>) -> Result<Json<ConnectorShown>> {
    let connector = connector::load(&Connection::lease().await?, &caller, id)?;
    Ok(Json(ConnectorShown::of(connector, None)))
}

/// Change a connector
///
/// Its name, how people sign in to it, and its guard. What it may do, and whether it is public, stays. What is left out stays.
#[utoipa::path(
    put, operation_id = "connectors_update", path = "/api/connectors/{id}", tag = "accounts",
    params(ById),
    request_body = crate::openapi::body::ConnectorUpdate,
    responses((status = 200, description = "It is changed.", body = ConnectorShown), Problems),
    security(("bearer" = []))
)]
pub async fn update(
    call: Call,
    Bearer(caller): Bearer,
    Target(id): Target<ConnectorId>,
    SmallJson(body): SmallJson,
) -> Result<Json<ConnectorShown>> {
    let connection = Connection::lease().await?;
    let is_public = connector::load(&connection, &caller, id)?.relying_party.is_public;
    let mut fields = Fields::read(&body)?;
    let name = fields.change("name", TEXT_MAX);
    if matches!(name, Change::Clear) {
        fields.refuse("name", "must not be empty");
    }
    let unbind_share = fields.percentage("unbindGuard");
    let changes = ConnectorChanges { name: name.into_value(), unbind_share, ..said(&mut fields, is_public) };
    if is_public && changes.redirect_uris.as_ref().is_some_and(Vec::is_empty) {
        fields.refuse("redirectUris", NEEDED);
    }
    fields.finish()?;
    let edit = Edit::begin_on(connection, call.author(&caller)).await?;
    let connector = change::update(&edit, &caller, id, changes).await?;
    edit.commit().await?;
    Ok(Json(ConnectorShown::of(connector, None)))
}

/// Give a connector a new secret
///
/// The old one works no more, nor do refresh tokens got with it; access tokens last until they expire.
#[utoipa::path(
    post, operation_id = "connectors_rotate", path = "/api/connectors/{id}/secret", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = ConnectorShown), Problems),
    security(("bearer" = []))
)]
pub async fn rotate(call: Call, Bearer(caller): Bearer, Target(id): Target<ConnectorId>) -> Result<impl IntoResponse> {
    let edit = Edit::begin(call.author(&caller)).await?;
    let (connector, secret) = connector::rotate(&edit, &caller, id).await?;
    edit.commit().await?;
    Ok(([NO_STORE], Json(ConnectorShown::of(connector, Some(secret)))))
}

/// Resume a connector
///
/// Its failed writes are counted from 0 again. No write was refused for them.
#[utoipa::path(
    post, operation_id = "connectors_resume", path = "/api/connectors/{id}/resume", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn resume(call: Call, Bearer(caller): Bearer, Target(id): Target<ConnectorId>) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    connector::resume(&edit, &caller, id).await?;
    edit.commit().await?;
    Ok(Done::answer("Connector resumed"))
}

/// Disconnect a connector
///
/// Its tokens work no more. What it brought stays.
#[utoipa::path(
    post, operation_id = "connectors_disconnect", path = "/api/connectors/{id}/disconnect", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn disconnect(call: Call, Bearer(caller): Bearer, Target(id): Target<ConnectorId>) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    connector::disconnect(&edit, &caller, id).await?;
    edit.commit().await?;
    Ok(Done::answer("Connector disconnected"))
}

/// Delete a connector
///
/// With its external identities.
#[utoipa::path(
    delete, operation_id = "connectors_delete", path = "/api/connectors/{id}", tag = "accounts",
    params(ById),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn delete(call: Call, Bearer(caller): Bearer, Target(id): Target<ConnectorId>) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    connector::delete(&edit, &caller, id).await?;
    edit.commit().await?;
    Ok(Done::answer("Connector deleted"))
}
