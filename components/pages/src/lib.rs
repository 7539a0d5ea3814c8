//! The pages for people: sign-in and sign-up, where the links of mails lead, the choice of an account for a relying party, and what
//! a person has here.
//!
//! They are rendered here and work without a script, but for the few lines of [`links`]. A page says nothing of anybody that the
//! token endpoint would not say. What it does to the directory is a function of `core`, as for every other component.

mod authorize;
mod carried;
mod entrance;
mod failure;
mod faults;
mod home;
mod links;
mod me;
mod openapi;
mod page;
mod sign_in;
mod sign_up;
mod site;
mod style;
mod texts;
mod visit;

use accord_web::{Api, Call, mail};
use axum::response::Response;
use http::Method;

use crate::failure::Failure;

struct Pages;

impl Api for Pages {
    const NAME: &'static str = "pages";
    const LIMITS_ADDRESSES: bool = true;
    type Failure = Failure;

    /// Who is signed in shows by a cookie, and no page has versions: nobody has to be known first.
    fn is_open(_: &Method, _: &str) -> bool {
        true
    }

    fn prepare() -> impl Future<Output = ()> {
        site::prepare()
    }

    fn render(call: &Call, _: &str, failure: &Failure) -> Response {
        failure.page(&call.request_id)
    }

    fn answered(wrote: bool) -> impl Future<Output = ()> {
        mail::deliver_later(wrote)
    }
}

accord_web::operations! { Pages,
    get "/" => home::home,
    get "/sign-in" => sign_in::show,
    post "/sign-in" => sign_in::sign_in,
    post "/sign-out" => sign_in::sign_out,
    get "/sign-up" => sign_up::show,
    post "/sign-up" => sign_up::sign_up,
    get "/forgot-password" => sign_up::show_forgot,
    post "/forgot-password" => sign_up::forgot,
    get "/verify-email" => links::open,
    post "/verify-email" => links::verify,
    get "/change-email" => links::open,
    post "/change-email" => links::verify,
    get "/accept-invitation" => links::open,
    post "/accept-invitation" => links::accept,
    get "/reset-password" => links::open,
    post "/reset-password" => links::reset,
    get "/undo-email" => links::open,
    post "/undo-email" => links::undo,
    get "/oauth/authorize" => authorize::authorize,
    post "/oauth/authorize" => authorize::resend,
    get "/realms/{realm}/protocol/openid-connect/auth" => authorize::authorize,
    post "/realms/{realm}/protocol/openid-connect/auth" => authorize::resend,
    post "/choose-account" => authorize::choose,
    get "/oauth/logout" => authorize::log_out,
    post "/oauth/logout" => authorize::resend_log_out,
    post "/oauth/logout/confirm" => authorize::confirm_log_out,
    get "/me" => me::show,
    post "/me/names" => me::rename,
    post "/me/email" => me::change_email,
    post "/me/password" => me::change_password,
    post "/me/sessions" => me::end_sessions,
    post "/me/accounts/{id}" => me::decide,
    get "/me/accounts/{id}/leave" => me::show_leave,
    post "/me/accounts/{id}/leave" => me::leave,
}
