//! The outbox: mail waits for its relay and is sent once.

use std::time::{Duration, Instant};

use accord_tests::{Accord, Relay};

#[tokio::test]
async fn a_relay_that_is_down_loses_no_mail() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    relay.set_broken(true);
    let owner = accord.person("Acme").await;
    for n in 0..5 {
        accord.invite(&owner, &format!("guest{n}@example.com")).await;
    }
    let waiting = || accord.store().number("SELECT count(*) FROM outbox");
    assert_eq!(waiting(), 6);
    let deadline = Instant::now() + Duration::from_secs(40);
    while accord.store().number("SELECT count(*) FROM outbox WHERE last_failure IS NULL") > 0 {
        assert!(Instant::now() < deadline, "each was tried");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(relay.mails().is_empty());
    relay.set_broken(false);
    // Their time comes (five seconds after the first attempt, ten after a second one), …
    accord.advance(Duration::from_secs(10)).await;
    // … and any request makes for it.
    accord.get(&owner.token, "/api/accounts").await;
    for n in 0..5 {
        assert_eq!(relay.mails_to(&format!("guest{n}@example.com"), 1).await.len(), 1);
    }
    while waiting() > 0 {
        assert!(Instant::now() < deadline, "what was delivered is gone");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(relay.mails().len(), 6, "each once");
}

#[tokio::test]
async fn a_mail_is_sealed_while_it_waits_and_erased_when_its_link_has_expired() {
    let relay = Relay::start().await;
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let accord = Accord::start_with(relay.options().variable("encryption_key", &key)).await;
    let owner = accord.person("Acme").await;
    assert_eq!(relay.mails_to(&owner.email, 1).await.len(), 1);
    relay.set_broken(true);
    accord.invite(&owner, "jane@example.com").await;
    let waiting = accord.store().lines("SELECT text || html FROM outbox");
    assert_eq!(waiting.len(), 1);
    assert!(!waiting[0].contains("token") && !waiting[0].contains("Acme"), "{waiting:?}");
    accord.advance(Duration::from_hours(7 * 24)).await;
    // Any request makes for it, whoever it is of.
    accord.submit("/api/accounts/email/verify", &serde_json::json!({})).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while accord.store().number("SELECT count(*) FROM outbox") > 0 {
        assert!(Instant::now() < deadline, "what is of no use is gone");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn without_a_relay_mail_waits() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "jane@example.com").await;
    accord.get(&owner.token, "/api/accounts").await;
    assert_eq!(accord.store().number("SELECT count(*) FROM outbox WHERE attempts = 0"), 2);
}
