//! Accounts: create, list, get by id or by name, update, delete.

use accord_core::account::NAME_MAX;
use accord_core::call::Call;
use accord_core::directory::{self, AccountChange, CONTACT_MAX, DESCRIPTION_MAX, NewAccount};
use accord_core::error::Thing;
use accord_core::fields::Fields;
use accord_core::odata::{Field, Kind};
use accord_core::store::{Connection, Transaction, Value};
pub use accord_core::time::rfc3339 as time;
use accord_core::{Error, setting};
use axum::Json;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Uri, header};
use serde::Serialize;
use serde_json::Value as JsonValue;

use crate::answer::{self, done};
use crate::input::{self, API, Authorized};
use crate::options::Options;
use crate::problem;
#[cfg(not(target_family = "wasm"))]
use crate::problem::Problems;

/// A field's value as this API writes it.
pub fn shown(field: &Field, value: Value) -> JsonValue {
    match value {
        Value::Integer(milliseconds) if field.kind == Kind::Time => time(milliseconds).into(),
        Value::Integer(integer) => integer.into(),
        Value::Text(text) => text.into(),
        _ => JsonValue::Null,
    }
}

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedAccount<'a> {
    id: i64,
    name: &'a str,
    created_at: String,
}

/// Create an account
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "accounts_create", path = "/api/accounts", tag = "accounts",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the first answer again, for a day.")),
    request_body = crate::openapi::body::NewAccount,
    responses((status = 201, description = "It is made.", body = CreatedAccount), Problems),
    security(("bearer" = []))
))]
pub async fn create(call: Call, request: Request) -> Response {
    let created = async {
        let Authorized { caller, headers, body } = input::authorized(request).await?;
        let mut fields = Fields::read(&body)?;
        let new = NewAccount {
            name: fields.required("name", NAME_MAX),
            description: fields.optional("description", DESCRIPTION_MAX),
            primary_contact: fields.optional("primaryContact", CONTACT_MAX),
            country: fields.country("country").flatten(),
        };
        fields.finish()?;
        let key = input::idempotency_key(&call, Some(&caller), &headers, "POST /api/accounts", &body, false)?;
        let transaction = Transaction::begin().await?;
        if let Some(answer) = answer::recall(key.as_ref(), &transaction)? {
            return Ok(answer);
        }
        let account = directory::create(&transaction, &call.author_of(&caller, API), &caller, &new).await?;
        let body = CreatedAccount { id: account.id, name: &account.name, created_at: time(account.created_at) };
        let answer = answer::created(&format!("/api/accounts/{}", account.id), &body)?;
        answer::keep(transaction, key.as_ref(), answer).await
    };
    answer::answer(&call, created.await)
}

/// List the accounts that the caller may see
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "accounts_list", path = "/api/accounts", tag = "accounts",
    params(("$filter" = Option<String>, Query, description = "OData 4.01, for example name eq 'Acme': eq ne gt ge lt le in, and or not, contains startswith endswith tolower toupper length."), ("$orderby" = Option<String>, Query, description = "Fields, each with asc or desc, for example createdAt desc."), ("$skip" = Option<i64>, Query, description = "How many to pass over."), ("$top" = Option<i64>, Query, description = "How many to return: 50 if left out, at most 500. More are behind @odata.nextLink."), ("$count" = Option<bool>, Query, description = "Whether to return @odata.count too."), ("$select" = Option<String>, Query, description = "Which fields to show."), ("$search" = Option<String>, Query, description = "Words and phrases to be found in name, description and primary contact, case ignored; AND OR NOT."), ("$skiptoken" = Option<String>, Query, description = "Of @odata.nextLink.")),
    responses((status = 200, description = "It is done.", body = crate::openapi::body::AccountPage), Problems),
    security(("bearer" = []))
))]
pub async fn list(call: Call, uri: Uri, headers: HeaderMap) -> Response {
    let listed = async {
        let caller = input::caller(&headers).await?;
        let options = Options::parse(uri.query().unwrap_or_default())?;
        let page = directory::list(&Connection::lease().await?, &caller, &options.listing)?;
        let base = setting::get("public_url").await?;
        Ok::<_, Error>(options.render(&page, &format!("{}/api/accounts", base.trim_end_matches('/'))))
    };
    match listed.await {
        Ok(page) => call.sign(Json(page).into_response()),
        Err(error) => problem::answer(&call, &error),
    }
}

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Shown<'a> {
    id: i64,
    name: &'a str,
    description: Option<&'a str>,
    status: &'a str,
    created_at: String,
    updated_at: String,
    account_key: &'a str,
    registration_id: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
    subdomain: Option<&'a str>,
    country: Option<&'a str>,
    primary_contact: Option<&'a str>,
}

/// Get an account by its id or its name
///
/// Digits are an id; what is none, or the id of nothing, is a name.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "accounts_get", path = "/api/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "An id, or a name.")),
    responses((status = 200, description = "It is done.", body = Shown), Problems),
    security(("bearer" = []))
))]
pub async fn get(call: Call, Path(id_or_name): Path<String>, headers: HeaderMap) -> Response {
    show(&call, &id_or_name, &headers).await
}

/// Get the account of the name signup
///
/// As by any other name. `POST` there is another operation.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "accounts_get_signup", path = "/api/accounts/signup", tag = "accounts",
    responses((status = 200, description = "It is done.", body = Shown), Problems),
    security(("bearer" = []))
))]
pub async fn get_signup(call: Call, headers: HeaderMap) -> Response {
    show(&call, "signup", &headers).await
}

async fn show(call: &Call, id_or_name: &str, headers: &HeaderMap) -> Response {
    let found = async {
        let caller = input::caller(headers).await?;
        let connection = Connection::lease().await?;
        let by_id = input::id(id_or_name, Thing::Account).and_then(|id| directory::load(&connection, &caller, id));
        match by_id {
            Err(Error::NotFound(_)) => directory::load_named(&connection, &caller, id_or_name),
            found => found,
        }
    };
    let account = match found.await {
        Ok((account, _)) => account,
        Err(error) => return problem::answer(call, &error),
    };
    let body = Shown {
        id: account.id,
        name: &account.name,
        description: account.description.as_deref(),
        status: &account.status,
        created_at: time(account.created_at),
        updated_at: time(account.updated_at),
        account_key: &account.account_key,
        registration_id: account.registration_id.as_deref(),
        kind: &account.kind,
        subdomain: account.subdomain.as_deref(),
        country: account.country.as_deref(),
        primary_contact: account.primary_contact.as_deref(),
    };
    call.sign(tagged(account.version, Json(body).into_response()))
}

/// Adds the `ETag`: an account's version.
fn tagged(version: i64, mut response: Response) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UpdatedAccount<'a> {
    id: i64,
    name: &'a str,
    updated_at: String,
}

/// Update an account
///
/// A field that is left out stays; null clears it.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(put, operation_id = "accounts_update", path = "/api/accounts/{id}", tag = "accounts",
    params(("id" = i64, Path, description = "The id."), ("If-Match" = Option<String>, Header, description = "The ETag that was got: 412 if it is another by now.")),
    request_body = crate::openapi::body::AccountChange,
    responses((status = 200, description = "It is done.", body = UpdatedAccount), Problems),
    security(("bearer" = []))
))]
pub async fn update(call: Call, Path(id): Path<String>, request: Request) -> Response {
    let updated = async {
        let Authorized { caller, headers, body } = input::authorized(request).await?;
        let id = input::id(&id, Thing::Account)?;
        let mut fields = Fields::read(&body)?;
        let name = fields.change("name", NAME_MAX);
        if name == Some(None) {
            fields.refuse("name", "must not be empty");
        }
        let change = AccountChange {
            name: name.flatten(),
            description: fields.change("description", DESCRIPTION_MAX),
            active: fields.either("status", "active", "inactive"),
            primary_contact: fields.change("primaryContact", CONTACT_MAX),
            country: fields.country("country"),
        };
        fields.finish()?;
        let expected = input::if_match(&headers);
        let transaction = Transaction::begin().await?;
        let author = call.author_of(&caller, API);
        let account = directory::update(&transaction, &author, &caller, id, &change, expected.as_deref()).await?;
        transaction.commit().await?;
        Ok::<_, Error>(account)
    };
    match updated.await {
        Ok(account) => {
            let body = UpdatedAccount { id: account.id, name: &account.name, updated_at: time(account.updated_at) };
            call.sign(tagged(account.version, Json(body).into_response()))
        }
        Err(error) => problem::answer(&call, &error),
    }
}

/// Delete an account
#[cfg_attr(not(target_family = "wasm"), utoipa::path(delete, operation_id = "accounts_delete", path = "/api/accounts/{id}", tag = "accounts",
    params(("id" = i64, Path, description = "The id.")),
    responses((status = 200, description = "It is done.", body = answer::Done), Problems),
    security(("bearer" = []))
))]
pub async fn delete(call: Call, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let deleted = async {
        let caller = input::caller(&headers).await?;
        let id = input::id(&id, Thing::Account)?;
        let transaction = Transaction::begin().await?;
        directory::delete(&transaction, &call.author_of(&caller, API), &caller, id).await?;
        transaction.commit().await
    };
    done(&call, deleted.await, "Account deleted")
}
