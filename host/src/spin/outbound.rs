//! Where a component may send HTTP requests: nowhere, save to the hosts that the manifest grants.
//!
//! A grant is `scheme://host[:port]`. Each of the three may be `*`; a host may begin with `*.` for any subdomain; a
//! port may be a range `from..until`; a missing port is the scheme's own. Names and addresses are compared as text.

use crate::log::{self, Level};
use http::uri::Scheme;
use http_body_util::BodyExt;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks, default_send_request};

/// The hosts granted to one component.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    /// `None` is any.
    scheme: Option<String>,
    host: Host,
    ports: std::ops::Range<u32>,
}

#[derive(Debug)]
enum Host {
    Any,
    /// Ends in this, which begins with a dot.
    Subdomain(String),
    Exact(String),
}

impl AllowedHosts {
    pub fn parse(patterns: impl IntoIterator<Item = String>) -> Result<Self, String> {
        patterns
            .into_iter()
            .map(|pattern| parse(pattern.trim()).map_err(|why| format!("allowed_outbound_hosts: `{pattern}` {why}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a request may go there. `port` is the one that the address names, if it does.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Some(port) = port.or_else(|| default_port(scheme)) else { return false };
        self.0.iter().any(|pattern| {
            pattern.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
                && pattern.ports.contains(&u32::from(port))
                && match &pattern.host {
                    Host::Any => true,
                    Host::Subdomain(suffix) => host.to_ascii_lowercase().ends_with(suffix),
                    Host::Exact(allowed) => host.eq_ignore_ascii_case(allowed),
                }
        })
    }
}

fn parse(pattern: &str) -> Result<Pattern, String> {
    let (scheme, rest) = pattern.split_once("://").ok_or("has no scheme; it must be scheme://host[:port]")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '@', '?', '#']) {
        return Err("must be scheme://host[:port] and no more".to_owned());
    }
    // The colons of an IPv6 address stand in brackets.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (rest, ""),
    };
    if scheme != "*" && (scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_lowercase())) {
        return Err("has a scheme that is not lower-case letters or `*`".to_owned());
    }
    let number = |text: &str| text.parse::<u16>().map(u32::from).map_err(|_| format!("has the bad port `{text}`"));
    let ports = match (port, port.split_once("..")) {
        ("*", _) => 0..65_536,
        ("", _) => {
            let port = default_port(scheme).ok_or("needs a port, because its scheme has none of its own")?;
            u32::from(port)..u32::from(port) + 1
        }
        (_, Some((from, until))) => number(from)?..number(until)?,
        (port, None) => number(port)?..number(port)? + 1,
    };
    let host = match host.strip_prefix("*.") {
        _ if host == "*" => Host::Any,
        _ if host.is_empty() => return Err("has no host".to_owned()),
        _ if host == "self" || host == "self.alt" => return Err("is not supported by this host: name it".to_owned()),
        Some(domain) if !domain.contains('*') => Host::Subdomain(format!(".{}", domain.to_ascii_lowercase())),
        None if !host.contains('*') => Host::Exact(host.to_owned()),
        _ => return Err("may have `*` only for the whole host or for its first label".to_owned()),
    };
    Ok(Pattern { scheme: (scheme != "*").then(|| scheme.to_owned()), host, ports })
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Sends a component's requests, if they go to a granted host.
pub(crate) struct Outbound {
    pub component: Arc<str>,
    pub allowed: Arc<AllowedHosts>,
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let uri = request.uri();
        let scheme = uri.scheme().unwrap_or(&Scheme::HTTPS).as_str();
        let host = uri.host().unwrap_or_default();
        if !self.allowed.allows(scheme, host, uri.port_u16()) {
            let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
            let message = format!("{scheme}://{host}{port} is not in its allowed_outbound_hosts, and was not called");
            log::line(Level::Warn, &self.component, "-", message);
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        }
        Box::new(async move {
            let (response, io) = default_send_request(request, options).await?;
            Ok((response.map(BodyExt::boxed_unsync), Box::new(io) as Box<_>))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, scheme: &str, host: &str, port: Option<u16>) -> bool {
        AllowedHosts::parse([pattern.to_owned()]).unwrap().allows(scheme, host, port)
    }

    #[test]
    fn nothing_is_granted_by_default() {
        assert!(!AllowedHosts::default().allows("https", "example.com", None));
    }

    #[test]
    fn a_missing_port_is_the_schemes_own() {
        assert!(allows("https://example.com", "https", "Example.com", None));
        assert!(allows("https://example.com", "https", "example.com", Some(443)));
        assert!(!allows("https://example.com", "https", "example.com", Some(444)));
        assert!(!allows("https://example.com", "http", "example.com", Some(443)));
        assert!(!allows("https://example.com", "https", "a.example.com", None));
        assert!(allows("http://[::1]:8080", "http", "[::1]", Some(8080)));
    }

    #[test]
    fn each_part_may_be_a_wildcard() {
        assert!(allows("*://*:*", "http", "anything", Some(9)));
        assert!(allows("*://example.com:80..90", "http", "example.com", Some(89)));
        assert!(!allows("*://example.com:80..90", "http", "example.com", Some(90)));
        assert!(allows("https://*.example.com", "https", "a.b.example.com", None));
        assert!(!allows("https://*.example.com", "https", "example.com", None));
        assert!(!allows("https://*.example.com", "https", "badexample.com", None));
    }

    #[test]
    fn a_bad_pattern_is_refused() {
        for bad in [
            "example.com",
            "*",
            "",
            "https://",
            "https://a/b",
            "https://a.*",
            "https://a:b",
            "*://a",
            "http://self",
            "https://u@a",
        ] {
            assert!(AllowedHosts::parse([bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
