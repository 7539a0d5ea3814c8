//! What is secret at rest, private signing keys and mails that wait: sealed with the setting `encryption_key`.
//!
//! `XChaCha20-Poly1305`: its nonces have 192 bits, so that they can be random however often a key seals. What is sealed is bound
//! to its place, and opens nowhere else.
//!
//! The setting may hold several keys, with spaces between them: the first one seals, each opens. So a key is changed without
//! losing anything: put the new one before it, and take the old one away once nothing is sealed with it any more.

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};

use crate::error::{Error, NOT_CONFIGURED, Result};
use crate::{log, setting};

/// What the setting must be.
pub const EXPECTED: &str =
    "32 random bytes in base64 (`openssl rand -base64 32`), several of them with spaces between, or empty";

/// What something sealed begins with. Neither a key nor a mail does.
const SEALED: &str = "$xchacha20-poly1305$";

/// Bytes of a nonce.
const NONCE: usize = 24;

/// The refusal of what none of the keys opens.
pub const LOCKED: Error = Error::Unavailable {
    retry_after: 60,
    reason: "what is kept secret cannot be opened: encryption_key lacks the key that it was sealed with",
};

/// The keys of the setting. Without one nothing is sealed, and what is not sealed is read as it is.
pub struct Seal(Vec<XChaCha20Poly1305>);

/// What was sealed, or was not.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The text.
    pub text: String,
    /// Whether it is kept as it would be kept now.
    pub is_current: bool,
}

impl Seal {
    /// The keys that the operator has set.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the setting cannot be used. The log does not tell its value.
    pub async fn of_setting() -> Result<Self> {
        Self::parse(&setting::get("encryption_key").await?).ok_or_else(|| {
            log::error(None, format_args!("the variable encryption_key must be {EXPECTED}"));
            NOT_CONFIGURED
        })
    }

    /// No key: for what need not be sealed.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The keys of a value of the setting.
    pub fn parse(value: &str) -> Option<Self> {
        let key = |text: &str| {
            let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
            Some(XChaCha20Poly1305::new(&Key::from(bytes)))
        };
        value.split_ascii_whitespace().map(key).collect::<Option<_>>().map(Self)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What to keep of `text` at `place`: sealed, if there is a key.
    pub fn seal(&self, place: &str, text: &str) -> Result<String> {
        let Some(key) = self.0.first() else { return Ok(text.to_owned()) };
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("no random numbers: {error}"))?;
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = key.encrypt(&XNonce::from(nonce), payload).map_err(|_| anyhow!("a text cannot be sealed"))?;
        Ok(format!("{SEALED}{}", URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// What is kept at `place`.
    ///
    /// # Errors
    ///
    /// [`LOCKED`] if it was sealed with another key, at another place, or was changed.
    pub fn open(&self, place: &str, kept: &str) -> Result<Opened> {
        let Some(sealed) = kept.strip_prefix(SEALED) else {
            return Ok(Opened { text: kept.to_owned(), is_current: self.is_empty() });
        };
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| LOCKED)?;
        let (nonce, msg) = bytes.split_first_chunk::<NONCE>().ok_or(LOCKED)?;
        let opened = self.0.iter().enumerate().find_map(|(index, key)| {
            let text = key.decrypt(&XNonce::from(*nonce), Payload { msg, aad: place.as_bytes() }).ok()?;
            Some(Opened { text: String::from_utf8(text).ok()?, is_current: index == 0 })
        });
        opened.ok_or(LOCKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";

    fn seal(value: &str) -> Seal {
        Seal::parse(value).expect("keys")
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_with_its_key_and_not_otherwise() {
        let sealed = seal(OLD).seal("a/1", "secret").expect("sealed");
        assert!(!sealed.contains("secret") && sealed != seal(OLD).seal("a/1", "secret").expect("sealed"));
        let open = |keys: &str, place: &str, kept: &str| seal(keys).open(place, kept).ok();
        let opened = |is_current| Some(Opened { text: "secret".to_owned(), is_current });
        assert_eq!(open(OLD, "a/1", &sealed), opened(true));
        assert_eq!(open(&format!(" {NEW}  {OLD}"), "a/1", &sealed), opened(false), "it is to be sealed anew");
        for keys in ["", NEW] {
            assert_eq!(open(keys, "a/1", &sealed), None, "{keys}");
        }
        assert_eq!(open(OLD, "a/2", &sealed), None);
        let changed = format!("{}{}", &sealed[..sealed.len() - 2], if sealed.ends_with("AA") { "BA" } else { "AA" });
        for broken in [changed.as_str(), &sealed[..40], SEALED, "$xchacha20-poly1305$*"] {
            assert_eq!(open(OLD, "a/1", broken), None, "{broken}");
        }
    }

    #[test]
    fn what_was_kept_before_there_was_a_key_is_read_on() {
        let kept = seal("").seal("a/1", "secret").expect("kept");
        assert_eq!(kept, "secret");
        for (keys, is_current) in [("", true), (OLD, false)] {
            assert_eq!(seal(keys).open("a/1", &kept).ok(), Some(Opened { text: kept.clone(), is_current }));
        }
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for bad in ["secret", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd", &OLD[1..], &format!("{OLD},{NEW}")] {
            assert!(Seal::parse(bad).is_none(), "{bad}");
        }
    }
}
