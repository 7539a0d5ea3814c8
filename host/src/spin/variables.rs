//! `spin:variables`: the values that the manifest gives to a component.

use crate::spin::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use crate::spin::guest::Guest;
use wasmtime::component::{Accessor, HasSelf};

/// Spin's rule for the names of variables; the error says which part of it is broken.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let reason = if name.is_empty() {
        "must not be empty"
    } else if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
        "may contain only lower-case letters, digits and underscores"
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        "must start with a lower-case letter"
    } else if name.ends_with('_') {
        "must end with a letter or a digit"
    } else if name.contains("__") {
        "must not contain two underscores in a row"
    } else {
        return Ok(());
    };
    Err(format!("{name:?}: {reason}"))
}

impl Host for Guest {}

impl<T: Send> HostWithStore<T> for HasSelf<Guest> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        check_name(&name).map_err(Error::InvalidName)?;
        let grants = accessor.with(|mut access| access.get().grants.clone());
        let undefined = || Error::Undefined(format!("no variable for {:?}.{name:?}", grants.component));
        grants.variables.get(&name).cloned().ok_or_else(undefined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_names_follow_spins_rule() {
        for name in ["a", "a1", "a_b_1"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
