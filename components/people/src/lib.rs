//! The part of the accounts API that is about people themselves: they sign up, take what their mails lead to, choose passwords and
//! addresses, see what is theirs, and who else there is; and are erased.

mod entry;
mod me;
mod openapi;
mod users;

use accord_resources::{failure, path};
use accord_web::{Api, Call, Failure};
use axum::response::Response;
use http::Method;

struct People;

impl Api for People {
    const NAME: &'static str = "accounts";
    const COMPONENT: &'static str = "people";
    const LIMITS_ADDRESSES: bool = true;
    type Failure = Failure;

    fn respelled(path: &str) -> Option<String> {
        path::without_key_predicate(path)
    }

    /// Accounts have versions, and nothing else has.
    fn has_versions(method: &Method, path: &str) -> bool {
        *method != Method::POST && path == SIGNUP
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

/// Where people sign up, and where the account of this name is.
const SIGNUP: &str = "/api/accounts/signup";

/// Where a link in a mail, an address or a password is shown in place of a token.
const OPEN: [&str; 6] = [
    SIGNUP,
    "/api/accounts/invitations/accept",
    "/api/accounts/email/verify",
    "/api/accounts/email/undo",
    "/api/accounts/password/forgot",
    "/api/accounts/password/reset",
];

accord_web::operations! { People,
    post "/api/accounts/signup" => entry::sign_up,
    get "/api/accounts/signup" => entry::get_signup,
    post "/api/accounts/invitations/accept" => entry::accept,
    post "/api/accounts/email/verify" => entry::verify_email,
    post "/api/accounts/email/undo" => entry::undo_email,
    post "/api/accounts/password/forgot" => entry::forgot_password,
    post "/api/accounts/password/reset" => entry::reset_password,
    post "/api/accounts/password/change" => entry::change_password,
    get "/api/me" => me::get,
    put "/api/me" => me::update,
    post "/api/me/email" => me::change_email,
    post "/api/me/password" => me::change_password,
    put "/api/me/accounts/{id}" => me::welcome,
    delete "/api/me/accounts/{id}" => me::leave,
    get "/api/users" => users::list,
    get "/api/users/{userId}" => users::get,
    delete "/api/users/{userId}" => users::erase,
    get "/api/users/{userId}/export" => users::export,
}
