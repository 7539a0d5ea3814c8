//! The accounts API: people sign up, and manage accounts and their members. And `/api/connectors`, where they
//! make the credentials that the portal API and the endpoint API ask for.
//!
//! Errors are problem details with the document's codes; creations take an `Idempotency-Key`; an account's `ETag` guards its
//! update.

mod accounts;
mod answer;
mod connectors;
mod input;
mod mail;
mod members;
#[cfg(not(target_family = "wasm"))]
mod openapi;
mod options;
mod password;
mod people;
mod problem;

use accord_core::call;
use axum::Router;
use axum::response::Response;

thread_local! {
    static ROUTER: Router = routes();
}

accord_core::operations! {
    post "/api/accounts/signup" => people::sign_up,
    get "/api/accounts/signup" => accounts::get_signup,
    post "/api/accounts" => accounts::create,
    get "/api/accounts" => accounts::list,
    get "/api/accounts/{id}" => accounts::get,
    put "/api/accounts/{id}" => accounts::update,
    delete "/api/accounts/{id}" => accounts::delete,
    post "/api/accounts/{id}/users" => members::invite,
    post "/api/accounts/{id}/users/{userId}" => members::add,
    put "/api/accounts/{id}/users/{userId}" => members::update,
    delete "/api/accounts/{id}/users/{userId}" => members::remove,
    put "/api/accounts/{id}/users/{userId}/invite" => members::invite_again,
    post "/api/accounts/invitations/accept" => people::accept,
    post "/api/accounts/email/verify" => people::verify_email,
    post "/api/accounts/password/forgot" => people::forgot_password,
    post "/api/accounts/password/reset" => people::reset_password,
    post "/api/accounts/password/change" => people::change_password,
    post "/api/connectors" => connectors::create,
    get "/api/connectors" => connectors::list,
    get "/api/connectors/{id}" => connectors::get,
    delete "/api/connectors/{id}" => connectors::delete,
    post "/api/connectors/{id}/secret" => connectors::rotate,
    post "/api/connectors/{id}/resume" => connectors::resume,
    post "/api/connectors/{id}/disconnect" => connectors::disconnect,
    _ => problem::unknown_path, problem::unknown_method,
}

/// Answers a request. (Exported to Spin; natively, where unit tests run, there is nothing to export to.)
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    let wrote = request.method() != http::Method::GET;
    let response = call::route("accounts", &ROUTER, request).await;
    mail::deliver_later(wrote).await;
    response
}
