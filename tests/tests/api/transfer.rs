//! The directory as a whole: taken out of one Accord and brought into another, by whoever operates them.

use std::time::Duration;

use accord_tests::accounts::{PASSWORD, Person};
use accord_tests::oauth::TOKEN;
use accord_tests::{
    ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, answer, skipped_on_spin,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const EXPORT: &str = "/api/export";
const IMPORT: &str = "/api/import";

fn as_owner(accord: &Accord, method: Method, path: &str) -> RequestBuilder {
    accord.request(method, path).basic_auth(ADMIN_EMAIL, Some(ADMIN_PASSWORD))
}

/// The whole export, whose parts are put together.
async fn export(accord: &Accord) -> String {
    let (mut lines, mut path) = (String::new(), EXPORT.to_owned());
    loop {
        let part = answer(as_owner(accord, Method::GET, &path)).await;
        assert_eq!(part.status, 200, "{part}");
        assert_eq!(part.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(part.header("cache-control"), Some("no-store"));
        lines.push_str(&part.body);
        let last = lines.lines().last().expect("a line").to_owned();
        let last: Value = serde_json::from_str(&last).expect("JSON");
        let Some(next) = last["next"].as_str() else { return lines };
        path = format!("{EXPORT}?next={next}");
        let whole = lines.trim_end().rfind('\n').expect("a line before") + 1;
        lines.truncate(whole);
    }
}

/// Brings in lines, the first of which is this one of all.
async fn import(accord: &Accord, first: usize, lines: &[&str]) -> Answer {
    let body = lines.iter().fold(String::new(), |body, line| body + line + "\n");
    answer(as_owner(accord, Method::POST, &format!("{IMPORT}?line={first}")).body(body)).await
}

/// A directory in which every API has said something.
async fn source() -> (Accord, Person) {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "guest@example.com").await;
    let entries: serde_json::Map<String, Value> = (0..2500)
        .map(|n| (format!("e{n}"), json!({ "name": format!("Company {n} \"ä\u{1F600}\""), "id": format!("R-{n}") })))
        .collect();
    assert_eq!(accord.patch_accounts(&token, &entries.into()).await.status, 200);
    assert_eq!(accord.patch_users(&token, &json!({ "u": { "email": "bound@example.com" } })).await.status, 200);
    assert_eq!(accord.bind(&token, "R-1", &json!(["u", "unknown"])).await.status, 200);
    let record = json!({ "Username": "w", "Email": "w@example.com", "Is_Active": true });
    assert_eq!(accord.patch(&token, accord_tests::endpoint::RECORD, &record).await.status, 200);
    let operator = accord.operator().await;
    accord.make_account(&operator, "reseller", "reseller").await;
    (accord, owner)
}

#[tokio::test]
async fn what_was_exported_and_imported_is_the_same_to_the_byte_and_everybody_signs_in_as_before() {
    let (from, owner) = source().await;
    let lines = export(&from).await;
    assert!(lines.starts_with(r#"{"accord":"directory","format":1,"schema":"#), "{}", &lines[..80]);
    assert!(lines.lines().last().expect("a line").starts_with(r#"{"end":{"#));

    let into = Accord::start_with(Options::default().variable("bootstrap_client_id", &"another")).await;
    let (before, admin) =
        (into.token_of("another", CLIENT_SECRET).await, into.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, None).await);
    assert_eq!(into.get(&before, "/api/accounts").await.status, 200);
    let all: Vec<_> = lines.lines().collect();
    let (head, rest) = all.split_at(all.len() / 2);
    let half = import(&into, 1, head).await;
    assert_eq!((half.status, half.json()), (200, json!({ "lines": head.len(), "isUnderWay": true })), "{half}");
    assert_eq!(half.header("cache-control"), Some("no-store"));

    // Nobody sees a half of it, and nobody writes to it.
    let client = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let refresh = admin.text("refresh_token");
    let newcomer = json!({ "email": "somebody@example.com", "password": PASSWORD, "accountName": "Somebody" });
    for refused in [
        into.get(&before, "/api/accounts").await,
        into.get(&admin.text("access_token"), "/api/me").await,
        answer(into.request(Method::POST, TOKEN).form(&client)).await,
        into.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD, None).await,
        into.refresh(&refresh).await,
        into.submit("/api/accounts/signup", &newcomer).await,
        answer(as_owner(&into, Method::GET, EXPORT)).await,
        answer(into.request(Method::GET, "/health/ready")).await,
    ] {
        assert_eq!(refused.status, 503, "{refused}");
        assert_eq!(refused.header("retry-after"), Some("60"), "{refused}");
        assert!(refused.body.contains("an import is under way"), "{refused}");
    }
    let progress = answer(as_owner(&into, Method::GET, IMPORT)).await;
    assert_eq!(progress.json(), json!({ "lines": head.len(), "isUnderWay": true }));
    let stranger = answer(into.request(Method::GET, IMPORT).basic_auth(ADMIN_EMAIL, Some("wrong"))).await;
    assert_eq!(stranger.status, 401, "{stranger}");

    // What has come already is passed over.
    let overlapping = &all[head.len() - 10..];
    assert_eq!(rest.len() + 10, overlapping.len());
    let done = import(&into, head.len() - 9, overlapping).await;
    assert_eq!((done.status, done.json()), (200, json!({ "lines": all.len(), "isUnderWay": false })), "{done}");
    assert_eq!(answer(into.request(Method::GET, "/health/ready")).await.status, 200);

    // Tokens of the first start, which is no more, are none; those whom the directory knows get in.
    assert_eq!(into.get(&before, "/api/accounts").await.status, 401);
    assert_eq!(into.get(&admin.text("access_token"), "/api/me").await.status, 401);
    assert_eq!(into.refresh(&refresh).await.status, 400);
    let token = into.token().await;
    let listed = |accord: &Accord, token: &str| {
        answer(accord.request_as(token, Method::GET, "/api/accounts?$count=true&$top=5&$orderby=id%20desc"))
    };
    assert_eq!(listed(&into, &token).await.body, listed(&from, &from.token().await).await.body);
    let person = into.sign_in(&owner.email, PASSWORD, None).await;
    assert_eq!(person.status, 200, "{person}");
    assert_eq!(export(&into).await, lines);
    assert_eq!(into.store().lines("SELECT \"table\" FROM pragma_foreign_key_check"), Vec::<String>::new());
    let gates = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'import%'";
    assert_eq!(into.store().lines(gates), Vec::<String>::new());
    assert_eq!(into.store().contradictions(), Vec::<String>::new());

    // The audit of each tells of it, to those who see the whole directory.
    let told = |sql: &str, accord: &Accord| accord.store().lines(sql);
    let noted = "SELECT actor, action, detail FROM audit WHERE subject = 'directory' ORDER BY id";
    let lines = all.len();
    assert_eq!(told(noted, &from), ["user:1 | exported | {\"account\":1}"]);
    assert_eq!(
        told(noted, &into),
        [
            format!("system | imported | {{\"account\":1,\"lines\":{lines}}}"),
            "user:1 | exported | {\"account\":1}".to_owned()
        ]
    );
    let events =
        into.get(&into.admin().await, "/api/audit?$filter=subject%20eq%20'directory'&$select=action,subject").await;
    assert_eq!(events.json()["value"][1], json!({ "action": "imported", "subject": "directory" }), "{events}");

    // One that is used takes none.
    let refused = import(&into, 1, &all).await;
    assert_eq!((refused.status, refused.text("code").as_str()), (409, "NOT_EMPTY"), "{refused}");
}

#[tokio::test]
async fn only_an_owner_of_the_operator_account_exports_and_imports_and_only_by_the_password() {
    let accord = Accord::start().await;
    let (token, admin) = (accord.token().await, accord.admin().await);
    let owner = accord.person("Acme").await;
    for (method, path) in [(Method::GET, EXPORT), (Method::GET, IMPORT), (Method::POST, IMPORT)] {
        let request = || accord.request(method.clone(), path).body("{}");
        for (refused, status) in [
            (answer(request()).await, 401),
            (answer(request().bearer_auth(&admin)).await, 401),
            (answer(request().bearer_auth(&token)).await, 401),
            (answer(request().basic_auth(ADMIN_EMAIL, Some("wrong"))).await, 401),
            (answer(request().basic_auth(CLIENT_ID, Some(CLIENT_SECRET))).await, 401),
            (answer(request().basic_auth(&owner.email, Some(PASSWORD))).await, 403),
        ] {
            assert_eq!(refused.status, status, "{refused}");
            assert_eq!(refused.header("content-type"), Some("application/problem+json"));
            if status == 401 {
                assert_eq!(refused.header("www-authenticate"), Some(r#"Basic realm="accord", charset="UTF-8""#));
            }
        }
    }
    // Somebody who guesses is slowed down as everywhere.
    let mut last = 0;
    for _ in 0..12 {
        last = answer(accord.request(Method::GET, EXPORT).basic_auth(ADMIN_EMAIL, Some("guess"))).await.status;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn what_is_no_export_is_told_by_the_number_of_its_line() {
    let accord = Accord::start().await;
    accord.token().await;
    let head = export(&accord).await.lines().next().expect("a line").to_owned();
    for (lines, line, why) in [
        (vec!["{}"], "line 1", "is no row"),
        (vec![r#"{"accounts":{"id":1}}"#], "line 1", "must be the first line of an export"),
        (vec![&head, "\u{feff}"], "line 2", "is not JSON"),
        (vec![&head, r#"{"people":{"id":1,"id":"x"}}"#], "line 2", "has a value of another type than its column"),
    ] {
        let refused = import(&accord, 1, &lines).await;
        assert_eq!(refused.status, 400, "{refused}");
        assert_eq!(refused.json()["errors"], json!({ line: why }), "{refused}");
    }
    for (query, field) in [("line=0", "line"), ("line=2", "line"), ("line=x", "line"), ("line=1&line=1", "line")] {
        let refused = answer(as_owner(&accord, Method::POST, &format!("{IMPORT}?{query}")).body("{}")).await;
        assert_eq!((refused.status, refused.json()["errors"][field].is_string()), (400, true), "{query}: {refused}");
    }
    for query in ["next=x", "next=", "next=a&next=b"] {
        let refused = answer(as_owner(&accord, Method::GET, &format!("{EXPORT}?{query}"))).await;
        assert_eq!((refused.status, refused.json()["errors"]["next"].is_string()), (400, true), "{query}: {refused}");
    }
    let long = format!("{head}\n{}", "x".repeat(2 << 20));
    assert_eq!(answer(as_owner(&accord, Method::POST, IMPORT).body(long)).await.status, 413);
    let coded = as_owner(&accord, Method::POST, IMPORT).header("content-encoding", "gzip").body("{}");
    assert_eq!(answer(coded).await.status, 415);
    // Nothing of all this was written.
    assert_eq!(accord.get(&accord.admin().await, "/api/me").await.status, 200);
    let empty = answer(as_owner(&accord, Method::POST, IMPORT)).await;
    assert_eq!(empty.json(), json!({ "lines": 0, "isUnderWay": false }), "{empty}");
}

#[tokio::test]
async fn an_import_goes_on_after_the_server_was_killed_in_the_middle_of_it() {
    if skipped_on_spin("the host of the tests is what is killed") {
        return;
    }
    let (from, _) = source().await;
    let lines = export(&from).await;
    let all: Vec<_> = lines.lines().collect();
    let mut into = Accord::start_with(Options { process: true, ..Options::default() }).await;
    into.token().await;
    let (mut come, mut is_done) = (0, false);
    for part in [1000, 2500, all.len()] {
        // Killed while it takes them: what it has not said it has may be there or not.
        let body = all[come..part].iter().fold(String::new(), |body, line| body + line + "\n");
        let sent = as_owner(&into, Method::POST, &format!("{IMPORT}?line={}", come + 1)).body(body);
        let sending = tokio::spawn(sent.send());
        tokio::time::sleep(Duration::from_millis(60)).await;
        into.kill_and_restart().await;
        _ = sending.await.expect("no panic");
        let progress = answer(as_owner(&into, Method::GET, IMPORT)).await;
        let has_come = usize::try_from(progress.number("lines")).expect("it is small");
        is_done = come > 0 && progress.json()["isUnderWay"] == false;
        assert!(is_done || (come..=part).contains(&has_come), "{progress}");
        come = has_come;
    }
    if !is_done {
        let rest = import(&into, come + 1, &all[come..]).await;
        assert_eq!(rest.json(), json!({ "lines": all.len(), "isUnderWay": false }), "{rest}");
    }
    assert_eq!(export(&into).await, lines);
}
