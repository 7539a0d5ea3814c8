//! The accounts API: people sign up, and manage accounts and their members. And `/api/connectors`, where they
//! make the credentials that the portal API and the endpoint API ask for.
//!
//! Errors are problem details with the document's codes; creations take an `Idempotency-Key`; an account's `ETag` guards its
//! update.

mod accounts;
mod connectors;
mod me;
mod members;
mod openapi;
mod people;

use accord_resources::{failure, path};
use accord_web::{Api, Call, Failure};
use axum::response::Response;
use http::Method;

struct Accounts;

impl Api for Accounts {
    const NAME: &'static str = "accounts";
    const LIMITS_ADDRESSES: bool = true;
    type Failure = Failure;

    fn respelled(path: &str) -> Option<String> {
        path::without_key_predicate(path)
    }

    /// Accounts have versions, and nothing else has.
    fn has_versions(method: &Method, path: &str) -> bool {
        *method != Method::POST && path.strip_prefix("/api/accounts/").is_some_and(|account| !account.contains('/'))
    }

    fn is_open(method: &Method, path: &str) -> bool {
        *method == Method::POST && OPEN.contains(&path)
    }

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }

    fn answered(wrote: bool) -> impl Future<Output = ()> {
        accord_web::mail::deliver_later(wrote)
    }
}

/// Where a link in a mail, an address or a password is shown in place of a token.
const OPEN: [&str; 6] = [
    "/api/accounts/signup",
    "/api/accounts/invitations/accept",
    "/api/accounts/email/verify",
    "/api/accounts/email/undo",
    "/api/accounts/password/forgot",
    "/api/accounts/password/reset",
];

accord_web::operations! { Accounts,
    post "/api/accounts/signup" => people::sign_up,
    get "/api/accounts/signup" => accounts::get_signup,
    post "/api/accounts" => accounts::create,
    get "/api/accounts" => accounts::list,
    get "/api/accounts/{id}" => accounts::get,
    put "/api/accounts/{id}" => accounts::update,
    delete "/api/accounts/{id}" => accounts::delete,
    get "/api/accounts/{id}/users" => members::list,
    post "/api/accounts/{id}/users" => members::invite,
    get "/api/accounts/{id}/users/{userId}" => members::get,
    post "/api/accounts/{id}/users/{userId}" => members::add,
    put "/api/accounts/{id}/users/{userId}" => members::update,
    delete "/api/accounts/{id}/users/{userId}" => members::remove,
    put "/api/accounts/{id}/users/{userId}/invite" => members::invite_again,
    post "/api/accounts/invitations/accept" => people::accept,
    post "/api/accounts/email/verify" => people::verify_email,
    post "/api/accounts/email/undo" => people::undo_email,
    post "/api/accounts/password/forgot" => people::forgot_password,
    post "/api/accounts/password/reset" => people::reset_password,
    post "/api/accounts/password/change" => people::change_password,
    get "/api/me" => me::get,
    put "/api/me" => me::update,
    post "/api/me/email" => me::change_email,
    post "/api/me/password" => me::change_password,
    put "/api/me/accounts/{id}" => me::welcome,
    delete "/api/me/accounts/{id}" => me::leave,
    post "/api/connectors" => connectors::create,
    get "/api/connectors" => connectors::list,
    get "/api/connectors/{id}" => connectors::get,
    put "/api/connectors/{id}" => connectors::update,
    delete "/api/connectors/{id}" => connectors::delete,
    post "/api/connectors/{id}/secret" => connectors::rotate,
    post "/api/connectors/{id}/resume" => connectors::resume,
    post "/api/connectors/{id}/disconnect" => connectors::disconnect,
}
