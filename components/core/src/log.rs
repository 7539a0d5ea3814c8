//! The log: one line per event, on standard error, where the host and Spin keep it.
//!
//! A line is `LEVEL component request-id message`. The request id is the one in the answer's `X-Request-Id` and in the
//! audit, `-` for what belongs to no request. A message tells what happened and to what; it has no secret and no line break
//! in it.

use std::cell::Cell;
use std::fmt;

thread_local! {
    static COMPONENT: Cell<&'static str> = const { Cell::new("accord") };
}

/// How grave an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Somebody has to look at it.
    Error,
    /// It went on, but not as it should.
    Warning,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "ERROR",
            Self::Warning => "WARN",
        })
    }
}

/// Says which component's lines these are, from now on.
pub fn name_component(name: &'static str) {
    COMPONENT.set(name);
}

/// Writes what somebody has to look at.
pub fn error(request_id: Option<&str>, message: fmt::Arguments<'_>) {
    write(Level::Error, request_id, message);
}

/// Writes what went on, but not as it should.
pub fn warning(request_id: Option<&str>, message: fmt::Arguments<'_>) {
    write(Level::Warning, request_id, message);
}

fn write(level: Level, request_id: Option<&str>, message: fmt::Arguments<'_>) {
    let line = format!("{level} {} {} {message}", COMPONENT.get(), request_id.unwrap_or("-"));
    eprintln!("{}", line.replace(['\n', '\r'], " "));
}
