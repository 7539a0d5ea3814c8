//! What a request brings: who sends it, its body field by field, its preconditions and its key.

use std::borrow::Cow;

use accord_core::call::Call;
use accord_core::idempotency::Key;
use accord_core::json::Value;
use accord_core::membership::Role;
use accord_core::store::Connection;
use accord_core::text::{self, Email};
use accord_core::token::{self, Caller};
use accord_core::{Error, Faults, Result, body};
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, header};

/// Largest body, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// The name of this API in the audit.
pub const API: &str = "accounts";

/// A request of somebody who is known, its body read.
pub struct Authorized {
    /// Who it is.
    pub caller: Caller,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, empty if the operation takes none.
    pub body: Bytes,
}

/// Who calls.
pub async fn caller(headers: &HeaderMap) -> Result<Caller> {
    token::caller(headers, &Connection::lease().await?).await
}

/// Who calls, and the body: read only once it is known who sends it.
pub async fn authorized(request: Request) -> Result<Authorized> {
    let (parts, body) = request.into_parts();
    let caller = caller(&parts.headers).await?;
    let body = body::json(&parts.headers, body, BODY_LIMIT).await?;
    Ok(Authorized { caller, headers: parts.headers, body })
}

/// Headers and body of a request that anybody may send.
pub async fn anonymous(request: Request) -> Result<(HeaderMap, Bytes)> {
    let (parts, body) = request.into_parts();
    let body = body::json(&parts.headers, body, BODY_LIMIT).await?;
    Ok((parts.headers, body))
}

/// The request's `Idempotency-Key`, if it has one. Keys of different callers are different keys.
pub fn idempotency_key(
    call: &Call,
    caller: Option<&Caller>,
    headers: &HeaderMap,
    operation: &str,
    body: &[u8],
    has_password: bool,
) -> Result<Option<Key>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    let caller = caller.map_or_else(|| "anonymous".to_owned(), |caller| call.author_of(caller, API).actor);
    Key::new(caller, key, operation, body, has_password).map(Some)
}

/// The versions that `If-Match` allows to be changed (RFC 9110, section 13.1.1); `None` if it does not matter.
pub fn if_match(headers: &HeaderMap) -> Option<Vec<i64>> {
    let mut versions = Vec::new();
    let mut present = false;
    for value in headers.get_all(header::IF_MATCH) {
        present = true;
        for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return None;
            }
            // What is weak or not ours matches nothing.
            let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            versions.extend(version.and_then(|version| version.parse::<i64>().ok()));
        }
    }
    present.then_some(versions)
}

/// An id in a path. What is no number is the id of nothing.
pub fn id(path: &str, of: &'static str) -> Result<i64> {
    if path.is_empty() || !path.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::NotFound(of));
    }
    path.parse().map_err(|_| Error::NotFound(of))
}

/// The fields of a body. What is wrong with them is collected; unknown ones are ignored.
pub struct Fields<'a> {
    entries: Vec<(Cow<'a, str>, Value<'a>)>,
    faults: Faults,
}

impl<'a> Fields<'a> {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it is no JSON object.
    pub fn read(body: &'a [u8]) -> Result<Self> {
        match Value::parse(body)? {
            Value::Object(entries) => Ok(Self { entries, faults: Faults::default() }),
            other => Err(Error::Malformed(format!("the body must be an object, not {}", other.kind()))),
        }
    }

    fn find(&self, name: &str) -> Option<&Value<'a>> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// What a faulty field reads as; what it is does not matter, for [`Fields::finish`] refuses the request.
    fn fault<T: Default>(&mut self, name: &str, fault: impl Into<String>) -> T {
        self.faults.add(name, fault);
        T::default()
    }

    /// A text as it stands, a password for example: `None` if it is left out or null.
    pub fn raw(&mut self, name: &str) -> Option<String> {
        match self.find(name) {
            None | Some(Value::Null) => None,
            Some(Value::Text(text)) => Some(text.clone().into_owned()),
            Some(other) => {
                let fault = format!("must be a string, not {}", other.kind());
                self.fault(name, fault)
            }
        }
    }

    /// As [`Fields::raw`], of a field that must be there.
    pub fn required_raw(&mut self, name: &str) -> String {
        match self.raw(name) {
            Some(text) => text,
            None => self.fault(name, "is required"),
        }
    }

    /// A clean text of at most `limit` characters: `None` if it is left out, `Some(None)` if it is null or blank.
    #[allow(clippy::option_option, reason = "left out, cleared and given are three things")]
    pub fn change(&mut self, name: &str, limit: usize) -> Option<Option<String>> {
        self.find(name)?;
        let Some(given) = self.raw(name) else { return Some(None) };
        if given.trim().is_empty() {
            return Some(None);
        }
        match text::clean(&given, limit) {
            Ok(clean) => Some(Some(clean.into_owned())),
            Err(fault) => self.fault(name, fault.to_string()),
        }
    }

    /// A clean text that may be left out.
    pub fn optional(&mut self, name: &str, limit: usize) -> Option<String> {
        self.change(name, limit).flatten()
    }

    /// A clean text that must be there.
    pub fn required(&mut self, name: &str, limit: usize) -> String {
        let given = self.required_raw(name);
        match text::clean(&given, limit) {
            Ok(clean) => clean.into_owned(),
            Err(fault) => self.fault(name, fault.to_string()),
        }
    }

    /// An e-mail address that must be there.
    pub fn email(&mut self, name: &str) -> Email {
        let given = self.required_raw(name);
        Email::parse(&given).unwrap_or_else(|fault| {
            self.faults.add(name, fault);
            Email { address: String::new(), key: String::new() }
        })
    }

    /// A country, ISO 3166-1 alpha-2, in capitals: as [`Fields::change`].
    #[allow(clippy::option_option, reason = "left out, cleared and given are three things")]
    pub fn country(&mut self, name: &str) -> Option<Option<String>> {
        let country = self.change(name, 100)?;
        let Some(country) = country else { return Some(None) };
        if country.len() == 2 && country.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Some(Some(country.to_ascii_uppercase()));
        }
        self.fault(name, "must be a country code of two letters")
    }

    /// One of two words: whether it is the first. `None` if it is left out or null.
    pub fn either(&mut self, name: &str, first: &str, second: &str) -> Option<bool> {
        let given = self.raw(name)?;
        if given == first || given == second {
            return Some(given == first);
        }
        self.fault(name, format!("must be {first} or {second}"))
    }

    /// Roles: at least one. `None` if they are left out or null.
    pub fn roles(&mut self, name: &str) -> Option<Vec<Role>> {
        const NAMES: &str = "must be an array of at least one of owner, admin, manage, user and viewer";
        let given = match self.find(name) {
            None | Some(Value::Null) => return None,
            Some(Value::Array(given)) if !given.is_empty() => given,
            Some(_) => return self.fault(name, NAMES),
        };
        let role = |value: &Value<'_>| match value {
            Value::Text(text) => Role::parse(text),
            _ => None,
        };
        let mut roles: Vec<Role> = Vec::new();
        for role in given.iter().map(role) {
            match role {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => return self.fault(name, NAMES),
            }
        }
        Some(roles)
    }

    /// Roles that must be there.
    pub fn required_roles(&mut self, name: &str) -> Vec<Role> {
        match self.roles(name) {
            Some(roles) => roles,
            None => self.fault(name, "is required"),
        }
    }

    /// Names, as an array or as one text with spaces between them. `None` if they are left out or null.
    pub fn names(&mut self, name: &str) -> Option<Vec<String>> {
        let names = match self.find(name) {
            None | Some(Value::Null) => return None,
            Some(Value::Text(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(values)) => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => Some(text.clone().into_owned()),
                    _ => None,
                });
                match texts.collect::<Option<Vec<_>>>() {
                    Some(names) => names,
                    None => return self.fault(name, "must be an array of strings"),
                }
            }
            Some(_) => return self.fault(name, "must be an array of strings"),
        };
        Some(names)
    }

    /// A whole number. `None` if it is left out or null.
    pub fn integer(&mut self, name: &str) -> Option<i64> {
        let integer = match self.find(name) {
            None | Some(Value::Null) => return None,
            Some(Value::Number(number)) => number.as_i64(),
            Some(_) => None,
        };
        match integer {
            Some(integer) => Some(integer),
            None => self.fault(name, "must be a whole number"),
        }
    }

    /// Notes what else is wrong with a field.
    pub fn refuse(&mut self, name: &str, fault: impl Into<String>) {
        self.faults.add(name, fault);
    }

    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that is wrong.
    pub fn finish(self) -> Result<()> {
        self.faults.into_result()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn matching(values: &[&'static str]) -> Option<Vec<i64>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, HeaderValue::from_static(value));
        }
        if_match(&headers)
    }

    #[test]
    fn a_precondition_names_the_versions_that_may_be_changed() {
        assert_eq!(matching(&[]), None);
        assert_eq!(matching(&["*"]), None);
        assert_eq!(matching(&["\"3\""]), Some(vec![3]));
        assert_eq!(matching(&["\"3\", \"4\"", "\"5\""]), Some(vec![3, 4, 5]));
        assert_eq!(matching(&["W/\"3\""]), Some(vec![]), "a weak tag matches nothing");
        assert_eq!(matching(&["3"]), Some(vec![]));
    }

    #[test]
    fn every_field_that_is_wrong_is_told() {
        let body = br#"{"email":"x","roles":["user","king"],"country":"Finland","firstName":7,"status":"asleep"}"#;
        let mut fields = Fields::read(body).expect("an object");
        fields.email("email");
        fields.roles("roles");
        fields.country("country");
        fields.optional("firstName", 10);
        fields.either("status", "active", "inactive");
        fields.required("name", 10);
        let Err(Error::Invalid(faults)) = fields.finish() else { panic!("it should be invalid") };
        let told: Vec<_> = faults.shown().keys().map(String::as_str).collect();
        assert_eq!(told, ["country", "email", "firstName", "name", "roles", "status"]);
    }

    #[test]
    fn an_id_is_digits() {
        assert_eq!(id("12", "account").ok(), Some(12));
        for bad in ["", "-1", "+1", "1.0", "x", "99999999999999999999"] {
            assert!(matches!(id(bad, "account"), Err(Error::NotFound("account"))), "{bad}");
        }
    }
}
