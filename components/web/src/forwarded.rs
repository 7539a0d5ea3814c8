//! Where a request comes from, if it comes through proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Whoever sends a request may write what it likes into these headers, and each proxy adds at the right whom it got the request
//! from. So the right end counts, and only as long as the one who wrote it is trusted. The setting `trusted_proxies` names
//! those: addresses and networks, with spaces or commas between them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use accord_core::setting;
use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the setting must be.
pub const EXPECTED: &str = "addresses and networks like 10.0.0.0/8, with spaces between them";

/// The address that limits count by, of a request with these headers that a connection from `peer` brought. Of IPv6 it is the
/// network of 64 bits, for that is what one subscriber gets.
pub async fn client(peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if !headers.contains_key(header::FORWARDED) && !headers.contains_key(X_FORWARDED_FOR) {
        return Some(network(peer));
    }
    // One that cannot be read trusts nobody: the log says so.
    let trusted = match setting::get("trusted_proxies").await {
        Ok(value) => parse_trusted(&value).unwrap_or_else(|| {
            setting::refuse("trusted_proxies", EXPECTED, &value);
            Vec::new()
        }),
        Err(_) => Vec::new(),
    };
    Some(network(find(peer, headers, &trusted)))
}

/// The proxies of the setting, if it can be read.
pub fn parse_trusted(value: &str) -> Option<Vec<IpNet>> {
    let words = value.split([' ', ',']).filter(|word| !word.is_empty());
    words.map(|word| word.parse().or_else(|_| word.parse::<IpAddr>().map(IpNet::from)).ok()).collect()
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Who sent the request: the first from the right that is no trusted proxy. Where a proxy does not tell, it is that proxy.
///
/// A proxy writes one of the two headers and may pass on what the client wrote into the other. Therefore both together count
/// only if they say the same.
fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let walk = |name: &HeaderName, parse: fn(&str) -> Option<Vec<Option<IpAddr>>>| {
        let values: Option<Vec<_>> = headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
        let mut told = values.and_then(|values| parse(&values.join(","))).unwrap_or_default();
        let mut address = peer;
        while trusted.iter().any(|proxies| proxies.contains(&address))
            && let Some(Some(before)) = told.pop()
        {
            address = before.to_canonical();
        }
        address
    };
    let has = |name: &HeaderName| headers.contains_key(name);
    let (forwarded, x_forwarded_for) = (walk(&header::FORWARDED, forwarded), walk(&X_FORWARDED_FOR, x_forwarded_for));
    match (has(&header::FORWARDED), has(&X_FORWARDED_FOR)) {
        (true, false) => forwarded,
        (false, true) => x_forwarded_for,
        _ if forwarded == x_forwarded_for => forwarded,
        _ => peer,
    }
}

/// The addresses of `X-Forwarded-For`, `None` for what is none. No RFC has this header: what each entry is, is told by its
/// form.
#[expect(clippy::unnecessary_wraps, reason = "the two headers are read alike")]
fn x_forwarded_for(value: &str) -> Option<Vec<Option<IpAddr>>> {
    Some(value.split(',').map(|entry| node(entry.trim())).collect())
}

/// The `for` of each element of `Forwarded`, `None` where it is no address (RFC 7239, section 6.2 and 6.3). Nothing if the
/// header is malformed.
fn forwarded(value: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut nodes = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        // RFC 9110, section 5.6.1.2: empty elements of a list are ignored.
        if let Some(after) = rest.strip_prefix(',') {
            rest = after.trim_start();
            continue;
        }
        let mut found = None;
        loop {
            let (name, after) = rest.split_once('=')?;
            let (text, after) = token_or_quoted(after)?;
            if name.trim().eq_ignore_ascii_case("for") && found.replace(node(&text)).is_some() {
                // RFC 7239, section 4: each parameter once.
                return None;
            }
            rest = after.trim_start();
            let Some(after) = rest.strip_prefix(';') else { break };
            rest = after.trim_start();
        }
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        nodes.push(found.flatten());
    }
    Some(nodes)
}

/// A token or a quoted string at the beginning of `text`, and what follows it (RFC 9110, section 5.6).
fn token_or_quoted(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// The address of a node, with or without a port (RFC 7239, section 6). What hides itself (`unknown`, `_name`) has none.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse() {
        return Some(address);
    }
    // A port may be obfuscated as well, and is nothing to us.
    let (address, _) = text.rsplit_once(':')?;
    text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| address.trim_matches(['[', ']']).parse()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header's value"))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    /// Who sent a request with these headers through 10.0.0.1, which is trusted, as are the networks below.
    fn found(pairs: &[(&'static str, &str)]) -> String {
        let trusted = parse_trusted("10.0.0.0/24, 2001:db8::/32").expect("networks");
        find("10.0.0.1".parse().expect("an address"), &headers(pairs), &trusted).to_string()
    }

    #[test]
    fn the_right_end_counts_as_far_as_it_is_trusted() {
        for (value, expected) in [
            ("for=192.0.2.60", "192.0.2.60"),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("By=203.0.113.43; FOR=\"192.0.2.60:4711\"", "192.0.2.60"),
            ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"),
            ("for=192.0.2.43, for=10.0.0.2", "192.0.2.43"),
            ("for=\"[2001:db9:cafe::17]:4711\", for=\"[2001:db8::1]\"", "2001:db9:cafe::17"),
            ("for=\"[2001:db9::1]:_port\"", "2001:db9::1"),
            ("for=\"1\\92.0.2.1\"", "192.0.2.1"),
            (", for=192.0.2.1,,", "192.0.2.1"),
            ("for=\"::ffff:192.0.2.1\"", "192.0.2.1"),
            // Everybody on the way is trusted: the first of them began it.
            ("for=10.0.0.3, for=10.0.0.2", "10.0.0.3"),
            // Who is not told is nobody: the last who is known counts.
            ("for=192.0.2.1, for=unknown", "10.0.0.1"),
            ("for=192.0.2.1, for=_hidden, for=10.0.0.2", "10.0.0.2"),
            ("for=192.0.2.1, by=10.0.0.2", "10.0.0.1"),
            // What is malformed says nothing, wherever it is malformed.
            ("for=\"192.0.2.1, for=192.0.2.2", "10.0.0.1"),
            ("for=192.0.2.1;for=192.0.2.2", "10.0.0.1"),
            ("for=192.0.2.1 for=192.0.2.2", "10.0.0.1"),
            ("192.0.2.1", "10.0.0.1"),
            ("for=", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(found(&[("forwarded", value)]), expected, "{value}");
        }
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("203.0.113.9, 192.0.2.1:80, 10.0.0.2", "192.0.2.1"),
            ("[2001:db9::1]:80", "2001:db9::1"),
            ("2001:db9::1,10.0.0.2", "2001:db9::1"),
            ("203.0.113.9, nonsense", "10.0.0.1"),
            ("203.0.113.9,", "10.0.0.1"),
        ] {
            assert_eq!(found(&[("x-forwarded-for", value)]), expected, "{value}");
        }
        let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(found(&lines), "192.0.2.1", "lines are one list");
    }

    #[test]
    fn a_header_that_the_proxy_only_passes_on_helps_nobody() {
        let lie = ("forwarded", "for=203.0.113.9");
        assert_eq!(found(&[lie, ("x-forwarded-for", "192.0.2.1")]), "10.0.0.1");
        assert_eq!(found(&[lie, ("x-forwarded-for", "203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn nobody_is_trusted_who_is_not_named() {
        let told = headers(&[("forwarded", "for=192.0.2.60"), ("x-forwarded-for", "192.0.2.60")]);
        let peer = "198.51.100.1".parse().expect("an address");
        let trusted = parse_trusted("10.0.0.0/8 198.51.100.2").expect("networks");
        assert_eq!(find(peer, &told, &trusted), peer);
        assert_eq!(find(peer, &told, &[]), peer);
        assert_eq!(parse_trusted(" , ").expect("none"), []);
        assert!(parse_trusted("10.0.0.0/33").is_none() && parse_trusted("proxy").is_none());
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6".parse().expect("an address")).to_string(), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.1".parse().expect("an address")).to_string(), "192.0.2.1");
    }

    proptest! {
        #[test]
        fn no_header_panics_and_none_hides_what_a_proxy_adds(value in "[ -~]{0,40}") {
            let _ = forwarded(&value);
            prop_assert_eq!(x_forwarded_for(&value).map(|nodes| nodes.is_empty()), Some(false));
            let added = found(&[("x-forwarded-for", &format!("{value}, 192.0.2.1"))]);
            prop_assert_eq!(added, "192.0.2.1");
            // A quote that the client leaves open may hide it, and then the proxy counts.
            let added = found(&[("forwarded", &format!("{value}, for=192.0.2.1"))]);
            prop_assert!(["192.0.2.1", "10.0.0.1"].contains(&added.as_str()), "{}", added);
        }
    }

    #[test]
    fn fuzzed_headers_lead_to_an_address() {
        const WORDS: &[&str] = &[
            "for=",
            "For=",
            "by=",
            "proto=http",
            "host=",
            "\"",
            "\\",
            ";",
            ",",
            " ",
            "=",
            "[",
            "]",
            ":",
            "::1",
            "2001:db8::17",
            "[2001:db8::17]:4711",
            "192.0.2.60",
            "192.0.2.60:80",
            "unknown",
            "_hidden",
            "%",
            "%eth0",
        ];
        let trusted = parse_trusted("192.0.2.0/24 2001:db8::/32").expect("networks");
        let peer: IpAddr = "192.0.2.1".parse().expect("an address");
        accord_fuzz::bytes(WORDS, |value| {
            let Ok(value) = HeaderValue::from_bytes(value) else { return };
            for name in [header::FORWARDED, X_FORWARDED_FOR] {
                let headers = HeaderMap::from_iter([(name, value.clone())]);
                find(peer, &headers, &trusted);
                assert_eq!(find(peer, &headers, &[]), peer, "nobody else is believed");
            }
        });
    }
}
