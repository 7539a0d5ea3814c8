//! A component's standard output and error: lines in the host's log, in the form that [`crate::log`] says.

use crate::log::{self, Level};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// One of the two streams of a component.
#[derive(Clone)]
pub(crate) struct Output {
    pub component: Arc<str>,
    /// The level of lines that do not say their own.
    pub level: Level,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(Lines { output: self.clone(), line: Vec::new() })
    }
}

/// Gathers a line, then writes it at once, so that lines of different instances do not run into each other.
struct Lines {
    output: Output,
    line: Vec<u8>,
}

impl Lines {
    /// A line longer than this is written in pieces.
    const LONGEST: usize = 8 * 1024;

    fn flush_line(&mut self) {
        if !self.line.is_empty() {
            log::pass_on(self.output.level, &self.output.component, &String::from_utf8_lossy(&self.line));
            self.line.clear();
        }
    }
}

impl tokio::io::AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        for &byte in bytes {
            if byte == b'\n' || self.line.len() == Self::LONGEST {
                self.flush_line();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.flush_line();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush_line();
    }
}
