//! Numbers that look random, for tests that try many ways.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// Numbers that look random, and are the same from the same beginning (Marsaglia's xorshift).
pub struct Dice {
    number: u64,
    begins: u64,
}

impl Dice {
    /// From where `ACCORD_DICE` says, or anywhere: the beginning is printed, so that a run can be repeated.
    pub fn thrown() -> Self {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
        let begins = env::var("ACCORD_DICE").ok().and_then(|begins| begins.parse().ok()).unwrap_or(clock).max(1);
        println!("ACCORD_DICE={begins}");
        Self { number: begins, begins }
    }

    /// Where they begin.
    pub fn begins(&self) -> u64 {
        self.begins
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.number ^= self.number << 13;
        self.number ^= self.number >> 7;
        self.number ^= self.number << 17;
        usize::try_from(self.number % sides as u64).unwrap_or_default()
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}
