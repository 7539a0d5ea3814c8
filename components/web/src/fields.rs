//! The fields of a JSON object, read one by one, so that everything that is wrong with a body is told at once.

use std::borrow::Cow;

use accord_core::Faults;
use accord_core::values::change::Change;
use accord_core::values::country;
use accord_core::values::email::Email;
use accord_core::values::id::Id;
use accord_core::values::role::Role;
use accord_core::values::text;
use serde_json::Number;

use crate::json::Value;
use crate::{Failure, Result};

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
    /// [`Failure::Malformed`] if it is no JSON object.
    pub fn read(body: &'a [u8]) -> Result<Self> {
        match Value::parse(body)? {
            Value::Object(entries) => Ok(Self { entries, faults: Faults::default() }),
            other => Err(Failure::Malformed(format!("the body must be an object, not {}", other.kind()))),
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

    /// What is said of a clean text of at most `limit` characters. Null and blank clear it.
    pub fn change(&mut self, name: &str, limit: usize) -> Change<String> {
        if self.find(name).is_none() {
            return Change::Keep;
        }
        let Some(given) = self.raw(name).filter(|given| !given.trim().is_empty()) else { return Change::Clear };
        match text::clean(&given, limit) {
            Ok(clean) => Change::Set(clean.into_owned()),
            Err(fault) => self.fault(name, fault.to_string()),
        }
    }

    /// A clean text that may be left out.
    pub fn optional(&mut self, name: &str, limit: usize) -> Option<String> {
        self.change(name, limit).into_value()
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

    /// An e-mail address that may be left out.
    pub fn optional_email(&mut self, name: &str) -> Option<Email> {
        let given = self.raw(name).filter(|given| !given.trim().is_empty())?;
        match Email::parse(&given) {
            Ok(email) => Some(email),
            Err(fault) => self.fault(name, fault),
        }
    }

    /// A flag in the way of forms: `"0"` or `"1"`, also as a number or a boolean. `None` if it is left out, null or blank.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let text = self.scalar(name)?;
        match text.as_ref() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => self.fault(name, "must be 0 or 1"),
        }
    }

    /// A number in the way of forms: digits in a string, also as a number. `None` if it is left out, null or blank.
    pub fn digits(&mut self, name: &str) -> Option<i64> {
        let text = self.scalar(name)?;
        match text.parse() {
            Ok(number) => Some(number),
            Err(_) => self.fault(name, "must be a whole number"),
        }
    }

    /// A value that is no array and no object, as text. `None` if it is left out, null or blank.
    fn scalar(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let text = match self.find(name)? {
            Value::Null => return None,
            Value::Text(text) => Cow::Owned(text.trim().to_owned()),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            // What no caller of this takes.
            other => Cow::Borrowed(other.kind()),
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// What is said of a country, ISO 3166-1 alpha-2, in capitals.
    pub fn country(&mut self, name: &str) -> Change<String> {
        match self.change(name, 100) {
            Change::Set(text) => match country::parse(&text) {
                Some(code) => Change::Set(code),
                None => self.fault(name, "must be a country code of two letters (ISO 3166-1 alpha-2)"),
            },
            other => other,
        }
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
            Some(Value::Number(number)) => whole(number),
            Some(_) => None,
        };
        match integer {
            Some(integer) => Some(integer),
            None => self.fault(name, "must be a whole number"),
        }
    }

    /// Ids: at least one, at most a hundred.
    pub fn ids<I: Id>(&mut self, name: &str) -> Vec<I> {
        const IDS: &str = "must be an array of at least one id, and at most 100";
        let given = match self.find(name) {
            Some(Value::Array(given)) if (1..=100).contains(&given.len()) => given,
            _ => return self.fault(name, IDS),
        };
        let id = |value: &Value<'_>| match value {
            Value::Number(number) => whole(number).map(I::from_number),
            _ => None,
        };
        match given.iter().map(id).collect() {
            Some(ids) => ids,
            None => self.fault(name, IDS),
        }
    }

    /// What is said of a share in percent. Null clears it.
    pub fn percentage(&mut self, name: &str) -> Change<i64> {
        match self.find(name) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(_) => match self.integer(name) {
                Some(percent @ 0..=100) => Change::Set(percent),
                Some(_) => self.fault(name, "must be from 0 to 100"),
                None => Change::Keep,
            },
        }
    }

    /// Notes what else is wrong with a field.
    pub fn refuse(&mut self, name: &str, fault: impl Into<String>) {
        self.faults.add(name, fault);
    }

    /// # Errors
    ///
    /// [`accord_core::Error::Invalid`] with every field that is wrong.
    pub fn finish(self) -> Result<()> {
        Ok(self.faults.into_result()?)
    }
}

/// A whole number, also one that is written with a fraction of nothing: `9.0` is an integer to JSON Schema.
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_have_a_fraction_of_nothing() {
        for (text, expected) in [("9", Some(9)), ("9.0", Some(9)), ("-3.0", Some(-3)), ("9.5", None), ("1e300", None)] {
            assert_eq!(whole(&serde_json::from_str(text).expect("a number")), expected, "{text}");
        }
    }

    #[test]
    fn every_field_that_is_wrong_is_told() {
        let body = br#"{"email":"x","roles":["user","king"],"country":"Finland","firstName":7,"status":"asleep",
                        "active":"yes","package_id":"nine"}"#;
        let mut fields = Fields::read(body).expect("an object");
        fields.email("email");
        fields.roles("roles");
        fields.country("country");
        fields.optional("firstName", 10);
        fields.either("status", "active", "inactive");
        fields.flag("active");
        fields.digits("package_id");
        fields.required("name", 10);
        let Err(failure) = fields.finish() else { panic!("it should be invalid") };
        let told: Vec<_> = failure.faults().expect("faults").shown().keys().map(String::as_str).collect();
        assert_eq!(told, ["active", "country", "email", "firstName", "name", "package_id", "roles", "status"]);
    }

    #[test]
    fn flags_and_numbers_come_as_strings_too() {
        let body = br#"{"a":"1","b":1,"c":true,"d":"0","e":0,"f":false,"g":"","h":null,"i":" 1 ","n":"93","m":93}"#;
        let mut fields = Fields::read(body).expect("an object");
        let flags: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "none"].map(|name| fields.flag(name)).into();
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(flags, [yes, yes, yes, no, no, no, None, None, yes, None]);
        assert_eq!((fields.digits("n"), fields.digits("m"), fields.digits("g")), (Some(93), Some(93), None));
        assert!(fields.finish().is_ok());
        for body in [&br#"{"a":2}"#[..], br#"{"a":[]}"#, br#"{"a":{}}"#, br#"{"a":1.5}"#, br#"{"a":"on"}"#] {
            let mut fields = Fields::read(body).expect("an object");
            fields.flag("a");
            fields.digits("a");
            assert!(fields.finish().is_err());
        }
    }
}
