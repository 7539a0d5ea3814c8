//! The database away, full or out of order: every operation answers `503` in the shape of its API, and nothing is half done.

use accord_tests::accounts::{PASSWORD, path};
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, answer, skipped_on_spin};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

/// What the components are told of a full disk, in Spin's words.
const FULL: &str = "database or disk is full";

/// What is counted of a request that is refused: it stays, whatever becomes of the request.
pub(super) const COUNTED: [&str; 2] = ["sign_in_failures", "sign_ups"];

/// Who calls, and what they call about.
pub(super) struct Callers {
    person: String,
    email: String,
    account: i64,
    pub(super) connector: String,
    operator: Administrator,
}

impl Callers {
    /// Those of an Accord that nobody has called yet.
    pub(super) async fn of(accord: &Accord) -> Self {
        let person = accord.person("Acme").await;
        let connector = accord.token().await;
        let bound = json!({ "bound": { "name": "Bound", "id": "bound" } });
        assert_eq!(accord.patch_accounts(&connector, &bound).await.status, 200);
        Self {
            email: person.email,
            account: person.account,
            person: person.token,
            connector,
            operator: accord.operator().await,
        }
    }
}

pub(super) const OPERATIONS: [&str; 17] = [
    "token",
    "sign in",
    "refresh",
    "revoke",
    "introspect",
    "get",
    "list",
    "create",
    "update",
    "invite",
    "sign up",
    "make a connector",
    "push accounts",
    "push users",
    "bind",
    "insert a record",
    "make a customer",
];

/// Does an operation whose names have the `number`.
pub(super) async fn operate(accord: &Accord, callers: &Callers, operation: &str, number: usize) -> Answer {
    let person = &callers.person;
    let form = |form: &[(&str, &str)]| answer(accord.request(Method::POST, TOKEN).form(form));
    match operation {
        "token" => {
            let client = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
            form(&[&client[..], &[("grant_type", "client_credentials")]].concat()).await
        }
        "sign in" => accord.sign_in(&callers.email, PASSWORD, None).await,
        "introspect" => accord.introspect(person).await,
        "get" => accord.get(person, &path(callers.account)).await,
        "list" => accord.get(person, "/api/accounts?$filter=contains(name,'a')").await,
        "create" => accord.post(person, "/api/accounts", &json!({ "name": format!("Made {number}") })).await,
        "update" => accord.put(person, &path(callers.account), &json!({ "description": number.to_string() })).await,
        "invite" => {
            let body = json!({ "email": format!("guest{number}@example.com"), "roles": ["user"] });
            accord.post(person, &format!("{}/users", path(callers.account)), &body).await
        }
        "sign up" => {
            let body = json!({ "email": format!("new{number}@example.com"), "password": PASSWORD,
                               "accountName": format!("New {number}") });
            accord.submit("/api/accounts/signup", &body).await
        }
        "make a connector" => accord.post(person, "/api/connectors", &json!({ "name": number.to_string() })).await,
        "push accounts" => {
            let body = json!({ format!("a{number}"): { "name": "Pushed", "id": format!("r{number}") } });
            accord.patch_accounts(&callers.connector, &body).await
        }
        "push users" => {
            let body = json!({ format!("u{number}"): { "email": format!("pushed{number}@example.com") } });
            accord.patch_users(&callers.connector, &body).await
        }
        "bind" => accord.bind(&callers.connector, "bound", &json!([format!("b{number}")])).await,
        "insert a record" => {
            accord.post(&callers.connector, RECORD, &json!({ "Username": format!("record{number}") })).await
        }
        "make a customer" => {
            let body = json!({ "name": "Customer", "subdomain": format!("customer-{number}"), "active": "1",
                               "password": "the password of a customer" });
            accord.administer(&callers.operator, &body).await
        }
        other => panic!("{other}"),
    }
}

/// Has each statement of each operation fail in turn: the answer is `503`, and nothing is half done.
async fn whichever_statement_fails_with(error: &str) {
    if skipped_on_spin("nobody makes its statements fail") {
        return;
    }
    let mut options = Options::default().variable("signup_limit", &0);
    options.limits.max_instances = 1;
    let accord = Accord::start_with(options).await;
    let callers = Callers::of(&accord).await;
    let mut number = 0;
    for operation in OPERATIONS {
        let mut failed = 0;
        // Until the operation has fewer statements than run before the fault.
        for after in 0.. {
            number += 1;
            let shown = match operation {
                "refresh" | "revoke" => accord.sign_in(&callers.email, PASSWORD, None).await.text("refresh_token"),
                // Of a token that is known, who calls is presumed: if that read fails, it is asked anew.
                "get" => accord.sign_in(&callers.email, PASSWORD, None).await.text("access_token"),
                _ => String::new(),
            };
            let before = accord.store().dump(&COUNTED);
            accord.fail(after, error);
            let answer = match operation {
                "refresh" => accord.refresh(&shown).await,
                "revoke" => accord.revoke(&shown).await,
                "get" => accord.get(&shown, &path(callers.account)).await,
                _ => operate(&accord, &callers, operation, number).await,
            };
            if !accord.mend() {
                assert!((200..300).contains(&answer.status), "{operation}: {answer}");
                break;
            }
            if (200..300).contains(&answer.status) {
                // What failed was not needed: how a connection is set up, or a mail that can wait.
                continue;
            }
            failed += 1;
            assert_eq!(answer.status, 503, "{operation}, statement {after}, {error}: {answer}");
            assert_eq!(answer.header("retry-after"), Some("5"), "{operation}, statement {after}: {answer}");
            assert_eq!(accord.store().dump(&COUNTED), before, "{operation}, statement {after}, {error}");
            if operation == "refresh" {
                assert_eq!(accord.refresh(&shown).await.status, 200, "statement {after} used nothing up");
            }
            if failed == 1 && error == FULL {
                assert_snapshot!(operation.replace(' ', "_"), answer);
            }
        }
        assert!(failed > 0, "{operation} has statements");
    }
}

#[tokio::test]
async fn a_full_disk_is_503_at_whichever_statement_and_nothing_is_half_done() {
    whichever_statement_fails_with(FULL).await;
}

#[tokio::test]
async fn a_read_only_file_is_503_at_whichever_statement_and_nothing_is_half_done() {
    whichever_statement_fails_with("attempt to write a readonly database").await;
}

#[tokio::test]
async fn a_server_of_libsql_that_is_gone_is_503_at_whichever_statement_and_nothing_is_half_done() {
    let gone = "Hrana: `http error: `error trying to connect: tcp connect error: Connection refused (os error 111)``";
    whichever_statement_fails_with(gone).await;
}

#[tokio::test]
async fn a_server_of_libsql_that_has_forgotten_us_is_503_at_whichever_statement_and_nothing_is_half_done() {
    let forgotten = "Hrana: `stream error: `Error { message: \"The stream has expired due to inactivity\", code: \"STREAM_EXPIRED\" }``";
    whichever_statement_fails_with(forgotten).await;
}
