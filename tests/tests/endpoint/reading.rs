//! Records as they are read: one by its id, or all of an organisation.

use accord_tests::endpoint::{Endpoint, RECORD, full};
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

const RECORDS: &str = "/Endpoint/rest/api/v1/Accounts";

fn one(id: &Value) -> String {
    format!("{RECORD}/{}", id.as_str().expect("an id"))
}

#[tokio::test]
async fn a_record_is_read_by_its_id_as_it_was_written() {
    let endpoint = Endpoint::start().await;
    let accord = &endpoint.accord;
    let made = endpoint.record(&full()).await;
    let read = accord.get(&endpoint.token, &one(&made["Id"])).await;
    assert_eq!((read.status, read.json()), (200, made.clone()));
    let upper = one(&made["Id"]).replace(RECORD, "").to_uppercase();
    assert_eq!(accord.get(&endpoint.token, &format!("{RECORD}{upper}")).await.json(), made, "in any spelling");
    assert_eq!(answer(accord.request_as(&endpoint.token, Method::HEAD, &one(&made["Id"]))).await.status, 200);
    let unknown = accord.get(&endpoint.token, &one(&json!("894ea43c-b8a6-4195-9a9c-82c07d9cc33a"))).await;
    assert_snapshot!("unknown_record", unknown);
    for nothing in ["17", "jane.smith", "%FF", "%00"] {
        assert_eq!(accord.get(&endpoint.token, &format!("{RECORD}/{nothing}")).await.status, 404, "{nothing}");
    }
}

#[tokio::test]
async fn the_records_of_an_organisation_come_page_by_page() {
    let endpoint = Endpoint::start().await;
    let token = &endpoint.token;
    for number in 1..=6 {
        endpoint.record(&json!({ "Username": format!("user {number}") })).await;
    }
    let list = async |query: &str| endpoint.accord.get(token, &format!("{RECORDS}{query}")).await;
    let all = list("").await;
    assert_eq!(all.json()["Next"], Value::Null);
    let names = |page: &accord_tests::Answer| {
        page.column("Accounts", "Username").into_iter().filter(|name| name != ADMIN_EMAIL).collect::<Vec<_>>()
    };
    assert_eq!(names(&all), ["user 1", "user 2", "user 3", "user 4", "user 5", "user 6"]);

    let (mut walked, mut query) = (Vec::new(), "?PageSize=2".to_owned());
    for _ in 0..3 {
        let page = list(&query).await;
        assert_eq!(page.json()["Accounts"].as_array().map(Vec::len), Some(2), "{page}");
        walked.extend(names(&page));
        query = page.json()["Next"].as_str().map(|next| format!("?pageSize=2&after={next}")).unwrap_or_default();
    }
    assert_eq!((walked, query), (names(&all), String::new()));
    assert_eq!(list("?After=999999").await.json(), json!({ "Accounts": [], "Next": null }));
    assert_snapshot!("bad_page", list("?PageSize=0&After=x&Filters=(Name%20%3D%20x)&fields=Name&Orders=Name").await);
    for bad in ["?PageSize=1001", "?PageSize=2&pagesize=3", "?After=-1", "?After=99999999999999999999"] {
        assert_eq!(list(bad).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn reading_needs_a_read_scope_and_stays_within_the_organisation() {
    let endpoint = Endpoint::start().await;
    let accord = &endpoint.accord;
    let made = endpoint.record(&full()).await;
    let paths = [one(&made["Id"]), RECORDS.to_owned()];
    for family in ["AccessUser", "AccessManager"] {
        let reader = accord.connector(&format!("{family} reader"), &format!("{family}:Read")).await;
        let writer = accord.connector(&format!("{family} writer"), &format!("{family}:Create {family}:Update")).await;
        for path in &paths {
            assert_eq!(accord.get(&reader, path).await.status, 200, "{family} {path}");
            let refused = accord.get(&writer, path).await;
            assert_eq!(refused.status, 403, "{family} {path}");
            let challenge = refused.header("www-authenticate").expect("a challenge");
            assert!(challenge.contains(r#"scope="AccessUser:Read""#), "{challenge}");
        }
        assert_eq!(endpoint.send(Method::PATCH, &reader, &json!({ "Id": made["Id"] })).await.status, 403);
    }
    let person = accord.user_token(ADMIN_EMAIL, ADMIN_PASSWORD, None).await;
    endpoint.other_tenant().await;
    let account = accord.store().number("SELECT id FROM accounts WHERE registration_id = '123456-8'");
    let body = json!({ "name": "Reader", "accountId": account, "scopes": ["AccessUser:Read"] });
    let stranger = accord.make_connector(&accord.admin().await, &body).await;
    let stranger = accord.token_of(&stranger.client_id, &stranger.secret).await;
    assert_eq!(accord.get(&stranger, &paths[0]).await.status, 404);
    assert_eq!(accord.get(&stranger, RECORDS).await.json()["Accounts"], json!([]));
    for path in &paths {
        assert_eq!(accord.get(&person, path).await.status, 403, "a person is no connector");
        assert_eq!(answer(accord.request(Method::GET, path)).await.status, 401);
        assert_eq!(answer(accord.request_as(&endpoint.token, Method::DELETE, path)).await.status, 405);
    }
}

#[tokio::test]
async fn an_id_that_is_unknown_makes_no_record() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let made = endpoint.record(&full()).await;
    let before = endpoint.records();
    let unknown = json!({ "Id": "894ea43c-b8a6-4195-9a9c-82c07d9cc33a", "Name": "New" });
    let refused = endpoint.post(&unknown).await;
    assert_snapshot!("unknown_id", refused);
    let foreign = endpoint.send(Method::POST, &other, &json!({ "Id": made["Id"], "Name": "New" })).await;
    assert_eq!(foreign.json()["Errors"], refused.json()["Errors"], "another organisation's is as unknown");
    assert_eq!(endpoint.post(&json!({ "Id": made["Id"] })).await.json()["Errors"], json!(["Id is taken already"]));
    assert_eq!(endpoint.patch(&unknown).await.status, 404);
    assert_eq!(endpoint.records(), before);
}
