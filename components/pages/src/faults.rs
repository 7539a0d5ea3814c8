//! What is wrong with a form, told beside its fields.

use std::collections::BTreeMap;

use accord_core::Error;
use accord_core::error::Conflict;

use crate::failure::Failure;
use crate::texts::T;

/// What is wrong with which field.
#[derive(Debug, Default)]
pub struct Told(BTreeMap<String, String>);

impl Told {
    /// What is wrong with a field.
    pub fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether anything is.
    pub fn is_any(&self) -> bool {
        !self.0.is_empty()
    }
}

/// What a refusal tells of the fields of a form; a failure of anything else stays one.
pub fn told(error: Error) -> Result<Told, Failure> {
    let one = |field: &str, text: &str| Ok(Told(BTreeMap::from([(field.to_owned(), text.to_owned())])));
    match error {
        Error::Invalid(faults) => {
            Ok(Told(faults.shown().iter().map(|(field, fault)| (field.clone(), sentence(fault))).collect()))
        }
        Error::Conflict(Conflict::NameTaken) => one("account", T.name_taken),
        Error::Conflict(Conflict::LastOwner) => one("account", T.last_owner),
        Error::Conflict(Conflict::AddressTaken) => one("email", T.address_taken),
        other => Err(other.into()),
    }
}

/// What is said of a value, as a sentence of its own beside the field.
fn sentence(fault: &str) -> String {
    let mut rest = fault.chars();
    let first = rest.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", rest.as_str().trim_end_matches('.'))
}
