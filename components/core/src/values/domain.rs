//! Names of domains: subdomains of accounts, and domains of their own.

/// Longest subdomain, in characters (the administration API's document, "Creating Accounts").
pub const SUBDOMAIN_MAX: usize = 50;

/// Whether `text` can be a subdomain: 1 to 50 letters, digits and dashes, no dash at either end.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX && is_label(text)
}

/// Whether `text` can be a domain: two or more labels of at most 63 letters, digits and dashes with dots between them
/// (RFC 1123, section 2.1).
pub fn is_domain(text: &str) -> bool {
    text.len() <= 253 && text.contains('.') && text.split('.').all(|label| label.len() <= 63 && is_label(label))
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
        for good in ["www.redirect.com", "a.b"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", "localhost", "a..b", ".a", "a.", "-a.b", "http://a.b", "a.b/c", &"a.".repeat(150)] {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
