//! Which instance serves a request.
//!
//! An instance can take a request when it waits, for nothing or for what others do: it is parked then. One that computes does not notice
//! anything else, so it is given nothing. A request goes to an instance that serves nobody, else to the one that serves fewest; if none
//! is parked, to a new one; if there may be no more, it waits for the first that parks.

use crate::engine::costly::Look;
use crate::metrics::{ComponentMetrics, One};
use futures::channel::oneshot;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::handler::{Request, Response};

/// A request on its way to an instance.
pub(super) struct Job {
    number: u64,
    pub request: Request,
    pub look: Look,
    /// Whether it is served in the background, for it is expected to take long.
    pub stands_back: bool,
    pub turn: Turn,
    pub answer: oneshot::Sender<Result<Response, wasmtime::Error>>,
}

impl Job {
    pub fn new(
        request: Request,
        look: Look,
        stands_back: bool,
        turn: Turn,
        answer: oneshot::Sender<Result<Response, wasmtime::Error>>,
    ) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self { number: COUNT.fetch_add(1, Ordering::Relaxed), request, look, stands_back, turn, answer }
    }
}

/// A request's turn. It ends with the request and not with the client's patience.
#[derive(Default)]
pub(super) struct Turn(Vec<OwnedSemaphorePermit>);

impl Turn {
    /// Waits for a permit that the request needs as well.
    pub async fn needs(&mut self, permits: &Arc<Semaphore>) -> Result<(), AcquireError> {
        self.0.push(permits.clone().acquire_owned().await?);
        Ok(())
    }
}

/// Starts an instance, under the number of its place in the pool.
type Start = Box<dyn Fn(Arc<Pool>, u64) + Send + Sync>;

/// Instances of which any may serve a request.
pub(super) struct Pool {
    start: Start,
    metrics: ComponentMetrics,
    /// How many instances there may be.
    share: usize,
    state: Mutex<State>,
    closing: AtomicBool,
    /// Tells that an instance has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    seats: Vec<Seat>,
    waiting: VecDeque<Waiting>,
    numbers: u64,
}

/// What an instance and those who have something for it know of each other.
struct Seat {
    number: u64,
    /// What it has been given, and has not begun.
    job: Option<Job>,
    parked: Option<Parked>,
}

/// An instance that waits.
struct Parked {
    serving: usize,
    waker: Waker,
}

/// A request that found all instances busy.
struct Waiting {
    job: Job,
    _counted: One,
}

impl State {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn seat(&mut self, number: u64) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.number == number)
    }

    /// Of the instances that are parked the one that serves fewest, and of these the oldest: so those that are not needed stay idle, and
    /// end.
    fn best(&mut self) -> Option<(&mut Option<Job>, Waker)> {
        let parked = self.seats.iter_mut().filter(|seat| seat.parked.is_some());
        let best = parked.min_by_key(|seat| seat.parked.as_ref().map(|parked| parked.serving))?;
        Some((&mut best.job, best.parked.take()?.waker))
    }

    /// Who has waited longest. Whoever has gone away waits no more.
    fn next(&mut self) -> Option<Job> {
        while let Some(first) = self.waiting.pop_front() {
            if !first.job.answer.is_canceled() {
                return Some(first.job);
            }
        }
        None
    }
}

impl Pool {
    pub fn new(share: usize, metrics: ComponentMetrics, start: Start) -> Arc<Self> {
        Arc::new(Self {
            start,
            metrics,
            share,
            state: Mutex::default(),
            closing: AtomicBool::new(false),
            ended: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a request to an instance. If all are busy it waits. Returns its number.
    pub fn offer(self: &Arc<Self>, job: Job) -> u64 {
        let number = job.number;
        self.place(job, VecDeque::push_back);
        number
    }

    /// Gives a request to an instance, or puts it among those that wait.
    fn place(self: &Arc<Self>, job: Job, wait: fn(&mut VecDeque<Waiting>, Waiting)) {
        let mut state = self.state();
        if let Some((place, waker)) = state.best() {
            *place = Some(job);
            drop(state);
            waker.wake();
        } else if state.seats.len() < self.share {
            self.open(state, job);
        } else {
            let counted = One::of(&self.metrics.waiting);
            wait(&mut state.waiting, Waiting { job, _counted: counted });
        }
    }

    /// Takes a request back that waits. Whether it still did.
    pub fn withdraw(&self, number: u64) -> bool {
        let mut state = self.state();
        let before = state.waiting.len();
        state.waiting.retain(|waiting| waiting.job.number != number);
        state.waiting.len() < before
    }

    /// Makes an instance, whose first request is there.
    fn open(self: &Arc<Self>, mut state: MutexGuard<'_, State>, job: Job) {
        let number = state.number();
        state.seats.push(Seat { number, job: Some(job), parked: None });
        // A runtime that ends drops it at once, and that asks for the state.
        drop(state);
        (self.start)(self.clone(), number);
    }

    /// An instance waits. Returns whether there is a request for it, so that it does not.
    pub fn park(&self, number: u64, serving: usize, waker: &Waker) -> bool {
        let mut state = self.state();
        let next = state.next();
        let Some(seat) = state.seat(number) else { return false };
        seat.job = next;
        let has_job = seat.job.is_some();
        if !has_job {
            seat.parked = Some(Parked { serving, waker: waker.clone() });
        }
        has_job
    }

    /// An instance goes on. Nobody gives it anything until it parks again.
    pub fn leave(&self, number: u64) {
        if let Some(seat) = self.state().seat(number) {
            seat.parked = None;
        }
    }

    /// What an instance has been given.
    pub fn take(&self, number: u64) -> Option<Job> {
        self.state().seat(number)?.job.take()
    }

    /// An instance computes: what it has been given and has not begun, another is to do.
    pub fn give_back(self: &Arc<Self>, number: u64) {
        if let Some(job) = self.take(number) {
            self.place(job, VecDeque::push_front);
        }
    }

    /// An instance has ended, and its memory is free.
    pub fn remove(self: &Arc<Self>, number: u64) {
        let mut state = self.state();
        let Some(place) = state.seats.iter().position(|seat| seat.number == number) else { return };
        let left = state.seats.remove(place).job;
        match left.or_else(|| state.next()) {
            Some(job) => self.open(state, job),
            None => drop(state),
        }
        self.ended.notify_waiters();
    }

    /// Whether the instances are to end that serve nobody.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Ends the instances that serve no request, and waits until all have ended or `patience` is over.
    pub async fn close(&self, patience: Duration) {
        self.closing.store(true, Ordering::SeqCst);
        let parked: Vec<Waker> =
            self.state().seats.iter().filter_map(|seat| Some(seat.parked.as_ref()?.waker.clone())).collect();
        parked.into_iter().for_each(Waker::wake);
        let ended = async {
            loop {
                let ended = self.ended.notified();
                if self.state().seats.is_empty() {
                    return;
                }
                ended.await;
            }
        };
        _ = tokio::time::timeout(patience, ended).await;
    }
}
