//! What goes wrong, as a page says it.

use accord_core::Error;
use accord_core::sign_in::authorization::{Fault, Returned};
use accord_web::failure::{Failed, carry};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};

use crate::page::{Page, redirect};
use crate::texts::T;

/// Why a page is not shown, or a form not taken.
#[derive(Debug)]
pub enum Failure {
    /// These pages keep no cookie: `public_url` is plain HTTP that leaves the machine.
    Insecure,
    /// A form that another site has sent, or that belongs to another session, or that came without its cookie.
    Foreign,
    /// An authorization request that may not be answered at its redirect URI.
    Authorization(Fault),
    /// An authorization request that is answered at its redirect URI: the relying party is told what is wrong with it.
    Returned(Returned),
    /// A request to sign out that names an address which is not the client's.
    ForeignLogout,
    /// Whatever else went wrong.
    Request(accord_web::Failure),
}

impl<E: Into<accord_web::Failure>> From<E> for Failure {
    fn from(failure: E) -> Self {
        Self::Request(failure.into())
    }
}

impl Failed for Failure {
    fn internal(&self) -> Option<&anyhow::Error> {
        match self {
            Self::Request(failure) => failure.internal(),
            _ => None,
        }
    }

    fn is_of_caller(&self) -> bool {
        matches!(self, Self::Request(failure) if failure.is_of_caller())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        carry(self)
    }
}

impl Failure {
    /// The failure as a page. `request_id` helps whoever operates Accord to find what happened.
    pub fn page(&self, request_id: &str) -> Response {
        let (status, title, text) = match self {
            Self::Returned(wrong) => return redirect(&wrong.answer.location()),
            Self::Insecure => (StatusCode::SERVICE_UNAVAILABLE, T.insecure_title, T.insecure_text),
            Self::Foreign => (StatusCode::FORBIDDEN, T.foreign_title, T.foreign_text),
            Self::Authorization(Fault::UnknownClient) => {
                (StatusCode::BAD_REQUEST, T.authorization_title, T.unknown_client_text)
            }
            Self::Authorization(Fault::ForeignRedirectUri) => {
                (StatusCode::BAD_REQUEST, T.authorization_title, T.foreign_redirect_text)
            }
            Self::ForeignLogout => (StatusCode::BAD_REQUEST, T.logout_failed_title, T.logout_failed_text),
            Self::Request(failure) => of_request(failure),
        };
        let main: Markup = html! {
            p { (text) }
            @if status.is_server_error() { p.soft { (T.request_id) " " code { (request_id) } } }
            p { a href="/" { (T.to_start) } }
        };
        let mut response = Page::new(title, main).status(status).into_response();
        if let Self::Request(failure) = self {
            failure.add_advice(response.headers_mut());
        }
        response
    }
}

fn of_request(failure: &accord_web::Failure) -> (StatusCode, &'static str, &'static str) {
    let (title, text) = match failure {
        accord_web::Failure::UnknownPath | accord_web::Failure::Domain(Error::NotFound(_)) => {
            (T.not_found_title, T.not_found_text)
        }
        accord_web::Failure::Domain(Error::TooManyRequests { .. }) => (T.too_many_title, T.too_many_text),
        accord_web::Failure::Domain(Error::Unavailable { .. }) => (T.busy_title, T.busy_text),
        accord_web::Failure::Domain(Error::Internal(_)) => (T.broken_title, T.broken_text),
        _ => (T.refused_title, T.refused_text),
    };
    (failure.status(), title, text)
}
