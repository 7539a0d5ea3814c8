//! Settings: Spin variables that the manifest grants to a component.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::anyhow;
use spin_sdk::variables::{self, Error as Failure};

use crate::error::{Error, NOT_CONFIGURED, Result};
use crate::log;

thread_local! {
    static KNOWN: RefCell<HashMap<&'static str, Rc<str>>> = RefCell::default();
}

/// The value of a variable. An instance asks for each once.
///
/// # Errors
///
/// [`Error::Unavailable`] if it has none: the log says which.
pub async fn get(name: &'static str) -> Result<String> {
    if let Some(value) = KNOWN.with_borrow(|known| known.get(name).cloned()) {
        return Ok(value.as_ref().to_owned());
    }
    let value = variables::get(name).await.map_err(|error| match error {
        Failure::Undefined(text) | Failure::Provider(text) => {
            log::error(None, format_args!("the variable {name} has no value: {text}"));
            Error::Unavailable { retry_after: 60, reason: "Accord is not configured completely; its log says more" }
        }
        other => Error::Internal(anyhow!("variable {name}: {other:?}")),
    })?;
    KNOWN.with_borrow_mut(|known| known.insert(name, value.as_str().into()));
    Ok(value)
}

/// The value of a variable that is a whole number, not negative.
///
/// # Errors
///
/// As [`get`], also if it is no such number.
pub async fn number(name: &'static str) -> Result<i64> {
    let value = get(name).await?;
    value.trim().parse::<u32>().map(i64::from).map_err(|_| refuse(name, "a whole number", &value))
}

/// The value of a variable that is a whole number of seconds.
///
/// # Errors
///
/// As [`number`].
pub async fn seconds(name: &'static str) -> Result<Duration> {
    Ok(Duration::from_secs(number(name).await?.unsigned_abs()))
}

/// The address at which clients reach this Accord, without a slash at its end: what links begin with.
///
/// # Errors
///
/// As [`get`].
pub async fn base_url() -> Result<String> {
    let mut url = get("public_url").await?;
    url.truncate(url.trim_end_matches('/').len());
    Ok(url)
}

/// Gives a variable its value in a test, which has no manifest.
#[cfg(test)]
pub(crate) fn set(name: &'static str, value: &str) {
    KNOWN.with_borrow_mut(|known| known.insert(name, value.into()));
}

/// Tells the log that a variable is not what it must be, and gives the error for the caller.
pub fn refuse(name: &str, expected: &str, value: &str) -> Error {
    log::error(None, format_args!("the variable {name} must be {expected}, and is {value:?}"));
    NOT_CONFIGURED
}
