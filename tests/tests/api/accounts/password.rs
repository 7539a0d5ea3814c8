//! New passwords: forgotten, reset and changed.

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, Relay};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let person = accord.person("Acme").await;
    let forgot = "/api/accounts/password/forgot";
    let known = accord.submit(forgot, &json!({ "email": person.email })).await;
    assert_snapshot!("forgot", known);
    let unknown = accord.submit(forgot, &json!({ "email": "nobody@example.com" })).await;
    assert_eq!(unknown, known);
    // Another request ends nobody's link. The first mail is the one of the sign-up.
    assert_eq!(accord.submit(forgot, &json!({ "email": person.email })).await.status, 200);
    relay.mails_to(&person.email, 3).await;
    let token = relay.token_for(&person.email, 2).await;
    let reset = "/api/accounts/password/reset";
    let new = "another_password_456";
    assert_eq!(accord.submit(reset, &json!({ "token": token, "password": "short" })).await.status, 400);
    assert_eq!(accord.submit(reset, &json!({ "token": token, "password": new })).await.status, 200);
    assert_eq!(accord.submit(reset, &json!({ "token": token, "password": new })).await.status, 400);
    assert_eq!(accord.get(&person.token, "/api/accounts").await.status, 401, "the session has ended");
    assert_eq!(accord.sign_in(&person.email, PASSWORD, None).await.status, 400);
    let token = accord.user_token(&person.email, new, None).await;
    // A password that is set ends the other links that would set one.
    let other = json!({ "token": relay.token_for(&person.email, 3).await, "password": PASSWORD });
    assert_eq!(accord.submit(reset, &other).await.status, 400);

    let change = "/api/accounts/password/change";
    let wrong = accord.post(&token, change, &json!({ "currentPassword": "wrong", "password": PASSWORD })).await;
    assert_snapshot!("wrong_current_password", wrong);
    let changed = accord.post(&token, change, &json!({ "currentPassword": new, "password": PASSWORD })).await;
    assert_eq!(changed.status, 200, "{changed}");
    assert_eq!(accord.get(&token, "/api/accounts").await.status, 401);
    assert_eq!(accord.sign_in(&person.email, PASSWORD, None).await.status, 200);
}

#[tokio::test]
async fn no_session_that_begins_during_a_reset_outlives_it() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options().variable("failed_sign_in_limit", &100_000)).await;
    let person = accord.person("Acme").await;
    assert_eq!(accord.submit("/api/accounts/password/forgot", &json!({ "email": person.email })).await.status, 200);
    // The first mail is the one of the sign-up.
    let reset = json!({ "token": relay.token_for(&person.email, 2).await, "password": "another_password_456" });
    let sign_ins = (0..16).map(|_| async {
        let mut begun = Vec::new();
        for _ in 0..6 {
            let signed_in = accord.sign_in(&person.email, PASSWORD, None).await;
            if signed_in.status == 200 {
                begun.push(signed_in.text("refresh_token"));
            }
        }
        begun
    });
    let reset = async {
        accord.sign_in(&person.email, PASSWORD, None).await;
        accord.submit("/api/accounts/password/reset", &reset).await
    };
    let (reset, begun) = futures::join!(reset, futures::future::join_all(sign_ins));
    assert_eq!(reset.status, 200, "{reset}");
    for token in begun.concat() {
        assert_eq!(accord.refresh(&token).await.status, 400);
    }
    assert_eq!(accord.store().number("SELECT count(*) FROM refresh_tokens WHERE person_id > 1"), 0);
}
