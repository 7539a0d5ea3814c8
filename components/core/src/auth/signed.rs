//! Signed tokens as they are written: the compact form of a JWS (RFC 7515, section 7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// A token in its parts. That it has this form says nothing of who has signed it.
pub struct Signed<'a> {
    /// The whole token.
    pub text: &'a str,
    /// What says how it is signed.
    pub header: Header,
    /// What it is about, as JSON.
    pub claims: Vec<u8>,
    /// What was signed: header and claims as they stand there.
    pub input: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
}

/// The header of a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct Header {
    /// How it is signed.
    pub alg: String,
    /// Of which type it is.
    pub typ: String,
    /// The id of the key.
    pub kid: String,
    /// What whoever verifies has to understand: there is nothing that we do.
    #[serde(default, skip_serializing)]
    crit: Option<IgnoredAny>,
}

impl<'a> Signed<'a> {
    /// `None` if it has another form, or demands what is not understood here.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (input, signature) = text.rsplit_once('.')?;
        let (header, claims) = input.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        // A fourth part would be one of the claims, where a point is not of base64url.
        let (claims, signature) = (decode(claims)?, decode(signature)?);
        header.crit.is_none().then_some(Self { text, header, claims, input, signature })
    }
}

/// A token of these claims, signed by `sign`.
pub fn sign<const LENGTH: usize>(
    header: &Header,
    claims: &impl Serialize,
    sign: impl FnOnce(&[u8]) -> [u8; LENGTH],
) -> serde_json::Result<String> {
    let mut token = String::with_capacity(1024);
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(header)?, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
    let signature = sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

impl Header {
    /// The header of a token that is signed.
    pub fn new(alg: &str, typ: &str, kid: &str) -> Self {
        Self { alg: alg.to_owned(), typ: typ.to_owned(), kid: kid.to_owned(), crit: None }
    }
}
