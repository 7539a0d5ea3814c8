//! The fields of the input: what each may say, and how one is read.
//!
//! # What a field may say
//!
//! A field that is absent stays as it is. `null`, `""` and white space clear it; a flag that is cleared is false. Texts
//! are JSON strings. Flags are JSON booleans, or the strings `true` and `false` in any case, for the document itself
//! writes `False`. Fields that are not of the structure are ignored, so that an answer can be sent back as it came.
//!
//! # Foreign keys
//!
//! A foreign key is the plain id of a record, or an object with its `Id`, or `ExternalId`, or `Name`; the first of
//! these that has a value counts. `TenantId` can only be the organisation that the connector belongs to anyway.

use std::borrow::Cow;

use accord_core::Faults;
use accord_core::people::record::{AccountReference, TEXT_MAX};
use accord_core::values::change::Change;
use accord_core::values::email::Email;
use accord_core::values::enumeration::Enumeration;
use accord_core::values::id::{AccountId, Id as _};
use accord_core::values::region::Region;
use accord_core::values::{phone, text};
use accord_web::json::Value;
use accord_web::{Failure, Result};
use uuid::Uuid;

use crate::names::document_name;

/// The fields of a body, and what is wrong with those that were read. A field is asked for by the directory's name.
pub struct Fields<'a> {
    entries: &'a [(Cow<'a, str>, Value<'a>)],
    faults: Faults,
}

impl<'a> Fields<'a> {
    /// The fields of a body.
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] if it is no object.
    pub fn of(body: &'a Value<'a>) -> Result<Self> {
        match body {
            Value::Object(entries) => Ok(Self { entries, faults: Faults::default() }),
            other => Err(Failure::Malformed(format!(
                "The value does not match the specified entity structure: it must be an object, not {}",
                other.kind()
            ))),
        }
    }

    /// The id of a record. What is no UUID belongs to none, and is looked for in vain.
    pub fn id(&mut self, field: &str) -> Change<String> {
        self.change(field, |value| Ok(record_id(string(value)?)))
    }

    /// A foreign key to an organisation.
    pub fn tenant(&mut self, field: &str) -> Change<AccountReference> {
        self.change(field, tenant)
    }

    /// A text of at most [`TEXT_MAX`] characters, see [`text::clean`].
    pub fn text(&mut self, field: &str) -> Change<String> {
        self.change(field, |value| clean(string(value)?))
    }

    /// A telephone number, see [`phone`]; a national one is of `region`.
    pub fn phone(&mut self, field: &str, region: Option<Region>) -> Change<String> {
        self.change(field, |value| phone::parse(string(value)?, region).map_err(str::to_owned))
    }

    /// An e-mail address.
    pub fn email(&mut self, field: &str) -> Change<Email> {
        self.change(field, |value| Email::parse(string(value)?))
    }

    /// A boolean. `None` if it is absent.
    pub fn flag(&mut self, field: &str) -> Option<bool> {
        let change = self.change(field, |value| match value {
            Value::Bool(flag) => Ok(*flag),
            Value::Text(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Value::Text(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            Value::Text(text) => Err(format!("must be true or false, not {:?}", clean(text)?)),
            other => Err(format!("must be a boolean, not {}", other.kind())),
        });
        match change {
            Change::Keep => None,
            Change::Clear => Some(false),
            Change::Set(flag) => Some(flag),
        }
    }

    /// A foreign key to one of the values of an enumeration.
    pub fn one_of(&mut self, field: &str, enumeration: &Enumeration) -> Change<String> {
        self.change(field, |value| {
            let (text, found) = match Reference::of(value)? {
                Reference::Id(value) | Reference::ExternalId(value) => {
                    let text = clean(string(value)?)?;
                    (text.clone(), enumeration.find(&text))
                }
                Reference::Name(value) => {
                    let text = clean(string(value)?)?;
                    (text.clone(), enumeration.find_named(&text))
                }
            };
            found.map(str::to_owned).ok_or_else(|| format!("must be a valid {}, not {text:?}", enumeration.kind))
        })
    }

    /// # Errors
    ///
    /// [`accord_core::Error::Invalid`] with every field that is not right, by the directory's names.
    pub fn finish(self) -> Result<()> {
        Ok(self.faults.into_result()?)
    }

    /// What the body says of a field, whose value is read by `read`.
    fn change<T>(&mut self, field: &str, read: impl FnOnce(&Value<'_>) -> Result<T, String>) -> Change<T> {
        let name = document_name(field);
        let Some((_, value)) = self.entries.iter().find(|(key, _)| key == name) else { return Change::Keep };
        if is_blank(value) {
            return Change::Clear;
        }
        match read(value) {
            Ok(value) => Change::Set(value),
            Err(fault) => {
                self.faults.add(field, fault);
                Change::Keep
            }
        }
    }
}

/// The id of a record, of a UUID in any spelling.
pub fn record_id(text: &str) -> String {
    let text = text.trim();
    Uuid::parse_str(text).map_or_else(|_| text.to_owned(), |id| id.to_string())
}

/// By what a foreign key refers to a record.
enum Reference<'a> {
    Id(&'a Value<'a>),
    ExternalId(&'a Value<'a>),
    Name(&'a Value<'a>),
}

impl<'a> Reference<'a> {
    fn of(value: &'a Value<'a>) -> Result<Self, String> {
        let Value::Object(entries) = value else { return Ok(Self::Id(value)) };
        let entry = |name| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let entry = |name| entry(name).filter(|value| !is_blank(value));
        let by_id = entry("Id").map(Self::Id);
        by_id
            .or_else(|| entry("ExternalId").map(Self::ExternalId))
            .or_else(|| entry("Name").map(Self::Name))
            .ok_or_else(|| "must have an Id, an ExternalId or a Name".to_owned())
    }
}

/// `null`, or a text with nothing in it.
fn is_blank(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn tenant(value: &Value<'_>) -> Result<AccountReference, String> {
    let by_id = |number| AccountReference::Id(AccountId::from_number(number));
    match Reference::of(value)? {
        Reference::Id(Value::Number(number)) => number.as_i64().map(by_id),
        Reference::Id(Value::Text(text)) => text.trim().parse().ok().map(by_id),
        Reference::Id(_) => None,
        Reference::ExternalId(value) => Some(AccountReference::RegistrationId(clean(string(value)?)?)),
        Reference::Name(value) => Some(AccountReference::Name(clean(string(value)?)?)),
    }
    .ok_or_else(|| "must have a whole number as its Id".to_owned())
}

fn string<'a>(value: &'a Value<'_>) -> Result<&'a str, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("must be a string, not {}", other.kind())),
    }
}

fn clean(text: &str) -> Result<String, String> {
    text::clean(text, TEXT_MAX).map(Cow::into_owned).map_err(|fault| fault.to_string())
}
