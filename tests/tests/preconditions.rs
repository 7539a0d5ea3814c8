//! `If-Match` and its like, where there are no versions: refused, and not before it is known who asks.

use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, CLIENT_ID, CLIENT_SECRET, answer};
use reqwest::Method;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};

/// Operations whose thing has an `ETag`.
const VERSIONED: [&str; 8] = [
    "accounts_get",
    "accounts_get_signup",
    "accounts_update",
    "accounts_delete",
    "console_document",
    "console_reference",
    "console_guide",
    "console_metadata",
];

/// Method, path, whether it takes credentials always, and its description.
fn operations(description: &Value) -> Vec<(Method, String, bool, &Value)> {
    let paths = description["paths"].as_object().expect("paths");
    let of_path = |(path, methods): (&String, &'_ Value)| -> Vec<(Method, String)> {
        let methods = methods.as_object().expect("operations").keys();
        methods.map(|method| (method.to_uppercase().parse().expect("a method"), path.clone())).collect()
    };
    let all = paths.iter().flat_map(of_path).map(|(method, path)| {
        let operation = &description["paths"][&path][method.as_str().to_lowercase()];
        let security = operation["security"].as_array().expect("security");
        let is_closed = !security.is_empty() && !security.contains(&json!({}));
        (method, path, is_closed, operation)
    });
    all.filter(|(.., operation)| !VERSIONED.contains(&operation["operationId"].as_str().expect("an id"))).collect()
}

#[tokio::test]
async fn a_precondition_where_there_are_no_versions_is_refused_after_the_credentials() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let key = accord.store().lines("SELECT account_key FROM accounts").remove(0);
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    let operations = operations(&description);
    assert!(operations.len() > 40, "all operations");
    for (method, path, is_closed, operation) in operations {
        let path: String =
            path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        let is_form = operation["requestBody"]["content"].get("application/x-www-form-urlencoded").is_some();
        let send = |with_credentials: bool| {
            let mut request = accord.request(method.clone(), &path).header(IF_MATCH, "\"1\"");
            if is_form {
                request = request.form(&[("grant_type", "client_credentials"), ("token", "x"), ("refresh_token", "x")]);
            }
            match operation["security"][0].as_object().and_then(|schemes| schemes.keys().next()).map(String::as_str) {
                _ if !with_credentials => request,
                Some("client") => request.basic_auth(CLIENT_ID, Some(CLIENT_SECRET)),
                Some("operator") => request.basic_auth(ADMIN_EMAIL, Some(ADMIN_PASSWORD)),
                Some("basic") => request.basic_auth(CLIENT_ID, Some(CLIENT_SECRET)).header("Account-Key", &key),
                _ => request.bearer_auth(&token),
            }
        };
        let known = answer(send(true)).await.status;
        assert_eq!(known, 412, "{method} {path}");
        // The token endpoint has to know the grant first, and asks a client then.
        let stranger = answer(send(false)).await.status;
        let expected: &[u16] = if is_closed || is_form { &[401, 412] } else { &[412] };
        assert!(expected.contains(&stranger) && (!is_closed || stranger == 401), "{method} {path}: {stranger}");
    }
    assert_eq!(answer(accord.request(Method::GET, "/api/nowhere").header(IF_MATCH, "\"1\"")).await.status, 404);
}
