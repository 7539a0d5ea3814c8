//! Connections: how many a client may have, and how long it may keep silent on one.

use crate::config::Clients;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Sleep;

/// Bytes after which it is certain which version of HTTP a client speaks: as many as the preface of HTTP/2 has (RFC 9113,
/// section 3.4). From there on hyper has a time limit of its own.
const PREFACE: usize = 24;

/// The answer to a connection beyond those that an address may have (RFC 6585, section 4).
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Where connections come in: so many at a time, until it is told to stop.
pub(super) struct Entrance {
    listener: TcpListener,
    room: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

impl Entrance {
    /// The entrance at `listener` for `most` connections, open until `stop` says so or its sender is gone.
    pub fn new(listener: TcpListener, most: usize, stop: watch::Receiver<bool>) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))), stop }
    }

    /// The next connection, with what it holds of the room; `None` when it is told to stop.
    pub async fn next(&mut self) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        loop {
            let room = self.room.clone();
            let accept = async {
                let held = room.acquire_owned().await.expect("the semaphore is never closed");
                (self.listener.accept().await, held)
            };
            let (accepted, held) = tokio::select! {
                accepted = accept => accepted,
                _ = self.stop.changed() => return None,
            };
            match accepted {
                Ok((stream, client)) => return Some((stream, client, held)),
                // Out of file descriptors, most likely. Some will be free again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// How many connections there are from each address.
#[derive(Default)]
pub(super) struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// One connection of those that its address may have. Dropping it makes room for another.
pub(super) struct Counted {
    addresses: Arc<Addresses>,
    client: IpAddr,
}

impl Addresses {
    /// Counts a connection; `None` if its address has `limit` already. 0 is no limit.
    pub fn count(self: &Arc<Self>, client: IpAddr, limit: usize) -> Option<Counted> {
        let client = network(client);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(client).or_default();
        if limit > 0 && *count >= limit {
            return None;
        }
        *count += 1;
        Some(Counted { addresses: self.clone(), client })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

/// What counts as one address: with IPv6 a whole network of 64 bits, for that is what one subscriber gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Tells a client that it has too many connections, and closes this one.
pub(super) async fn refuse(mut stream: TcpStream, patience: Duration) {
    let refused = async {
        stream.write_all(TOO_MANY).await?;
        stream.shutdown().await?;
        // A connection that is closed with bytes unread loses the answer on its way.
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the client has read it is the client's affair.
    _ = tokio::time::timeout(patience, refused).await;
}

/// A connection on which a client that keeps silent is given up: before its first request, and where it does not read what it
/// is sent.
pub(super) struct Timed {
    stream: TcpStream,
    patience: Duration,
    /// Bytes that the client is still to send in time.
    awaited: usize,
    reading: Option<Pin<Box<Sleep>>>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    pub fn new(stream: TcpStream, clients: &Clients) -> Self {
        Self {
            stream,
            patience: clients.timeout,
            awaited: PREFACE,
            reading: Some(Box::pin(tokio::time::sleep(clients.timeout))),
            writing: None,
        }
    }

    /// What a write gives, or an error if the client has read nothing for too long.
    fn timed<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let deadline = self.writing.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience)));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Timed {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Some(deadline) = &mut this.reading {
            if read.is_ready() {
                this.awaited = this.awaited.saturating_sub(buffer.filled().len() - before);
                if this.awaited == 0 {
                    this.reading = None;
                }
            } else if deadline.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Timed {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.timed(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.timed(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_others_have_theirs() {
        let addresses = Arc::<Addresses>::default();
        let count = |address: &str, limit| addresses.count(address.parse().unwrap(), limit);
        let held = (count("192.0.2.1", 2), count("::ffff:192.0.2.1", 2), count("192.0.2.2", 2));
        assert!(held.0.is_some() && held.1.is_some() && held.2.is_some());
        assert!(count("192.0.2.1", 2).is_none());
        assert!(count("192.0.2.1", 0).is_some(), "no limit");
        let one = count("2001:db8::1", 1);
        assert!(one.is_some() && count("2001:db8::ffff", 1).is_none(), "one network");
        assert!(count("2001:db8:0:1::1", 1).is_some());
        drop(held.0);
        assert!(count("192.0.2.1", 2).is_some());
        drop((held.1, held.2, one));
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
