//! One instance: how it is made, serves requests, some of them at the same time, and ends.
//!
//! An instance serves up to [`Limits::max_requests_per_instance`] requests, up to
//! [`Limits::max_concurrent_per_instance`] at a time: a further one joins while all that the instance serves wait for
//! something. A trap ends the instance and the requests that it was serving, no others.

use crate::background::{self, Computing, Progress, Work};
use crate::config::Limits;
use crate::engine::costly::{Costly, Look};
use crate::engine::pool::{Job, Pool};
use crate::log::{self, Level};
use crate::metrics::{ComponentMetrics, One};
use crate::spin::guest::{Grants, Guest};
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use wasmtime::component::{Accessor, GuestTaskId};
use wasmtime::{AsContextMut as _, Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::handler::{Prepared, Proxy};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// An instance for which there was no memory yet is tried again after this time.
const RETRY: Duration = Duration::from_millis(20);
/// So long a guest may run before it lets others go first.
const SHORT: Duration = Duration::from_millis(2);
/// So long in the background, where what it has in the processor's caches is worth more than who waits.
const LONG: Duration = Duration::from_millis(4);
/// How long a guest in the background sleeps at a tick: a fifth of its time goes to others.
const BREATH: Duration = Duration::from_micros(200);
/// A request takes long if it was called by nobody and has called nobody so many times one after the other.
const TIMES: u32 = 2;

/// Makes instances.
#[derive(Clone)]
pub(super) struct Maker {
    pub service: ServicePre<Guest>,
    pub grants: Arc<Grants>,
    pub limits: Limits,
    pub costly: Arc<Costly>,
    pub metrics: ComponentMetrics,
}

impl Maker {
    async fn make(&self, served: &Arc<Served>) -> wasmtime::Result<(Store<Guest>, Proxy)> {
        let started = Instant::now();
        loop {
            let mut guest = Guest::new(self.grants.clone());
            let (costly, told) = (self.costly.clone(), served.clone());
            guest.takes_long = Some(Box::new(move |task| told.note(&costly, task)));
            let mut store = Store::new(self.service.engine(), guest);
            store.epoch_deadline_callback(give_way(self.costly.clone(), served.clone()));
            store.set_epoch_deadline(1);
            match self.service.instantiate_async(&mut store).await {
                Ok(service) => return Ok((store, Proxy::P3(service))),
                // The memory of one that has ended is not back in the pool yet.
                Err(error)
                    if error.is::<wasmtime::PoolConcurrencyLimitError>()
                        && started.elapsed() < self.limits.request_timeout => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// The requests that an instance serves.
#[derive(Default)]
struct Served {
    all: Mutex<Vec<(GuestTaskId, Look)>>,
    /// How many of them are served in the background, unless the instance writes.
    standing_back: AtomicUsize,
}

impl Served {
    fn all(&self) -> MutexGuard<'_, Vec<(GuestTaskId, Look)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begins(&self, task: GuestTaskId, look: Look, stands_back: bool) {
        self.all().push((task, look));
        self.standing_back.fetch_add(stands_back.into(), Ordering::Relaxed);
    }

    fn ends(&self, task: GuestTaskId, stands_back: bool) {
        self.all().retain(|(served, _)| *served != task);
        self.standing_back.fetch_sub(stands_back.into(), Ordering::Relaxed);
    }

    /// Whether one of them is.
    fn stands_back(&self) -> bool {
        self.standing_back.load(Ordering::Relaxed) > 0
    }

    /// One of them takes long. If nobody knows which, it is told of one that is alone.
    fn note(&self, costly: &Costly, task: Option<GuestTaskId>) {
        let all = self.all();
        let found = match (task, &**all) {
            (None, [only]) => Some(only),
            (task, all) => all.iter().find(|(served, _)| Some(*served) == task),
        };
        if let Some((_, look)) = found {
            costly.note(look);
        }
    }
}

/// What a guest does at a tick: if it has run for some time, it lets others go first. If it has been called by nobody and has called
/// nobody since it did so before, it computes, and goes on in the background. So it does at once with a request that is expected to
/// take long.
fn give_way(
    costly: Arc<Costly>,
    served: Arc<Served>,
) -> impl FnMut(StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> + Send + Sync + 'static {
    let (mut seen, mut times) = (0, 0);
    move |mut store| {
        let (writes, is_away) = (store.data().writes(), background::is_here());
        // Nobody who writes waits for those who hash.
        if is_away && writes {
            background::stands_back(false);
            return Ok(UpdateDeadline::Yield(1));
        }
        if !is_away && !writes && served.stands_back() {
            background::computes();
            return Ok(UpdateDeadline::Yield(1));
        }
        if background::runs_for() < if is_away { LONG } else { SHORT } {
            background::breathe(BREATH);
            return Ok(UpdateDeadline::Continue(1));
        }
        let calls = std::mem::replace(&mut seen, store.data().calls);
        if calls != seen || writes {
            times = 0;
            background::stays();
            return Ok(UpdateDeadline::Yield(1));
        }
        times += 1;
        if times >= TIMES
            && let Some(task) = store.async_call_stack().ok().and_then(Iterator::last)
        {
            served.note(&costly, Some(task));
        }
        background::computes();
        Ok(UpdateDeadline::Yield(1))
    }
}

/// Serves requests with a new instance until that has to end.
pub(super) fn live(maker: Arc<Maker>, pool: Arc<Pool>, number: u64) -> Life {
    let watch = Arc::new(Watch(Mutex::new(Hours::new())));
    let work = Box::pin(serve(maker, Seated { pool: pool.clone(), number }, watch.clone()));
    Life { pool, number, watch, state: State::Here(work) }
}

/// The life of an instance: where it runs, and whether it has room for a request.
pub(super) struct Life {
    pool: Arc<Pool>,
    number: u64,
    watch: Arc<Watch>,
    state: State,
}

enum State {
    Here(Work),
    Background(Computing),
    Over,
}

impl Future for Life {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let life = &mut *self;
        loop {
            match &mut life.state {
                State::Here(work) => {
                    if life.watch.goes_on() {
                        life.pool.leave(life.number);
                    }
                    let progress = background::poll(work, context);
                    if progress == Progress::Waits {
                        if !life.parks(context) {
                            return Poll::Pending;
                        }
                        continue;
                    }
                    if let State::Here(work) = std::mem::replace(&mut life.state, State::Over)
                        && progress == Progress::Computes
                    {
                        life.hand_on();
                        life.state = State::Background(Computing::go_on(work));
                    }
                }
                State::Background(computing) => match computing.poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(work) => life.state = work.map_or(State::Over, State::Here),
                },
                State::Over => return Poll::Ready(()),
            }
        }
    }
}

impl Life {
    /// Offers itself for a request, if it can take one. Whether it has been given one at once.
    fn parks(&self, context: &Context<'_>) -> bool {
        let Some(serving) = self.watch.room() else {
            self.hand_on();
            return false;
        };
        let has_job = self.pool.park(self.number, serving, context.waker());
        self.watch.hours().is_parked = !has_job;
        has_job
    }

    /// Gives back a request that it does not come to.
    fn hand_on(&self) {
        if self.watch.hours().is_made {
            self.pool.give_back(self.number);
        }
    }
}

/// An instance's place in its pool, until all of it is gone.
struct Seated {
    pool: Arc<Pool>,
    number: u64,
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.pool.remove(self.number);
    }
}

/// What an instance does, as those see it who decide what it does next.
struct Watch(Mutex<Hours>);

struct Hours {
    is_made: bool,
    is_parked: bool,
    /// Whether it has looked for requests when it was last polled, and can take one.
    has_room: bool,
    serving: usize,
    total: usize,
    status: Status,
    /// Since when it has this status; with requests, since the last came.
    since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    /// It does nothing that anybody waits for.
    Idle,
    /// It serves requests.
    Serving,
    /// All requests have an answer, of which the body may be on its way.
    Answered,
}

impl Hours {
    fn new() -> Self {
        Self {
            is_made: false,
            is_parked: false,
            has_room: false,
            serving: 0,
            total: 0,
            status: Status::Idle,
            since: Instant::now(),
        }
    }

    fn begins(&mut self) {
        (self.serving, self.total) = (self.serving + 1, self.total + 1);
        self.is(Status::Serving);
    }

    fn ends(&mut self) {
        self.serving -= 1;
        if self.serving == 0 {
            self.is(Status::Answered);
        }
    }

    fn is(&mut self, status: Status) {
        if self.status != status || status == Status::Serving {
            (self.status, self.since) = (status, Instant::now());
        }
    }
}

impl Watch {
    fn hours(&self) -> MutexGuard<'_, Hours> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is about to be polled. Whether it was parked.
    fn goes_on(&self) -> bool {
        let mut hours = self.hours();
        hours.has_room = false;
        std::mem::take(&mut hours.is_parked)
    }

    /// How many requests it serves, if it can take another.
    fn room(&self) -> Option<usize> {
        let hours = self.hours();
        hours.has_room.then_some(hours.serving)
    }
}

async fn serve(maker: Arc<Maker>, seated: Seated, watch: Arc<Watch>) {
    let served = Arc::default();
    let (mut store, proxy) = match maker.make(&served).await {
        Ok(made) => made,
        Err(error) => {
            if let Some(job) = seated.pool.take(seated.number) {
                _ = job.answer.send(Err(error));
            }
            return;
        }
    };
    maker.metrics.made.inc();
    let _counted = One::of(&maker.metrics.instances);
    watch.hours().is_made = true;
    let mut expiration = Expiration::new(&maker.limits);
    let desk = Desk { seated: &seated, limits: &maker.limits, proxy: &proxy, watch: &watch, served: &served };
    let ended = {
        let mut attending = pin!(store.run_concurrent(async |accessor| desk.attend(accessor).await));
        // A guest that does not give way to its other tasks stops the clock within: so this one is outside.
        poll_fn(|context| match attending.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended.and_then(|ended| ended)),
            Poll::Pending => expiration.poll(context, &seated.pool, &watch),
        })
        .await
    };
    if let Err(error) = ended {
        let message = format_args!("an instance was ended: {}", error.root_cause());
        log::line(Level::Error, &maker.grants.component, "-", message);
    }
}

/// Where an instance's requests come in.
struct Desk<'a> {
    seated: &'a Seated,
    limits: &'a Limits,
    proxy: &'a Proxy,
    watch: &'a Watch,
    served: &'a Served,
}

impl Desk<'_> {
    /// Serves what the pool gives, until the instance's requests are spent or one of them traps.
    async fn attend(&self, accessor: &Accessor<Guest>) -> wasmtime::Result<()> {
        let Proxy::P3(service) = self.proxy else { unreachable!("its maker makes no other") };
        let function = *service.wasi_http_handler().func_handle().func();
        let mut answers = FuturesUnordered::new();
        let mut is_late = false;
        poll_fn(|context| {
            loop {
                match answers.poll_next_unpin(context) {
                    Poll::Ready(Some(Ok(in_time))) => {
                        let in_time: bool = in_time;
                        is_late |= !in_time;
                        self.watch.hours().ends();
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) | Poll::Pending => {
                        let Some(job) = self.seated.pool.take(self.seated.number) else { break };
                        self.watch.hours().begins();
                        answers.push(self.answer(accessor, job));
                    }
                }
            }
            background::stands_back(self.served.stands_back() && !accessor.with(|mut access| access.get().writes()));
            let can_be_called = accessor.poll_ready_for_concurrent_call(function, context).is_ready();
            let mut hours = self.watch.hours();
            let is_spent =
                is_late || hours.total >= self.limits.max_requests_per_instance || self.seated.pool.is_closing();
            hours.has_room = can_be_called && !is_spent && hours.serving < self.limits.max_concurrent_per_instance;
            if hours.serving > 0 || accessor.poll_no_interesting_tasks(context).is_pending() {
                return Poll::Pending;
            }
            if is_spent || !can_be_called {
                return Poll::Ready(Ok(()));
            }
            hours.is(Status::Idle);
            Poll::Pending
        })
        .await
    }

    /// Has the guest answer a request. Whether it did in time; an error ends the instance.
    async fn answer(&self, accessor: &Accessor<Guest>, job: Job) -> wasmtime::Result<bool> {
        let Job { request, look, stands_back, turn, answer, .. } = job;
        if stands_back && !accessor.with(|mut access| access.get().writes()) {
            background::enter().await;
        }
        let prepared = accessor.with(|mut access| {
            access.get().calls += 1;
            Prepared::new(access.as_context_mut(), self.proxy, request, Guest::http, answer)
        })?;
        let Prepared::P3 { call, .. } = &prepared else { unreachable!("it is one of the proxy's") };
        let task = call.task();
        self.served.begins(task, look, stands_back);
        let late = tokio::time::sleep(self.limits.request_timeout);
        let in_time = prepared.run(accessor, async move {
            let _turn = turn;
            late.await;
        });
        let in_time = in_time.await?;
        self.served.ends(task, stands_back);
        Ok(in_time)
    }
}

/// When an instance has to end.
struct Expiration {
    idle_timeout: Duration,
    request_timeout: Duration,
    /// Wakes the instance from time to time to look at its watch. Setting a timer anew for each request would cost more.
    tick: Pin<Box<Sleep>>,
    interval: Duration,
}

impl Expiration {
    fn new(limits: &Limits) -> Self {
        let shortest = limits.idle_timeout.min(limits.request_timeout) / 4;
        let interval = shortest.clamp(Duration::from_millis(5), Duration::from_secs(1));
        Self {
            idle_timeout: limits.idle_timeout,
            request_timeout: limits.request_timeout,
            tick: Box::pin(tokio::time::sleep(interval)),
            interval,
        }
    }

    /// Ready when it has to: in good order if it is idle, else by an error.
    fn poll(&mut self, context: &mut Context<'_>, pool: &Pool, watch: &Watch) -> Poll<wasmtime::Result<()>> {
        while self.tick.as_mut().poll(context).is_ready() {
            self.tick.as_mut().reset(tokio::time::Instant::now() + self.interval);
        }
        let hours = watch.hours();
        match hours.status {
            Status::Idle if pool.is_closing() || hours.since.elapsed() >= self.idle_timeout => Poll::Ready(Ok(())),
            Status::Serving | Status::Answered if hours.since.elapsed() >= self.request_timeout => {
                Poll::Ready(Err(wasmtime::format_err!("guest timed out")))
            }
            _ => Poll::Pending,
        }
    }
}
