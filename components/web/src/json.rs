//! JSON as the APIs take it: one pass over the body, text borrowed from it, a key at most once per object.
//!
//! `serde_json`'s own value keeps the last of two equal keys and so hides a mistake of the caller; RFC 8259, section 4,
//! leaves that open, we refuse it. Nesting is bounded by `serde_json` (128 levels).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::{Failure, Result};

/// A JSON value. Objects keep the order of the body.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object: its keys are distinct.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads a whole body. A byte order mark before it is passed over (RFC 8259, section 8.1, lets us).
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] with the place, if it is not JSON, is nested too deeply or repeats a key.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        serde_json::from_slice(body).map_err(|error| Failure::Malformed(format!("the body is not valid JSON: {error}")))
    }

    /// What kind of value this is, for messages: "a number", "null".
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        // JSON has no NaN and no infinity, so there is always such a number.
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            entries.push((key, value));
        }
        match repeated(&entries) {
            Some(key) => Err(A::Error::custom(format_args!("the key {key:?} is there twice"))),
            None => Ok(Value::Object(entries)),
        }
    }
}

/// A key that an object has twice.
fn repeated<'a>(entries: &'a [(Cow<'_, str>, Value<'_>)]) -> Option<&'a str> {
    // Most objects have a handful of keys: comparing them beats hashing them.
    if entries.len() <= 8 {
        let earlier =
            |(index, (key, _)): (usize, &(Cow<'_, str>, _))| entries[..index].iter().any(|(other, _)| other == key);
        return entries.iter().enumerate().find(|&entry| earlier(entry)).map(|(_, (key, _))| key.as_ref());
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().map(|(key, _)| key.as_ref()).find(|key| !seen.insert(*key))
}

/// A key, borrowed from the body unless it has escapes. (serde's own `Cow` is always owned.)
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(failure: &Failure) -> String {
        failure.text()
    }

    #[test]
    fn objects_keep_their_order_and_borrow_their_text() {
        let Ok(Value::Object(entries)) = Value::parse(br#"{"b":"x","a":[1,null,true]}"#) else { panic!() };
        assert_eq!(entries[0], (Cow::Borrowed("b"), Value::Text(Cow::Borrowed("x"))));
        assert!(matches!(entries[0].1, Value::Text(Cow::Borrowed(_))));
        assert_eq!(entries[1].0, "a");
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_wherever_it_is() {
        let many: Vec<String> = (0..50).map(|n| format!(r#""k{n}":0"#)).collect();
        for body in [
            r#"{"a":1,"a":2}"#.to_owned(),
            r#"[{"x":{"a":1,"\u0061":2}}]"#.to_owned(),
            format!("{{{},\"k7\":1}}", many.join(",")),
        ] {
            let error = Value::parse(body.as_bytes()).expect_err(&body);
            assert!(text(&error).contains("is there twice"), "{error:?}");
        }
    }

    #[test]
    fn one_byte_order_mark_is_passed_over() {
        assert_eq!(Value::parse("\u{feff}{}".as_bytes()).expect("JSON"), Value::Object(Vec::new()));
        assert!(Value::parse("\u{feff}\u{feff}{}".as_bytes()).is_err());
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for body in ["", "{", "{}x", "nul", "{'a':1}", "[1,]", "\u{feff}", "{}\u{feff}", "NaN", "\"\u{1}\""] {
            assert!(matches!(Value::parse(body.as_bytes()), Err(Failure::Malformed(_))), "{body:?}");
        }
        assert!(Value::parse(b"\"\xff\"").is_err());
        let deep = "[".repeat(1_000_000);
        assert!(text(&Value::parse(deep.as_bytes()).expect_err("too deep")).contains("recursion limit"));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Value::parse(&body);
        }

        #[test]
        fn it_takes_what_serde_json_writes(text in "\\PC{0,20}", number in any::<i64>()) {
            let body = serde_json::json!({ "text": text, "number": number }).to_string();
            let Ok(Value::Object(entries)) = Value::parse(body.as_bytes()) else { panic!() };
            let read = entries.iter().find(|(key, _)| key == "text").map(|(_, value)| value.clone());
            prop_assert_eq!(read, Some(Value::Text(Cow::Owned(text))));
        }
    }

    #[test]
    fn fuzzed_json_is_read_or_refused() {
        const WORDS: &[&str] = &[
            "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u", "\\ud83d", "\\udc00", "\\u0000", "\"a\"", "\"a\":",
            "null", "true", "false", "-", "0", "12", ".5", "1e9", "e+", "1e999999", " ", "\n", "\u{feff}", "\u{0}",
        ];
        accord_fuzz::bytes(WORDS, |body| {
            let read = Value::parse(body);
            let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
            let theirs = serde_json::from_slice::<serde_json::Value>(body);
            assert!(read.is_err() || theirs.is_ok(), "nothing is read that is no JSON");
        });
    }
}
