//! What clients of `OData` read before they list anything, and how they write paths.

use accord_tests::{Accord, answer};
use reqwest::Method;

#[tokio::test]
async fn the_metadata_is_xml_or_json_as_is_asked_for() {
    let accord = Accord::start().await;
    let get = async |query: &str, accept: &'static str| {
        let request = accord.request(Method::GET, &format!("/api/$metadata{query}"));
        answer(if accept.is_empty() { request } else { request.header("Accept", accept) }).await
    };
    let xml = get("", "").await;
    assert_eq!((xml.status, xml.header("content-type")), (200, Some("application/xml")), "{xml}");
    assert!(xml.body.contains(r#"<EntitySet Name="accounts" EntityType="Accord.Account">"#), "{xml}");
    let json = get("", "application/json").await;
    assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")), "{json}");
    assert_eq!(json.json()["Accord"]["Directory"]["accounts"]["$Type"], "Accord.Account", "{json}");
    assert_eq!(get("?$format=json", "application/xml").await.body, json.body);
    assert_eq!(get("?%24format=xml", "application/json").await.body, xml.body);
    assert_eq!(get("?$format=atom", "").await.status, 406);
    let tag = xml.header("etag").expect("an ETag").to_owned();
    let known = answer(accord.request(Method::GET, "/api/$metadata").header("If-None-Match", tag)).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
}

#[tokio::test]
async fn what_lies_below_an_account_is_found_by_its_key_in_parentheses() {
    let accord = Accord::start().await;
    let admin = accord.admin().await;
    for (keyed, segments) in [
        ("/api/accounts(1)", "/api/accounts/1"),
        ("/api/accounts(1)/users", "/api/accounts/1/users"),
        ("/api/accounts(1)/users?$filter=status%20ne%20null", "/api/accounts/1/users?$filter=status%20ne%20null"),
        ("/api/accounts(1)/users(1)", "/api/accounts/1/users/1"),
        ("/api/accounts(1)/invitations", "/api/accounts/1/invitations"),
        ("/api/accounts(1)/identities", "/api/accounts/1/identities"),
        ("/api/accounts(1)/sources", "/api/accounts/1/sources"),
        ("/api/accounts(1)/records", "/api/accounts/1/records"),
        ("/api/accounts(1)/audit", "/api/accounts/1/audit"),
    ] {
        let (keyed, segments) = (accord.get(&admin, keyed).await, accord.get(&admin, segments).await);
        assert_eq!((keyed.status, &keyed.body), (200, &segments.body), "{keyed}");
    }
    assert_eq!(accord.get(&admin, "/api/accounts(2)/users").await.status, 404);
    assert_eq!(accord.get(&admin, "/api/accounts(x)/users").await.status, 404);
}
