//! The body of a request on its way in.
//!
//! Components are few and clients are many, so a client that sends slowly must not occupy a component while it does. A body
//! of up to [`SMALL`] bytes is here before its request takes a turn. A larger one is passed on as it comes, and only half of
//! a component's turns are for such. One of [`BULK`] bytes or more is here before its turn as well, as long as there is
//! [`ROOM`] for it, for such have few instances. Each has to arrive at a least rate, see [`Clients`].
//!
//! A component may answer before it has read the body, to refuse it. A client that is still sending would not read that
//! answer, and find its connection closed instead. So what the component leaves is read and thrown away, up to [`DRAINED`]
//! bytes.

use crate::config::Clients;
use crate::engine::instances::Kind;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, WasiBody};

/// Bytes of a body that is here before its request takes a turn. Whatever concerns one thing is smaller.
const SMALL: u64 = 64 << 10;

/// Bytes of a body that occupies an instance: some fifteen thousand entries.
const BULK: u64 = 1 << 20;

/// KiB of all such bodies that are here and have not been read by their components.
const ROOM: usize = 64 << 10;

/// Most bytes that are read of a body that the component does not want: more than any body that an API takes.
const DRAINED: u64 = 16 << 20;

/// Tells whether a body came too slowly.
#[derive(Clone, Default)]
pub(super) struct Late(Arc<AtomicBool>);

impl Late {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why there is no body.
pub(super) enum Missing {
    /// It came too slowly.
    Late,
    /// The client broke it off, or it was malformed.
    Broken,
}

/// Room for bodies that are here before their turn.
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

/// The body of a request as its component is to read it, and of which kind that makes the request. `late` tells about one that
/// may still be on its way.
pub(super) async fn gather(
    incoming: Incoming,
    headers: &HeaderMap,
    clients: &Clients,
    room: &Room,
    late: &Late,
) -> Result<(WasiBody, Kind), Missing> {
    if incoming.is_end_stream() {
        return Ok((incoming.map_err(Error::from).boxed_unsync(), Kind::Small));
    }
    let length = incoming.size_hint().lower();
    let mut arriving = Arriving {
        incoming: Some(incoming),
        head: None,
        patience: clients.timeout,
        rate: clients.rate.max(1),
        received: 0,
        waited: Duration::ZERO,
        waiting: None,
        late: late.clone(),
        is_expected: headers.contains_key(header::EXPECT),
    };
    let space = (BULK..=DRAINED).contains(&length).then(|| u32::try_from(length >> 10).unwrap_or(u32::MAX));
    let space = space.filter(|_| !arriving.is_expected).and_then(|kib| room.0.clone().try_acquire_many_owned(kib).ok());
    if length > SMALL && space.is_none() {
        return Ok((arriving.boxed_unsync(), Kind::Arriving));
    }
    let mut head = BytesMut::new();
    while let Some(frame) = arriving.frame().await {
        // What is no data is a trailer, which may be discarded (RFC 9110, section 6.5.1).
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => head.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) if late.is_set() => return Err(Missing::Late),
            Err(_) => return Err(Missing::Broken),
        }
        if head.len() as u64 > SMALL && space.is_none() {
            arriving.head = Some(head.freeze());
            return Ok((arriving.boxed_unsync(), Kind::Arriving));
        }
    }
    let kind = if space.is_some() { Kind::Bulk } else { Kind::Small };
    let whole = Full::new(head.freeze()).map_err(move |never| {
        // It keeps its space for as long as it is here.
        _ = &space;
        match never {}
    });
    Ok((whole.boxed_unsync(), kind))
}

/// A body that arrives, and how long that may take.
struct Arriving {
    /// `None` once it has come to its end, or is given up.
    incoming: Option<Incoming>,
    /// What has been read of it before.
    head: Option<Bytes>,
    patience: Duration,
    rate: u64,
    received: u64,
    /// How long it was waited for the client. What the component takes to read is not the client's fault.
    waited: Duration,
    /// Since when it is waited for the client, and until when at most.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    late: Late,
    /// Whether the client waits for a sign before it sends (`Expect: 100-continue`).
    is_expected: bool,
}

impl Arriving {
    fn received(&mut self, frame: &Frame<Bytes>) {
        if let Some((since, _)) = self.waiting.take() {
            self.waited += since.elapsed();
        }
        self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
    }

    /// Whether the client has let us wait for too long.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (_, deadline) = self.waiting.get_or_insert_with(|| {
            let allowed = self.patience + Duration::from_millis(self.received.saturating_mul(1000) / self.rate);
            (Instant::now(), Box::pin(tokio::time::sleep(allowed.saturating_sub(self.waited))))
        });
        deadline.as_mut().poll(context)
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.received(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                self.incoming = None;
                Poll::Ready(end.map(|frame| frame.map_err(Error::from)))
            }
            Poll::Pending => {
                ready!(self.poll_late(context));
                self.late.0.store(true, Ordering::Relaxed);
                // The connection closes with its answer: nobody knows what of the body is still to come.
                self.incoming = None;
                Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map(Incoming::size_hint).filter(|_| self.head.is_none()).unwrap_or_default()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take().filter(|incoming| !incoming.is_end_stream()) else { return };
        // Who waits for a sign gets the answer instead, and sends nothing.
        if self.is_expected && self.received == 0 {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut rest = Self {
            incoming: Some(incoming),
            head: None,
            patience: self.patience,
            rate: self.rate,
            received: 0,
            waited: Duration::ZERO,
            waiting: None,
            late: Late::default(),
            is_expected: true,
        };
        runtime.spawn(async move {
            while rest.received < DRAINED && matches!(rest.frame().await, Some(Ok(_))) {}
            // Here it ends: what is left would begin this anew.
            drop(rest.incoming.take());
        });
    }
}
