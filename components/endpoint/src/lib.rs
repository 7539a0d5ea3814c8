//! The endpoint API: a client makes and changes user accounts, one at a time.
//!
//! | operation | what it does |
//! |---|---|
//! | `PATCH /Endpoint/rest/api/v1/Account` | changes the account that `Id`, `Username` or `ExternalId` mean, or makes one |
//! | `POST /Endpoint/rest/api/v1/Account` | makes an account, and changes none |
//!
//! What the API's document calls an account is a user of the directory; what it calls a tenant is the directory's account. The
//! answer is the whole record.

mod account;
mod account_data;
mod failure;
mod reference;

use accord_core::call::{self, Call};
use accord_core::scope::{USER_CREATE, USER_UPDATE};
use accord_core::store::Connection;
use accord_core::{Result, body, health, json, token, user};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::routing::patch;
use axum::{Json, Router};
use http::{HeaderName, HeaderValue};

use crate::account::Account;
use crate::account_data::AccountData;
use crate::reference::Answers;
pub use crate::reference::openapi;

/// Largest body, in bytes. Every field at its longest takes a third of it.
const BODY_LIMIT: usize = 64 * 1024;

/// The header that names a request in the words of this API, beside [`accord_core::call::REQUEST_ID`].
const REQUEST_KEY: HeaderName = HeaderName::from_static("requestkey");

/// The name of this API in the audit.
const API: &str = "endpoint";

thread_local! {
    static ROUTER: Router = routes();
}

fn routes() -> Router {
    Router::new()
        .route("/Endpoint/rest/api/v1/Account", patch(patch_account).post(post_account))
        .fallback(failure::unknown_path)
        .method_not_allowed_fallback(failure::unknown_method)
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::route("endpoint", &ROUTER, request).await
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
    responses(Answers),
    security(
        ("endpoint" = ["AccessUser:Create", "AccessUser:Update"]),
        ("endpoint" = ["AccessManager:Create", "AccessManager:Update"]),
    ),
)]
async fn patch_account(call: Call, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    answer(&call, &path, upsert(&call, request, false).await)
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
    responses(Answers),
    security(("endpoint" = ["AccessUser:Create"]), ("endpoint" = ["AccessManager:Create"])),
)]
async fn post_account(call: Call, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    answer(&call, &path, upsert(&call, request, true).await)
}

async fn upsert(call: &Call, request: Request, insert_only: bool) -> Result<Account> {
    let (parts, body) = request.into_parts();
    // The connection is given back before the body is read: a slow sender holds none.
    let client = token::client(&parts.headers, &Connection::lease().await?).await?;
    let upsert = async {
        // The body is read only if the caller may make or change accounts at all. Which of them it comes to is known once
        // the account was looked for.
        client.require_any(&[USER_CREATE, USER_UPDATE].concat())?;
        let body = body::json(&parts.headers, body, BODY_LIMIT).await?;
        let mut upsert = account_data::read(&json::Value::parse(&body)?)?;
        upsert.insert_only = insert_only;
        user::upsert(&call.author(&client, API), &client, &upsert).await
    };
    let (user, tenant) = health::write(&client, API, upsert).await?;
    Ok(Account::of(user, tenant))
}

fn answer(call: &Call, path: &str, done: Result<Account>) -> Response {
    match done {
        Ok(account) => sign(call, Json(account).into_response()),
        Err(error) => failure::answer(call, path, &error),
    }
}

/// Names the request in its answer, in this API's words and in those of all.
fn sign(call: &Call, mut response: Response) -> Response {
    if let Ok(key) = HeaderValue::from_str(&call.request_id) {
        response.headers_mut().insert(REQUEST_KEY, key);
    }
    call.sign(response)
}
