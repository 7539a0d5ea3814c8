//! Has a parser read what nobody would write: pieces of what it knows, cut, repeated and mixed with whatever else there is.
//!
//! A test runs a few hundred rounds. `ACCORD_FUZZ_SECONDS` has each go on for as long:
//!
//! ```sh
//! ACCORD_FUZZ_SECONDS=120 cargo test --workspace -- fuzzed
//! ```

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

/// Rounds of a run that is not told how long, and between two looks at the clock.
const ROUNDS: u32 = 300;

/// Most pieces of an input.
const PIECES: usize = 24;

/// Has `check` look at inputs that are made of `words` and of other bytes. Any panic of it fails the test, with the least input
/// that leads to one.
pub fn bytes(words: &'static [&'static str], check: impl Fn(&[u8])) {
    let word = select(words).prop_map(|word| word.as_bytes().to_vec());
    let part = (select(words), 0_usize..8).prop_map(|(word, length)| word.bytes().take(length).collect());
    let many = (select(words), 1_usize..200).prop_map(|(word, times)| word.repeat(times).into_bytes());
    let text = any::<String>().prop_map(String::into_bytes);
    let raw = vec(any::<u8>(), 0..6);
    let piece = prop_oneof![8 => word, 2 => part, 1 => many, 2 => text, 2 => raw];
    let input = vec(piece, 0..PIECES).prop_map(|pieces| pieces.concat());

    let seconds = std::env::var("ACCORD_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        // A runner of its own each time, for each begins elsewhere. Nothing is kept in files: the least input is printed.
        let config = ProptestConfig { cases: ROUNDS, failure_persistence: None, ..ProptestConfig::default() };
        let run = TestRunner::new(config).run(&input, |input| {
            check(&input);
            Ok(())
        });
        if let Err(failure) = run {
            panic!("{failure}");
        }
        if Instant::now() >= end {
            return;
        }
    }
}

/// As [`bytes`], where the input is a text.
pub fn text(words: &'static [&'static str], check: impl Fn(&str)) {
    bytes(words, |input| check(&String::from_utf8_lossy(input)));
}
