//! Names of domains: subdomains of accounts, and domains of their own.

/// Longest subdomain, in characters (the administration API's document, "Creating Accounts").
pub const SUBDOMAIN_MAX: usize = 50;

/// Whether `text` can be a subdomain: 1 to 50 letters, digits and dashes, no dash at either end.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX && is_label(text)
}

/// Names under which there is nothing for everybody (RFC 6761, RFC 6762, RFC 7686, RFC 9476), `.example` aside: documents
/// have it.
const NOWHERE: [&str; 6] = ["localhost", "local", "invalid", "test", "onion", "alt"];

/// Whether `text` can be a domain that others reach: two or more labels of at most 63 letters, digits and dashes with dots
/// between them (RFC 1123, section 2.1), the last of them no number, which would be an address, and none of [`NOWHERE`].
/// Whether there is such a domain, and whose it is, only DNS could tell.
pub fn is_domain(text: &str) -> bool {
    let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| label.len() <= 63 && is_label(label))
        && !is_number(top)
        && !NOWHERE.iter().any(|nowhere| nowhere.eq_ignore_ascii_case(top))
}

/// Whether `text` can name a domain, also one that only a network of its own knows: `localhost`.
pub fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|label| label.len() <= 63 && is_label(label))
}

/// Whether one domain is the other, or lies under it.
pub fn is_within(domain: &str, other: &str) -> bool {
    let (domain, other) = (domain.to_ascii_lowercase(), other.to_ascii_lowercase());
    domain.strip_suffix(&other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_label(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    !text.is_empty() && text.bytes().all(letters) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subdomain_has_letters_digits_and_dashes_between_them() {
        for good in ["a", "Example", "a-b", "0", "x--y", &"a".repeat(50)] {
            assert!(is_subdomain(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a.b", "a_b", "a b", "ä", &"a".repeat(51)] {
            assert!(!is_subdomain(bad), "{bad}");
        }
        for good in ["www.redirect.com", "a.b", "xn--4ca.example", "1.a"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "a..b",
            ".a",
            "a.",
            "-a.b",
            "http://a.b",
            "a.b/c",
            &"a.".repeat(150),
            "192.0.2.1",
            "a.localhost",
            "printer.LOCAL",
            "a.test",
        ] {
            assert!(!is_domain(bad), "{bad}");
        }
        for (domain, within) in [("a.b", true), ("x.A.b", true), ("xa.b", false), ("b", false)] {
            assert_eq!(is_within(domain, "a.B"), within, "{domain}");
        }
    }
}
