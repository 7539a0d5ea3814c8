//! Accounts: create, list, get by id or by name, update, delete.

use accord_core::accounts::account::{CONTACT_MAX, DESCRIPTION_MAX, NAME_MAX, NewAccount, REGISTRATION_ID_MAX};
use accord_core::accounts::joins;
use accord_core::accounts::listing::{self, ACCOUNTS};
use accord_core::accounts::manage::{self, AccountChange};
use accord_core::auth::caller::Caller;
use accord_core::error::{Error, Thing};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::AccountId;
use accord_resources::list::{Preference, Query};
use accord_resources::parameters::{ById, IfMatch, IfNoneMatch, Repeated, UnlessMatch};
use accord_resources::{Done, Options, Problems, Target, path, written};
use accord_web::body::SmallJson;
use accord_web::conditional::{self, Version};
use accord_web::described::{
    AccountDescription, AccountKey, AccountName, Contact, Country, Id, RegistrationId, Subdomain, Timestamp,
};
use accord_web::fields::Fields;
use accord_web::idempotency::{Answer, Repeatable};
use accord_web::{Bearer, Call, Result};
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Uri, header};
use serde::Serialize;
use serde_json::Value as JsonValue;

use crate::openapi::body::{AccountType, Status};

/// What a listing shows if nobody selects: the document's fields.
const SELECTED: [&str; 3] = ["id", "name", "createdAt"];

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedAccount<'a> {
    #[schema(value_type = Id)]
    id: AccountId,
    #[schema(value_type = AccountName)]
    name: &'a str,
    #[schema(value_type = Timestamp)]
    created_at: String,
}

/// Create an account
#[utoipa::path(
    post, operation_id = "accounts_create", path = "/api/accounts", tag = "accounts",
    params(Repeated),
    request_body = crate::openapi::body::NewAccount,
    responses((status = 201, description = "It is made.", body = CreatedAccount), Problems),
    security(("bearer" = []))
)]
pub async fn create(
    call: Call,
    Bearer(caller): Bearer,
    headers: HeaderMap,
    SmallJson(body): SmallJson,
) -> Result<Answer> {
    let mut fields = Fields::read(&body)?;
    let new = NewAccount {
        name: fields.required("name", NAME_MAX),
        description: fields.optional("description", DESCRIPTION_MAX),
        primary_contact: fields.optional("primaryContact", CONTACT_MAX),
        country: fields.country("country").into_value(),
        registration_id: fields.optional("registrationId", REGISTRATION_ID_MAX),
        ..NewAccount::default()
    };
    fields.finish()?;
    let repeatable = Repeatable::of(&headers, Some(&caller), "POST /api/accounts", &body, false)?;
    let edit = Edit::begin(call.author(&caller)).await?;
    if let Some(answer) = repeatable.recall(&edit)? {
        return Ok(answer);
    }
    let account = manage::create(&edit, &caller, &new).await?;
    let body = CreatedAccount { id: account.id, name: &account.name, created_at: written(account.created_at) };
    let answer = Answer::created(format!("/api/accounts/{}", account.id), &body)?;
    Ok(repeatable.keep(edit, answer).await?)
}

/// List the accounts that the caller may see
///
/// `$search` looks in name, description and primary contact.
#[utoipa::path(
    get, operation_id = "accounts_list", path = "/api/accounts", tag = "accounts",
    params(Query, Preference),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::AccountPage), Problems),
    security(("bearer" = []))
)]
pub async fn list(Bearer(caller): Bearer, uri: Uri, headers: HeaderMap) -> Result<Json<JsonValue>> {
    let options = Options::of(&ACCOUNTS, &SELECTED, &uri, &headers)?;
    let page = listing::list(&Connection::lease().await?, &caller, &options.listing)?;
    let count = page.count;
    let mut answer = options.render(page, "/api/accounts").await?;
    // The document's own, beside that of OData.
    answer["count"] = count.into();
    Ok(Json(answer))
}

/// Which account is meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "read by the generator only")]
struct ByIdOrName {
    /// An id, or a name.
    #[param(inline)]
    id: AccountName,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    #[schema(value_type = Id)]
    id: AccountId,
    #[schema(value_type = AccountName)]
    name: String,
    #[schema(value_type = Option<AccountDescription>)]
    description: Option<String>,
    #[schema(value_type = Status)]
    status: String,
    #[schema(value_type = Timestamp)]
    created_at: String,
    #[schema(value_type = Timestamp)]
    updated_at: String,
    #[schema(value_type = AccountKey)]
    account_key: String,
    #[schema(value_type = Option<RegistrationId>)]
    registration_id: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = AccountType)]
    kind: String,
    #[schema(value_type = Option<Subdomain>)]
    subdomain: Option<String>,
    #[schema(value_type = Option<Country>)]
    country: Option<String>,
    #[schema(value_type = Option<Contact>)]
    primary_contact: Option<String>,
}

/// Get an account by its id or its name
///
/// Digits are an id; what is none, or the id of nothing, is a name. The id of an account that was joined into another one leads to that, whose
/// path is in `Content-Location`.
#[utoipa::path(
    get, operation_id = "accounts_get", path = "/api/accounts/{id}", tag = "accounts",
    params(ByIdOrName, IfNoneMatch),
    responses((status = 200, description = "It is done.", body = Shown), (status = 304, description = "It has the ETag of If-None-Match."), Problems),
    security(("bearer" = []))
)]
pub async fn get(
    Bearer(caller): Bearer,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response> {
    // A path that is not UTF-8 once it is decoded names nothing.
    let Path(id_or_name) = path.map_err(|_| Error::NotFound(Thing::Account))?;
    show(&caller, &id_or_name, &headers).await
}

/// Get the account of the name signup
///
/// As by any other name. `POST` there is another operation.
#[utoipa::path(
    get, operation_id = "accounts_get_signup", path = "/api/accounts/signup", tag = "accounts",
    params(IfNoneMatch),
    responses((status = 200, description = "It is done.", body = Shown), (status = 304, description = "It has the ETag of If-None-Match."), Problems),
    security(("bearer" = []))
)]
pub async fn get_signup(Bearer(caller): Bearer, headers: HeaderMap) -> Result<Response> {
    show(&caller, "signup", &headers).await
}

async fn show(caller: &Caller, id_or_name: &str, headers: &HeaderMap) -> Result<Response> {
    let connection = Connection::lease().await?;
    let by_id = match path::id(id_or_name) {
        Some(id) => manage::load(&connection, caller, id),
        None => Err(Error::NotFound(Thing::Account)),
    };
    // The id of an account that was joined into another one leads to that.
    let mut leads_to = None;
    let by_id = match (by_id, path::id(id_or_name)) {
        (Err(Error::NotFound(_)), Some(id)) => {
            leads_to = joins::find(&connection, id)?;
            leads_to.map_or(Err(Error::NotFound(Thing::Account)), |id| manage::load(&connection, caller, id))
        }
        (found, _) => found,
    };
    let (account, _) = match by_id {
        Err(Error::NotFound(_)) => manage::load_named(&connection, caller, id_or_name)?,
        found => found?,
    };
    let location = leads_to.filter(|id| *id == account.id).map(|id| format!("/api/accounts/{id}"));
    let body = Shown {
        id: account.id,
        name: account.name,
        description: account.description,
        status: account.status,
        created_at: written(account.created_at),
        updated_at: written(account.updated_at),
        account_key: account.account_key,
        registration_id: account.registration_id,
        kind: account.kind,
        subdomain: account.subdomain,
        country: account.country,
        primary_contact: account.primary_contact,
    };
    let mut shown = conditional::shown(headers, account.version, Json(body))?;
    if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        shown.headers_mut().insert(header::CONTENT_LOCATION, location);
    }
    Ok(shown)
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatedAccount {
    #[schema(value_type = Id)]
    id: AccountId,
    #[schema(value_type = AccountName)]
    name: String,
    #[schema(value_type = Timestamp)]
    updated_at: String,
}

/// Update an account
///
/// A field that is left out stays; null clears it.
#[utoipa::path(
    put, operation_id = "accounts_update", path = "/api/accounts/{id}", tag = "accounts",
    params(ById, IfMatch, UnlessMatch),
    request_body = crate::openapi::body::AccountChange,
    responses((status = 200, description = "It is done.", body = UpdatedAccount), Problems),
    security(("bearer" = []))
)]
pub async fn update(
    call: Call,
    Bearer(caller): Bearer,
    Target(id): Target<AccountId>,
    headers: HeaderMap,
    SmallJson(body): SmallJson,
) -> Result<(Version, Json<UpdatedAccount>)> {
    let mut fields = Fields::read(&body)?;
    let change = AccountChange {
        name: fields.change("name", NAME_MAX),
        description: fields.change("description", DESCRIPTION_MAX),
        active: fields.either("status", "active", "inactive"),
        primary_contact: fields.change("primaryContact", CONTACT_MAX),
        country: fields.country("country"),
        registration_id: fields.change("registrationId", REGISTRATION_ID_MAX),
    };
    fields.finish()?;
    let precondition = conditional::precondition(&headers);
    let account = manage::update_alone(call.author(&caller), &caller, id, &change, &precondition).await?;
    let body = UpdatedAccount { id: account.id, name: account.name, updated_at: written(account.updated_at) };
    Ok((Version(account.version), Json(body)))
}

/// Delete an account
#[utoipa::path(
    delete, operation_id = "accounts_delete", path = "/api/accounts/{id}", tag = "accounts",
    params(ById, IfMatch),
    responses((status = 200, description = "It is done.", body = Done), Problems),
    security(("bearer" = []))
)]
pub async fn delete(
    call: Call,
    Bearer(caller): Bearer,
    Target(id): Target<AccountId>,
    headers: HeaderMap,
) -> Result<Json<Done>> {
    let edit = Edit::begin(call.author(&caller)).await?;
    manage::delete(&edit, &caller, id, &conditional::precondition(&headers)).await?;
    edit.commit().await?;
    Ok(Done::answer("Account deleted"))
}
