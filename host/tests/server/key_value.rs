//! `spin:key-value`.

use crate::{Probe, ok};

#[tokio::test(flavor = "multi_thread")]
async fn the_key_value_store_keeps_what_is_set_through_a_restart() {
    let state = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let probe = Probe::start(|config| config.state_dir = state.path().to_owned()).await;
        assert_eq!(probe.get("/keys").await, ok(r#"Some([50]) None true ["a"]"#));
        probe.server.shutdown().await;
    }
}
