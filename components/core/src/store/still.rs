//! When an instance may compute for long.
//!
//! An instance has one thread. A transaction goes on only when that is free, and while it waits, everybody who writes waits for it.
//! So whoever is about to hash a password waits until none of the transactions of its instance has the write lock.

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
    /// How many transactions of the instance have the lock. (One has, if all are on one database.)
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// A transaction of the instance that has the lock, until it is dropped.
pub(super) struct Held;

impl Held {
    pub fn begin() -> Self {
        HELD.set(HELD.get() + 1);
        Self
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(1));
    }
}

/// Waits until no transaction of the instance has the write lock, as long as that does not take too long. Whoever hashes calls it just
/// before, and never within a transaction.
pub async fn still() {
    let mut pauses = 0;
    while is_held() && pauses < PAUSES {
        sleep(PAUSE).await;
        pauses += 1;
    }
}

fn is_held() -> bool {
    HELD.get() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Transaction;
    use crate::store::native::run;

    #[test]
    fn a_transaction_holds_the_lock_until_it_ends_however_it_ends() {
        run(async {
            let mut held = vec![is_held()];
            let transaction = Transaction::begin().await?;
            held.push(is_held());
            transaction.commit().await?;
            held.push(is_held());
            drop(Transaction::begin_long().await?);
            held.push(is_held());
            assert_eq!(held, [false, true, false, false]);
            Ok(())
        });
    }
}
