//! An account as it is shown.

use accord_core::accounts::{joins, manage};
use accord_core::auth::caller::Caller;
use accord_core::error::{Error, Thing};
use accord_core::store::Connection;
use accord_core::values::id::AccountId;
use accord_web::described::{
    AccountDescription, AccountKey, AccountName, Contact, Country, Id, RegistrationId, Subdomain, Timestamp,
};
use accord_web::{Result, conditional};
use axum::Json;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use crate::{path, written};

/// Whether an account or a membership works.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Status {
    /// It works.
    Active,
    /// It does not.
    Inactive,
}

/// What an account is.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum AccountType {
    /// One like most.
    Standard,
    /// One that makes accounts itself.
    Reseller,
}

/// An account as it is shown.
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

/// Answers with an account that the caller may see, by its id or by its name.
pub async fn show(caller: &Caller, id_or_name: &str, headers: &HeaderMap) -> Result<Response> {
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
