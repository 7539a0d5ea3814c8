//! Answers, and what snapshots show of them.

use std::fmt;
use std::sync::LazyLock;

use insta::Settings;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// What is of the transport and not of the API. Neither shown nor compared.
const TRANSPORT: [&str; 4] = ["connection", "content-length", "date", "transfer-encoding"];

/// What names the request. Not compared.
const REQUEST: [&str; 2] = ["requestkey", "x-request-id"];

/// What differs from run to run, and what snapshots call it.
const VOLATILE: [(&str, &str); 6] = [
    (r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", "[token]"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
    // Not by `\b`: a secret may begin or end with a hyphen.
    (r"(^|[^A-Za-z0-9_-])[A-Za-z0-9_-]{43}($|[^A-Za-z0-9_-])", "${1}[256 bits]${2}"),
    (r"\b[0-9a-f]{14}\.\d{8}\b", "[account key]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[UTC time]"),
];

/// An answer, read whole. Its text is the whole of it, but for what is of the transport.
///
/// Two answers are equal if they differ in nothing but what names the request.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Name and value of each header, in order of the names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A member of the body that has to be text.
    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {self}")).to_owned()
    }

    /// A member of the body that has to be an integer: an id, mostly.
    pub fn number(&self, name: &str) -> i64 {
        self.json()[name].as_i64().unwrap_or_else(|| panic!("{name}: {self}"))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    fn compared(&self) -> (u16, Vec<&(String, String)>, &str) {
        let names = |name: &str| TRANSPORT.contains(&name) || REQUEST.contains(&name);
        (self.status, self.headers.iter().filter(|(name, _)| !names(name)).collect(), &self.body)
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.compared() == other.compared()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in self.headers.iter().filter(|(name, _)| !TRANSPORT.contains(&name.as_str())) {
            writeln!(f, "{name}: {value}")?;
        }
        match serde_json::from_str::<Value>(&self.body) {
            Ok(json) => writeln!(f, "\n{json:#}"),
            Err(_) if self.body.is_empty() => Ok(()),
            Err(_) => writeln!(f, "\n{}", self.body),
        }
    }
}

/// Sends a request and reads its answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    read(request.send().await.expect("the server answers")).await
}

/// Reads an answer.
pub async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut headers: Vec<_> = response.headers().iter().map(header).collect();
    headers.sort();
    Answer { status, headers, body: response.text().await.expect("the body is text") }
}

/// How snapshots are taken: beside their test by their name alone, and with names for what differs from run to run.
pub(crate) fn snapshots() -> &'static Settings {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
        let mut settings = Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        for (pattern, name) in VOLATILE {
            settings.add_filter(pattern, name);
        }
        settings
    });
    &SETTINGS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_whatever_it_begins_and_ends_with() {
        let _snapshots = snapshots().bind_to_scope();
        let secrets = ["a", "-", "_"].map(|end| format!("{end}{}{end}", "s".repeat(41)));
        insta::assert_snapshot!(format!("{secrets:?} #token={}", secrets[1]), @r##"["[256 bits]", "[256 bits]", "[256 bits]"] #token=[256 bits]"##);
    }
}
