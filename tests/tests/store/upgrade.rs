//! The upgrade of a directory that version 0.1 has written through its four doors, with unproved, shared and conflicting
//! addresses: nobody loses a sign-in or a membership, but where the audit says why.

use std::fmt::Write as _;

use accord_tests::accounts::PASSWORD;
use accord_tests::upgrade::{self, SignIn, Worked};
use accord_tests::{Accord, Options, answer, skipped_on_spin};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

/// Accord on that directory, which its first request migrates.
async fn upgraded() -> Option<(Accord, Worked)> {
    if skipped_on_spin("the state directory is written by the test") {
        return None;
    }
    let mut accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &100_000)).await;
    accord.restart_after(upgrade::restore).await;
    Some((accord, upgrade::worked()))
}

/// What a sign-in comes to now, as version 0.1 told it.
async fn now(accord: &Accord, before: &SignIn, accounts: &[String]) -> SignIn {
    let plain = accord.sign_in(&before.name, &before.password, None).await;
    let mut account = None;
    if plain.status == 200 {
        account = accord.introspect(&plain.text("access_token")).await.json()["account"].as_i64();
    }
    let mut into = Vec::new();
    for name in accounts {
        if accord.sign_in(&before.name, &before.password, Some(name)).await.status == 200 {
            into.push(name.clone());
        }
    }
    SignIn {
        name: before.name.clone(),
        person: before.person,
        password: before.password.clone(),
        status: plain.status,
        error: plain.json()["error"].as_str().map(str::to_owned),
        account,
        into,
    }
}

/// What a sign-in came to, in words.
fn told(sign_in: &SignIn) -> String {
    let plain = match (&sign_in.error, sign_in.account) {
        (Some(error), _) => error.clone(),
        (None, Some(account)) => format!("signs in to {account}"),
        (None, None) => "signs in".to_owned(),
    };
    let mut into = sign_in.into.clone();
    into.sort();
    format!("{plain}; {}", if into.is_empty() { "none".to_owned() } else { into.join(", ") })
}

#[tokio::test]
async fn everybody_signs_in_as_before_or_is_listed_with_the_reason() {
    let Some((accord, worked)) = upgraded().await else { return };
    let mut accounts: Vec<String> = worked.signs_in.iter().flat_map(|sign_in| sign_in.into.clone()).collect();
    accounts.sort();
    accounts.dedup();
    accord.token().await;
    let mut story = String::new();
    for before in &worked.signs_in {
        let after = told(&now(&accord, before, &accounts).await);
        let before_told = told(before);
        let _ = writeln!(story, "{}: {after}", before.name);
        if after == before_told {
            continue;
        }
        let reasons = accord.store().lines(&format!(
            "SELECT detail ->> 'reason' || coalesce(' (' || (detail ->> 'account') || ')', '') FROM audit
              WHERE action = 'migrated' AND subject = 'people' AND subject_id = {} ORDER BY 1",
            before.person
        ));
        assert!(!reasons.is_empty(), "{}: {before_told} before, {after} now, and nothing says why", before.name);
        let _ = writeln!(story, "    in 0.1: {before_told}\n    {}", reasons.join("\n    "));
        // Whoever is confined signs in to the account that the reason names.
        let confined = accord.store().lines(&format!(
            "SELECT CAST(account_id AS TEXT) FROM usernames WHERE person_id = {} AND kind = 'claim'",
            before.person
        ));
        for account in confined {
            let signed_in = accord.sign_in(&before.name, &before.password, Some(&account)).await;
            assert_eq!(signed_in.status, 200, "{} in {account}: {signed_in}", before.name);
        }
    }
    assert_snapshot!("signs_in_after_0_1", story);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn what_people_and_connectors_had_in_hand_goes_on_working() {
    let Some((accord, worked)) = upgraded().await else { return };
    // Sessions: a person of the accounts API, and one whom connectors brought.
    for token in [&worked.secrets.anna, &worked.secrets.jane] {
        let refreshed = accord.refresh(token).await;
        assert_eq!(refreshed.status, 200, "{refreshed}");
    }
    // A connector sends again what it has sent, and nothing changes.
    let token = accord.token().await;
    let changed = || accord.store().number("SELECT count(*) FROM audit WHERE action <> 'migrated'");
    let before = changed();
    let body = json!({ "acc-1": { "name": "Acme Ltd.", "id": "123456-8" }, "acc-2": { "name": "Bolt Oy", "id": "7654321-0" } });
    assert_eq!(accord.patch(&token, "/api/integrations/v1/accounts", &body).await.status, 200);
    let bound = json!(["u-jane", "u-anna", "u-victor", "u-carl", "u-unknown"]);
    assert_eq!(accord.patch(&token, "/api/integrations/v1/accounts/123456-8/users", &bound).await.status, 200);
    assert_eq!(
        changed(),
        before,
        "{:?}",
        accord.store().lines("SELECT action || ' ' || detail FROM audit ORDER BY id DESC LIMIT 5")
    );
    // Links: who proves the address is confined no more, and gets what was given to it; and the invited enters.
    let into_annas = async || accord.sign_in("ulla@example.com", PASSWORD, Some("Anna's")).await.status;
    assert_eq!(into_annas().await, 400, "the invitation was to the address, which is not proved");
    let confirm = json!({ "token": worked.secrets.verification, "password": PASSWORD });
    let proved = accord.submit("/api/accounts/email/verify", &confirm).await;
    assert_eq!(proved.status, 200, "{proved}");
    assert_eq!(into_annas().await, 200);
    let accept = json!({ "token": worked.secrets.invitation, "password": "a password of Bert's own" });
    let accepted = accord.submit("/api/accounts/invitations/accept", &accept).await;
    assert_eq!(accepted.status, 200, "{accepted}");
    let entered = accord.sign_in("bert@example.com", "a password of Bert's own", None).await;
    assert_eq!(entered.status, 200, "{entered}");
    // Records: what the endpoint API has, by its own ids.
    let of_dora = accord.store().lines("SELECT uuid FROM records WHERE external_id = 'D-1'");
    let staff = accord.connector("Reads", "AccessUser:Read").await;
    let record =
        answer(accord.request_as(&staff, Method::GET, &format!("/Endpoint/rest/api/v1/Account/{}", of_dora[0]))).await;
    assert_eq!(record.status, 200, "{record}");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}
