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
mod failure;
mod openapi;
mod packages;

use accord_core::sign_in::administrator::{self, Administrator};
use accord_core::store::{Author, Connection};
use accord_core::{Error, Faults};
use accord_web::authorization::basic;
use accord_web::body::SmallJson;
use accord_web::fields::Fields;
use accord_web::{Api, Call, Failure, Result};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;

use crate::failure::Failures;

struct Administration;

impl Api for Administration {
    const NAME: &'static str = "administration";
    const LIMITS_ADDRESSES: bool = true;
    type Failure = Failure;

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }
}

accord_web::operations! { Administration,
    post "/app/api.php" => change,
    get "/app/api.php" => connections::health,
}

/// Who calls, for which account, in which request. As an argument of a handler it comes before the query and the body,
/// which then are read only once it is known who sends them.
struct Caller {
    call: Call,
    administrator: Administrator,
}

impl Caller {
    /// The author of what the caller changes.
    fn author(&self) -> Author {
        self.call.author(&self.administrator.caller)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Ok(call) = Call::from_request_parts(parts, state).await;
        let (name, password) = basic(&parts.headers)?;
        let account_key = parts.headers.get("account-key").and_then(|key| key.to_str().ok());
        let connection = Connection::lease().await?;
        let administrator =
            administrator::authenticate(&connection, &name, &password, account_key, call.address).await?;
        call.called_by(administrator.caller.actor());
        call.refuse_demands()?;
        Ok(Self { call, administrator })
    }
}

/// What a `POST` is answered.
#[expect(dead_code, reason = "read by the generator only")]
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = AdministrationChanged)]
enum Changed {
    Created(accounts::Created),
    AccountList(accounts::AccountList),
    Updated(accounts::Updated),
    PackageCreated(packages::PackageCreated),
    PackageList(packages::PackageList),
}

/// Make and change accounts
///
/// Does what the `action` of the body says; without one, makes an account.
#[utoipa::path(
    post,
    operation_id = "administration_change",
    path = "/app/api.php",
    tag = "administration",
    params(openapi::AccountKey),
    request_body(content = openapi::Change, examples(
        ("create_account" = (summary = "Create an account", value = json!({
            "name": "new client name", "package_id": "9", "active": "1", "email_admin": "newaccountadmin@email.com",
            "password": "newadminpassword", "subdomain": "example", "type": "standard", "domain": "www.redirect.com",
            "datashare": "1"
        }))),
        ("list_accounts" = (summary = "List accounts", value = json!({ "action": "list_accounts" }))),
        ("update_account" = (summary = "Update an account", value = json!({
            "action": "update_account", "account_key": "5a70d8fcd44aa9.76285892", "package_id": "9", "active": "1",
            "email_admin": "newaccountadmin@email.com"
        }))),
        ("create_package" = (summary = "Create a package", value = json!({
            "action": "create_package", "name": "Gold", "default": "0"
        }))),
        ("list_packages" = (summary = "List packages", value = json!({ "action": "list_packages" })))
    )),
    responses((status = 200, description = "It is done.", body = Changed), Failures),
    security(("basic" = []))
)]
async fn change(caller: Caller, SmallJson(body): SmallJson) -> Result<Response> {
    let mut fields = Fields::read(&body)?;
    Ok(match fields.raw("action").as_deref().map(str::trim) {
        None | Some("") => accounts::create(&caller, fields).await?.into_response(),
        Some("list_accounts") => accounts::list(&caller, fields).await?,
        Some("update_account") => accounts::update(&caller, fields).await?.into_response(),
        Some("create_package") => packages::create(&caller, fields).await?.into_response(),
        Some("list_packages") => packages::list(&caller, fields).await?.into_response(),
        Some(_) => {
            let fault = "must be list_accounts, update_account, create_package or list_packages";
            return Err(Error::Invalid(Faults::of("action", fault)).into());
        }
    })
}
