//! The body of an answer on its way out.
//!
//! An instance stays until it has handed over all that it answered. A client that reads slowly must not keep it for as long, so an
//! answer of up to [`KEPT`] bytes is taken from the component at once, and the client reads it from here. All that is kept so
//! has [`ROOM`] bytes; where that is full, or the answer is larger, the component waits for the client.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, WasiBody};

/// Bytes of an answer that is kept.
const KEPT: usize = 1 << 20;

/// Bytes of all answers that are kept at a time.
const ROOM: usize = 128 << 20;

/// Room for answers.
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / KEPT)))
    }
}

impl Room {
    /// The same body, which no more needs the component if it is small and there is room for it.
    pub async fn keep(&self, mut body: WasiBody) -> WasiBody {
        let Ok(permit) = self.0.clone().try_acquire_owned() else { return body };
        let (mut frames, mut length) = (VecDeque::new(), 0);
        while length < KEPT {
            let Some(frame) = body.frame().await else {
                return Kept { frames, length, rest: None, _permit: Some(permit) }.boxed_unsync();
            };
            length += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
            let is_end = frame.is_err();
            frames.push_back(frame);
            if is_end {
                break;
            }
        }
        Kept { frames, length, rest: Some(body), _permit: None }.boxed_unsync()
    }
}

/// An answer of which some is here.
struct Kept {
    frames: VecDeque<Result<Frame<Bytes>, Error>>,
    /// Bytes of the frames that are here.
    length: usize,
    /// What the component still has.
    rest: Option<WasiBody>,
    /// Its part of the room, until the client has read it.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Body for Kept {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            self.length -= frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
            return Poll::Ready(Some(frame));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let here = self.length as u64;
        let mut hint = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + here);
        }
        hint.set_lower(hint.lower() + here);
        hint
    }
}
