//! Introspection of tokens (RFC 7662).

use accord_tests::accounts::{PASSWORD, member, path};
use accord_tests::{Accord, Answer, answer};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn introspection_tells_those_who_own_what_a_token_is() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let mut told = accord.introspect(&person.token).await.json();
    for volatile in ["iat", "exp"] {
        assert!(told[volatile].is_number());
        told[volatile] = json!("[seconds]");
    }
    assert_snapshot!("introspected", Answer { status: 200, headers: Vec::new(), body: told.to_string() });
    for unknown in ["unknown", "x.y.z"] {
        assert_eq!(accord.introspect(unknown).await.json(), json!({ "active": false }));
    }
    assert_eq!(answer(accord.present("/oauth/introspect", &person.token)).await.status, 401);
    assert_eq!(accord.revoke(&person.token).await.status, 200);
    assert_eq!(accord.introspect(&person.token).await.json(), json!({ "active": false }));

    // A connector of Acme learns nothing of another's tokens.
    let token = accord.user_token(&person.email, PASSWORD, None).await;
    let reader = accord.make_connector(&token, &json!({ "name": "Reader", "scopes": "accounts:read" })).await;
    let introspect = |shown: &str| {
        let request = accord.present("/oauth/introspect", shown);
        answer(request.basic_auth(&reader.client_id, Some(&reader.secret)))
    };
    assert_eq!(introspect(&token).await.json()["active"], true);
    let other = accord.person("Other").await;
    assert_eq!(introspect(&other.token).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn a_token_says_nothing_of_somebody_who_belongs_to_its_account_no_more() {
    let accord = Accord::start().await;
    let (owner, jane) = (accord.person("Acme").await, accord.person("Home of Jane").await);
    accord.join(owner.account, jane.id, "user").await;
    let token = accord.user_token(&jane.email, PASSWORD, Some(owner.account)).await;
    let at_home = accord.user_token(&jane.email, PASSWORD, Some(jane.account)).await;
    for token in [&token, &at_home] {
        assert_eq!(accord.introspect(token).await.json()["active"], true);
    }
    for (by, path) in [(&owner, member(owner.account, jane.id)), (&jane, path(jane.account))] {
        let changed = accord.put(&by.token, &path, &json!({ "status": "inactive" })).await;
        assert_eq!(changed.status, 200, "{changed}");
    }
    assert_eq!(accord.introspect(&token).await.json(), json!({ "active": false }), "she is shut out");
    assert_eq!(accord.introspect(&at_home).await.json(), json!({ "active": false }), "the account is suspended");
    for token in [&token, &at_home] {
        assert_eq!(accord.get(token, "/oauth/userinfo").await.status, 401);
    }
}
