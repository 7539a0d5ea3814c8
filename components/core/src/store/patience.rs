//! How long a request waits for the write lock, and how it waits.
//!
//! SQLite has one writer at a time and keeps no queue: who finds the lock taken asks again and again, and who asks at the right
//! moment gets it. Asked in step, some would wait for ever. So it is asked again after pauses that grow and are spread at
//! random, and while a request pauses, the others of its instance go on. All the waiting of a request together may take
//! [`PATIENCE`], however often it writes. Who writes much asks less often, and for longer.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use spin_sdk::sqlite::Value;
#[cfg(not(test))]
use spin_sdk::time::sleep;

use crate::error::{Error, Result};
#[cfg(test)]
use crate::store::native::sleep;
use crate::store::row::Row;
use crate::store::scoped::{self, Scoped};
use crate::store::sqlite::{Sqlite, is_busy};

/// How long a request waits for the write lock, all its waiting together.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a request waits that writes much.
const LONG_PATIENCE: Duration = Duration::from_secs(25);

/// Bytes of parameters from which on a statement writes much.
const LONG: usize = 128 << 10;

/// How long the first pause is at most; each further one may be twice as long, …
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

thread_local! {
    /// What the request that runs now has left of its patience.
    static LEFT: Scoped<Patience> = const { RefCell::new(None) };
}

/// What a request has left of its patience. (An instance has one thread, which a router's futures do not know.)
struct Patience(Mutex<Duration>);

impl Patience {
    fn new(left: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(left)))
    }

    fn left(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that of so much that was left, all but what has passed since `started` is left, and returns it.
    fn spend(&self, left: Duration, started: Instant) -> Duration {
        let left = left.saturating_sub(started.elapsed());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = left;
        left
    }
}

/// Runs a request, which has a patience of its own: other requests of the instance that are polled in between have theirs.
pub async fn patiently<F: Future>(request: F) -> F::Output {
    scoped::with(&LEFT, Patience::new(PATIENCE), request).await
}

/// Runs a statement that takes the write lock, as soon as it finds that free, and returns its rows. One that writes much asks so seldom that
/// whoever writes little and waits as well is first, and has more patience.
///
/// # Errors
///
/// [`Error::Unavailable`] when the patience is at its end.
pub(super) async fn execute(sqlite: &Sqlite, sql: &str, parameters: Vec<Value>) -> Result<Vec<Row>> {
    let bytes = parameters.iter().map(|value| if let Value::Text(text) = value { text.len() } else { 0 });
    if bytes.sum::<usize>() >= LONG {
        return wait(sqlite, sql, parameters, &Patience::new(LONG_PATIENCE), LONGEST_PAUSE).await;
    }
    let patience = LEFT.with_borrow(Clone::clone).unwrap_or_else(|| Patience::new(PATIENCE));
    wait(sqlite, sql, parameters, &patience, FIRST_PAUSE).await
}

/// Begins a transaction that writes much, as [`execute`] with [`LONG_PATIENCE`]. It asks so seldom that whoever writes little and
/// waits as well is first.
pub(super) async fn begin_long(sqlite: &Sqlite) -> Result<()> {
    wait(sqlite, "BEGIN EXCLUSIVE", Vec::new(), &Patience::new(LONG_PATIENCE), LONGEST_PAUSE).await.map(drop)
}

async fn wait(
    sqlite: &Sqlite,
    sql: &str,
    parameters: Vec<Value>,
    patience: &Patience,
    first_pause: Duration,
) -> Result<Vec<Row>> {
    let (left, started) = (patience.left(), Instant::now());
    let mut pause = first_pause;
    loop {
        let remaining = patience.spend(left, started);
        let error = match sqlite.execute(sql, parameters.clone()).await {
            Err(error) if is_busy(&error) => error,
            done => return done,
        };
        if remaining.is_zero() {
            return Err(error);
        }
        sleep(spread(pause)?.min(remaining)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A part of this pause, at random: never none at all, or who gave the lock back would take it again at once.
fn spread(pause: Duration) -> Result<Duration> {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_err(|error| Error::Internal(anyhow!("no random numbers: {error}")))?;
    Ok(pause * (u32::from(byte[0]) + 64) / 320)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::native::run;
    use crate::store::{Connection, Transaction};

    #[test]
    fn the_waiting_of_a_request_has_an_end_however_often_it_writes() {
        run(async {
            let holder = Transaction::begin().await?;
            let started = Instant::now();
            let refused = patiently(async {
                let connection = Connection::lease().await?;
                // Most of what it has is spent: what is left is for all of its writes together.
                LEFT.with_borrow(|left| left.as_ref().expect("a request").spend(Duration::from_millis(300), started));
                let write = "DELETE FROM sign_ups";
                let one = connection.execute(write, Vec::new()).await.expect_err("it is locked");
                let left = LEFT.with_borrow(|left| left.as_ref().expect("a request").left());
                let other = connection.execute(write, Vec::new()).await.expect_err("it is locked");
                Ok::<_, Error>([is_busy(&one), left.is_zero(), is_busy(&other)])
            });
            assert_eq!(refused.await?, [true; 3]);
            drop(holder);
            Connection::lease().await?.execute("DELETE FROM sign_ups", Vec::new()).await.map(drop)
        });
    }

    #[test]
    fn pauses_are_spread_and_never_none() {
        let pauses: Vec<_> = (0..64).map(|_| spread(LONGEST_PAUSE).expect("a pause")).collect();
        assert!(pauses.iter().all(|pause| (LONGEST_PAUSE / 5..=LONGEST_PAUSE).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
    }
}
