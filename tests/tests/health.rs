//! Whether an Accord is alive, and whether it can do its work.

use accord_tests::{
    ADMIN_EMAIL, ADMIN_PASSWORD, Accord, CLIENT_ID, CLIENT_SECRET, Options, answer, root, skipped_on_spin,
};
use insta::assert_snapshot;
use reqwest::Method;

#[tokio::test]
async fn an_accord_is_ready_before_its_first_request() {
    let accord = Accord::start().await;
    let ask = async |path| answer(accord.request(Method::GET, path)).await;
    assert_snapshot!("ready", ask("/health/ready").await);
    assert_snapshot!("live", ask("/health/live").await);
    assert_eq!(ask("/health/other").await.status, 404);
    assert_eq!(answer(accord.request(Method::POST, "/health/ready")).await.status, 405);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let options = Options::default()
        .variable("signing_algorithm", &"HS256")
        .variable("encryption_key", &"a secret that is too short")
        .variable("public_url", &"accord.example.com")
        .variable("access_token_lifetime", &0)
        .variable("refresh_token_lifetime", &"a day")
        .variable("trusted_proxies", &"the proxy")
        .variable("base_domain", &"accounts of ours")
        .variable("cors_origins", &"https://app.example.com app.example.com")
        .variable("mail_from", &"")
        .variable("mail_url", &"https://elsewhere.example/send");
    let accord = Accord::start_with(options).await;
    assert_snapshot!("bad_settings", answer(accord.request(Method::GET, "/health/ready")).await);
    assert_eq!(answer(accord.request(Method::GET, "/health/live")).await.status, 200);
}

#[tokio::test]
async fn settings_of_the_first_start_are_judged_as_long_as_it_is_not_over() {
    let bad = [("admin_email", "nobody"), ("admin_password", ""), ("bootstrap_client_id", "a b"), ("packages", "nine")];
    let options = bad.into_iter().fold(Options::default(), |options, (name, value)| options.variable(name, &value));
    let mut accord = Accord::start_with(options).await;
    let ready = async |accord: &Accord| answer(accord.request(Method::GET, "/health/ready")).await;
    assert_snapshot!("bad_first_start", ready(&accord).await);
    for (name, value) in [
        ("admin_email", ADMIN_EMAIL),
        ("admin_password", ADMIN_PASSWORD),
        ("bootstrap_client_id", CLIENT_ID),
        ("packages", "9"),
    ] {
        accord.restart_with(name, value).await;
    }
    assert_eq!(ready(&accord).await.status, 200);
    accord.restart_with("admin_email", "nobody").await;
    assert_eq!(ready(&accord).await.status, 200, "later starts leave it alone");
}

#[tokio::test]
async fn a_database_that_is_out_of_order_or_newer_is_told() {
    let accord = Accord::start().await;
    let ask = async || answer(accord.request(Method::GET, "/health/ready")).await;
    assert_eq!(ask().await.status, 200);
    accord.store().execute("INSERT INTO migrations (version, applied_at) VALUES (1000, 0)", ());
    assert_snapshot!("newer", ask().await);
    accord.store().execute("DELETE FROM migrations WHERE version = 1000", ());
    assert_eq!(ask().await.status, 200);
    if !skipped_on_spin("nobody makes its statements fail") {
        accord.fail(0, "disk I/O error");
        assert_snapshot!("out_of_order", ask().await);
    }
    assert_eq!(ask().await.status, 200, "it is well again");
}

#[tokio::test]
async fn the_embedded_host_does_not_start_what_is_not_ready() {
    // Has the components built, as every other test does.
    drop(Accord::start().await);
    let state = tempfile::tempdir().expect("a directory");
    let start = async |change: &[(&str, &str)]| {
        let mut config = accord::Config::new(root().join("spin.toml"), state.path());
        config.ask_ready = true;
        let first_start = [
            ("admin_email", ADMIN_EMAIL),
            ("admin_password", ADMIN_PASSWORD),
            ("bootstrap_client_id", CLIENT_ID),
            ("bootstrap_client_secret", CLIENT_SECRET),
        ];
        let variables = first_start.iter().chain(change);
        config.variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        accord::Server::start(config).await
    };
    let refused = start(&[("signing_algorithm", "none"), ("signup_limit", "many")]).await.err().expect("a refusal");
    assert_snapshot!(format!("{refused:#}"), @"the application is not ready: the setting signup_limit must be a whole number; the setting signing_algorithm must be EdDSA, ES256 or RS256");
    start(&[]).await.expect("it starts").shutdown().await;
    std::fs::write(state.path().join("sqlite_db.db"), "this is no database, and never was one".repeat(100))
        .expect("a file");
    for of_wal in ["sqlite_db.db-wal", "sqlite_db.db-shm"] {
        let _ = std::fs::remove_file(state.path().join(of_wal));
    }
    let refused = start(&[]).await.err().expect("a refusal");
    assert_snapshot!(format!("{refused:#}"), @"the application is not ready: the directory is out of order");
}
