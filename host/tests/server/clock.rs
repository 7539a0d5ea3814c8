//! The wall clock that components see.

use crate::Probe;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[tokio::test(flavor = "multi_thread")]
async fn components_see_the_clock_that_a_test_puts_forward() {
    let probe = Probe::start(|_| ()).await;
    let (started, day) = (SystemTime::now(), Duration::from_hours(24));
    for days in [0, 1, 365] {
        // An instance that runs already sees it as one does that is made now, and each component as the other.
        for path in ["/clock", "/poor/clock"] {
            let (status, text) = probe.get(path).await;
            assert_eq!(status, 200, "{text}");
            for (version, seconds) in ["WASI 0.2", "WASI 0.3"].into_iter().zip(text.split(' ')) {
                let seen = UNIX_EPOCH + Duration::from_secs(seconds.parse().unwrap());
                let passed = seen.duration_since(started - Duration::from_secs(1)).unwrap();
                let expected = day * days..day * days + Duration::from_mins(5);
                assert!(expected.contains(&passed), "{version} after {days} days: {passed:?}");
            }
        }
        probe.server.clock.advance(day * if days == 0 { 1 } else { 364 });
    }
    assert!(probe.server.clock.now() > started + day * 365);
}
