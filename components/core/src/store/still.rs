//! When an instance may compute for long.
//!
//! An instance has one thread. A transaction goes on only when that is free, and while it waits, everybody who writes waits for it.
//! So whoever is about to hash a password waits until no transaction of its instance has the write lock, or asks for it.

use std::cell::Cell;
use std::time::Duration;

#[cfg(not(test))]
use spin_sdk::time::sleep;

#[cfg(test)]
use crate::store::native::sleep;

/// How long it waits before it looks again, …
const PAUSE: Duration = Duration::from_millis(4);

/// … and how often it does at most: where transactions follow one another, nobody waits for the last.
const PAUSES: usize = 100;

thread_local! {
    /// How many transactions of the instance have the lock, or wait for it.
    static WRITING: Cell<usize> = const { Cell::new(0) };
}

/// A transaction of the instance that has the lock or waits for it, until it is dropped.
pub(super) struct Writing;

impl Writing {
    pub fn begin() -> Self {
        WRITING.set(WRITING.get() + 1);
        Self
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.set(WRITING.get().saturating_sub(1));
    }
}

/// Waits until no transaction of the instance has the write lock or asks for it, as long as that does not take too long. Whoever hashes
/// calls it just before, and never within a transaction.
pub async fn still() {
    let mut pauses = 0;
    while somebody_writes() && pauses < PAUSES {
        sleep(PAUSE).await;
        pauses += 1;
    }
}

fn somebody_writes() -> bool {
    WRITING.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Transaction;
    use crate::store::native::run;

    #[test]
    fn a_transaction_writes_until_it_ends_however_it_ends() {
        run(async {
            let mut seen = vec![somebody_writes()];
            let transaction = Transaction::begin().await?;
            seen.push(somebody_writes());
            transaction.commit().await?;
            seen.push(somebody_writes());
            drop(Transaction::begin_long().await?);
            seen.push(somebody_writes());
            assert_eq!(seen, [false, true, false, false]);
            Ok(())
        });
    }
}
