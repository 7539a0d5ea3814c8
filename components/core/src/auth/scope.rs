//! Scopes: what a connector's access token allows (RFC 6749, section 3.3).

use std::fmt;

/// Every scope there is.
pub const ALL: [&str; 9] = [
    PORTAL_WRITE,
    "AccessManager:Create",
    "AccessManager:Read",
    "AccessManager:Update",
    "AccessUser:Create",
    "AccessUser:Read",
    "AccessUser:Update",
    ACCOUNTS_READ,
    ACCOUNTS_MANAGE,
];

/// Lets a connector push accounts and users through the portal API.
pub const PORTAL_WRITE: &str = "portal:write";

/// Either lets a connector make records through the endpoint API.
pub const RECORD_CREATE: [&str; 2] = ["AccessUser:Create", "AccessManager:Create"];

/// Either lets a connector read the records of its account through the endpoint API.
pub const RECORD_READ: [&str; 2] = ["AccessUser:Read", "AccessManager:Read"];

/// Either lets a connector change records through the endpoint API.
pub const RECORD_UPDATE: [&str; 2] = ["AccessUser:Update", "AccessManager:Update"];

/// Lets a connector read its account and those it owns: what the role `viewer` lets a person do.
pub const ACCOUNTS_READ: &str = "accounts:read";

/// Lets a connector manage its account and those it owns: what the role `manage` lets a person do.
pub const ACCOUNTS_MANAGE: &str = "accounts:manage";

/// Makes an authorization request one of OpenID Connect (OpenID Connect Core 1.0, section 3.1.2.1).
pub const OPENID: &str = "openid";

/// What a relying party may learn of a person who signs in to it (OpenID Connect Core 1.0, section 5.4). No connector holds
/// these: they are the person's.
pub const IDENTITY: [&str; 4] = [OPENID, "profile", "email", "phone"];

/// What of the scopes that a connector holds a token of a person has a use for: what of the person's roles it lets the
/// connector use.
pub const OF_PEOPLE: [&str; 2] = [ACCOUNTS_READ, ACCOUNTS_MANAGE];

/// The names in a list of scopes. The endpoint API's document writes those of a family with commas: `AccessUser:Create,
/// Update` are `AccessUser:Create` and `AccessUser:Update`.
pub fn names(list: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut in_family = false;
    for word in list.split_inclusive([' ', ',']) {
        let name = word.trim_end_matches([' ', ',']);
        if !name.is_empty() {
            let family = names.last().filter(|_| in_family && !name.contains(':'));
            let family = family.and_then(|last| last.split_once(':')).map(|(family, _)| family);
            names.push(family.map_or_else(|| name.to_owned(), |family| format!("{family}:{name}")));
            in_family = false;
        }
        in_family |= word.ends_with(',');
    }
    names
}

/// A set of scopes, written as names with a space between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(String);

impl Scopes {
    /// Takes scopes as they were stored or signed.
    pub fn trusted(scopes: String) -> Self {
        Self(scopes)
    }

    /// Every scope there is.
    pub fn all() -> Self {
        Self(ALL.join(" "))
    }

    /// These, and those of [`IDENTITY`].
    #[must_use]
    pub fn with_identity(&self) -> Self {
        Self(format!("{} {}", self.0, IDENTITY.join(" ")))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `scope` is among them.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.split(' ').any(|held| held == scope)
    }

    /// What a connector that holds these gets when it asks for `requested`, a list as [`names`] reads it: all of them if it
    /// asks for none or for `*`, else those it asks for. `None` if it asks for one that it does not hold (RFC 6749, section 5.2, `invalid_scope`).
    pub fn grant(&self, requested: Option<&str>) -> Option<Self> {
        let mut granted: Vec<String> = Vec::new();
        for scope in names(requested.unwrap_or("*")) {
            if scope == "*" {
                return Some(self.clone());
            }
            if !self.contains(&scope) {
                return None;
            }
            if !granted.contains(&scope) {
                granted.push(scope);
            }
        }
        if granted.is_empty() { Some(self.clone()) } else { Some(Self(granted.join(" "))) }
    }

    /// Those that are among `other` too.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let common: Vec<&str> = self.0.split(' ').filter(|scope| other.contains(scope)).collect();
        Self(common.join(" "))
    }

    /// The scopes in their written form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_written_as_in_the_document_of_the_endpoint_api() {
        for (list, expected) in [
            ("AccessManager:Create, Update", &["AccessManager:Create", "AccessManager:Update"][..]),
            (
                "AccessUser:Create,Update,Read portal:write",
                &["AccessUser:Create", "AccessUser:Update", "AccessUser:Read", "portal:write"],
            ),
            (
                "AccessUser:Create, AccessManager:Create , Update",
                &["AccessUser:Create", "AccessManager:Create", "AccessManager:Update"],
            ),
            ("AccessUser:Create Update", &["AccessUser:Create", "Update"]),
            (" ,, *", &["*"]),
            ("", &[]),
        ] {
            assert_eq!(names(list), expected, "{list}");
        }
    }

    #[test]
    fn a_connector_gets_what_it_asks_for_and_holds() {
        let held = Scopes::trusted("portal:write accounts:read".to_owned());
        for all in [None, Some(""), Some("*"), Some("accounts:read *")] {
            assert_eq!(held.grant(all), Some(held.clone()), "{all:?}");
        }
        assert_eq!(
            held.grant(Some("accounts:read accounts:read")).map(|s| s.to_string()).as_deref(),
            Some("accounts:read")
        );
        assert_eq!(held.grant(Some("accounts:manage")), None);
        assert_eq!(held.grant(Some("portal")), None, "a part of a name is no name");
    }
}
