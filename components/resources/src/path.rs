//! The ids in a path. What is no number, or is no text at all, is the id of nothing.

use accord_core::error::{Error, Thing};
use accord_core::values::id::{AccountId, ConnectorId, EventId, Id, PersonId};
use accord_web::{Failure, Result};
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

/// An id that stands alone in a path.
pub trait PathId: Id {
    /// What there is none of if it cannot be one.
    const OF: Thing;
}

impl PathId for AccountId {
    const OF: Thing = Thing::Account;
}

impl PathId for ConnectorId {
    const OF: Thing = Thing::Connector;
}

impl PathId for PersonId {
    const OF: Thing = Thing::Person;
}

impl PathId for EventId {
    const OF: Thing = Thing::Event;
}

/// The only id of a path.
pub struct Target<I>(pub I);

impl<I: PathId, S: Sync> FromRequestParts<S> for Target<I> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let found = Path::<String>::from_request_parts(parts, &()).await;
        Ok(Self(found.ok().and_then(|Path(text)| id(&text)).ok_or(Error::NotFound(I::OF))?))
    }
}

/// The account and the person of a path.
pub struct Member {
    /// The account.
    pub account_id: AccountId,
    /// The person, by an id that may be that of nobody.
    pub person_id: PersonId,
}

impl<S: Sync> FromRequestParts<S> for Member {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let found = Path::<(String, String)>::from_request_parts(parts, &()).await;
        let Path((account, person)) = found.map_err(|_| Error::NotFound(Thing::Account))?;
        let account_id = id(&account).ok_or(Error::NotFound(Thing::Account))?;
        // Whoever may not see the account learns nothing of its people, so that the account is looked for even if there
        // can be no such person: 0 is the id of none.
        Ok(Self { account_id, person_id: id(&person).unwrap_or(PersonId::from_number(0)) })
    }
}

/// The account and the record of a path.
pub struct Record {
    /// The account.
    pub account_id: AccountId,
    /// The record, by a UUID that may be that of none.
    pub uuid: String,
}

impl<S: Sync> FromRequestParts<S> for Record {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let found = Path::<(String, String)>::from_request_parts(parts, &()).await;
        let Path((account, uuid)) = found.map_err(|_| Error::NotFound(Thing::Account))?;
        Ok(Self { account_id: id(&account).ok_or(Error::NotFound(Thing::Account))?, uuid })
    }
}

/// `/api/accounts/7` for `/api/accounts(7)`, as `OData` writes the key of one of a collection (part 2, section 4.3.1); and
/// `/api/accounts/7/users/3` for `/api/accounts(7)/users(3)`.
pub fn without_key_predicate(path: &str) -> Option<String> {
    const COLLECTION: &str = "/api/accounts";
    let (key, below) = key_predicate(path.strip_prefix(COLLECTION)?)?;
    let account = format!("{COLLECTION}/{}", id::<AccountId>(key)?);
    if below.is_empty() {
        return Some(account);
    }
    let below = below.strip_prefix('/')?;
    let name = below.find(['(', '%', '/']).unwrap_or(below.len());
    match key_predicate(&below[name..]) {
        Some((key, rest)) => Some(format!("{account}/{}/{}{rest}", &below[..name], id::<PersonId>(key)?)),
        None => Some(format!("{account}/{below}")),
    }
}

/// A key in parentheses, and what stands behind it.
fn key_predicate(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('(').or_else(|| text.strip_prefix("%28"))?;
    rest.split_once(')').or_else(|| rest.split_once("%29"))
}

/// The id that a text is.
pub fn id<I: Id>(text: &str) -> Option<I> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(I::from_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_parentheses_is_a_segment() {
        for path in ["/api/accounts(7)", "/api/accounts%287%29"] {
            assert_eq!(without_key_predicate(path).as_deref(), Some("/api/accounts/7"), "{path}");
        }
        for (path, segments) in [
            ("/api/accounts(7)/users", "/api/accounts/7/users"),
            ("/api/accounts(7)/users(3)", "/api/accounts/7/users/3"),
            ("/api/accounts%287%29/users%283%29", "/api/accounts/7/users/3"),
            ("/api/accounts(7)/users/3/invite", "/api/accounts/7/users/3/invite"),
        ] {
            assert_eq!(without_key_predicate(path).as_deref(), Some(segments), "{path}");
        }
        for path in [
            "/api/accounts",
            "/api/accounts()",
            "/api/accounts(x)",
            "/api/accounts(7",
            "/api/accounts(7)users",
            "/api/accounts(7)/users(x)",
            "/api/other(7)",
        ] {
            assert_eq!(without_key_predicate(path), None, "{path}");
        }
    }

    #[test]
    fn an_id_is_digits() {
        assert_eq!(id("12"), Some(AccountId::from_number(12)));
        for bad in ["", "-1", "+1", "1.0", "x", "99999999999999999999"] {
            assert_eq!(id::<AccountId>(bad), None, "{bad}");
        }
    }

    #[test]
    fn fuzzed_paths_have_a_number_or_none() {
        const WORDS: &[&str] = &[
            "/api/accounts",
            "(",
            ")",
            "%28",
            "%29",
            "%",
            "/",
            "0",
            "7",
            "9223372036854775807",
            "-1",
            "+1",
            "\u{663}",
        ];
        accord_fuzz::text(WORDS, |path| {
            if let Some(respelled) = without_key_predicate(path) {
                let rest = respelled.strip_prefix("/api/accounts/").expect("a path of an account");
                let number = rest.split('/').next().unwrap_or_default();
                assert!(!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()), "{respelled}");
            }
            id::<AccountId>(path);
        });
    }
}
