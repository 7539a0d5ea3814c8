//! What every page is: its frame, and the headers that keep it to itself.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, Render as _, html};

use crate::site::{self, Site};
use crate::style;
use crate::texts::T;

/// A page.
pub struct Page {
    status: StatusCode,
    title: String,
    main: Markup,
    /// Beside the name of the site: who is signed in.
    aside: Option<Markup>,
    is_wide: bool,
    script: Option<&'static str>,
    /// Where its forms may lead beside the site itself, see [`site::form_target`].
    form_target: Option<String>,
    headers: HeaderMap,
}

impl Page {
    /// A page of this title, which is its heading as well.
    pub fn new(title: impl Into<String>, main: Markup) -> Self {
        Self {
            status: StatusCode::OK,
            title: title.into(),
            main,
            aside: None,
            is_wide: false,
            script: None,
            form_target: None,
            headers: HeaderMap::new(),
        }
    }

    /// With another status than `200`.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With something beside the name of the site.
    pub fn aside(mut self, aside: Markup) -> Self {
        self.aside = Some(aside);
        self
    }

    /// For more than a form.
    pub fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }

    /// With a script. It is named by its hash, and nothing else runs.
    pub fn script(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    /// Whose forms may lead to an address beside the site: the answer to a form may send the browser there.
    pub fn leading_to(mut self, address: &str) -> Self {
        self.form_target = site::form_target(address);
        self
    }

    /// With further headers.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    fn document(&self, site: &Site) -> String {
        let class = self.is_wide.then_some("wide");
        let document = html! {
            (DOCTYPE)
            html lang=(T.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) " · " (site.name) }
                    style { (PreEscaped(&site.style)) }
                }
                body class=[class] {
                    header { a href="/" { (site.name) } @if let Some(aside) = &self.aside { (aside) } }
                    main { h1 { (self.title) } (self.main) }
                    @if let Some(script) = self.script { script { (PreEscaped(script)) } }
                }
            }
        };
        document.into_string()
    }

    /// The `Content-Security-Policy`: what is not named here is not loaded, not run, and leads nowhere.
    fn policy(&self, site: &Site) -> String {
        let script = self.script.map(|script| format!("; script-src {}", style::hash(script))).unwrap_or_default();
        let target = self.form_target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        format!(
            "default-src 'none'; style-src {}{script}; form-action 'self'{target}; frame-ancestors 'none'; base-uri 'none'",
            site.style_hash
        )
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let site = site::site();
        let mut response = (self.status, self.document(&site)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        // The hashes and the target have no character that a header cannot have.
        let policy = HeaderValue::from_str(&self.policy(&site));
        headers.extend(policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
        guard(headers);
        headers.extend(self.headers);
        response
    }
}

/// Adds what pages and redirects have alike: nobody on the way keeps them, frames them or learns where they lead from.
pub fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Sends the browser to another address, by `GET`.
pub fn redirect(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    guard(response.headers_mut());
    // Addresses that are registered, and those of the site, are ASCII.
    response.headers_mut().extend(HeaderValue::from_str(location).map(|location| (header::LOCATION, location)));
    response
}

/// A message above what it is about.
pub fn note(kind: &'static str, text: &str) -> Markup {
    let role = if kind == "bad" { "alert" } else { "status" };
    html! { div class={ "note " (kind) } role=(role) { p { (text) } } }
}

/// A field of a form, with its label, and below it what is wrong with it.
#[derive(Default)]
pub struct Field<'a> {
    /// Its name in the form.
    pub name: &'static str,
    /// What it is called on the page.
    pub label: &'static str,
    /// `type` of HTML.
    pub kind: &'static str,
    /// What a browser may fill in (HTML, "autofill").
    pub autocomplete: &'static str,
    /// What is in it.
    pub value: &'a str,
    /// What helps to fill it in.
    pub hint: Option<&'static str>,
    /// What is wrong with it.
    pub fault: Option<&'a str>,
    /// Whether it may stay empty.
    pub is_optional: bool,
    /// Where several forms are on a page, what tells their fields apart.
    pub form: &'static str,
}

impl maud::Render for Field<'_> {
    fn render(&self) -> Markup {
        let id = format!("{}{}", self.form, self.name);
        let (hint, fault) = (format!("{id}-hint"), format!("{id}-fault"));
        let described: Vec<_> = [self.hint.map(|_| &hint), self.fault.map(|_| &fault)].into_iter().flatten().collect();
        let described = described.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let described = Some(described).filter(|described| !described.is_empty());
        let is_text = self.kind != "password";
        let capitals = (self.kind == "email" || self.autocomplete == "username").then_some("none");
        html! {
            label for=(id) { (self.label) }
            @if let Some(text) = self.hint { span.hint id=(hint) { (text) } }
            input id=(id) name=(self.name) type=(self.kind) autocomplete=(self.autocomplete) value=[is_text.then_some(self.value)]
                autocapitalize=[capitals] aria-describedby=[described] aria-invalid=[self.fault.map(|_| "true")]
                required[!self.is_optional];
            @if let Some(text) = self.fault { span.fault id=(fault) { (text) } }
        }
    }
}

impl Field<'_> {
    /// A field that holds what the browser brings back as it is.
    pub fn hidden(name: &str, value: &str) -> Markup {
        html! { input type="hidden" name=(name) value=(value); }.render()
    }
}
