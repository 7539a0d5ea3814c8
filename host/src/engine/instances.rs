//! The instances of one component: made when needed, used for many requests, some of them at the same time.
//!
//! Memory for instances is a fixed pool, and to ask more of it than it has is an error, not a queue. So every component
//! has its own share of the pool: no other component, busy or idle, can take it. Requests that find all instances of
//! their component busy wait until one can take another.
//!
//! An instance is one thread. Who shares it with a body of a hundred thousand entries waits while that is read and planned,
//! and holds up all who write if it has the write lock. So such bodies have instances of their own, one for each but one of
//! the processors, which serve one of them at a time. What memory they take goes back soon after, and no other instance has it.

use crate::config::Limits;
use crate::engine::costly::{Costly, Look, length};
use crate::engine::instance::{self, Maker};
use crate::engine::pool::{Job, Pool, Turn};
use crate::metrics::{ComponentMetrics, One};
use crate::spin::guest::{Grants, Guest};
use futures::channel::oneshot;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::Instant;
use wasmtime_wasi_http::handler::{ExpirationError, Request, Response, TrapOrPanicError};
use wasmtime_wasi_http::p3::bindings::ServicePre;

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

/// How long a request waits at most for those that look like it.
const COSTLY_PATIENCE: Duration = Duration::from_secs(3);
/// An answer that says to have so many bytes takes long to make, and then to copy: fewer that are made at a time are fewer that are copied.
const LARGE: u64 = 128 << 10;
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
    all: Turns,
    /// Those for [`Kind::Bulk`], unless there are too few instances.
    bulk: Option<Turns>,
    /// As many of these permits as half of the turns: what a request needs as well whose body may still be on its way, so
    /// that those that send slowly leave turns to the others.
    large: Arc<Semaphore>,
    /// As many requests that take long as half of the instances.
    costly: Arc<Costly>,
    /// Whether there are instances that serve none of these: one that stands back takes nothing else.
    has_others: bool,
    request_timeout: Duration,
    metrics: ComponentMetrics,
}

/// A pool, and one permit for each request that its instances can serve at a time. The others wait for one in order.
struct Turns {
    pool: Arc<Pool>,
    permits: Arc<Semaphore>,
}

impl Turns {
    fn new(maker: Maker, share: usize) -> Self {
        let turns = share.saturating_mul(maker.limits.max_concurrent_per_instance).min(Semaphore::MAX_PERMITS);
        let (metrics, maker) = (maker.metrics.clone(), Arc::new(maker));
        let start = Box::new(move |pool, number| _ = tokio::spawn(instance::live(maker.clone(), pool, number)));
        Self { pool: Pool::new(share, metrics, start), permits: Arc::new(Semaphore::new(turns)) }
    }
}

fn is_large_answer(answer: &Response) -> bool {
    length(answer.headers()).is_some_and(|length| length >= LARGE)
}

impl Instances {
    /// `share` is the number of instances that there may be at a time.
    pub fn new(
        service: ServicePre<Guest>,
        grants: Arc<Grants>,
        limits: Limits,
        share: usize,
        metrics: ComponentMetrics,
    ) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let spared = (processors - 1).max(1).min(share / SPARED);
        let costly = Arc::new(Costly::new(((share - spared) / 2).max(1)));
        let has_others = share - spared > 1;
        let request_timeout = limits.request_timeout;
        let maker = Maker { service, grants, limits, costly: costly.clone(), metrics: metrics.clone() };
        let bulk = (spared > 0).then(|| {
            let limits = Limits { max_concurrent_per_instance: 1, ..maker.limits.clone() };
            Turns::new(Maker { limits, ..maker.clone() }, spared)
        });
        let all = Turns::new(maker, share - spared);
        let large = Arc::new(Semaphore::new((all.permits.available_permits() / 2).max(1)));
        Self { all, bulk, large, costly, has_others, request_timeout, metrics }
    }

    /// The component's response to `request`.
    pub async fn handle(&self, request: Request, kind: Kind) -> Result<Response, Failure> {
        let turns = match &self.bulk {
            Some(bulk) if kind == Kind::Bulk => bulk,
            _ => &self.all,
        };
        let deadline = Instant::now() + self.request_timeout;
        let overloaded = || {
            self.metrics.overloaded.inc();
            Failure::Overloaded
        };
        let look = Look::of(&request);
        let is_large = kind == Kind::Arriving;
        // Whose body is on its way keeps nobody waiting but those who send as slowly.
        let is_costly = kind == Kind::Small && self.costly.expects(&look);
        let turn = async {
            let (mut turn, mut stands_back) = (Turn::default(), false);
            if is_large {
                turn.needs(&self.large).await?;
            }
            if is_costly {
                // Whoever only looks like one that takes long is not to wait for ever.
                let permit = turn.needs(self.costly.permits());
                let permit = tokio::time::timeout(COSTLY_PATIENCE, permit).await;
                stands_back = self.has_others && permit.is_ok();
                permit.unwrap_or(Ok(()))?;
            }
            turn.needs(&turns.permits).await?;
            Ok::<_, AcquireError>((turn, stands_back))
        };
        let waiting = One::of(&self.metrics.waiting);
        // The semaphores are never closed.
        let turn = tokio::time::timeout_at(deadline, turn).await;
        drop(waiting);
        let (turn, stands_back) = turn.ok().and_then(Result::ok).ok_or_else(overloaded)?;
        let (answer, mut answered) = oneshot::channel();
        let number = turns.pool.offer(Job::new(request, look.clone(), stands_back, turn, answer));
        let answered = match tokio::time::timeout_at(deadline, &mut answered).await {
            Ok(answered) => answered,
            Err(_) if turns.pool.withdraw(number) => return Err(overloaded()),
            // Its instance has the same deadline.
            Err(_) => answered.await,
        };
        // An instance that ends drops the requests that it serves.
        let answered = answered.unwrap_or_else(|_| Err(TrapOrPanicError.into()));
        if answered.as_ref().is_ok_and(is_large_answer) {
            self.costly.note(&look);
        }
        answered.map_err(|error| {
            // One that is ended because its time is over does not say so to each of its requests.
            let is_late = Instant::now() >= deadline || error.is::<ExpirationError>();
            if is_late { Failure::Timeout } else { Failure::Failed(error) }
        })
    }

    /// Ends the instances that serve no request, and waits until all have ended or `patience` is over.
    pub async fn close(&self, patience: Duration) {
        let pools = [Some(&self.all), self.bulk.as_ref()].into_iter().flatten();
        futures::future::join_all(pools.map(|turns| turns.pool.close(patience))).await;
    }
}
