//! Threads of a lower priority, for what takes long: guests that compute, such as one that hashes a password, and long queries.
//!
//! Who reads an account needs a processor for a tenth of a millisecond, and who hashes a password for fifty. If both had the
//! same claim to it, the reader would wait behind everybody who hashes, at each of the steps of its request. So whoever turns out to
//! take long goes on here: the system gives the processors to all others at once, and to these what is left. A guest that is
//! about to write leaves first, so nobody waits for a lock that is held by somebody who waits for a processor.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// How much these threads stand back: a tenth of the claim of the others, so that they go on too on a machine that has other things to
/// do.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// How long a thread keeps a processor at a time that others could have, in nanoseconds: the shortest that Linux grants. Its usual
/// 3 ms would be waited for at each step of a request.
#[cfg(target_os = "linux")]
const SLICE: u64 = 100_000;

/// Process-wide, as priorities are.
static THREADS: LazyLock<Runtime> = LazyLock::new(|| {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(processors).thread_name("accord-background").enable_all();
    threads.on_thread_start(|| {
        IS_BACKGROUND.set(true);
        stand_back();
    });
    threads.build().expect("the system has threads")
});

/// A runtime for all others.
pub(crate) fn foreground() -> io::Result<Runtime> {
    Builder::new_multi_thread().on_thread_start(be_prompt).enable_all().build()
}

/// Gives this thread the lower priority. On Linux it is the thread's own; elsewhere it is that of the whole process, and one that
/// stays is no harm but to others.
fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        _ = rustix::process::setpriority_process(None, NICE);
        be_prompt();
    }
}

/// Lets this thread go on at once when it has something to do, also where one that stands back has just begun: by the shortest slices.
/// Linux before 6.12 does not look at them.
pub(crate) fn be_prompt() {
    #[cfg(target_os = "linux")]
    {
        let Ok(nice) = rustix::process::getpriority_process(None) else { return };
        let attributes = libc::sched_attr {
            size: size_of::<libc::sched_attr>().try_into().unwrap_or_default(),
            sched_policy: libc::SCHED_OTHER.unsigned_abs(),
            sched_flags: 0,
            sched_nice: nice,
            sched_priority: 0,
            sched_runtime: SLICE,
            sched_deadline: 0,
            sched_period: 0,
        };
        #[expect(unsafe_code, reason = "no crate has a safe way to set the slice of a thread")]
        // SAFETY: the call reads as many bytes of its second argument as that says to have.
        unsafe {
            libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0)
        };
    }
}

/// Runs work that may block on a thread of a lower priority.
pub(crate) fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    THREADS.spawn_blocking(work)
}

thread_local! {
    /// Whether this is one of these threads.
    static IS_BACKGROUND: Cell<bool> = const { Cell::new(false) };
    /// Whether the guest that this thread runs gives way in the midst of computing.
    static COMPUTES: Cell<bool> = const { Cell::new(false) };
    /// Whether it stands back when it has waited.
    static STANDS_BACK: Cell<bool> = const { Cell::new(false) };
    /// Since when it runs it without a break.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether this is the background.
pub(crate) fn is_here() -> bool {
    IS_BACKGROUND.get()
}

/// Goes to the background first: for what is expected to take long.
pub(crate) async fn enter() {
    until(is_here, computes).await;
}

/// Goes home first, if this is the background: for what others will wait for.
pub(crate) async fn leave() {
    until(|| !is_here(), || stands_back(false)).await;
}

/// Ends each poll until this is where it is to go on, and tells why. One that is polled more than once meanwhile is none the further.
async fn until(arrived: fn() -> bool, tell: fn()) {
    poll_fn(|context| {
        if arrived() {
            return Poll::Ready(());
        }
        tell();
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Lets go of the processor for so long, and some 50 µs more that the system adds, if this is the background. To yield is not enough:
/// Linux divides processors among groups of processes first, such as services, and there what a thread stands back does not count. One
/// of another group was seen to wait for a tenth of a second beside a thread that never sleeps.
pub(crate) fn breathe(duration: Duration) {
    if is_here() {
        thread::sleep(duration);
    }
}

/// How long the guest that this thread runs has run without a break.
pub(crate) fn runs_for() -> Duration {
    SINCE.get().map_or(Duration::MAX, |since| since.elapsed())
}

/// Tells that a guest which gives way has more to compute.
pub(crate) fn computes() {
    COMPUTES.set(true);
}

/// Tells whether a guest that waits goes on in the background when it has.
pub(crate) fn stands_back(then: bool) {
    STANDS_BACK.set(then);
}

/// Tells that a guest which gives way goes on where it is.
pub(crate) fn stays() {
    COMPUTES.set(is_here());
}

/// What runs a guest.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How far work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It has ended.
    Done,
    /// It waits for something.
    Waits,
    /// Its guest computes.
    Computes,
}

/// Polls work once.
pub(crate) fn poll(work: &mut Work, context: &mut Context<'_>) -> Progress {
    COMPUTES.set(false);
    STANDS_BACK.set(false);
    SINCE.set(Some(Instant::now()));
    match work.as_mut().poll(context) {
        Poll::Ready(()) => Progress::Done,
        Poll::Pending if COMPUTES.get() => Progress::Computes,
        Poll::Pending => Progress::Waits,
    }
}

/// How much work is in the background.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is work in the background.
pub(crate) fn is_busy() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

/// Work that goes on in the background for as long as its guest computes.
pub(crate) struct Computing(JoinHandle<Option<Work>>);

impl Computing {
    pub fn go_on(work: Work) -> Self {
        COUNT.fetch_add(1, Ordering::Relaxed);
        Self(THREADS.spawn(Stay { work: Some(work), home: Handle::current() }))
    }

    /// The work, when it does not compute any more; none if it has ended.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Work>> {
        Poll::Ready(match ready!(Pin::new(&mut self.0).poll(context)) {
            Ok(work) => work,
            // It panicked, or the process ends.
            Err(error) => error.try_into_panic().map_or(None, |panic| resume_unwind(panic)),
        })
    }
}

/// Work while it is in the background.
struct Stay {
    work: Option<Work>,
    /// Where its timers and tasks belong.
    home: Handle,
}

impl Drop for Stay {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Future for Stay {
    type Output = Option<Work>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Work>> {
        let Self { work: Some(work), home } = &mut *self else { return Poll::Ready(None) };
        let progress = {
            let _home = home.enter();
            poll(work, context)
        };
        match progress {
            Progress::Computes => Poll::Pending,
            Progress::Waits if STANDS_BACK.get() => Poll::Pending,
            Progress::Waits => Poll::Ready(self.work.take()),
            Progress::Done => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Does work to its end, at each step where it belongs.
    async fn run(work: impl Future<Output = ()> + Send + 'static) {
        let mut work: Work = Box::pin(work);
        loop {
            let progress = poll_fn(|context| match poll(&mut work, context) {
                Progress::Waits => Poll::Pending,
                progress => Poll::Ready(progress),
            });
            if progress.await == Progress::Done {
                return;
            }
            let mut computing = Computing::go_on(work);
            let Some(left) = poll_fn(|context| computing.poll(context)).await else { return };
            work = left;
        }
    }

    /// Gives way so many times, and tells something of it.
    async fn give_way(mut times: usize, tell: fn()) {
        poll_fn(|context| {
            if times == 0 {
                return Poll::Ready(());
            }
            times -= 1;
            tell();
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[tokio::test]
    async fn who_computes_goes_on_in_the_background_and_comes_back() {
        let seen = Arc::new(Mutex::new(vec![is_here()]));
        let noted = seen.clone();
        let note = move || noted.lock().unwrap().push(is_here());
        run(async move {
            give_way(1, computes).await;
            note();
            give_way(2, computes).await;
            note();
            leave().await;
            note();
            // A timer of the runtime that it came from.
            tokio::time::sleep(Duration::from_millis(1)).await;
            note();
        })
        .await;
        assert_eq!(*seen.lock().unwrap(), [false, true, true, false, false]);
    }

    #[tokio::test]
    async fn who_is_expected_to_take_long_begins_in_the_background_and_stays_where_it_is() {
        let seen = Arc::new(Mutex::new(vec![is_here()]));
        let noted = seen.clone();
        let note = move || noted.lock().unwrap().push(is_here());
        run(async move {
            give_way(1, stays).await;
            note();
            enter().await;
            note();
            give_way(2, stays).await;
            note();
            leave().await;
            note();
        })
        .await;
        assert_eq!(*seen.lock().unwrap(), [false, false, true, true, false]);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn these_threads_stand_back() {
        let nice = spawn_blocking(|| rustix::process::getpriority_process(None).unwrap()).await.unwrap();
        assert_eq!(nice, rustix::process::getpriority_process(None).unwrap().max(NICE));
    }
}
