//! The administration API: resellers make and change the accounts of their customers, and see how their
//! connectors fare.
//!
//! One path. A `POST` does what the `action` of its body says, and makes an account if there is none; a `GET` does what
//! the `action` of its query says.
//!
//! | method | action | what it does |
//! |---|---|---|
//! | `POST` | | makes an account |
//! | `POST` | `list_accounts` | lists the accounts that the caller's account owns |
//! | `POST` | `update_account` | changes one of those |
//! | `POST` | `create_package` | makes a package for them |
//! | `POST` | `list_packages` | lists the packages that they may get |
//! | `GET` | `connection_health` | lists the connectors of the account and of those that it owns |
//!
//! The caller proves itself by HTTP Basic, and says for which account it acts in the header `Account-Key`. Every answer
//! is JSON with a `status_code`, the HTTP status, and a `message`.

mod accounts;
mod answer;
mod connections;
#[cfg(not(target_family = "wasm"))]
mod openapi;
mod packages;

use accord_core::administrator::{self, Administrator};
use accord_core::audit::Author;
use accord_core::call::{self, Call};
use accord_core::fields::Fields;
use accord_core::store::Connection;
use accord_core::{Error, Result, body};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, Uri};

/// The path of the API.
const PATH: &str = "/app/api.php";

/// Largest body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The name of this API in the audit.
const API: &str = "administration";

thread_local! {
    static ROUTER: Router = routes();
}

fn routes() -> Router {
    Router::new()
        .route(PATH, post(change).get(look))
        .fallback(answer::unknown_path)
        .method_not_allowed_fallback(answer::unknown_method)
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::route("administration", &ROUTER, request).await
}

/// Who calls, for which account, in which request.
struct Caller {
    administrator: Administrator,
    author: Author,
}

impl Caller {
    async fn of(call: &Call, headers: &HeaderMap) -> Result<Self> {
        let (name, password) = call::basic(headers)?;
        let account_key = headers.get("account-key").and_then(|key| key.to_str().ok());
        let connection = Connection::lease().await?;
        let administrator =
            administrator::authenticate(&connection, &name, &password, account_key, call.address).await?;
        Ok(Self { author: call.author_of(&administrator.caller, API), administrator })
    }
}

/// Make and change accounts
///
/// Does what the `action` of the body says; without one, makes an account.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(post, operation_id = "administration_change", path = PATH, tag = "administration",
    params(openapi::AccountKey),
    request_body(content = openapi::Change, examples(
        ("create_account" = (summary = "Create an account", value = json!({
            "name": "new client name", "active": "1", "email_admin": "newaccountadmin@email.com",
            "password": "newadminpassword", "subdomain": "example", "type": "standard", "domain": "www.redirect.com",
            "datashare": "1"
        }))),
        ("list_accounts" = (summary = "List accounts", value = json!({ "action": "list_accounts" }))),
        ("update_account" = (summary = "Update an account", value = json!({
            "action": "update_account", "account_key": "5a70d8fcd44aa9.76285892", "active": "1",
            "email_admin": "newaccountadmin@email.com"
        }))),
        ("create_package" = (summary = "Create a package", value = json!({
            "action": "create_package", "name": "Gold", "default": "0"
        }))),
        ("list_packages" = (summary = "List packages", value = json!({ "action": "list_packages" })))
    )),
    responses((status = 200, description = "It is done.", body = openapi::Changed), openapi::Failures),
    security(("basic" = []))
))]
async fn change(call: Call, request: Request) -> Response {
    let done = async {
        let (parts, body) = request.into_parts();
        let caller = Caller::of(&call, &parts.headers).await?;
        let body = body::json(&parts.headers, body, BODY_LIMIT).await?;
        let mut fields = Fields::read(&body)?;
        match fields.raw("action").as_deref().map(str::trim) {
            None | Some("") => accounts::create(&caller, fields).await,
            Some("list_accounts") => accounts::list(&caller, fields).await,
            Some("update_account") => accounts::update(&caller, fields).await,
            Some("create_package") => packages::create(&caller, fields).await,
            Some("list_packages") => packages::list(&caller, fields).await,
            Some(_) => {
                fields.refuse("action", "must be list_accounts, update_account, create_package or list_packages");
                fields.finish()?;
                Err(Error::Malformed("the action is not known".to_owned()))
            }
        }
    };
    answer::answer(&call, done.await)
}

/// Look at connections
///
/// Lists the connectors of the account and of those that it owns, and how they fare.
#[cfg_attr(not(target_family = "wasm"), utoipa::path(get, operation_id = "connection_health", path = PATH, tag = "administration",
    params(openapi::AccountKey, openapi::Filters),
    responses((status = 200, description = "It is done.", body = openapi::ConnectionList), openapi::Failures),
    security(("basic" = []))
))]
async fn look(call: Call, uri: Uri, headers: HeaderMap) -> Response {
    let done = async {
        let caller = Caller::of(&call, &headers).await?;
        connections::health(&caller, uri.query().unwrap_or_default()).await
    };
    answer::answer(&call, done.await)
}
