//! Which requests take long, as those before them did.
//!
//! A request that computes, whose query is long or whose answer is large, occupies its instance, and nobody knows before that it will. If
//! all instances of a component had such ones, whoever wants to read would wait until a password is hashed. So it is noted what requests looked like
//! that took long lately, and of those that look the same only so many are served at a time that instances are left for the others.

use http::{HeaderMap, Method, Request, Uri, header};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long one is expected to do as the last one did.
const MEMORY: Duration = Duration::from_secs(1);
/// How many looks are remembered.
const LOOKS: usize = 64;

/// What a request looks like, before anybody has read its body.
#[derive(Clone, Debug)]
pub(super) struct Look {
    method: Method,
    uri: Uri,
    /// About how long its options and its body are: one more for four times as long.
    sizes: [u32; 2],
    /// Whether it shows a credential: who is refused or not by that is not taken for those who come without one.
    is_authorized: bool,
}

/// How long a message says that its body is, in bytes.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Look {
    pub fn of<B>(request: &Request<B>) -> Self {
        let size = |length: Option<u64>| length.and_then(u64::checked_ilog2).map_or(0, |bits| 1 + bits / 2);
        let options = request.uri().query().map(|options| options.len() as u64);
        let sizes = [options, length(request.headers())].map(size);
        let is_authorized = request.headers().contains_key(header::AUTHORIZATION);
        Self { method: request.method().clone(), uri: request.uri().clone(), sizes, is_authorized }
    }
}

impl PartialEq for Look {
    fn eq(&self, other: &Self) -> bool {
        (self.sizes, self.is_authorized) == (other.sizes, other.is_authorized)
            && self.uri.path() == other.uri.path()
            && self.method == other.method
    }
}

/// The looks of those that took long lately, and the permits for their like.
pub(super) struct Costly {
    permits: Arc<Semaphore>,
    /// Whether there is something to look for.
    any: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

struct Seen {
    look: Look,
    last: Instant,
}

impl Costly {
    /// At most `count` of them are served at a time.
    pub fn new(count: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(count)), any: AtomicBool::new(false), seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request takes long.
    pub fn note(&self, look: &Look) {
        let (mut seen, now) = (self.seen(), Instant::now());
        seen.retain(|seen| now - seen.last < MEMORY);
        if let Some(known) = seen.iter_mut().find(|seen| seen.look == *look) {
            known.last = now;
        } else if seen.len() < LOOKS {
            seen.push(Seen { look: look.clone(), last: now });
        }
        self.any.store(true, Ordering::Relaxed);
    }

    /// Whether a request is expected to take long.
    pub fn expects(&self, look: &Look) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let (mut seen, now) = (self.seen(), Instant::now());
        seen.retain(|seen| now - seen.last < MEMORY);
        self.any.store(!seen.is_empty(), Ordering::Relaxed);
        seen.iter().any(|seen| seen.look == *look)
    }

    /// What a request needs one of that is expected to take long.
    pub fn permits(&self) -> &Arc<Semaphore> {
        &self.permits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(method: &str, path: &str, length: u64) -> Look {
        Look::of(&Request::builder().method(method).uri(path).header("content-length", length).body(()).unwrap())
    }

    #[test]
    fn who_looks_like_one_that_took_long_lately_is_expected_to_do_so_too() {
        let costly = Costly::new(1);
        let sign_up = look("POST", "/sign-up", 90);
        assert!(!costly.expects(&sign_up));
        costly.note(&sign_up);
        assert!(costly.expects(&sign_up) && costly.expects(&look("POST", "/sign-up", 80)));
        for other in [
            look("GET", "/sign-up", 90),
            look("POST", "/", 90),
            look("POST", "/sign-up", 9000),
            look("POST", "/sign-up?again", 90),
        ] {
            assert!(!costly.expects(&other), "{other:?}");
        }
        costly.seen().iter_mut().for_each(|seen| seen.last -= MEMORY);
        assert!(!costly.expects(&sign_up), "that was long ago");
        assert!(!costly.any.load(Ordering::Relaxed));
    }

    #[test]
    fn no_more_looks_are_remembered_than_there_is_room_for() {
        let costly = Costly::new(1);
        for number in 0..=LOOKS {
            costly.note(&look("GET", &format!("/{number}"), 0));
        }
        assert_eq!(costly.seen().len(), LOOKS);
    }
}
