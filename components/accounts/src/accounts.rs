//! Accounts: create, list, get by id or by name, update, delete.

use accord_core::accounts::account::{
    Account, CONTACT_MAX, DESCRIPTION_MAX, NAME_MAX, NewAccount, REGISTRATION_ID_MAX,
};
use accord_core::accounts::listing::{self, ACCOUNTS};
use accord_core::accounts::manage::{self, AccountChange};
use accord_core::error::{Error, Thing};
use accord_core::store::{Connection, Edit};
use accord_core::values::id::AccountId;
use accord_resources::account::{self, Shown};
use accord_resources::list::{Preference, Query};
use accord_resources::parameters::{ById, IfMatch, IfNoneMatch, Repeated, UnlessMatch};
use accord_resources::{Done, Options, Problems, Target, written};
use accord_web::body::SmallJson;
use accord_web::conditional::{self, Version};
use accord_web::described::{AccountName, Id, Timestamp};
use accord_web::fields::Fields;
use accord_web::idempotency::{Answer, Repeatable};
use accord_web::{Bearer, Call, Result};
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::Value as JsonValue;

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
    if repeatable.is_not() {
        return created(&manage::create_alone(call.author(&caller), &caller, &new).await?);
    }
    let edit = Edit::begin(call.author(&caller)).await?;
    if let Some(answer) = repeatable.recall(&edit)? {
        return Ok(answer);
    }
    let answer = created(&manage::create(&edit, &caller, &new).await?)?;
    Ok(repeatable.keep(edit, answer).await?)
}

/// What is answered to whoever has made an account.
fn created(account: &Account) -> Result<Answer> {
    let body = CreatedAccount { id: account.id, name: &account.name, created_at: written(account.created_at) };
    Ok(Answer::created(format!("/api/accounts/{}", account.id), &body)?)
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
    account::show(&caller, &id_or_name, &headers).await
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
