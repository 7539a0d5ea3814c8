//! Slices of time for guests that compute, such as one that hashes a password.
//!
//! All guests share the runtime's threads. If each that computes stood in the runtime's queue, whoever has next to nothing to do, a
//! read or the next statement of a transaction, would wait behind all of them at each of its steps. So in each tick of
//! the clock only as many compute as there are processors, in turns, and the others wait beside the queue.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The slices of the present tick, and those who wait for one of the next.
pub(crate) struct Slices {
    /// How many there are in each tick.
    each: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    left: usize,
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl Slices {
    pub fn new(each: usize) -> Self {
        Self { each, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tick begins: its slices are given to those who have waited longest.
    pub fn begin(&self) {
        let mut state = self.state();
        state.left = self.each;
        while state.left > 0
            && let Some(first) = state.waiting.pop_front()
        {
            // Whoever has ended meanwhile takes none.
            if first.send(()).is_ok() {
                state.left -= 1;
            }
        }
    }

    /// Waits for a slice. Everybody else who can do something comes first.
    pub async fn next(&self) {
        let waits = {
            let mut state = self.state();
            if state.left > 0 {
                state.left -= 1;
                None
            } else {
                let (sender, receiver) = oneshot::channel();
                state.waiting.push_back(sender);
                Some(receiver)
            }
        };
        match waits {
            None => tokio::task::yield_now().await,
            // Nobody drops the sender but a clock that has stopped with the engine.
            Some(receiver) => _ = receiver.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::pin::pin;

    #[tokio::test]
    async fn in_each_tick_as_many_compute_as_there_are_slices_and_in_turns() {
        let slices = Slices::new(2);
        slices.begin();
        let mut now = pin!(slices.next());
        assert!(now.as_mut().now_or_never().is_none(), "others come first");
        now.await;
        slices.next().await;
        let mut waiting = [(); 3].map(|()| Box::pin(slices.next()));
        assert!(waiting.iter_mut().all(|waits| waits.now_or_never().is_none()));
        slices.begin();
        let got = waiting.each_mut().map(|waits| waits.now_or_never().is_some());
        assert_eq!(got, [true, true, false], "who has waited longest");
        slices.begin();
        assert!(waiting[2].as_mut().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_has_ended_takes_no_slice() {
        let slices = Slices::new(1);
        let mut last = pin!(async {
            assert!(pin!(slices.next()).now_or_never().is_none());
            slices.next().await;
        });
        assert!(last.as_mut().now_or_never().is_none());
        slices.begin();
        assert!(last.now_or_never().is_some());
    }
}
