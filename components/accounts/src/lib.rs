//! The accounts API: people manage accounts and their members. And `/api/connectors`, where they make the credentials that the
//! portal API and the endpoint API ask for.
//!
//! Errors are problem details with the document's codes; creations take an `Idempotency-Key`; an account's `ETag` guards its
//! update.

mod accounts;
mod connectors;
mod members;
mod openapi;

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

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        failure::render(failure)
    }

    fn answered(wrote: bool) -> impl Future<Output = ()> {
        accord_web::mail::deliver_later(wrote)
    }
}

accord_web::operations! { Accounts,
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
    post "/api/connectors" => connectors::create,
    get "/api/connectors" => connectors::list,
    get "/api/connectors/{id}" => connectors::get,
    put "/api/connectors/{id}" => connectors::update,
    delete "/api/connectors/{id}" => connectors::delete,
    post "/api/connectors/{id}/secret" => connectors::rotate,
    post "/api/connectors/{id}/resume" => connectors::resume,
    post "/api/connectors/{id}/disconnect" => connectors::disconnect,
}
