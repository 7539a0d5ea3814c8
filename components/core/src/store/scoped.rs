//! What belongs to the request that runs now. An instance has one thread, and the requests that it serves at the same time are polled
//! in turn: each is given what is its own while it is polled.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::thread::LocalKey;

/// Where the request that runs now has what is its own.
pub(super) type Scoped<T> = RefCell<Option<Arc<T>>>;

/// Runs a request, which has `own` at `place`.
pub(super) async fn with<T: 'static, F: Future>(
    place: &'static LocalKey<Scoped<T>>,
    own: Arc<T>,
    request: F,
) -> F::Output {
    let mut request = pin!(request);
    poll_fn(|context| {
        let outer = place.replace(Some(Arc::clone(&own)));
        let polled = request.as_mut().poll(context);
        place.set(outer);
        polled
    })
    .await
}
