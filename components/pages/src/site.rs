//! What the operator has set of the pages: where they are, what they are called, and their colour.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use accord_core::setting;
use http::Uri;

use crate::style;

/// What is the same of every page.
#[derive(Clone, Debug)]
pub struct Site {
    /// What the pages are called.
    pub name: String,
    /// Scheme, host and port of the setting `public_url`: where forms come from.
    pub origin: String,
    /// How cookies are kept, or `None` where no page may keep one: plain HTTP that leaves the machine.
    pub transport: Option<Transport>,
    /// The style sheet.
    pub style: String,
    /// Its hash, for the `Content-Security-Policy`.
    pub style_hash: String,
}

/// How the pages reach a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By TLS. Cookies have the prefix `__Host-`, so that no neighbour of the domain sets them.
    Https,
    /// By plain HTTP on this machine. Cookies cannot be `Secure` there, and need not.
    Loopback,
}

thread_local! {
    static SITE: RefCell<Option<Rc<Site>>> = const { RefCell::new(None) };
}

/// The site, once it is prepared; what goes without settings before.
pub fn site() -> Rc<Site> {
    SITE.with_borrow(Clone::clone).unwrap_or_else(|| Rc::new(Site::of("Accord", style::COLOR, "")))
}

/// Reads the settings, once per instance. If one cannot be read the log says so, and the next request tries again.
pub async fn prepare() {
    if SITE.with_borrow(Option::is_some) {
        return;
    }
    let get = async |name| setting::get(name).await.ok();
    let (name, color, url) = (get("brand_name").await, get("brand_color").await, get("public_url").await);
    if let (Some(name), Some(color), Some(url)) = (name, color, url) {
        SITE.set(Some(Rc::new(Site::of(&name, &color, &url))));
    }
}

impl Site {
    fn of(name: &str, color: &str, url: &str) -> Self {
        let (origin, transport) = reached(url).unzip();
        let style = style::sheet(color);
        let style_hash = style::hash(&style);
        Self {
            name: name.to_owned(),
            origin: origin.unwrap_or_default(),
            transport: transport.flatten(),
            style,
            style_hash,
        }
    }
}

/// The origin of an address, and how it reaches a browser if it is one at which pages may keep cookies.
fn reached(url: &str) -> Option<(String, Option<Transport>)> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority, host) = (uri.scheme_str()?, uri.authority()?, uri.host()?);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let transport = match scheme {
        "https" => Some(Transport::Https),
        "http" if is_loopback => Some(Transport::Loopback),
        _ => None,
    };
    Some((origin(scheme, authority.as_str()), transport))
}

/// An origin as a browser writes it: in lower case, without the port that the scheme has anyway.
fn origin(scheme: &str, authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let standard = if scheme == "https" { ":443" } else { ":80" };
    format!("{scheme}://{}", authority.strip_suffix(standard).unwrap_or(&authority))
}

/// What a `form-action` has to name so that a form may lead to an address: the origin, or of a private-use scheme (RFC 8252,
/// section 7.1) the scheme.
pub fn form_target(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    // Nothing that ends a directive or a source.
    let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:[]".contains(&b));
    let target = match (scheme.as_str(), rest.strip_prefix("//")) {
        ("http" | "https", Some(rest)) => origin(&scheme, rest.split(['/', '?', '#']).next()?),
        _ => format!("{scheme}:"),
    };
    is_plain(&target.replacen("//", "", 1)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_by_tls_and_on_this_machine() {
        let of = |url| reached(url).and_then(|(_, transport)| transport);
        for url in ["https://accord.example", "https://accord.example:8443/base", "HTTPS://a.b"] {
            assert_eq!(of(url), Some(Transport::Https), "{url}");
        }
        for url in ["http://127.0.0.1:3000", "http://localhost", "http://[::1]:3000/", "http://127.9.9.9"] {
            assert_eq!(of(url), Some(Transport::Loopback), "{url}");
        }
        for url in ["http://accord.example", "http://localhost.example", "http://10.0.0.1", "ftp://localhost", "x", ""]
        {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for (url, expected) in [
            ("https://Accord.Example:443/base/", "https://accord.example"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://localhost:80", "http://localhost"),
        ] {
            assert_eq!(reached(url).map(|(origin, _)| origin).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_form_may_lead_to_the_origin_of_an_address_and_nowhere_else() {
        for (address, expected) in [
            ("https://app.example/callback?x=1", Some("https://app.example")),
            ("http://127.0.0.1:4711/cb", Some("http://127.0.0.1:4711")),
            ("http://[::1]:4711/cb", Some("http://[::1]:4711")),
            ("com.example.app:/callback", Some("com.example.app:")),
            ("https://app.example; script-src *", None),
            ("https://app.example 'self'/", None),
            ("nowhere", None),
        ] {
            assert_eq!(form_target(address).as_deref(), expected, "{address}");
        }
    }
}
