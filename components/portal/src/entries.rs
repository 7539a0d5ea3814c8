//! The bodies of the three operations, entry by entry, so that every bad one is told at once.

use std::borrow::Cow;
use std::collections::HashSet;

use accord_core::Faults;
use accord_core::accounts::account::{NAME_MAX, REGISTRATION_ID_MAX};
use accord_core::connectors::bindings::UserEntries;
use accord_core::connectors::identities::{AccountEntries, AccountEntry, EXTERNAL_ID_MAX};
use accord_core::error::{Error, Thing};
use accord_core::values::email::Email;
use accord_core::values::text;
use accord_web::json::Value;
use accord_web::{Failure, Result};

/// Most entries of a body.
const LIMIT: usize = 100_000;

/// `external_id → {"name","id"} | null`.
pub fn accounts(body: &Value<'_>) -> Result<AccountEntries> {
    object(body, |value| {
        let Some(entry) = entry(value, ["name", "id"])? else { return Ok(None) };
        let [name, id] = entry;
        Ok(Some(AccountEntry {
            name: name.map(|name| clean("name", name, NAME_MAX)).transpose()?,
            registration_id: id.map(|id| clean("id", id, REGISTRATION_ID_MAX)).transpose()?,
        }))
    })
}

/// `external_id → {"email"} | null`.
pub fn users(body: &Value<'_>) -> Result<UserEntries> {
    object(body, |value| {
        let Some([email]) = entry(value, ["email"])? else { return Ok(None) };
        let email = email.ok_or("email is required")?;
        Email::parse(email).map(Some).map_err(|fault| format!("email {fault}"))
    })
}

/// `[external_id, …]`. One that is there twice counts once.
pub fn external_ids(body: &Value<'_>) -> Result<Vec<String>> {
    let Value::Array(values) = body else {
        return Err(Failure::Malformed(format!("the body must be an array of external user ids, not {}", body.kind())));
    };
    within_limit(values.len())?;
    let mut faults = Faults::default();
    let mut ids = Vec::with_capacity(values.len());
    let mut seen = HashSet::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let id = match value {
            Value::Text(text) => external_id(text).map_err(|fault| (text.to_string(), fault)),
            other => Err((format!("[{index}]"), format!("must be a string, not {}", other.kind()))),
        };
        match id {
            Ok(id) => ids.extend(seen.insert(id.clone()).then_some(id)),
            Err((place, fault)) => faults.add(&place, fault),
        }
    }
    faults.into_result()?;
    Ok(ids.into_iter().map(Cow::into_owned).collect())
}

/// The `{account_id}` of a path. What cannot be one is not found.
pub fn account_id(path: &str) -> Result<String> {
    external_id(path).map(Cow::into_owned).map_err(|_| Error::NotFound(Thing::Account).into())
}

/// Reads each entry of an object of external ids.
fn object<T>(body: &Value<'_>, read: impl Fn(&Value<'_>) -> Result<T, String>) -> Result<Vec<(String, T)>> {
    let Value::Object(entries) = body else {
        return Err(Failure::Malformed(format!("the body must be an object of external ids, not {}", body.kind())));
    };
    within_limit(entries.len())?;
    let mut faults = Faults::default();
    let mut read_entries = Vec::with_capacity(entries.len());
    let mut seen = HashSet::with_capacity(entries.len());
    for (key, value) in entries {
        let entry = external_id(key).and_then(|id| {
            // Two keys that JSON holds apart may be one once they are trimmed and composed.
            if seen.insert(id.clone()) { Ok(id) } else { Err("is there twice".to_owned()) }
        });
        match entry.and_then(|id| Ok((id, read(value)?))) {
            Ok((id, entry)) => read_entries.push((id.into_owned(), entry)),
            Err(fault) => faults.add(key, fault),
        }
    }
    faults.into_result()?;
    Ok(read_entries)
}

/// The known fields of an entry, `None` for null. A field that is null counts as left out; unknown ones are ignored.
fn entry<'a, const N: usize>(value: &'a Value<'_>, names: [&str; N]) -> Result<Option<[Option<&'a str>; N]>, String> {
    let fields = match value {
        Value::Null => return Ok(None),
        Value::Object(fields) => fields,
        other => return Err(format!("must be an object or null, not {}", other.kind())),
    };
    let mut found = [None; N];
    for (name, value) in fields {
        let Some(index) = names.iter().position(|known| known == name) else { continue };
        found[index] = match value {
            Value::Null => None,
            Value::Text(text) => Some(text.as_ref()),
            other => return Err(format!("{name} must be a string, not {}", other.kind())),
        };
    }
    Ok(Some(found))
}

fn external_id(text: &str) -> Result<Cow<'_, str>, String> {
    text::clean(text, EXTERNAL_ID_MAX).map_err(|fault| format!("an external id {fault}"))
}

fn clean(field: &str, text: &str, limit: usize) -> Result<String, String> {
    text::clean(text, limit).map(Cow::into_owned).map_err(|fault| format!("{field} {fault}"))
}

fn within_limit(entries: usize) -> Result<()> {
    if entries > LIMIT { Err(Failure::TooMany { limit: LIMIT }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(result: Result<impl Sized>) -> Vec<(String, String)> {
        match result {
            Err(failure) => failure.faults().expect("faults").shown().clone().into_iter().collect(),
            _ => panic!("it should be invalid"),
        }
    }

    #[test]
    fn every_bad_entry_is_told() {
        let body =
            br#"{"a":{"name":1},"b":{"name":"B","id":"1"},"c":"x","d":{"name":" ","id":"2"},"":null,"e\u0000":null}"#;
        let told = faults(accounts(&Value::parse(body).expect("JSON")));
        let told: Vec<_> = told.iter().map(|(id, fault)| (id.as_str(), fault.as_str())).collect();
        assert_eq!(
            told,
            [
                ("", "an external id must not be empty"),
                ("a", "name must be a string, not a number"),
                ("c", "must be an object or null, not a string"),
                ("d", "name must not be empty"),
                ("e\0", "an external id must not have control characters"),
            ]
        );
    }

    #[test]
    fn external_ids_that_are_one_after_trimming_are_there_twice() {
        let body = Value::parse(br#"{"a":null," a ":null}"#).expect("JSON");
        assert_eq!(faults(accounts(&body)), [(" a ".to_owned(), "is there twice".to_owned())]);
    }

    #[test]
    fn an_array_names_what_is_no_string_by_its_place() {
        let body = Value::parse(br#"["u1",2,"u1",null]"#).expect("JSON");
        let told = faults(external_ids(&body));
        assert_eq!(told.iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(), ["[1]", "[3]"]);
        let body = Value::parse(br#"["u1","u2","u1"]"#).expect("JSON");
        assert_eq!(external_ids(&body).expect("ids"), ["u1", "u2"]);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let body = Value::parse(br#"{"a":{"name":"A","id":"1","more":[{}]}}"#).expect("JSON");
        assert!(accounts(&body).is_ok());
    }

    #[test]
    fn fuzzed_bodies_are_read_or_refused() {
        const WORDS: &[&str] = &[
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"a\"",
            "\"b\":",
            "null",
            "{\"email\":",
            "\"jane@example.com\"",
            "{\"name\":",
            "\"id\":",
            "\"A\"",
            "\"\"",
            "\" a\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "1",
            "true",
        ];
        accord_fuzz::bytes(WORDS, |body| {
            let Ok(body) = Value::parse(body) else { return };
            drop((accounts(&body), users(&body), external_ids(&body)));
        });
    }
}
