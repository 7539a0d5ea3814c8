//! The wall clock that components see.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// The wall clock that components see: the system's, which a test can put forward.
///
/// Components read it through WASI 0.2 (`std::time::SystemTime`) and WASI 0.3. What measures durations is another clock,
/// which nobody can set: `std::time::Instant` in components, timers, timeouts, and the ages of instances. The log has the
/// system's time.
///
/// This is a tool for tests in the process of the host. Spin has no such thing, so a test that uses it runs only here.
#[derive(Debug, Default)]
pub struct Clock {
    ahead: Mutex<Duration>,
}

impl Clock {
    /// The time that components see.
    pub fn now(&self) -> SystemTime {
        SystemTime::now() + *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the clock forward, for all components at once and for good. It never goes back.
    pub fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}
