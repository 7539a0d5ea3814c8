//! One address, and everything that can be said of it at once: the directory ends up consistent, whoever comes first.

use std::env;

use accord_tests::accounts::{ACCEPT, PASSWORD, path};
use accord_tests::{Accord, Answer, Options};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use serde_json::{Value, json};

const VERIFY: &str = "/api/accounts/email/verify";
const FORGOT: &str = "/api/accounts/password/forgot";
const RESET: &str = "/api/accounts/password/reset";
const RECORD: &str = "/Endpoint/rest/api/v1/Account";

/// The secrets of the links of one kind that were mailed to an address, oldest first.
fn links(accord: &Accord, address: &str, page: &str) -> Vec<String> {
    let mails = format!("SELECT text FROM outbox WHERE recipient = '{address}' AND text LIKE '%/{page}#%' ORDER BY id");
    let token = |text: String| text.split_once("#token=").map(|(_, token)| token.trim().to_owned());
    accord.store().lines(&mails).into_iter().filter_map(token).collect()
}

/// 64 calls about one address at once: sign-ups, confirmations, acceptances, resets, a change of address, records and
/// bindings, each several times.
async fn storm(accord: &Accord, round: usize, connector: &str) -> Vec<Answer> {
    let address = format!("race-{round}@example.com");
    let owner = accord.person(&format!("Race {round}")).await;
    let changes = accord.person(&format!("Changes {round}")).await;
    for squatter in 0..2 {
        let signed_up = accord.sign_up(&address, &format!("Squatter {round} {squatter}")).await;
        assert_eq!(signed_up.status, 201, "{signed_up}");
    }
    accord.invite(&owner, &address).await;
    let change = json!({ "email": address, "password": PASSWORD });
    assert_eq!(accord.post(&changes.token, "/api/me/email", &change).await.status, 200);
    for _ in 0..2 {
        assert_eq!(accord.submit(FORGOT, &json!({ "email": address })).await.status, 200);
    }
    let with_password = |token: &String, password: &str| json!({ "token": token, "password": password });
    let mut calls: Vec<BoxFuture<'_, Answer>> = Vec::new();
    let submit = |path: &'static str, body: Value| async move { accord.submit(path, &body).await }.boxed();
    for number in 0..4 {
        for token in links(accord, &address, "verify-email").iter().chain(&links(accord, &address, "change-email")) {
            calls.push(submit(VERIFY, with_password(token, PASSWORD)));
        }
        for token in &links(accord, &address, "accept-invitation") {
            calls.push(submit(ACCEPT, with_password(token, &format!("the password of guest {number}"))));
        }
        for token in &links(accord, &address, "reset-password") {
            calls.push(submit(RESET, with_password(token, &format!("the password of reset {number}"))));
        }
        let name = format!("At once {round} {number}");
        calls.push({
            let address = address.clone();
            async move { accord.sign_up(&address, &name).await }.boxed()
        });
        let record = json!({ "Username": format!("race-{round}"), "Email": address, "Is_Active": number % 2 == 0 });
        calls.push(async move { accord.patch(connector, RECORD, &record).await }.boxed());
        let users = json!({ format!("race-{round}"): { "email": address } });
        calls.push(async move { accord.patch_users(connector, &users).await }.boxed());
        let leave = path(owner.account).replace("/api/accounts", "/api/me/accounts");
        let token = owner.token.clone();
        calls.push(async move { accord.delete(&token, &leave).await }.boxed());
    }
    calls.truncate(64);
    join_all(calls).await
}

/// `ACCORD_ROUNDS` says how many rounds, three by default.
#[tokio::test]
async fn whatever_comes_at_once_about_one_address_leaves_one_consistent_outcome() {
    let rounds = env::var("ACCORD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let unlimited = Options::default().variable("signup_limit", &0).variable("failed_sign_in_limit", &100_000);
    let accord = Accord::start_with(unlimited).await;
    let connector = accord.token().await;
    for round in 0..rounds {
        let answers = storm(&accord, round, &connector).await;
        let wrong: Vec<_> = answers.iter().filter(|answer| answer.status >= 500).collect();
        assert!(wrong.is_empty(), "round {round}: {}", wrong[0]);
        assert_eq!(accord.store().contradictions(), [""; 0], "round {round}");
        let proved =
            format!("SELECT count(*) FROM addresses WHERE key = 'race-{round}@example.com' AND proved_at IS NOT NULL");
        assert_eq!(accord.store().number(&proved), 1, "round {round}: somebody has proved it, and nobody else");
    }
}

/// 64 calls about one account at once: three connectors that disagree and let go, people who name it, correct its registration id
/// and take that back, and orders of the sources.
async fn quarrel(accord: &Accord, round: usize, connectors: &[String], admin: &str) -> Vec<Answer> {
    let store = accord.store();
    let operator = path(store.number("SELECT id FROM accounts WHERE owner_id IS NULL"));
    let id = format!("{round:06}-1");
    let said = |name: &str, id: &str| json!({ format!("q{round}"): { "name": format!("{name} {round}"), "id": id } });
    for (number, token) in connectors.iter().enumerate() {
        let answer = accord.patch_accounts(token, &said(&format!("Name {number}"), &id)).await;
        assert_eq!(answer.status, 200, "{answer}");
    }
    let account = path(store.number(&format!("SELECT id FROM accounts WHERE registration_id = '{id}'")));
    let first = store.number("SELECT min(connector_id) FROM account_identities");
    let mut calls: Vec<BoxFuture<'_, Answer>> = Vec::new();
    let patch = |token: &String, body: Value| {
        let token = token.clone();
        async move { accord.patch_accounts(&token, &body).await }.boxed()
    };
    let put = |to: &str, body: Value| {
        let to = to.to_owned();
        async move { accord.put(admin, &to, &body).await }.boxed()
    };
    for turn in 0..4 {
        for (number, token) in connectors.iter().enumerate() {
            calls.push(patch(token, said(&format!("Name {number}{}", turn % 2), &id)));
            calls.push(patch(token, json!({ format!("q{round}"): null })));
            calls.push(patch(token, said("Other", &format!("{round:06}-{turn}"))));
        }
        calls.push(put(&account, json!({ "name": format!("People {round} {turn}") })));
        calls.push(put(&account, json!({ "name": null })));
        calls.push(put(&account, json!({ "registrationId": format!("{round:06}-{}", turn + 2) })));
        calls.push(put(&account, json!({ "registrationId": null })));
        let order = [json!(["above"]), json!([format!("connector:{first}"), "people"]), json!([])][turn % 3].clone();
        calls.push(put(&format!("{operator}/precedence"), json!({ "name": order, "registrationId": order })));
    }
    calls.truncate(64);
    join_all(calls).await
}

#[tokio::test]
async fn whatever_sources_say_at_once_shows_what_follows_from_their_words() {
    let rounds = env::var("ACCORD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let accord = Accord::start().await;
    let mut connectors = Vec::new();
    for name in ["One", "Two", "Three"] {
        connectors.push(accord.connector(name, "portal:write").await);
    }
    let admin = accord.admin().await;
    for round in 0..rounds {
        let answers = quarrel(&accord, round, &connectors, &admin).await;
        let wrong: Vec<_> = answers.iter().filter(|answer| answer.status >= 500).collect();
        assert!(wrong.is_empty(), "round {round}: {}", wrong[0]);
        assert_eq!(accord.store().contradictions(), [""; 0], "round {round}");
    }
}

/// 64 calls about four accounts at once: joined into each other and separated, while connectors push and bind, people are invited, come and
/// are removed, and accounts are renamed, suspended and deleted.
async fn reunion(accord: &Accord, round: usize, connectors: &[String], admin: &str) -> Vec<Answer> {
    let store = accord.store();
    let said = |name: &str, number: usize| json!({ format!("r{round}-{number}"): { "name": format!("{name} {round}"), "id": format!("{round}-{number}") } });
    let (boss, guest) = (accord.person(&format!("Boss {round}")).await, accord.person(&format!("Guest {round}")).await);
    for number in 0..3 {
        for token in connectors {
            assert_eq!(accord.patch_accounts(token, &said("Reunion", number)).await.status, 200);
        }
    }
    let brought =
        |number: usize| store.number(&format!("SELECT id FROM accounts WHERE registration_id = '{round}-{number}'"));
    let accounts = [brought(0), brought(1), brought(2), boss.account];
    accord.join(accounts[0], guest.id, "manage").await;
    accord.join(accounts[1], guest.id, "owner").await;
    let mut calls: Vec<BoxFuture<'_, Answer>> = Vec::new();
    let post = |token: &str, url: String, body: Value| {
        let token = token.to_owned();
        async move { accord.post(&token, &url, &body).await }.boxed()
    };
    for turn in 0..4 {
        for (number, into) in accounts.into_iter().enumerate() {
            let from = accounts[(number + turn + 1) % 4];
            calls.push(post(admin, format!("{}/join", path(into)), json!({ "accounts": [from] })));
            calls.push(post(admin, format!("{}/separate", path(into)), json!({ "accounts": [from] })));
        }
        for (number, token) in connectors.iter().enumerate() {
            let (token, user, body) = (token.clone(), format!("u{round}"), said(&format!("Name {number}"), turn % 3));
            calls.push(async move { accord.patch_accounts(&token, &body).await }.boxed());
            let token = connectors[number].clone();
            let users = json!({ &user: { "email": format!("reunion-{round}@example.com") } });
            calls.push(async move { accord.patch_users(&token, &users).await }.boxed());
            let (token, account) = (connectors[number].clone(), format!("r{round}-{}", turn % 3));
            calls.push(async move { accord.bind(&token, &account, &json!([user])).await }.boxed());
        }
        let invited = json!({ "email": guest.email, "roles": ["owner"] });
        calls.push(post(&boss.token, format!("{}/users", path(boss.account)), invited));
        let (to, id) = (guest.email.clone(), accounts[turn].to_string());
        calls.push(async move { accord.sign_in(&to, PASSWORD, Some(&id)).await }.boxed());
        let gone = format!("{}/users/{}", path(accounts[turn]), guest.id);
        calls.push(async move { accord.delete(admin, &gone).await }.boxed());
        let status = ["inactive", "active"][turn % 2];
        let (one, body) = (path(accounts[turn]), json!({ "name": format!("People {round} {turn}"), "status": status }));
        calls.push(async move { accord.put(admin, &one, &body).await }.boxed());
        if turn == 3 {
            let one = path(accounts[2]);
            calls.push(async move { accord.delete(admin, &one).await }.boxed());
        }
    }
    calls.truncate(64);
    join_all(calls).await
}

#[tokio::test]
async fn accounts_that_are_joined_and_separated_at_once_with_everything_else_contradict_nothing() {
    let rounds = env::var("ACCORD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let unlimited = Options::default().variable("signup_limit", &0).variable("failed_sign_in_limit", &100_000);
    let accord = Accord::start_with(unlimited).await;
    let mut connectors = Vec::new();
    for name in ["One", "Two"] {
        connectors.push(accord.connector(name, "portal:write").await);
    }
    let admin = accord.admin().await;
    let mut joined = 0;
    for round in 0..rounds {
        let answers = reunion(&accord, round, &connectors, &admin).await;
        let wrong: Vec<_> = answers.iter().filter(|answer| answer.status >= 500).collect();
        assert!(wrong.is_empty(), "round {round}: {}", wrong[0]);
        assert_eq!(accord.store().contradictions(), [""; 0], "round {round}");
        joined += accord.store().number("SELECT count(*) FROM audit WHERE action = 'joined'");
    }
    assert!(joined > 0);
}
