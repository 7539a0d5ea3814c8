//! Sign-in of people at the token endpoint: the grant of a password.

use std::time::{Duration, Instant};

use accord_tests::accounts::PASSWORD;
use accord_tests::{Accord, Options};
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn a_user_signs_in_by_password() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    assert_snapshot!("password_grant", accord.sign_in(&person.email, PASSWORD, None).await);
    assert_eq!(accord.sign_in(&person.email.to_uppercase(), PASSWORD, None).await.status, 200, "case does not count");
    assert_snapshot!("missing_username", accord.sign_in("", PASSWORD, None).await);
}

#[tokio::test]
async fn a_user_with_several_accounts_names_one() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    assert_eq!(accord.post(&person.token, "/api/accounts", &json!({ "name": "Second" })).await.status, 201);
    assert_snapshot!("account_selection_required", accord.sign_in(&person.email, PASSWORD, None).await);
    for named in ["Acme", "second", &person.account.to_string()] {
        assert_eq!(accord.sign_in(&person.email, PASSWORD, Some(named)).await.status, 200, "{named}");
    }
    let other = accord.person("Other").await;
    let foreign = other.account.to_string();
    for not_theirs in ["Other", &foreign, "Nowhere"] {
        let refused = accord.sign_in(&person.email, PASSWORD, Some(not_theirs)).await;
        assert_eq!((refused.status, refused.text("error").as_str()), (400, "invalid_grant"));
    }
}

#[tokio::test]
async fn a_user_may_sign_in_to_what_an_account_of_theirs_owns_if_that_shares_its_data() {
    let accord = Accord::start().await;
    let person = accord.person("Reseller").await;
    let (customer, branch) = (accord.person("Customer").await.account, accord.person("Branch").await.account);
    let store = accord.store();
    store.execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [person.account]);
    for (owner, owned) in [(person.account, customer), (customer, branch)] {
        store.execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", (owner, owned));
    }
    store.recount();
    let share = |account: i64, shares: bool| {
        store.execute("UPDATE accounts SET datashare = ?1 WHERE id = ?2", (shares, account));
    };
    let sign_in = async |account: &str| accord.sign_in(&person.email, PASSWORD, Some(account)).await;
    let named = [customer.to_string(), branch.to_string()];
    for (customer_shares, branch_shares, expected) in
        [(false, false, [400, 400]), (false, true, [400, 400]), (true, false, [200, 400]), (true, true, [200, 200])]
    {
        share(customer, customer_shares);
        share(branch, branch_shares);
        let statuses = [sign_in(&named[0]).await.status, sign_in(&named[1]).await.status];
        assert_eq!(statuses, expected, "{customer_shares} {branch_shares}");
    }
    // The token carries the account, and what is not named is not asked for.
    let signed_in = sign_in(" branch ").await;
    let shown = accord.introspect(&signed_in.text("access_token")).await.json();
    assert_eq!(shown["account"], json!(branch), "{shown}");
    let unnamed = accord.sign_in(&person.email, PASSWORD, None).await;
    let shown = accord.introspect(&unnamed.text("access_token")).await.json();
    assert_eq!(shown["account"], json!(person.account), "{shown}");
    // What the user is a member of comes before what it owns, if both have one name.
    store.execute(
        "UPDATE accounts SET name = 'Reseller', name_key = 'reseller', name_reserved = 0 WHERE id = ?",
        [customer],
    );
    let of_name = sign_in("Reseller").await;
    let shown = accord.introspect(&of_name.text("access_token")).await.json();
    assert_eq!(shown["account"], json!(person.account), "{shown}");

    // The session lives as long as there is a way to the account.
    let refreshed = accord.refresh(&signed_in.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200, "{refreshed}");
    for end in [
        format!("UPDATE accounts SET datashare = 0 WHERE id = {customer}"),
        format!("UPDATE memberships SET status = 'inactive' WHERE account_id = {}", person.account),
        format!("UPDATE accounts SET status = 'inactive' WHERE id = {}", person.account),
    ] {
        let token = sign_in(&named[1]).await.text("refresh_token");
        store.execute(&end, ());
        assert_eq!(accord.refresh(&token).await.status, 400, "{end}");
        assert_eq!(sign_in(&named[1]).await.status, 400, "{end}");
        share(customer, true);
        store.execute("UPDATE memberships SET status = 'active' WHERE account_id = ?", [person.account]);
        store.execute("UPDATE accounts SET status = 'active' WHERE id = ?", [person.account]);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_cannot_be_told_apart() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &1000)).await;
    let person = accord.person("Acme").await;
    let wrong = accord.sign_in(&person.email, "wrong password", None).await;
    assert_snapshot!("wrong_password", wrong);
    assert_eq!(accord.sign_in("nobody@example.com", PASSWORD, None).await, wrong);
    // The medians of 15 each, interleaved; hashing takes most of either.
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..15 {
        for (times, email) in times.iter_mut().zip([person.email.as_str(), "nobody@example.com"]) {
            let start = Instant::now();
            accord.sign_in(email, "wrong password", None).await;
            times.push(start.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    assert!(known / unknown > 0.6 && known / unknown < 1.7, "{known} s for a user, {unknown} s for none");
}

#[tokio::test]
async fn guessing_a_password_leads_to_429() {
    let accord = Accord::start_with(Options::default().variable("failed_sign_in_limit", &3)).await;
    let person = accord.person("Acme").await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(accord.sign_in(&person.email, "wrong password", None).await.status);
    }
    assert_eq!(statuses, [400, 400, 400, 429, 429]);
}
