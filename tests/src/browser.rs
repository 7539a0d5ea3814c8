//! A small browser: it keeps cookies, follows redirects within the site, and fills in forms. It runs no script.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use reqwest::{Method, RequestBuilder, redirect};

use crate::answer::Answer;
use crate::{Accord, answer};

/// A browser.
pub struct Browser<'a> {
    accord: &'a Accord,
    http: reqwest::Client,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// What a browser shows: a page of the site, or that it was sent elsewhere.
#[derive(Debug)]
pub struct Shown {
    /// The answer.
    pub answer: Answer,
    /// The path that it came from, with the query.
    pub path: String,
}

/// A form of a page.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Where it is posted to.
    pub action: String,
    /// What it brings back: hidden fields, and what is filled in already.
    pub fields: Vec<(String, String)>,
    /// Name, value and text of its buttons.
    pub buttons: Vec<(String, String, String)>,
}

impl Accord {
    /// A browser that knows nothing of the site yet.
    pub fn browser(&self) -> Browser<'_> {
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        Browser { accord: self, http, cookies: RefCell::default() }
    }
}

impl Browser<'_> {
    /// Opens a path.
    pub async fn open(&self, path: &str) -> Shown {
        self.follow(path.to_owned(), self.request(Method::GET, path)).await
    }

    /// Opens a path as if a page of another site led there.
    pub async fn open_from_elsewhere(&self, path: &str) -> Shown {
        let request = self.request(Method::GET, path).header("sec-fetch-site", "cross-site");
        self.follow(path.to_owned(), request).await
    }

    /// Sends the form of a page that is posted to `action`, with these fields filled in, or buttons pressed.
    pub async fn send(&self, page: &Shown, action: &str, filled: &[(&str, &str)]) -> Shown {
        self.post(&page.form(action).action, &page.form(action).with(filled)).await
    }

    /// Posts fields to a path, as a form of the site does.
    pub async fn post(&self, path: &str, fields: &[(String, String)]) -> Shown {
        let request = self.request(Method::POST, path).header("sec-fetch-site", "same-origin").form(fields);
        self.follow(path.to_owned(), request).await
    }

    /// A request with the cookies.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<_> = self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, self.accord.url(path));
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// Sets a cookie, as somebody would who has got into the browser.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Forgets every cookie.
    pub fn forget_cookies(&self) {
        self.cookies.borrow_mut().clear();
    }

    async fn follow(&self, mut path: String, mut request: RequestBuilder) -> Shown {
        for _ in 0..5 {
            let answer = answer(request).await;
            self.keep_cookies(&answer);
            match answer.header("location").filter(|_| answer.status == 303) {
                Some(location) if location.starts_with('/') => location.clone_into(&mut path),
                _ => return Shown { answer, path },
            }
            request = self.request(Method::GET, &path);
        }
        panic!("{path} leads in a circle");
    }

    fn keep_cookies(&self, answer: &Answer) {
        for (_, line) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = line.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            if line.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
    }

    /// Signs in at the page for it, and returns what is shown then.
    pub async fn sign_in(&self, name: &str, password: &str) -> Shown {
        let page = self.open("/sign-in").await;
        self.send(&page, "/sign-in", &[("name", name), ("password", password)]).await
    }

    /// Opens the link of a mail, as its script does: what stands behind the `#` is sent by a form.
    pub async fn open_link(&self, path: &str, token: &str) -> Shown {
        let page = self.open(path).await;
        self.send(&page, path, &[("token", token)]).await
    }
}

impl Shown {
    /// The title, without the name of the site.
    pub fn title(&self) -> &str {
        let title = between(&self.answer.body, "<title>", "</title>").unwrap_or_else(|| panic!("no page: {self}"));
        title.split(" · ").next().unwrap_or(title)
    }

    /// Where the browser is sent, if that is another site.
    pub fn sent_to(&self) -> Option<&str> {
        self.answer.header("location")
    }

    /// The form that is posted to `action`: of several the first, and the one of the main part before the header's.
    pub fn form(&self, action: &str) -> Form {
        let forms = self.forms();
        forms.into_iter().find(|form| form.action == action).unwrap_or_else(|| panic!("no form for {action}: {self}"))
    }

    /// Every form of the page.
    pub fn forms(&self) -> Vec<Form> {
        self.answer
            .body
            .split("<form ")
            .skip(1)
            .map(|rest| Form::read(rest.split("</form>").next().unwrap_or(rest)))
            .collect()
    }

    /// What is to be read on the page: the text of its main part.
    pub fn text(&self) -> String {
        let main = between(&self.answer.body, "<main>", "</main>").unwrap_or_default();
        let mut text = String::new();
        for part in main.split('<') {
            let shown = part.split_once('>').map_or(part, |(_, shown)| shown);
            if !shown.is_empty() {
                text.push_str(shown.trim());
                text.push('\n');
            }
        }
        unescape(&text)
    }
}

/// The answer, with a line for each tag, and without what has tests of its own or differs from run to run: the style sheet and
/// its hash, and the numbers of people.
impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = hidden(&self.answer.to_string(), "<style>", "</style>");
        let shown = hidden(&shown, "'sha256-", "'");
        f.write_str(&hidden(&shown, "person", "@example.com").replace("><", ">\n<"))
    }
}

/// The text without what stands between `before` and `after`, on a line or over several of a style sheet.
fn hidden(text: &str, before: &str, after: &str) -> String {
    let mut parts = text.split(before);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let kept = part.split_once(after).filter(|(inner, _)| before.starts_with('<') || !inner.contains([' ', '\n']));
        shown.push_str(before);
        match kept {
            Some((_, rest)) => shown.extend(["…", after, rest]),
            None => shown.push_str(part),
        }
    }
    shown
}

impl Form {
    /// Reads what follows `<form ` up to its end.
    fn read(text: &str) -> Self {
        let mut form = Self { action: attribute(text, "action").unwrap_or_default(), ..Self::default() };
        for input in text.split("<input ").skip(1) {
            let input = input.split('>').next().unwrap_or(input);
            form.fields
                .extend(attribute(input, "name").map(|name| (name, attribute(input, "value").unwrap_or_default())));
        }
        for button in text.split("<button ").skip(1) {
            let (tag, rest) = button.split_once('>').unwrap_or((button, ""));
            let value = |name| attribute(tag, name).unwrap_or_default();
            let label = rest.split('<').next().unwrap_or_default();
            form.buttons.push((value("name"), value("value"), unescape(label)));
        }
        form
    }

    /// The fields, with some of them filled in.
    pub fn with(&self, filled: &[(&str, &str)]) -> Vec<(String, String)> {
        let is_filled = |name: &str| filled.iter().any(|(other, _)| *other == name);
        let kept = self.fields.iter().filter(|(name, _)| !is_filled(name)).cloned();
        kept.chain(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let at = tag.find(&format!(" {name}=\"")).map(|at| at + name.len() + 3);
    let at = at.or_else(|| tag.starts_with(&format!("{name}=\"")).then_some(name.len() + 2))?;
    Some(unescape(tag[at..].split('"').next()?))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
