//! Pairs of keys for `EdDSA`, as JWKs have them (RFC 8037).

use accord_core::auth::key::Algorithm;
use accord_core::auth::secret;
use accord_core::auth::signed::{self, Header};
use accord_core::{Error, Result};
use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};

/// A private key, with its public half and its id.
pub struct Pair {
    key: SigningKey,
    kid: String,
}

/// A key as it is kept, and, without the private half `d`, published. Earlier releases read and write the same.
#[derive(Serialize, Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(rename = "use")]
    purpose: String,
    alg: String,
    kid: String,
}

impl Pair {
    /// A new pair.
    pub fn generate() -> Result<Self> {
        let mut private = [0; 32];
        secret::fill(&mut private)?;
        let key = SigningKey::from_bytes(&private);
        let kid = thumbprint(&key);
        Ok(Self { key, kid })
    }

    /// Reads the pair from a private JWK. `None` if it is none.
    pub fn from_jwk(jwk: &str) -> Option<Self> {
        let Jwk { x, d, kid, .. } = serde_json::from_str::<Jwk>(jwk).ok().filter(|jwk| jwk.crv == "Ed25519")?;
        let private: [u8; 32] = URL_SAFE_NO_PAD.decode(d?).ok()?.try_into().ok()?;
        let key = SigningKey::from_bytes(&private);
        (public(&key) == x).then_some(Self { key, kid })
    }

    /// Its id: the thumbprint of its public half (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private and the public JWK.
    pub fn to_jwks(&self) -> Result<(String, String)> {
        let jwk = |d| {
            let jwk = Jwk {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                x: public(&self.key),
                d,
                purpose: "sig".to_owned(),
                alg: Algorithm::EdDsa.name().to_owned(),
                kid: self.kid.clone(),
            };
            serde_json::to_string(&jwk).map_err(|error| Error::Internal(anyhow!("a JWK: {error}")))
        };
        Ok((jwk(Some(URL_SAFE_NO_PAD.encode(self.key.as_bytes())))?, jwk(None)?))
    }

    /// Signs a token whose header says that it is of this type.
    pub fn sign(&self, kind: &str, claims: &impl Serialize) -> anyhow::Result<String> {
        let header = Header::new(Algorithm::EdDsa.name(), kind, &self.kid);
        Ok(signed::sign(&header, claims, |input| self.key.sign(input).to_bytes())?)
    }
}

/// The public half.
fn public(key: &SigningKey) -> String {
    URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes())
}

/// What RFC 8037, appendix A.3, has an example of.
fn thumbprint(key: &SigningKey) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, public(key));
    URL_SAFE_NO_PAD.encode(secret::digest(members.as_bytes()))
}

#[cfg(test)]
mod tests {
    use jwt_simple::prelude::{Claims, Duration, Ed25519KeyPair, EdDSAPublicKeyLike as _, NoCustomClaims};

    use super::*;

    #[test]
    fn a_key_is_as_the_standard_and_earlier_releases_have_it() {
        // RFC 8037, appendix A.
        let (x, d) = ("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
        let kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        let kept =
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":"{d}","use":"sig","alg":"EdDSA","kid":"{kid}"}}"#);
        let pair = Pair::from_jwk(&kept).expect("a pair");
        assert_eq!((pair.kid(), thumbprint(&pair.key).as_str()), (kid, kid));
        let (private, public) = pair.to_jwks().expect("JWKs");
        assert_eq!(private, kept);
        assert!(!public.contains("\"d\"") && !public.contains(d), "{public}");
        let theirs = Ed25519KeyPair::from_jwk(&private).expect("a pair that an earlier release reads");
        let claims = Claims::create(Duration::from_hours(1)).with_subject("somebody");
        let token = pair.sign("at+jwt", &claims).expect("a token");
        let read = theirs.public_key().verify_token::<NoCustomClaims>(&token, None).expect("it verifies it");
        assert_eq!(read.subject.as_deref(), Some("somebody"));
        let new = Pair::generate().expect("a pair");
        let (theirs, ours) = (new.to_jwks().expect("JWKs").0, Ed25519KeyPair::generate().to_jwk());
        assert!(Ed25519KeyPair::from_jwk(&theirs).is_ok());
        let kept = ours.replace("\"alg\"", "\"kid\":\"one\",\"alg\"");
        assert_eq!(Pair::from_jwk(&kept).map(|pair| pair.kid), Some("one".to_owned()));
        for broken in [kept.replace("\"d\":\"", "\"d\":\"AA"), kept.replace("\"d\"", "\"e\""), "{}".to_owned()] {
            assert!(Pair::from_jwk(&broken).is_none(), "{broken}");
        }
    }
}
