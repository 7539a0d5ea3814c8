//! E-mail addresses, and what they are compared by.

use crate::values::text::{clean, fold};

/// An e-mail address: the address as given, and the key it is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// As given, clean.
    pub address: String,
    /// Case folded.
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
                && text
                    .chars()
                    .all(|c| c.is_alphanumeric() || marks.contains(c) || !(c.is_ascii() || c.is_whitespace()))
        };
        let label =
            |label: &str| atom(label, "-") && !label.starts_with('-') && !label.ends_with('-') && label.len() <= 63;
        let valid = local.len() <= 64
            && local.split('.').all(|part| atom(part, "!#$%&'*+/=?^_`{|}~-"))
            && domain.contains('.')
            && domain.split('.').all(label);
        if !valid {
            return Err(NO_ADDRESS.to_owned());
        }
        Ok(Self { key: fold(&address), address: address.into_owned() })
    }
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
        assert_eq!(Email::parse("A@B.fi").map(|email| email.key), Ok("a@b.fi".to_owned()));
    }
}
