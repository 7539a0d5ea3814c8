//! The description of all APIs, and that it tells the truth about what is there.

use accord_tests::{Accord, answer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::Value;
use sha2_native::{Digest as _, Sha256};

#[tokio::test]
async fn every_described_operation_is_there_and_no_other_method_is() {
    let accord = Accord::start().await;
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    let paths = description["paths"].as_object().expect("paths");
    for path in ["/api/accounts/{id}", "/api/integrations/v1/users", "/Endpoint/rest/api/v1/Account", "/oauth/token"] {
        assert!(paths.contains_key(path), "{path}");
    }
    for (path, operations) in paths {
        // An API is named; of everything else whoever is unknown is told to sign in.
        let concrete = path.replace("{api}", "portal").replace(['{', '}'], "");
        for method in ["get", "put", "post", "delete", "patch"] {
            let described = operations.get(method).is_some();
            let request = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let answer = answer(accord.request(request, &concrete)).await;
            assert_eq!(answer.status != 405, described, "{method} {path}: {answer}");
            assert!(!answer.body.contains("\"NOT_FOUND\""), "{method} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn the_description_says_where_and_to_whom() {
    let accord = Accord::start().await;
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    assert_eq!(description["servers"][0]["url"], "/");
    let mut open = Vec::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let security = operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} does not say"));
            if security.is_empty() {
                open.push(format!("{method} {path}"));
            }
        }
    }
    assert_snapshot!("open_operations", open.join("\n"));
    let input = &description["components"]["schemas"]["AccountData"];
    assert_eq!(input["required"], Value::Null, "every field of a record is optional");
}

#[tokio::test]
async fn texts_have_the_lengths_that_are_described() {
    let accord = Accord::start().await;
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    let (person, program) = (accord.admin().await, accord.token().await);
    let mut tried = Vec::new();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let content = &operation["requestBody"]["content"]["application/json"];
            let reference = content["schema"]["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let Some(schema) = reference.and_then(|reference| description.pointer(reference)) else { continue };
            let examples = content["examples"].as_object().and_then(|examples| examples.values().next());
            let example = examples.map_or(&content["example"], |example| &example["value"]);
            let concrete = path.replace("{id}", "1").replace("{userId}", "1");
            let token = if operation["tags"][0] == "endpoint" { &program } else { &person };
            let is_limited = |member: &Value| member["maxLength"].is_u64() && member.get("format").is_none();
            let members = schema["properties"].as_object().into_iter().flatten();
            for (name, member) in members.filter(|(_, member)| is_limited(member)) {
                let max = usize::try_from(member["maxLength"].as_u64().expect("a length")).expect("a length");
                let send = async |length| {
                    let mut body = example.clone();
                    body[name] = "a".repeat(length).into();
                    let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                    answer(accord.request_as(token, method, &concrete).json(&body)).await
                };
                let told = format!("must have at most {max} characters");
                let longer = send(max + 1).await;
                if longer.status == 404 {
                    continue;
                }
                assert!(longer.status == 400 && longer.body.contains(&told), "{method} {path} {name}: {longer}");
                let longest = send(max).await;
                assert!(!longest.body.contains(&told), "{method} {path} {name}: {longest}");
                tried.push(format!("{path} {name}"));
            }
        }
    }
    assert!(tried.len() > 20, "{tried:?}");
}

#[tokio::test]
async fn the_description_is_sent_once_to_who_keeps_it() {
    let accord = Accord::start().await;
    let first = answer(accord.request(Method::GET, "/openapi.json")).await;
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/json")), "{first}");
    assert_eq!(first.json()["info"]["title"], "Accord");
    let tag = first.header("etag").expect("an ETag").to_owned();
    let again = answer(accord.request(Method::GET, "/openapi.json").header("If-None-Match", &tag)).await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag.as_str())), "{again}");
    let other = answer(accord.request(Method::GET, "/openapi.json").header("If-None-Match", "\"another\"")).await;
    assert_eq!(other.body, first.body);
}

#[tokio::test]
async fn the_reference_is_the_description_as_a_page_that_loads_nothing() {
    let accord = Accord::start().await;
    let page = answer(accord.request(Method::GET, "/reference")).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").expect("a policy");
    let style = page.body.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style").0;
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}';")), "{policy}");
    for elsewhere in ["<script", "src=", "url(", "<link", "style=\""] {
        assert!(!page.body.contains(elsewhere), "{elsewhere}");
    }
    let description = answer(accord.request(Method::GET, "/openapi.json")).await.json();
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("an id");
            let call = format!("<code class=\"call\">{} {path}</code>", method.to_uppercase());
            assert!(page.body.contains(&format!("id=\"{id}\"")) && page.body.contains(&call), "{method} {path}");
        }
    }
    let tag = page.header("etag").expect("an ETag").to_owned();
    let again = answer(accord.request(Method::GET, "/reference").header("If-None-Match", &tag)).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""), "{again}");
}

#[tokio::test]
async fn the_description_leads_to_a_page_of_each_api_and_each_link_there_to_something() {
    let accord = Accord::start().await;
    let get = async |path: &str| answer(accord.request(Method::GET, path)).await;
    let description = get("/openapi.json").await.json();
    let tags = description["tags"].as_array().expect("tags");
    let told = tags.iter().filter_map(|tag| tag["description"].as_str());
    let pages: Vec<_> = told.filter_map(|told| told.split_once("](")?.1.strip_suffix(')')).collect();
    assert_eq!(pages.len(), 5, "{tags:?}");
    for path in pages {
        let page = get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{path}");
        for link in page.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let (to, anchor) = link.split_once('#').unwrap_or((link, ""));
            if to.starts_with("https://") {
                continue;
            }
            let there = get(if to.is_empty() { path } else { to }).await;
            assert_eq!(there.status, 200, "{path}: {link}");
            assert!(anchor.is_empty() || there.body.contains(&format!("id=\"{anchor}\"")), "{path}: {link}");
        }
    }
    assert_eq!(get("/reference/nothing").await.status, 404);
}

#[tokio::test]
async fn the_description_is_only_read() {
    let accord = Accord::start().await;
    assert_snapshot!(answer(accord.request(Method::PUT, "/openapi.json")).await);
}
