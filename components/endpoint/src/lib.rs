//! The endpoint API: a connector makes and changes user accounts, one at a time.
//!
//! | operation | what it does |
//! |---|---|
//! | `PATCH /Endpoint/rest/api/v1/Account` | changes the account that `Id`, `Username` or `ExternalId` mean, or makes one |
//! | `POST /Endpoint/rest/api/v1/Account` | makes an account, and changes none |
//! | `GET /Endpoint/rest/api/v1/Account/{Id}` | reads an account |
//! | `GET /Endpoint/rest/api/v1/Accounts` | reads all accounts of the organisation, page by page |
//!
//! What the API's document calls an account is a record of the directory; what it calls a tenant is the directory's account.
//! The answer is the whole record, or a page of whole records.

mod account;
mod account_data;
mod failure;
mod fields;
mod names;
mod openapi;
mod paging;

use accord_core::auth::scope::{RECORD_CREATE, RECORD_UPDATE};
use accord_core::connectors::health;
use accord_core::error::{Error, Thing};
use accord_core::people::reading;
use accord_core::people::record::{self, Written as Upserted};
use accord_core::setting;
use accord_core::store::Connection;
use accord_core::values::region::{self, Region};
use accord_web::body::SMALL;
use accord_web::json::Value;
use accord_web::{Api, Bearer, Call, Failure, Push, Result};
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::account::{Account, AccountPage};
use crate::account_data::AccountData;
use crate::openapi::{Listed, Read, Written};
use crate::paging::Paging;

/// The header that names a request in the words of this API, beside `X-Request-Id`.
const REQUEST_KEY: HeaderName = HeaderName::from_static("requestkey");

struct Endpoint;

impl Api for Endpoint {
    const NAME: &'static str = "endpoint";
    type Failure = Failure;

    fn render(call: &Call, path: &str, failure: &Failure) -> Response {
        failure::render(call, path, failure)
    }

    fn sign(call: &Call, headers: &mut HeaderMap) {
        // A UUID is a header's value.
        headers.extend(HeaderValue::from_str(&call.request_id).map(|key| (REQUEST_KEY, key)));
    }
}

accord_web::operations! { Endpoint,
    patch "/Endpoint/rest/api/v1/Account" => patch_account,
    post "/Endpoint/rest/api/v1/Account" => post_account,
    get "/Endpoint/rest/api/v1/Account/{Id}" => get_account,
    get "/Endpoint/rest/api/v1/Accounts" => list_accounts,
}

/// Insert or update an account
///
/// Changes the account of the `Id`; one that does not exist is an error. Without an `Id`, changes the account of the
/// `Username` or the `ExternalId`, and makes one if there is none. A field that is left out stays as it is; `null` or `""`
/// clears it.
#[utoipa::path(
    patch,
    path = "/Endpoint/rest/api/v1/Account",
    tag = "endpoint",
    request_body(content = AccountData, examples(
        ("external_id" = (summary = "By ExternalId", value = json!({
            "ExternalId": "3ad64ab3-bd04-46c5-b1d7-c0b34be9e5b5", "Name": "Bob Normal", "Email": "bob@example.com"
        }))),
        ("id" = (summary = "By Id", value = json!({
            "Id": "894ea43c-b8a6-4195-9a9c-82c07d9cc33a", "Phone": "+358 50 123 4567", "PhoneVerified": true
        })))
    )),
    responses(Written),
    security(
        ("endpoint" = ["AccessUser:Create", "AccessUser:Update"]),
        ("endpoint" = ["AccessManager:Create", "AccessManager:Update"]),
    ),
)]
async fn patch_account(call: Call, push: Push) -> Result<Json<Account>> {
    upsert(&call, push, false).await
}

/// Insert an account
///
/// Makes an account. One that has the `Id`, the `Username` or the `ExternalId` already is an error, and is not changed.
#[utoipa::path(
    post,
    path = "/Endpoint/rest/api/v1/Account",
    tag = "endpoint",
    request_body(content = AccountData, example = json!({
        "Username": "jane.doe", "FirstName": "Jane", "LastName": "Doe", "Phone": "+358 40 123 4567",
        "Email": "jane.doe@example.com", "LanguageId": "fi-FI", "TimezoneId": "FLE Standard Time",
        "DateFormatId": "DD.MM.YYYY", "NotifyByEmail": true, "Is_Active": true
    })),
    responses(Written),
    security(("endpoint" = ["AccessUser:Create"]), ("endpoint" = ["AccessManager:Create"])),
)]
async fn post_account(call: Call, push: Push) -> Result<Json<Account>> {
    upsert(&call, push, true).await
}

/// The country of the setting `default_region`, if there is one: national telephone numbers are its own.
async fn region() -> Result<Option<Region>> {
    let country = setting::get("default_region").await?;
    let region = Region::find(country.trim());
    if region.is_none() && !country.trim().is_empty() {
        return Err(setting::refuse("default_region", region::EXPECTED, &country).into());
    }
    Ok(region)
}

async fn upsert(call: &Call, push: Push, insert_only: bool) -> Result<Json<Account>> {
    let Push { connector, body, .. } = push;
    let Upserted { record, owner, .. } = health::write(&connector, Endpoint::NAME, async {
        // The body is read only if the caller may make or change records at all. Which of them it comes to is known once
        // the record was looked for.
        connector.require_any(&[RECORD_CREATE, RECORD_UPDATE].concat())?;
        let body = body.undeclared_json(SMALL).await?;
        let mut upsert = account_data::read(&Value::parse(&body)?, region().await?)?;
        upsert.insert_only = insert_only;
        let written = record::upsert(call.author_of(connector.actor()), &connector, &upsert).await?;
        if !written.changed {
            health::nothing_changed(&Connection::lease().await?, &connector).await?;
        }
        Ok::<_, Failure>(written)
    })
    .await?;
    Ok(Json(Account::of(record, &owner)))
}

/// Get an account
///
/// The account of the `Id`, if the client's own organisation has one.
#[utoipa::path(
    get,
    path = "/Endpoint/rest/api/v1/Account/{Id}",
    tag = "endpoint",
    params(openapi::AccountPath),
    responses(Read),
    security(("endpoint" = ["AccessUser:Read"]), ("endpoint" = ["AccessManager:Read"])),
)]
async fn get_account(Bearer(caller): Bearer, path: Result<Path<String>, PathRejection>) -> Result<Json<Account>> {
    let connector = caller.into_connector()?;
    // A path that is not UTF-8 once it is decoded names nothing.
    let Path(id) = path.map_err(|_| Error::NotFound(Thing::Record))?;
    let (record, owner) = reading::load(&Connection::lease().await?, &connector, &fields::record_id(&id))?;
    Ok(Json(Account::of(record, &owner)))
}

/// List the accounts
///
/// All accounts of the client's own organisation, in the order in which they were made, page by page.
#[utoipa::path(
    get,
    path = "/Endpoint/rest/api/v1/Accounts",
    tag = "endpoint",
    params(openapi::PageParameters),
    responses(Listed),
    security(("endpoint" = ["AccessUser:Read"]), ("endpoint" = ["AccessManager:Read"])),
)]
async fn list_accounts(Bearer(caller): Bearer, paging: Paging) -> Result<Json<AccountPage>> {
    let connector = caller.into_connector()?;
    let page = reading::list(&Connection::lease().await?, &connector, paging.after, paging.size)?;
    Ok(Json(AccountPage::of(page)))
}
