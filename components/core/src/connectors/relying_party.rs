//! What a connector is to OpenID Connect: a relying party, to which people sign in with a browser, and where that may be sent
//! back to.
//!
//! A redirect URI is compared as it was registered, to the letter (RFC 9700, section 2.1); only the port of a loopback
//! address is for the program to choose when it runs (RFC 8252, section 7.3).

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::anyhow;

use crate::auth::key::Algorithm;
use crate::error::{Error, Result};
use crate::store::{Connection, Row};
use crate::values::id::ConnectorId;

/// How many redirect URIs of a kind a connector has at most.
pub const URIS_MAX: usize = 20;

/// Longest redirect URI, in bytes.
pub const URI_MAX: usize = 1000;

/// The columns of a [`RelyingParty`], of a connector `c`.
pub(crate) const COLUMNS: &str =
    "c.redirect_uris, c.post_logout_redirect_uris, c.public, c.require_pkce, c.id_token_algorithm";

/// A connector as a relying party. One without redirect URIs is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// Where a browser may be sent back to with a code.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent back to after the sign-out (OpenID Connect RP-Initiated Logout 1.0, section 3.1).
    pub post_logout_redirect_uris: Vec<String>,
    /// Whether it can keep no secret, and has none (RFC 6749, section 2.1): a program on somebody's device or in a page.
    pub is_public: bool,
    /// Whether its requests need PKCE (RFC 7636). A public one's always do.
    pub requires_pkce: bool,
    /// How its ID tokens are signed: `RS256`, unless it asks for another (OpenID Connect Dynamic Client Registration 1.0,
    /// section 2).
    pub id_token_algorithm: Algorithm,
}

impl Default for RelyingParty {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            is_public: false,
            requires_pkce: true,
            id_token_algorithm: Algorithm::Rs256,
        }
    }
}

impl RelyingParty {
    /// Takes the [`COLUMNS`] out of a row.
    pub(crate) fn from_row(row: &mut Row) -> Result<Self> {
        let algorithm: String = row.take("id_token_algorithm")?;
        Ok(Self {
            redirect_uris: list(&row.take::<String>("redirect_uris")?)?,
            post_logout_redirect_uris: list(&row.take::<String>("post_logout_redirect_uris")?)?,
            is_public: row.take("public")?,
            requires_pkce: row.take("require_pkce")?,
            id_token_algorithm: Algorithm::parse(&algorithm)
                .ok_or_else(|| Error::Internal(anyhow!("a connector's algorithm {algorithm:?}")))?,
        })
    }
}

/// How the ID tokens of a connector are signed, if it is a relying party.
pub fn algorithm(connection: &Connection, connector_id: ConnectorId) -> Result<Option<Algorithm>> {
    let statement = "SELECT id_token_algorithm FROM connectors WHERE id = ? AND redirect_uris <> '[]'";
    let row = connection.query_first(statement, &[connector_id.into()])?;
    let name = row.map(|mut row| row.take::<String>("id_token_algorithm")).transpose()?;
    Ok(name.as_deref().and_then(Algorithm::parse))
}

/// How the ID tokens of all relying parties are signed.
pub fn algorithms(connection: &Connection) -> Result<Vec<Algorithm>> {
    let statement = r#"SELECT wanted.value AS name FROM json_each('["EdDSA","ES256","RS256"]') AS wanted
          WHERE EXISTS (SELECT 1 FROM connectors
                         WHERE id_token_algorithm = wanted.value AND redirect_uris <> '[]')"#;
    let names = connection.query(statement, &[])?.into_iter().map(|mut row| row.take("name"));
    let names: Vec<String> = names.collect::<Result<_>>()?;
    Ok(names.iter().filter_map(|name| Algorithm::parse(name)).collect())
}

fn list(array: &str) -> Result<Vec<String>> {
    serde_json::from_str(array).map_err(|error| Error::Internal(anyhow!("a list of redirect URIs: {error}")))
}

/// What is wrong with a redirect URI that is to be registered, if anything is (RFC 9700, section 2.1 and 2.6; RFC 8252, section
/// 7): it is `https`, or `http` at a loopback address, or for a public connector of a private-use scheme, which is a domain
/// turned around (`com.example.app:/callback`). It has no fragment and no wildcard.
pub fn fault(uri: &str, is_public: bool) -> Option<&'static str> {
    if uri.len() > URI_MAX {
        return Some("must not have more than 1000 bytes");
    }
    if !uri.bytes().all(|b| b.is_ascii_graphic()) || uri.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
        return Some("has characters that a URI does not have: they have to be percent-encoded");
    }
    if uri.contains('#') {
        return Some("must have no fragment");
    }
    if uri.contains('*') {
        return Some("must have no wildcard: each URI is registered by itself");
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return Some(SCHEMES) };
    match (scheme, rest.strip_prefix("//").map(Authority::of)) {
        ("https" | "http", None | Some(None)) => Some("must name a host, and no user"),
        ("https", Some(Some(_))) => None,
        ("http", Some(Some(authority))) if authority.is_loopback() => None,
        ("http", _) => Some("must be https: http is for loopback addresses"),
        _ if is_public && is_private_use(scheme) => None,
        _ if is_private_use(scheme) => Some("must be https: private-use schemes are for public connectors"),
        _ => Some(SCHEMES),
    }
}

const SCHEMES: &str =
    "must be https, or http at a loopback address, or of a public connector a scheme like com.example.app:";

/// Whether a scheme is a domain turned around (RFC 8252, section 7.1). No browser makes one of these do something by itself.
fn is_private_use(scheme: &str) -> bool {
    let letters = |label: &str| {
        label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') && !label.is_empty()
    };
    scheme.contains('.') && scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.split('.').all(letters)
}

/// Host and port of a URI.
#[derive(PartialEq, Eq)]
struct Authority<'a> {
    host: &'a str,
    /// Empty if there is none.
    port: &'a str,
    /// What follows: path and query.
    rest: &'a str,
}

impl<'a> Authority<'a> {
    /// Reads what follows `scheme://`. A user before the host is none of a redirect URI: it misleads whoever reads it.
    fn of(uri: &'a str) -> Option<Self> {
        let end = uri.find(['/', '?']).unwrap_or(uri.len());
        let (authority, rest) = uri.split_at(end);
        let colon = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let (host, port) = colon.map_or((authority, ""), |at| (&authority[..at], &authority[at + 1..]));
        let is_port = colon.is_none() || port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
        let is_host = match host.strip_prefix('[') {
            Some(address) => address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
            // A policy of the page that leads there could name no host with another character.
            None => host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')),
        };
        (is_port && is_host && !host.is_empty()).then_some(Self { host, port, rest })
    }

    fn is_loopback(&self) -> bool {
        self.is_loopback_address() || self.host == "localhost"
    }

    /// Whether the host is an address of this machine in figures, which no name server can turn into another.
    fn is_loopback_address(&self) -> bool {
        let v6 = self.host.trim_matches(['[', ']']);
        self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || self.host.starts_with('[') && v6.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Whether a request's redirect URI is the registered one: to the letter, or at a loopback address apart from the port.
pub fn is_same(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    match (loopback(registered), loopback(given)) {
        (Some(one), Some(other)) => one.host == other.host && one.rest == other.rest && fault(given, true).is_none(),
        _ => false,
    }
}

/// Where on this machine a URI leads, if it names it by an address.
fn loopback(uri: &str) -> Option<Authority<'_>> {
    uri.strip_prefix("http://").and_then(Authority::of).filter(Authority::is_loopback_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_is_https_or_of_the_device_itself_and_means_one_place() {
        for good in [
            "https://app.example.com/callback",
            "https://app.example.com:8443/callback?tenant=1",
            "https://app.example.com",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:5000/callback",
            "http://[::1]:5000/callback",
            "http://localhost:5173/",
        ] {
            assert_eq!(fault(good, false), None, "{good}");
        }
        for public in ["com.example.app:/callback", "com.example.app://callback", "io.example-1.app:/a?b"] {
            assert_eq!(fault(public, true), None, "{public}");
            assert!(fault(public, false).is_some(), "{public} is nothing for a server");
        }
        for bad in [
            "",
            "callback",
            "/callback",
            "http://app.example.com/callback",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "https://user@app.example.com/",
            "https://user:secret@app.example.com/",
            "https:app.example.com",
            "https:///callback",
            "https://app.example.com:port/",
            "https://app.example.com:99999/",
            "https://app.example.com:+99/",
            "https://the_app.example.com/",
            "https://*.example.com/callback",
            "https://app.example.com/*",
            "https://app.example.com/#fragment",
            "https://app.example.com/a b",
            "https://app.example.com\\@evil.example/",
            "https://app.example.com/\r\nX: y",
            "https://äpp.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://app.example.com/",
            "myapp:/callback",
            "com..app:/callback",
            ".com.app:/callback",
            "Com.example:/callback",
        ] {
            assert!(fault(bad, true).is_some(), "{bad}");
        }
        assert!(fault(&format!("https://a.example/{}", "a".repeat(URI_MAX)), false).is_some(), "too long");
    }

    #[test]
    fn a_redirect_uri_is_the_registered_one_to_the_letter_but_for_the_port_of_a_loopback_address() {
        for (registered, given) in [
            ("https://app.example/cb", "https://app.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
            ("http://127.0.0.1:8000/cb?a", "http://127.0.0.1/cb?a"),
            ("http://[::1]/cb", "http://[::1]:51004/cb"),
        ] {
            assert!(is_same(registered, given), "{registered} {given}");
        }
        for (registered, given) in [
            ("https://app.example/cb", "https://app.example/cb/"),
            ("https://app.example/cb", "https://app.example/cb?x"),
            ("https://app.example/cb", "https://app.example:443/cb"),
            ("https://app.example/cb", "https://App.example/cb"),
            ("https://app.example/cb", "https://app.example/%63b"),
            ("https://app.example/cb", "https://app.example/x/../cb"),
            ("https://app.example/cb", "https://app.example.evil.example/cb"),
            ("https://app.example/cb", "http://app.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.2/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8000/other"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:+99/cb"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:8000/cb#x"),
            ("http://localhost/cb", "http://localhost:8000/cb"),
        ] {
            assert!(!is_same(registered, given), "{registered} {given}");
        }
    }
}
