//! A browser that visits: its cookies, who is signed in, and forms that are really its own.
//!
//! Two cookies hold a secret of 256 random bits each: one stands for a session, and before there is one the other stands for the
//! browser. A form carries a token that follows from the secret and does not tell it. So a form of another site has none, and
//! one that somebody has got in his own browser works in no other.

use accord_core::auth::secret;
use accord_core::sign_in::browser::{self, Browser};
use accord_core::store::{Actor, Author, Connection};
use accord_web::{Call, body};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use maud::{Markup, html};
use subtle::ConstantTimeEq as _;

use crate::failure::Failure;
use crate::page::{Field, Page, redirect};
use crate::site::{Transport, site};
use crate::texts::T;

/// The field of a form that holds its token.
const TOKEN: &str = "form";

/// Largest form, in bytes: an authorization request may be carried along.
const FORM_LIMIT: usize = 32 * 1024;

/// A browser that visits.
pub struct Visit {
    /// The request.
    pub call: Call,
    /// Who is signed in.
    pub browser: Option<Browser>,
    /// The secret of the session.
    secret: Option<String>,
    /// What the forms for this browser carry.
    token: String,
    transport: Transport,
    /// Cookies that the answer sets.
    set: HeaderMap,
}

/// What a cookie is for.
#[derive(Clone, Copy)]
enum Cookie {
    /// The session of somebody who is signed in.
    Session,
    /// Forms of somebody who is not.
    Form,
}

impl Cookie {
    fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Https) => "__Host-accord-session",
            (Self::Session, Transport::Loopback) => "accord-session",
            (Self::Form, Transport::Https) => "__Host-accord-form",
            (Self::Form, Transport::Loopback) => "accord-form",
        }
    }

    fn find(self, transport: Transport, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name(transport)).map(|(_, value)| value)
    }

    /// What sets it: until the browser is closed, for this host alone, and unseen by scripts. `Lax`, for a relying party leads
    /// here from its own site.
    fn set(self, transport: Transport, value: &str) -> Option<HeaderValue> {
        let secure = if transport == Transport::Https { "; Secure" } else { "" };
        let gone = if value.is_empty() { "; Max-Age=0" } else { "" };
        let name = self.name(transport);
        // A secret is base64url.
        HeaderValue::try_from(format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{gone}")).ok()
    }
}

impl Visit {
    async fn of(call: Call, headers: &HeaderMap) -> Result<Self, Failure> {
        let transport = site().transport.ok_or(Failure::Insecure)?;
        let mut set = HeaderMap::new();
        let secret = Cookie::Session.find(transport, headers).map(str::to_owned);
        let browser = match &secret {
            Some(secret) => browser::load(&Connection::lease().await?, secret)?,
            None => None,
        };
        if let Some(browser) = &browser {
            call.called_by(Actor::Person(browser.person.person_id));
        }
        let token = match (&browser, Cookie::Form.find(transport, headers)) {
            (Some(browser), _) => browser.form_token.clone(),
            (None, Some(secret)) => browser::form_token(secret),
            (None, None) => {
                let secret = secret::generate()?;
                set.extend(Cookie::Form.set(transport, &secret).map(|cookie| (header::SET_COOKIE, cookie)));
                browser::form_token(&secret)
            }
        };
        Ok(Self { call, browser, secret, token, transport, set })
    }

    /// The browser is somebody's from now on: `secret` is the session's.
    pub fn signed_in(&mut self, secret: &str, browser: Browser) {
        self.token.clone_from(&browser.form_token);
        self.secret = Some(secret.to_owned());
        self.browser = Some(browser);
        self.keep(Cookie::Session.set(self.transport, secret));
    }

    /// Looks again who is signed in, after sessions have ended.
    pub async fn look_again(&mut self) -> Result<(), Failure> {
        if let Some(secret) = &self.secret
            && browser::load(&Connection::lease().await?, secret)?.is_none()
        {
            self.signed_out();
        }
        Ok(())
    }

    /// Nobody is signed in any more.
    pub fn signed_out(&mut self) {
        self.browser = None;
        self.keep(Cookie::Session.set(self.transport, ""));
    }

    fn keep(&mut self, cookie: Option<HeaderValue>) {
        if let Some(cookie) = cookie {
            self.set.append(header::SET_COOKIE, cookie);
        }
    }

    /// The author of what nobody known changes, or whom a link was sent to.
    pub fn author(&self, actor: Actor) -> Author {
        self.call.author_of(actor)
    }

    /// A form of this browser, to be posted to a path of the site.
    pub fn form(&self, action: &str, fields: &Markup) -> Markup {
        html! {
            form method="post" action=(action) { (Field::hidden(TOKEN, &self.token)) (fields) }
        }
    }

    /// A page for this browser.
    pub fn page(&self, page: Page) -> Response {
        let page = if self.browser.is_some() { page.aside(self.sign_out()) } else { page };
        page.headers(self.set.clone()).into_response()
    }

    /// Sends this browser to another address.
    pub fn redirect(&self, location: &str) -> Response {
        let mut response = redirect(location);
        response.headers_mut().extend(self.set.clone());
        response
    }

    fn sign_out(&self) -> Markup {
        self.form("/sign-out", &html! { button.link type="submit" { (T.sign_out) } })
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Ok(call) = Call::from_request_parts(parts, state).await;
        Self::of(call, &parts.headers).await
    }
}

/// A form that the browser itself has sent from one of its pages here.
pub struct Posted(pub Visit, pub Fields);

/// The fields of a form.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// What is in a field: nothing, if it is not there. Line breaks at the ends are no part of it.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What is in a field, if anything but white space is.
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }
}

impl<S: Sync> FromRequest<S> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let Ok(call) = Call::from_request_parts(&mut parts, state).await;
        // Before anything else: a browser says where a form comes from.
        if !is_own(&parts.headers, &site().origin) {
            return Err(Failure::Foreign);
        }
        let visit = Visit::of(call, &parts.headers).await?;
        let body = body::form(&parts.headers, body, FORM_LIMIT).await?;
        let fields = form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), value.into_owned()));
        let fields = Fields(fields.collect());
        if visit.token.as_bytes().ct_eq(fields.get(TOKEN).as_bytes()).into() {
            Ok(Self(visit, fields))
        } else {
            Err(Failure::Foreign)
        }
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a form comes from a page of the site, as far as the browser says (Fetch Metadata, and before that `Origin`).
fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let value = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    match (value(&SEC_FETCH_SITE), value(&header::ORIGIN)) {
        (Some(from), _) => matches!(from, "same-origin" | "none"),
        // Pages here tell nobody where they lead from: by the Fetch standard the origin of their forms is `null`, too. The token
        // tells these apart.
        (None, Some(from)) => from == origin || from == "null",
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_form_of_another_site_is_told_by_what_the_browser_says() {
        let own = "https://accord.example";
        for (pairs, expected) in [
            (vec![], true),
            (vec![(SEC_FETCH_SITE, "same-origin")], true),
            (vec![(SEC_FETCH_SITE, "none")], true),
            (vec![(SEC_FETCH_SITE, "same-site")], false),
            (vec![(SEC_FETCH_SITE, "cross-site"), (header::ORIGIN, "https://accord.example")], false),
            (vec![(header::ORIGIN, "https://accord.example")], true),
            (vec![(header::ORIGIN, "https://accord.example.evil")], false),
            (vec![(header::ORIGIN, "null")], true),
            (vec![(SEC_FETCH_SITE, "cross-site"), (header::ORIGIN, "null")], false),
        ] {
            assert_eq!(is_own(&headers(&pairs), own), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let sent = headers(&[(header::COOKIE, "x-accord-session=a; accord-session=b;accord-form=c=d")]);
        assert_eq!(Cookie::Session.find(Transport::Loopback, &sent), Some("b"));
        assert_eq!(Cookie::Form.find(Transport::Loopback, &sent), Some("c=d"));
        assert_eq!(Cookie::Session.find(Transport::Https, &sent), None);
    }

    #[test]
    fn a_cookie_is_for_this_host_alone_and_unseen_by_scripts() {
        let set = |transport, value| Cookie::Session.set(transport, value).expect("a header");
        assert_eq!(set(Transport::Https, "s"), "__Host-accord-session=s; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(set(Transport::Loopback, ""), "accord-session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
