//! E-mail addresses, and what they are compared by: one key is one mailbox.
//!
//! Local parts compare in simple lower case, domains as the A-labels of IDNA (RFC 5891), so that a domain in its own script
//! and in ASCII is one. Nothing that only looks alike is taken for the same.

use crate::values::text::{clean, is_invisible, lower};

/// An e-mail address: the address as given, and the key it is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// As given, clean.
    pub address: String,
    /// In lower case, the domain as A-labels.
    pub key: String,
}

impl Email {
    /// Longest address (RFC 5321, section 4.5.3.1.3: a path of 256 octets less its brackets).
    pub const MAX: usize = 254;

    /// Takes an address as HTML's e-mail field does (RFC 5321 without quoted local parts and address literals),
    /// letters beyond ASCII allowed (RFC 6531), with a dot in the domain.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, String> {
        const NO_ADDRESS: &str = "is not an e-mail address";
        let address = clean(text, Self::MAX).map_err(|error| error.to_string())?;
        let (local, domain) = address.rsplit_once('@').ok_or(NO_ADDRESS)?;
        let atom = |text: &str, marks: &str| {
            !text.is_empty()
                && text.chars().all(|c| {
                    c.is_alphanumeric() || marks.contains(c) || !(c.is_ascii() || c.is_whitespace() || is_invisible(c))
                })
        };
        let label =
            |label: &str| atom(label, "-") && !label.starts_with('-') && !label.ends_with('-') && label.len() <= 63;
        let valid = local.len() <= 64
            && local.split('.').all(|part| atom(part, "!#$%&'*+/=?^_`{|}~-"))
            && domain.contains('.')
            && domain.split('.').all(label);
        if !valid || address.chars().any(is_invisible) {
            return Err(NO_ADDRESS.to_owned());
        }
        let labels: Option<Vec<_>> = domain.split('.').map(a_label).collect();
        let domain = labels.ok_or(NO_ADDRESS)?.join(".");
        Ok(Self { key: format!("{}@{domain}", lower(local)), address: address.into_owned() })
    }
}

/// A label of a domain in lower case as an A-label (RFC 5890, section 2.3.2.1); `None` for one that is too long as that.
fn a_label(label: &str) -> Option<String> {
    let label = lower(label);
    if label.is_ascii() {
        return Some(label);
    }
    let encoded = format!("xn--{}", idna::punycode::encode_str(&label)?);
    (encoded.len() <= 63).then_some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_and_refused() {
        for good in ["a@b.fi", "Jane.Smith+tag@Example.COM", "jürgen@müller.de", "o'neil@example.co.uk"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "", "a", "a@b", "@b.fi", "a@", "a b@c.fi", "a@b..fi", ".a@b.fi", "a@-b.fi", "a@b.fi\0", "a@b@c.fi",
            "a\"@b.fi",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_one_mailbox() {
        let key = |address: &str| Email::parse(address).map(|email| email.key);
        for (one, other) in [
            ("A@B.fi", "a@b.fi"),
            ("Ö@ÄÖ.fi", "ö@xn--4ca0b.fi"),
            ("e\u{301}@b.fi", "É@b.fi"),
            ("a@faß.de", "A@XN--FA-HIA.DE"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        for (one, other) in [
            ("straße@b.fi", "strasse@b.fi"),
            ("a@faß.de", "a@fass.de"),
            ("\u{17f}@b.fi", "s@b.fi"),
            ("ﬁ@b.fi", "fi@b.fi"),
        ] {
            assert_ne!(key(one), key(other), "{one} {other}");
        }
        for invisible in ["a\u{200b}@b.fi", "a@b\u{ad}.fi", "a\u{fe0f}@b.fi", "\u{202e}a@b.fi"] {
            assert!(key(invisible).is_err(), "{invisible:?}");
        }
    }

    #[test]
    fn fuzzed_addresses_have_one_key_or_are_refused() {
        const WORDS: &[&str] = &[
            "jane",
            "J\u{e4}ne",
            "@",
            "example.com",
            ".",
            "..",
            "-",
            "xn--",
            "xn--mller-kva.de",
            "m\u{fc}ller.de",
            "\u{130}",
            "\u{df}",
            "\u{200b}",
            "\u{3002}",
            "\"",
            "\\",
            " ",
            "\n",
            "<",
            ">",
            "[127.0.0.1]",
        ];
        accord_fuzz::text(WORDS, |text| {
            if let Ok(email) = Email::parse(text) {
                let again = Email::parse(&email.address).expect("what was taken is taken again");
                assert_eq!(again.key, email.key);
                let of_key = Email::parse(&email.key).expect("a key is an address");
                assert_eq!(of_key.key, email.key, "a key is its own");
            }
        });
    }
}
