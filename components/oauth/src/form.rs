//! The form that the token endpoint, revocation and introspection take.

use accord_web::body;
use axum::extract::{FromRequest, Request};

use crate::failure::Failure;

/// Largest body, in bytes.
const BODY_LIMIT: usize = 16 * 1024;

/// The parameters that the endpoint knows. Others are ignored (RFC 6749, section 3.2).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// How the token is asked for (RFC 6749, section 4).
    pub grant_type: Option<String>,
    /// What the token is to allow (RFC 6749, section 3.3).
    pub scope: Option<String>,
    /// See RFC 6749, section 2.3.1.
    pub client_id: Option<String>,
    /// See RFC 6749, section 2.3.1.
    pub client_secret: Option<String>,
    /// See RFC 6749, section 4.3.2.
    pub username: Option<String>,
    /// See RFC 6749, section 4.3.2.
    pub password: Option<String>,
    /// The account to sign in to, an id or a name: ours, not RFC 6749's.
    pub account: Option<String>,
    /// See RFC 6749, section 6.
    pub refresh_token: Option<String>,
    /// The authorization code (RFC 6749, section 4.1.3).
    pub code: Option<String>,
    /// Where the code was sent (RFC 6749, section 4.1.3).
    pub redirect_uri: Option<String>,
    /// What answers the challenge of the code (RFC 7636, section 4.5).
    pub code_verifier: Option<String>,
    /// See RFC 6750, section 2.2.
    pub access_token: Option<String>,
    /// The token to revoke (RFC 7009, section 2.1) or to introspect (RFC 7662, section 2.1).
    pub token: Option<String>,
}

impl Form {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        let mut form = Self::default();
        for (name, value) in form_urlencoded::parse(body) {
            let field = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "scope" => &mut form.scope,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "username" => &mut form.username,
                "password" => &mut form.password,
                "account" => &mut form.account,
                "refresh_token" => &mut form.refresh_token,
                "code" => &mut form.code,
                "redirect_uri" => &mut form.redirect_uri,
                "code_verifier" => &mut form.code_verifier,
                "access_token" => &mut form.access_token,
                "token" => &mut form.token,
                _ => continue,
            };
            // One without a value is taken as left out (RFC 6749, section 3.2), one that is there twice is a mistake.
            if value.is_empty() {
                continue;
            }
            if field.replace(value.into_owned()).is_some() {
                return Err(Failure::InvalidRequest(format!("{name} is there twice")));
            }
        }
        Ok(form)
    }
}

/// A parameter that must be there.
pub fn required(parameter: Option<String>, name: &str) -> Result<String, Failure> {
    parameter.ok_or_else(|| Failure::InvalidRequest(format!("{name} is missing")))
}

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        Self::parse(&body::form(&parts.headers, body, BODY_LIMIT).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_there_twice_is_a_mistake_and_one_without_a_value_is_left_out() {
        assert!(matches!(Form::parse(b"scope=a&scope=b"), Err(Failure::InvalidRequest(_))));
        assert_eq!(Form::parse(b"scope=&resource=x").expect("a form"), Form::default());
    }

    #[test]
    fn fuzzed_forms_are_read_or_refused() {
        const WORDS: &[&str] = &[
            "grant_type",
            "client_id",
            "scope",
            "token",
            "=",
            "&",
            "&&",
            "+",
            "%",
            "%2",
            "%00",
            "%ff",
            "%C3%A4",
            "a",
            "password=a",
        ];
        accord_fuzz::bytes(WORDS, |body| {
            if let Ok(form) = Form::parse(body) {
                assert_ne!(form.token.as_deref(), Some(""), "one without a value is left out");
            }
        });
    }
}
