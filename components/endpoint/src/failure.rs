//! Errors of this API: the object of the API's document, in the document's words where it has any.

use accord_core::Error;
use accord_core::call::Call;
use accord_core::error::{Conflict, Thing};
use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{account_data, sign};

/// The list of errors. Throw specific exceptions based on the received error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Failure {
    /// Human-readable explanation of the errors
    errors: Vec<String>,
    /// URI identifier that categorizes the error
    #[schema(example = "/Errors/Bad Input")]
    r#type: String,
    /// Brief, human-readable message about the error
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The HTTP response code
    #[schema(value_type = i32, example = 400)]
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

/// The answer to a request to `path` that failed.
pub fn answer(call: &Call, path: &str, error: &Error) -> Response {
    let mut response = render(call, path, status(error), errors(call, error));
    error.add_headers(response.headers_mut());
    response
}

/// To the document, values that contradict the directory are bad input.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Conflict(Conflict::Ambiguous) | Error::Duplicate { .. } => StatusCode::BAD_REQUEST,
        other => other.status(),
    }
}

/// What is wrong, one by one.
fn errors(call: &Call, error: &Error) -> Vec<String> {
    match error {
        // The fields of one account are fewer than the faults that are shown.
        Error::Invalid(faults) => faults
            .shown()
            .iter()
            .map(|(field, fault)| format!("{} {fault}", account_data::document_name(field)))
            .collect(),
        Error::Malformed(detail) => vec![UNREADABLE.to_owned(), detail.clone()],
        Error::Conflict(Conflict::Ambiguous) | Error::Duplicate { .. } => vec![MULTIPLE_ROWS.to_owned()],
        Error::Unauthenticated(_) => vec![UNAUTHENTICATED.to_owned()],
        Error::Forbidden { .. } => vec![FORBIDDEN.to_owned()],
        Error::NotFound(Thing::User) => vec!["there is no such account".to_owned()],
        Error::Internal(_) => {
            // For the log; the caller gets the document's text.
            let _ = error.public_text(&call.request_id);
            vec![INTERNAL.to_owned()]
        }
        other => vec![other.to_string()],
    }
}

fn render(call: &Call, path: &str, status: StatusCode, errors: Vec<String>) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    // Two of the document's five are not named after their status.
    let (kind, title) = match status {
        StatusCode::BAD_REQUEST => ("Bad Input", reason),
        StatusCode::FORBIDDEN => ("Permission", "Bad Request"),
        _ => (reason, reason),
    };
    let failure = Failure {
        errors,
        r#type: format!("/Errors/{kind}"),
        title,
        status_code: status.as_u16(),
        instance: path.to_owned(),
        request_key: call.request_id.clone(),
    };
    sign(call, (status, Json(failure)).into_response())
}

/// A path that is not there.
pub async fn unknown_path(call: Call, request: Request) -> Response {
    answer(&call, request.uri().path(), &Error::NotFound(Thing::Path))
}

/// A path that is there, by another method. The router adds `Allow`.
pub async fn unknown_method(call: Call, request: Request) -> Response {
    let errors = vec!["the method is not allowed here".to_owned()];
    render(&call, request.uri().path(), StatusCode::METHOD_NOT_ALLOWED, errors)
}

#[cfg(test)]
mod tests {
    use accord_core::Faults;

    use super::*;

    #[test]
    fn several_faults_are_several_errors_in_the_names_of_the_seed() {
        let call = Call { request_id: String::new(), address: None };
        let mut faults = Faults::default();
        faults.add("username", "is taken already");
        faults.add("is_active", "must be a boolean, not a number");
        assert_eq!(
            errors(&call, &Error::Invalid(faults)),
            ["Is_Active must be a boolean, not a number", "Username is taken already"]
        );
    }

    #[test]
    fn values_that_contradict_the_directory_are_bad_input_and_other_conflicts_are_not() {
        for error in [Error::Conflict(Conflict::Ambiguous), Error::Duplicate { columns: "users.phone".to_owned() }] {
            assert_eq!(status(&error), StatusCode::BAD_REQUEST);
        }
        assert_eq!(status(&Error::Conflict(Conflict::Paused)), StatusCode::CONFLICT);
    }

    #[test]
    fn what_may_go_well_later_says_when() {
        let call = Call { request_id: String::new(), address: None };
        for (error, status) in [
            (Error::TooManyRequests { retry_after: 7 }, StatusCode::TOO_MANY_REQUESTS),
            (Error::Unavailable { retry_after: 7, reason: "busy" }, StatusCode::SERVICE_UNAVAILABLE),
        ] {
            let response = answer(&call, "/", &error);
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["retry-after"], "7");
        }
    }
}
