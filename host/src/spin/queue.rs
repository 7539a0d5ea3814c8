//! The queue of those who write to a database. One has the turn; the others wait, and who would hold it longer comes later.
//!
//! Each waits as if it had come so much later as its write is larger (see [`Weight`]). So a short write passes those before
//! it that write a hundred times as much, and waits for the one that has the turn; and since each was put back by a time that
//! is bounded, none waits for ever. Those of a weight come in the order in which they asked.
//!
//! Among those that have come within [`WINDOW`] of the first, and write no more, the components take turns: a thousand tokens do not keep a change of an account
//! waiting for more than one of them.
//!
//! What was planned before the lock may be overtaken, and then it comes again at once. A long write does not begin in that
//! moment: it lets [`GRACE`] pass since the last short one has ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes of parameters from which on a statement is long.
const LONG: usize = 128 << 10;
/// How long a long write stands back, at most.
const LAST: Duration = Duration::from_secs(3);
/// How long one waits in all.
const MAX_LONG_WAIT: Duration = Duration::from_secs(25);
/// How long any other waits.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(5);
/// Bytes of parameters that all have: a token, or a change of one account.
pub(super) const LITTLE: usize = 4 << 10;
/// How much later a statement comes for each further byte of its parameters, …
const PER_BYTE: Duration = Duration::from_micros(50);
/// … at most.
const MAX_DELAY: Duration = Duration::from_secs(2);
/// How much later a transaction of several statements comes: it holds the turn while its instance is at something else.
const TRANSACTION: Duration = Duration::from_millis(500);
/// How much earlier than another one may count as having come, and have to wait for it all the same: its component wrote last.
const WINDOW: Duration = Duration::from_millis(500);
/// How long a long write lets the others alone: who was overtaken plans anew within it.
const GRACE: Duration = Duration::from_millis(25);

/// How long a write will hold the turn, as far as can be known before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weight {
    /// A single statement with so many bytes of parameters.
    Bytes(usize),
    /// A transaction, of which nothing is known.
    Transaction,
    /// A transaction that has said that it writes much.
    Long,
}

impl Weight {
    fn is_long(self) -> bool {
        matches!(self, Self::Long) || matches!(self, Self::Bytes(bytes) if bytes >= LONG)
    }

    /// How much later it comes.
    fn delay(self) -> Duration {
        match self {
            _ if self.is_long() => LAST,
            Self::Bytes(bytes) => {
                let further = u32::try_from(bytes.saturating_sub(LITTLE)).unwrap_or(u32::MAX);
                PER_BYTE.saturating_mul(further).min(MAX_DELAY)
            }
            Self::Transaction | Self::Long => TRANSACTION,
        }
    }

    fn patience(self) -> Duration {
        if self.is_long() { MAX_LONG_WAIT } else { MAX_WAIT }
    }
}

/// The queue of one database.
#[derive(Clone)]
pub(super) struct Queue {
    state: Arc<Mutex<State>>,
    grace: Duration,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    /// Those who wait, by when they count as having come and by a number.
    waiting: BTreeMap<(Instant, u64), Waiting>,
    /// The components, those first whose last turn is longest ago.
    served: Vec<Arc<str>>,
    numbers: u64,
    /// When the last short write has ended.
    last_short: Option<Instant>,
}

struct Waiting {
    component: Arc<str>,
    /// How much later it counts as having come.
    delay: Duration,
    sender: oneshot::Sender<Turn>,
}

impl State {
    /// Whose turn it is next.
    fn next(&mut self) -> Option<Waiting> {
        self.waiting.retain(|_, waiting| !waiting.sender.is_closed());
        let ((since, _), first) = self.waiting.first_key_value()?;
        let near = self.waiting.range(..=(*since + WINDOW, u64::MAX));
        let near = near.filter(|(_, waiting)| waiting.delay <= first.delay);
        let last_turn = |component| self.served.iter().position(|served| served == component);
        let (place, _) = near.min_by_key(|(_, waiting)| last_turn(&waiting.component))?;
        let place = *place;
        self.waiting.remove(&place)
    }

    /// A component has the turn.
    fn serves(&mut self, component: &Arc<str>) {
        self.served.retain(|served| served != component);
        self.served.push(component.clone());
    }
}

/// The turn to write, until it is dropped.
pub(super) struct Turn {
    queue: Queue,
    /// Whether a short write has it.
    is_short: bool,
}

impl Turn {
    /// Whether somebody waits for it.
    pub fn is_wanted(&self) -> bool {
        !self.queue.state().waiting.is_empty()
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::with(GRACE)
    }
}

impl Queue {
    fn with(grace: Duration) -> Self {
        Self { state: Arc::default(), grace }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn; none for whom that takes too long.
    pub async fn turn(&self, weight: Weight, component: &Arc<str>) -> Option<Turn> {
        timeout(weight.patience(), self.wait(weight, component)).await.ok()
    }

    async fn wait(&self, weight: Weight, component: &Arc<str>) -> Turn {
        let since = Instant::now();
        loop {
            let mut turn = match self.ask(since, weight.delay(), component) {
                Ok(turn) => turn,
                // The sender is dropped only with the queue, which is ours.
                Err(waits) => waits.await.expect("the queue outlives who waits in it"),
            };
            let last_short = self.state().last_short;
            match last_short.map(|last| last + self.grace).filter(|until| *until > Instant::now()) {
                Some(until) if weight.is_long() && since.elapsed() < LAST => {
                    drop(turn);
                    sleep_until(until).await;
                }
                _ => {
                    turn.is_short = !weight.is_long();
                    return turn;
                }
            }
        }
    }

    /// The turn if nobody has it, or a place in the queue.
    fn ask(&self, since: Instant, delay: Duration, component: &Arc<str>) -> Result<Turn, oneshot::Receiver<Turn>> {
        let mut state = self.state();
        if !state.is_taken {
            state.is_taken = true;
            state.serves(component);
            return Ok(Turn { queue: self.clone(), is_short: false });
        }
        let (sender, receiver) = oneshot::channel();
        state.numbers += 1;
        let place = (since + delay, state.numbers);
        state.waiting.insert(place, Waiting { component: component.clone(), delay, sender });
        Err(receiver)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        if self.is_short {
            state.last_short = Some(Instant::now());
        }
        let next = state.next();
        state.is_taken = next.is_some();
        if let Some(next) = &next {
            state.serves(&next.component);
        }
        // Whoever is next may go away just now. Then its turn is dropped, and asks for the state.
        drop(state);
        if let Some(next) = next {
            _ = next.sender.send(Self { queue: self.queue.clone(), is_short: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use futures::future::join_all;
    use std::cell::RefCell;
    use std::pin::Pin;

    const HOUR: Duration = Duration::from_hours(1);

    type Waits = Pin<Box<dyn Future<Output = Option<Turn>>>>;

    /// Has somebody come to the queue, whose turn it is not yet.
    fn comes(queue: &Queue, weight: Weight) -> Waits {
        comes_of(queue, weight, "a")
    }

    fn comes_of(queue: &Queue, weight: Weight, component: &str) -> Waits {
        let (queue, component) = (queue.clone(), component.into());
        let mut waits: Waits = Box::pin(async move { queue.turn(weight, &component).await });
        assert!(waits.as_mut().now_or_never().is_none(), "another has the turn");
        waits
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn who_writes_less_comes_first_and_those_of_a_weight_in_their_order() {
        run(async {
            let queue = Queue::with(Duration::ZERO);
            let turn = queue.turn(Weight::Transaction, &"a".into()).await;
            let came = [
                Weight::Long,
                Weight::Bytes(20_000),
                Weight::Transaction,
                Weight::Bytes(100),
                Weight::Bytes(100),
                Weight::Bytes(LONG),
            ];
            let order = RefCell::new(Vec::new());
            let order = &order;
            let waiting = came.into_iter().enumerate().map(|(place, weight)| {
                let waits = comes(&queue, weight);
                async move {
                    let turn = waits.await;
                    assert!(turn.is_some());
                    order.borrow_mut().push(place);
                }
            });
            let waiting: Vec<_> = waiting.collect();
            drop(turn);
            join_all(waiting).await;
            assert_eq!(*order.borrow(), [3, 4, 2, 1, 0, 5]);
        });
    }

    #[test]
    fn components_take_turns() {
        run(async {
            let queue = Queue::with(Duration::ZERO);
            let turn = queue.turn(Weight::Bytes(0), &"a".into()).await;
            let order = RefCell::new(Vec::new());
            let order = &order;
            let waiting: Vec<_> = ["a", "a", "b", "c", "b", "a"]
                .into_iter()
                .enumerate()
                .map(|(place, component)| {
                    let waits = comes_of(&queue, Weight::Bytes(0), component);
                    async move {
                        let _turn = waits.await;
                        order.borrow_mut().push(place);
                    }
                })
                .collect();
            drop(turn);
            join_all(waiting).await;
            assert_eq!(*order.borrow(), [2, 3, 0, 4, 1, 5]);
        });
    }

    #[test]
    fn who_comes_late_enough_passes_nobody() {
        let (queue, now) = (Queue::default(), Instant::now());
        let turn = queue.ask(now, Duration::ZERO, &"a".into());
        let mut long = queue.ask(now, Weight::Long.delay(), &"a".into()).err().expect("another has the turn");
        let short = queue.ask(now + LAST, Weight::Bytes(0).delay(), &"a".into()).err().expect("another has the turn");
        drop(turn);
        assert!(long.try_recv().is_ok());
        drop(short);
    }

    #[test]
    fn a_long_write_lets_whoever_was_overtaken_come_again() {
        run(async {
            let queue = Queue::with(HOUR);
            let first = queue.turn(Weight::Bytes(0), &"a".into()).await;
            let mut long = comes(&queue, Weight::Long);
            drop(first);
            assert!(long.as_mut().now_or_never().is_none(), "somebody may come again");
            assert!(queue.turn(Weight::Bytes(0), &"a".into()).await.is_some());
            assert!(long.as_mut().now_or_never().is_none(), "somebody may come again");
        });
    }

    #[test]
    fn who_goes_away_keeps_nobody_waiting() {
        run(async {
            for goes_before in [true, false] {
                let queue = Queue::default();
                let first = queue.turn(Weight::Bytes(0), &"a".into()).await;
                let (gone, waits) = (comes(&queue, Weight::Bytes(0)), comes(&queue, Weight::Bytes(0)));
                if goes_before {
                    drop(gone);
                    drop(first);
                } else {
                    // It goes when its turn has come.
                    drop(first);
                    drop(gone);
                }
                assert!(waits.await.is_some());
            }
        });
    }
}
