//! Errors of this API: the object of the API's document, in the document's words where it has any.

use accord_core::error::{Conflict, Error, Thing};
use accord_web::{Call, Failure};
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::names::document_name;

/// The list of errors. Throw specific exceptions based on the received error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
#[serde(rename_all = "PascalCase")]
pub struct Body {
    /// Human-readable explanation of the errors
    #[schema(example = json!(["Email is not an e-mail address"]))]
    errors: Vec<String>,
    /// URI identifier that categorizes the error
    #[schema(example = "/Errors/Bad Input")]
    r#type: String,
    /// Brief, human-readable message about the error
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The HTTP response code
    #[schema(value_type = i32, minimum = 400, maximum = 599, example = 400)]
    status_code: u16,
    /// URI that identifies the specific occurrence of the error: the path of the request
    #[schema(example = "/Endpoint/rest/api/v1/Account")]
    instance: String,
    /// Provides a request key that identifies the current request.
    #[schema(format = "uuid", example = "894ea43c-b8a6-4195-9a9c-82c07d9cc33a")]
    request_key: String,
}

/// The document's example texts.
const UNREADABLE: &str = "The user has provided input that the browser is unable to convert.";
const MULTIPLE_ROWS: &str = "There are multiple rows in the database for the same value";
const UNAUTHENTICATED: &str = "The session Id or OAuth token used has expired or is invalid.";
const FORBIDDEN: &str = "The user does not have access to execute operation";
const INTERNAL: &str = "An internal server error is an error on the web server you're trying to access.";

/// A failure of a request to `path` in this API's shape.
pub fn render(call: &Call, path: &str, failure: &Failure) -> Response {
    let status = status(failure);
    let reason = status.canonical_reason().unwrap_or_default();
    // Two of the document's five are not named after their status.
    let (kind, title) = match status {
        StatusCode::BAD_REQUEST => ("Bad Input", reason),
        StatusCode::FORBIDDEN => ("Permission", "Bad Request"),
        _ => (reason, reason),
    };
    let body = Body {
        errors: errors(failure),
        r#type: format!("/Errors/{kind}"),
        title,
        status_code: status.as_u16(),
        instance: path.to_owned(),
        request_key: call.request_id.to_string(),
    };
    let mut response = (status, Json(body)).into_response();
    failure.add_headers(response.headers_mut());
    response
}

/// To the document, values that contradict the directory are bad input.
fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Domain(Error::Conflict(Conflict::Ambiguous) | Error::Duplicate { .. }) => StatusCode::BAD_REQUEST,
        other => other.status(),
    }
}

/// What is wrong, one by one.
fn errors(failure: &Failure) -> Vec<String> {
    if let Some(faults) = failure.faults() {
        // The fields of one record are fewer than the faults that are shown.
        let faults = faults.shown().iter();
        return faults.map(|(field, fault)| format!("{} {fault}", document_name(field))).collect();
    }
    let error = match failure {
        Failure::Malformed(detail) => return vec![UNREADABLE.to_owned(), detail.clone()],
        Failure::Domain(error) => error,
        other => return vec![other.text()],
    };
    let text = match error {
        Error::Conflict(Conflict::Ambiguous) | Error::Duplicate { .. } => MULTIPLE_ROWS,
        Error::Unauthenticated(_) => UNAUTHENTICATED,
        Error::Forbidden { .. } => FORBIDDEN,
        Error::NotFound(Thing::Record) => "there is no such account",
        Error::Internal(_) => INTERNAL,
        _ => return vec![failure.text()],
    };
    vec![text.to_owned()]
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use accord_core::Faults;
    use axum::extract::FromRequestParts as _;
    use http::Request;

    use super::*;

    /// A request. Nothing of it is waited for, so one poll is enough.
    fn call() -> Call {
        let (mut parts, ()) = Request::new(()).into_parts();
        match pin!(Call::from_request_parts(&mut parts, &())).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(call)) => call,
            Poll::Pending => panic!("the request waits"),
        }
    }

    #[test]
    fn several_faults_are_several_errors_in_the_names_of_the_document() {
        let mut faults = Faults::default();
        faults.add("username", "is taken already");
        faults.add("is_active", "must be a boolean, not a number");
        assert_eq!(
            errors(&Error::Invalid(faults).into()),
            ["Is_Active must be a boolean, not a number", "Username is taken already"]
        );
    }

    #[test]
    fn values_that_contradict_the_directory_are_bad_input_and_other_conflicts_are_not() {
        for error in [Error::Conflict(Conflict::Ambiguous), Error::Duplicate { columns: "users.phone".to_owned() }] {
            assert_eq!(status(&error.into()), StatusCode::BAD_REQUEST);
        }
        assert_eq!(status(&Error::Conflict(Conflict::NameTaken).into()), StatusCode::CONFLICT);
    }

    #[test]
    fn what_may_go_well_later_says_when() {
        for (error, status) in [
            (Error::TooManyRequests { retry_after: 7 }, StatusCode::TOO_MANY_REQUESTS),
            (Error::Unavailable { retry_after: 7, reason: "busy" }, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let response = render(&call(), "/", &error.into());
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["retry-after"], "7");
        }
    }
}
