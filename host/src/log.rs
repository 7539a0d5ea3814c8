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
//! # What components write
//!
//! A component writes lines of the form `LEVEL COMPONENT REQUEST-ID MESSAGE` to its standard error, with its own name. The
//! host puts the time before them. To any other line it gives the rest of the form too, so that it shows where the line
//! is from: the level is `ERROR` on standard error, for there it is most likely what a panic says, and `INFO` on standard
//! output.

use std::fmt::Display;

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

/// Writes a line. `component` and `request_id` are `-` where there is none.
pub(crate) fn line(level: Level, component: &str, request_id: &str, message: impl Display) {
    let message = message.to_string().replace('\n', " ");
    write(&format!("{} {} {component} {request_id} {message}\n", now(), level.word()));
}

/// Passes on a line that a component wrote. `level` is that of a line that does not say its own.
pub(crate) fn pass_on(level: Level, component: &str, text: &str) {
    write(&format!("{} {}\n", now(), complete(level, component, text)));
}

/// Says something to the person who called the command. That is no line of the log: it begins with `accord: `.
pub(crate) fn say(message: impl Display) {
    write(&format!("accord: {message}\n"));
}

/// A component's line with all of the form but the time.
fn complete(level: Level, component: &str, text: &str) -> String {
    let mut words = text.split(' ');
    let level_of_its_own = words.next().is_some_and(|word| ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&word));
    let has_all = level_of_its_own && words.next() == Some(component) && words.next().is_some_and(|id| !id.is_empty());
    if has_all { text.to_owned() } else { format!("{} {component} - {text}", level.word()) }
}

/// The system's time, whatever a test has set for the components.
fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Writes a line at once, so that lines of different threads do not run into each other.
fn write(line: &str) {
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
            ("ERROR portal 5f0c the store is busy", "ERROR portal 5f0c the store is busy"),
            ("WARN portal - ", "WARN portal - "),
            ("DEBUG portal 5f0c", "DEBUG portal 5f0c"),
            ("ERROR portal", "ERROR portal - ERROR portal"),
            ("ERROR endpoint 5f0c not its name", "ERROR portal - ERROR endpoint 5f0c not its name"),
            ("thread '<unnamed>' panicked", "ERROR portal - thread '<unnamed>' panicked"),
            ("", "ERROR portal - "),
        ] {
            assert_eq!(complete(Level::Error, "portal", text), expected);
        }
    }
}
