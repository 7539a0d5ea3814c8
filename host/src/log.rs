//! The host's log: lines on standard error.
//!
//! # The form of a line
//!
//! `TIME LEVEL COMPONENT REQUEST-ID MESSAGE`, with one space between each and the next:
//!
//! - `TIME` is UTC by RFC 3339 with milliseconds.
//! - `LEVEL` is `ERROR`, `WARN` or `INFO`.
//! - `COMPONENT` is the component's name in the manifest, `-` where no component has to do with it.
//! - `REQUEST-ID` is the id of the request in the component's own terms, `-` where there is none or it is not known.
//! - `MESSAGE` is the rest of the line.
//!
//! # Requests
//!
//! Each request is a line of the level `INFO` once its answer begins, with the method, the path, the status and the time
//! that it took:
//!
//! ```text
//! 2026-08-21T06:42:43.123Z INFO portal 5f0c6a1e PATCH /api/integrations/v1/accounts 200 3.1ms
//! ```
//!
//! The request id is what the component put into the response's header `x-request-id`. Neither the query nor another
//! header is in the line: they may hold secrets.
//!
//! # As JSON
//!
//! With [`use_json`] every line is an object instead: `time`, `level`, `component_id`, `request_id` and `message`, without
//! those that are not known. The line of a request has the method, the path, the status and the addresses as fields too, by
//! the names that OpenTelemetry gives them and Spin uses, and `caller` as the audit has it. See `docs/operate.md`.
//!
//! # What components write
//!
//! A component writes lines of the form `LEVEL COMPONENT REQUEST-ID MESSAGE` to its standard error, with its own name. The
//! host puts the time before them. To any other line it gives the rest of the form too, so that it shows where the line
//! is from: the level is `ERROR` on standard error, for there it is most likely what a panic says, and `INFO` on standard
//! output.

use serde::Serialize;
use std::fmt::Display;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// How much a line matters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    /// Something failed that should not.
    Error,
    /// Something was refused or is out of the ordinary, and the host goes on as intended.
    Warn,
    /// What happens all the time.
    Info,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
        }
    }
}

/// A request that was answered.
#[derive(Serialize)]
pub(crate) struct Answered<'a> {
    #[serde(rename = "http.request.method")]
    pub method: &'a str,
    /// Without its query.
    #[serde(rename = "url.path")]
    pub path: &'a str,
    #[serde(rename = "http.response.status_code")]
    pub status: u16,
    /// Milliseconds.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// Who asked, as far as the component tells: the address that its limits count by.
    #[serde(rename = "client.address")]
    pub client: &'a str,
    /// Whose connection it came by: the caller's own, or a proxy's.
    #[serde(rename = "network.peer.address")]
    pub peer: &'a str,
    /// Who called, as the audit has it, if the component found out: `connector:7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<&'a str>,
    /// The id of the connector that called, or that asked for the token of the person who did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<&'a str>,
}

/// A line as JSON.
#[derive(Serialize)]
struct Record<'a> {
    time: &'a str,
    level: &'a str,
    #[serde(skip_serializing_if = "is_unknown")]
    component_id: &'a str,
    #[serde(skip_serializing_if = "is_unknown")]
    request_id: &'a str,
    message: &'a str,
    #[serde(flatten)]
    answered: Option<&'a Answered<'a>>,
}

/// Has every line from now on be JSON, a panic of the host's own too.
pub(crate) fn use_json() {
    JSON.store(true, Ordering::Relaxed);
    std::panic::set_hook(Box::new(|panic| line(Level::Error, "-", "-", panic)));
}

/// Whether lines are JSON.
pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Writes a line. `component` and `request_id` are `-` where there is none.
pub(crate) fn line(level: Level, component: &str, request_id: &str, message: impl Display) {
    let message = message.to_string().replace('\n', " ");
    record(level.word(), component, request_id, &message, None);
}

/// Writes the line of a request.
pub(crate) fn answered(component: &str, request_id: &str, answered: &Answered<'_>) {
    let Answered { method, path, status, took, .. } = answered;
    let message = format!("{method} {path} {status} {:.1}ms", took.as_secs_f64() * 1000.0);
    record(Level::Info.word(), component, request_id, &message, Some(answered));
}

/// Passes on a line that a component wrote. `level` is that of a line that does not say its own.
pub(crate) fn pass_on(level: Level, component: &str, text: &str) {
    let (level, request_id, message) = parts(level, component, text);
    record(level, component, request_id, message, None);
}

/// Says something to the person who called the command. That is no line of the log: it begins with `accord: `.
pub(crate) fn say(message: impl Display) {
    say_as(Level::Info, message);
}

/// As [`say`], why the command ends.
pub(crate) fn give_up(message: impl Display) {
    say_as(Level::Error, message);
}

fn say_as(level: Level, message: impl Display) {
    if is_json() { line(level, "-", "-", message) } else { write(&format!("accord: {message}\n")) }
}

fn record(level: &str, component: &str, request_id: &str, message: &str, answered: Option<&Answered<'_>>) {
    let time = now();
    if !is_json() {
        return write(&format!("{time} {level} {component} {request_id} {message}\n"));
    }
    let record = Record { time: &time, level, component_id: component, request_id, message, answered };
    // Texts and numbers become JSON, whatever they are.
    write(&(serde_json::to_string(&record).unwrap_or_default() + "\n"));
}

fn is_unknown(text: &&str) -> bool {
    *text == "-"
}

fn milliseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 10_000.0).round() / 10.0)
}

/// Level, request id and message of a component's line.
fn parts<'a>(level: Level, component: &str, text: &'a str) -> (&'a str, &'a str, &'a str) {
    let mut words = text.splitn(4, ' ');
    if let (Some(own), Some(name), Some(request_id)) = (words.next(), words.next(), words.next())
        && ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&own)
        && name == component
        && !request_id.is_empty()
    {
        return (own, request_id, words.next().unwrap_or_default());
    }
    (level.word(), "-", text)
}

/// The system's time, whatever a test has set for the components.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Writes a line at once, so that lines of different threads do not run into each other.
fn write(line: &str) {
    if is_json() {
        // Also from a panic's hook, which must not panic itself. If standard error is gone, there is nowhere to report that.
        _ = std::io::stderr().write_all(line.as_bytes());
        return;
    }
    // `eprint!` and no other way, because a test shows what it writes only if the test fails. It panics if standard error is
    // gone, and there is nowhere to report that.
    _ = std::panic::catch_unwind(|| eprint!("{line}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_components_line_is_completed_and_nothing_is_said_twice() {
        for (text, expected) in [
            ("ERROR portal 5f0c the store is busy", ("ERROR", "5f0c", "the store is busy")),
            ("WARN portal - ", ("WARN", "-", "")),
            ("DEBUG portal 5f0c", ("DEBUG", "5f0c", "")),
            ("ERROR portal", ("ERROR", "-", "ERROR portal")),
            ("ERROR endpoint 5f0c not its name", ("ERROR", "-", "ERROR endpoint 5f0c not its name")),
            ("thread '<unnamed>' panicked", ("ERROR", "-", "thread '<unnamed>' panicked")),
            ("", ("ERROR", "-", "")),
        ] {
            assert_eq!(parts(Level::Error, "portal", text), expected);
        }
    }
}
