//! Values of an account that are another's already: where the `409` of a taken subdomain or registration id is made.

use crate::error::{Conflict, Error};

/// What it means that a value of an account is another's already.
pub(super) fn taken(error: Error) -> Error {
    match error {
        Error::Duplicate { columns } if columns.contains("subdomain") => Error::Conflict(Conflict::SubdomainTaken),
        Error::Duplicate { columns } if columns.contains("registration_id") => {
            Error::Conflict(Conflict::RegistrationIdTaken)
        }
        other => other,
    }
}
