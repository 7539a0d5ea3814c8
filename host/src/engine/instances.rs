//! The instances of one component: made when needed, used for many requests, some of them at the same time.
//!
//! An instance serves up to [`Limits::max_requests_per_instance`] requests, up to
//! [`Limits::max_concurrent_per_instance`] at a time: a further one joins while all that the instance serves wait for
//! something. A trap ends the instance and the requests that it was serving, no others.
//!
//! Memory for instances is a fixed pool, and to ask more of it than it has is an error, not a queue. So every component
//! has its own share of the pool: no other component, busy or idle, can take it. Requests that find all instances of
//! their component busy come back to [`Instances::handle`], which lets them try again as soon as one can take another.
//!
//! An instance is one thread. Who shares it with a body of a hundred thousand entries waits while that is read and planned,
//! and holds up all who write if it has the write lock. So such bodies have instances of their own, one for each but one of
//! the processors, which serve one of them at a time. What memory they take goes back soon after, and no other instance has it.

use crate::config::Limits;
use crate::engine::Slices;
use crate::log::{self, Level};
use crate::metrics::{ComponentMetrics, One};
use crate::spin::guest::{Grants, Guest};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::handler::{
    ExpirationError, HandlerState, Instance, InstantiationError, Proxy, ProxyHandler, Request, Response, ShouldAccept,
    WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A request that found all instances busy tries again at least this often.
const RETRY: Duration = Duration::from_millis(20);

/// Why a request has no response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The component did not answer in time.
    Timeout,
    /// No instance could take the request in time.
    Overloaded,
    /// The instance trapped, or could not be made.
    Failed(wasmtime::Error),
}

/// Of how many instances of a component one at least is for nothing but bodies that take long.
const SPARED: usize = 4;

/// What kind of request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its body is here, and small.
    Small,
    /// Its body may still be on its way.
    Arriving,
    /// Its body is here, and so large that it occupies an instance.
    Bulk,
}

/// The instances of one component.
pub(crate) struct Instances {
    all: Pool,
    /// Those for [`Kind::Bulk`], unless there are too few instances.
    bulk: Option<Pool>,
    /// As many of these permits as half of the turns: what a request needs as well whose body may still be on its way, so
    /// that those that send slowly leave turns to the others.
    large: Arc<Semaphore>,
}

/// Instances of which any may serve a request.
struct Pool {
    handler: ProxyHandler<Maker>,
    /// One permit for each request that the instances can serve at a time. The others wait for one in order.
    turns: Arc<Semaphore>,
}

/// A request's turn. It ends with the request and not with the client's patience.
struct Turn {
    _permit: OwnedSemaphorePermit,
    _large: Option<OwnedSemaphorePermit>,
}

impl Pool {
    fn new(
        service: ServicePre<Guest>,
        grants: Arc<Grants>,
        limits: Limits,
        share: usize,
        slices: Arc<Slices>,
        metrics: ComponentMetrics,
    ) -> Self {
        let turns = share.saturating_mul(limits.max_concurrent_per_instance).min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Room {
            slots: Arc::new(Semaphore::new(share)),
            share,
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
            closing: AtomicBool::new(false),
            close: Arc::new(Notify::new()),
            metrics,
        });
        let handler = ProxyHandler::new(Maker { service, grants, limits, slices, room });
        Self { handler, turns: Arc::new(Semaphore::new(turns)) }
    }
}

impl Instances {
    /// `share` is the number of instances that there may be at a time.
    pub fn new(
        service: ServicePre<Guest>,
        grants: Arc<Grants>,
        limits: Limits,
        share: usize,
        slices: Arc<Slices>,
        metrics: ComponentMetrics,
    ) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let spared = (processors - 1).max(1).min(share / SPARED);
        let bulk = (spared > 0).then(|| {
            let limits = Limits { max_concurrent_per_instance: 1, ..limits.clone() };
            Pool::new(service.clone(), grants.clone(), limits, spared, slices.clone(), metrics.clone())
        });
        let all = Pool::new(service, grants, limits, share - spared, slices, metrics);
        let large = Arc::new(Semaphore::new((all.turns.available_permits() / 2).max(1)));
        Self { all, bulk, large }
    }

    /// The component's response to `request`.
    pub async fn handle(&self, mut request: Request, kind: Kind) -> Result<Response, Failure> {
        let pool = match &self.bulk {
            Some(bulk) if kind == Kind::Bulk => bulk,
            _ => &self.all,
        };
        let Maker { limits, room, .. } = pool.handler.state();
        let started = Instant::now();
        let turn = async {
            let is_large = kind == Kind::Arriving;
            let large = if is_large { Some(self.large.clone().acquire_owned().await?) } else { None };
            Ok::<_, AcquireError>(Turn { _permit: pool.turns.clone().acquire_owned().await?, _large: large })
        };
        let overloaded = || {
            room.metrics.overloaded.inc();
            Failure::Overloaded
        };
        let waiting = One::of(&room.metrics.waiting);
        // The semaphores are never closed.
        let turn = tokio::time::timeout(limits.request_timeout, turn).await;
        drop(waiting);
        let mut turn = turn.ok().and_then(Result::ok).ok_or_else(overloaded)?;
        loop {
            let error = match pool.handler.handle(turn, request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            // An instance that is ended because its time is over does not say so to each of its requests.
            let late = started.elapsed() >= limits.request_timeout;
            match error.downcast::<InstantiationError<Turn>>() {
                Err(error) if late || error.is::<ExpirationError>() => return Err(Failure::Timeout),
                Err(error) => return Err(Failure::Failed(error)),
                Ok(InstantiationError { error, .. }) if !is_full(&error) => {
                    return Err(Failure::Failed(wasmtime::format_err!("{error:#}")));
                }
                Ok(_) if late => return Err(overloaded()),
                Ok(returned) => {
                    turn = returned.request_data;
                    request = returned.request.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
                }
            }
            let _waiting = One::of(&room.metrics.waiting);
            room.waiting.fetch_add(1, Ordering::Relaxed);
            _ = tokio::time::timeout(RETRY, room.freed.notified()).await;
            room.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Ends the instances that serve no request, and waits until all have ended or `patience` is over.
    pub async fn close(&self, patience: Duration) {
        let close = async |pool: &Pool| {
            let room = &pool.handler.state().room;
            room.closing.store(true, Ordering::SeqCst);
            room.close.notify_waiters();
            let all = u32::try_from(room.share).unwrap_or(u32::MAX);
            _ = tokio::time::timeout(patience, room.slots.acquire_many(all)).await;
        };
        futures::future::join_all([Some(&self.all), self.bulk.as_ref()].into_iter().flatten().map(close)).await;
    }
}

fn is_full(error: &wasmtime::Error) -> bool {
    error.is::<Full>() || error.is::<wasmtime::PoolConcurrencyLimitError>()
}

/// All the instances that a component may have exist.
#[derive(Debug)]
struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("all instances are busy")
    }
}

impl std::error::Error for Full {}

/// What the instances of a component know of each other.
struct Room {
    /// One permit for each instance that there may be.
    slots: Arc<Semaphore>,
    share: usize,
    /// Requests that found all instances busy, and wait.
    waiting: AtomicUsize,
    /// Tells one of them that an instance may have room.
    freed: Notify,
    closing: AtomicBool,
    close: Arc<Notify>,
    metrics: ComponentMetrics,
}

/// Makes instances.
struct Maker {
    service: ServicePre<Guest>,
    grants: Arc<Grants>,
    limits: Limits,
    slices: Arc<Slices>,
    room: Arc<Room>,
}

impl HandlerState for Maker {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Worker>> {
        let slot = self.room.slots.clone().try_acquire_owned().map_err(|_| wasmtime::Error::new(Full))?;
        let mut store = Store::new(self.service.engine(), Guest::new(self.grants.clone()));
        store.epoch_deadline_callback(give_way(self.slices.clone()));
        store.set_epoch_deadline(1);
        let proxy = Proxy::P3(self.service.instantiate_async(&mut store).await?);
        let state = Worker {
            component: self.grants.component.clone(),
            limits: self.limits.clone(),
            room: self.room.clone(),
            slot: Some(slot),
            _counted: One::of(&self.room.metrics.instances),
        };
        self.room.metrics.made.inc();
        Ok(Instance { store, proxy, view: Guest::http, expiration: Expiration::new(self), state })
    }
}

/// What a guest does at a tick: it lets others go first. If it has been called by nobody and has called nobody since the tick before,
/// it computes, and waits for a slice.
fn give_way(
    slices: Arc<Slices>,
) -> impl FnMut(StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> + Send + Sync + 'static {
    let mut seen = 0;
    move |store| {
        let calls = std::mem::replace(&mut seen, store.data().calls);
        // Nobody who writes waits for those who hash.
        if calls != seen || store.data().has_turn() {
            return Ok(UpdateDeadline::Yield(1));
        }
        let slices = slices.clone();
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(async move { slices.next().await })))
    }
}

/// One instance's rules for taking requests.
struct Worker {
    component: Arc<str>,
    limits: Limits,
    room: Arc<Room>,
    slot: Option<OwnedSemaphorePermit>,
    _counted: One,
}

impl WorkerState for Worker {
    type StoreData = Guest;
    type RequestData = Turn;

    fn should_accept_request(&self, concurrent_count: usize, total_count: usize) -> ShouldAccept {
        if total_count >= self.limits.max_requests_per_instance || self.room.closing.load(Ordering::Relaxed) {
            return ShouldAccept::Never;
        }
        if concurrent_count >= self.limits.max_concurrent_per_instance {
            return ShouldAccept::No;
        }
        if self.room.waiting.load(Ordering::Relaxed) > 0 {
            self.room.freed.notify_one();
        }
        ShouldAccept::Yes
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Guest>,
        turn: Turn,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        store.data_mut().calls += 1;
        let timeout = tokio::time::sleep(self.limits.request_timeout);
        Box::pin(async move {
            let _turn = turn;
            timeout.await;
        })
    }

    fn drop(&self, store: Store<Guest>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result {
            let message = format_args!("an instance was ended: {}", error.root_cause());
            log::line(Level::Error, &self.component, "-", message);
        }
        drop(store);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // By now the instance's memory is back in the pool.
        self.slot = None;
        self.room.freed.notify_one();
    }
}

/// When an instance has to end.
struct Expiration {
    limits: Limits,
    room: Arc<Room>,
    /// Wakes the worker from time to time to look at its watch. Setting a timer anew for each request would cost more.
    tick: Pin<Box<Sleep>>,
    close: Pin<Box<OwnedNotified>>,
}

impl Expiration {
    fn new(maker: &Maker) -> Self {
        let tick = Box::pin(tokio::time::sleep(Self::interval(&maker.limits)));
        let close = Box::pin(maker.room.close.clone().notified_owned());
        Self { limits: maker.limits.clone(), room: maker.room.clone(), tick, close }
    }

    fn interval(limits: &Limits) -> Duration {
        let shortest = limits.idle_timeout.min(limits.request_timeout) / 4;
        shortest.clamp(Duration::from_millis(5), Duration::from_secs(1))
    }
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        while self.tick.as_mut().poll(context).is_ready() {
            let next = tokio::time::Instant::now() + Self::interval(&self.limits);
            self.tick.as_mut().reset(next);
        }
        let expired = match status {
            WorkerStatus::Idle => {
                // In this order: whoever closes sets the flag before the notice.
                self.close.as_mut().poll(context).is_ready()
                    || self.room.closing.load(Ordering::SeqCst)
                    || start.elapsed() >= self.limits.idle_timeout
            }
            WorkerStatus::Requests | WorkerStatus::PostReturn => start.elapsed() >= self.limits.request_timeout,
        };
        if expired { Poll::Ready(()) } else { Poll::Pending }
    }
}
