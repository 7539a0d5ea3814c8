//! Accounts that turned out to be one: joined, and taken apart again. Nobody gains by it what somebody else would have to give.

use accord_tests::accounts::{PASSWORD, member, path};
use accord_tests::administration::Administrator;
use accord_tests::{Accord, Answer};
use serde_json::json;

async fn join(accord: &Accord, into: i64, from: i64) -> Answer {
    let admin = accord.admin().await;
    accord.post(&admin, &format!("{}/join", path(into)), &json!({ "accounts": [from] })).await
}

async fn separate(accord: &Accord, into: i64, from: i64) -> Answer {
    let admin = accord.admin().await;
    accord.post(&admin, &format!("{}/separate", path(into)), &json!({ "accounts": [from] })).await
}

/// Why two accounts cannot be joined.
fn why(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.text("code").as_str()), (409, "CANNOT_BE_JOINED"), "{answer}");
    answer.text("detail")
}

/// An account of the operator that a connector has brought.
async fn brought(accord: &Accord, token: &str, external_id: &str, name: &str, id: &str) -> i64 {
    let pushed = accord.patch_accounts(token, &json!({ external_id: { "name": name, "id": id } })).await;
    assert_eq!(pushed.status, 200, "{pushed}");
    accord.store().number(&format!("SELECT id FROM accounts WHERE registration_id = '{id}'"))
}

/// The accounts of the operator, and what connectors call them.
fn accounts(accord: &Accord) -> Vec<String> {
    accord.store().lines(
        "SELECT a.name || ' ' || coalesce(a.registration_id, '-') || coalesce((SELECT ' ' || group_concat(i.external_id) FROM (
                    SELECT external_id FROM account_identities WHERE account_id = a.id ORDER BY external_id) i), '')
           FROM accounts a WHERE a.owner_id IS NOT NULL ORDER BY a.id",
    )
}

#[tokio::test]
async fn old_ids_keys_and_registration_ids_lead_to_the_account_that_stays() {
    let accord = Accord::start().await;
    let (billing, crm) =
        (accord.connector("Billing", "portal:write").await, accord.connector("CRM", "portal:write").await);
    let admin = accord.admin().await;
    let into = brought(&accord, &billing, "C-1", "Acme Ltd.", "777-1").await;
    let from = brought(&accord, &crm, "acme", "ACME", "7771").await;
    let key = accord.get(&admin, &path(from)).await.text("accountKey");
    for (user, email) in [("jane", "jane@example.com"), ("joe", "joe@example.com")] {
        accord.patch_users(&crm, &json!({ user: { "email": email } })).await;
    }
    accord.bind(&crm, "acme", &json!(["jane"])).await;

    let joined = join(&accord, into, from).await;
    assert_eq!((joined.status, joined.text("message").as_str()), (200, "Accounts joined"), "{joined}");
    assert_eq!(accounts(&accord), ["Acme Ltd. 777-1 C-1,acme"]);
    let led = accord.get(&admin, &path(from)).await;
    assert_eq!((led.status, led.number("id")), (200, into));
    assert_eq!(led.header("content-location"), Some(path(into).as_str()));
    assert_eq!(accord.get(&admin, &path(into)).await.header("content-location"), None);
    // Nobody is told where it leads who may not see that.
    let stranger = accord.person("Stranger").await;
    assert_eq!(accord.get(&stranger.token, &path(from)).await.status, 404);
    // Who writes by an id means that account, and no other.
    for refused in [
        accord.put(&admin, &path(from), &json!({ "description": "?" })).await,
        accord.delete(&admin, &path(from)).await,
    ] {
        assert_eq!(refused.status, 404, "{refused}");
    }
    // Both connectors go on as they were, and so does one that comes in the place of the other.
    let next = accord.connector("Next", "portal:write").await;
    for token in [&crm, &next] {
        accord.patch_accounts(token, &json!({ "acme": { "name": "ACME", "id": "7771" } })).await;
    }
    assert_eq!(accounts(&accord)[0], "Acme Ltd. 777-1 C-1,acme,acme");
    assert_eq!(accord.bind(&crm, "7771", &json!(["joe"])).await.status, 200);
    let members = "SELECT d.address FROM memberships m JOIN addresses d ON d.person_id = m.person_id
          JOIN accounts a ON a.id = m.account_id WHERE a.registration_id = '777-1' AND m.status = 'active' ORDER BY 1";
    assert_eq!(accord.store().lines(members), ["jane@example.com", "joe@example.com"]);
    let refused = accord.post(&admin, "/api/accounts", &json!({ "name": "Other", "registrationId": "7771" })).await;
    assert_eq!(refused.status, 409, "{refused}");
    // A key does not tell what it leads to, and leads.
    let operator = accord.operator().await;
    let update = json!({ "action": "update_account", "account_key": key, "email_admin": "boss@example.com" });
    assert_eq!(accord.administer(&operator, &update).await.status, 200);
    let kept = format!("SELECT email_admin FROM accounts WHERE id = {into}");
    assert_eq!(accord.store().lines(&kept), ["boss@example.com"]);
    assert_eq!(accord.store().contradictions(), [""; 0]);

    // Twice is once, and what is taken apart is two again, each with what came with it.
    assert_eq!(join(&accord, into, from).await.status, 200);
    let separated = separate(&accord, into, from).await;
    assert_eq!((separated.status, separated.text("message").as_str()), (200, "Accounts separated"), "{separated}");
    assert_eq!(accounts(&accord)[..2], ["Acme Ltd. 777-1 C-1", "ACME 7771 acme,acme"]);
    let again = accord.get(&admin, &path(from)).await;
    assert_eq!((again.number("id"), again.text("accountKey")), (from, key));
    assert_eq!(accord.store().lines(&members.replace("777-1", "7771")), ["jane@example.com", "joe@example.com"]);
    assert_eq!(accord.store().contradictions(), [""; 0]);
    assert_eq!(separate(&accord, into, from).await.status, 400);
    let told = "SELECT action FROM audit WHERE action IN ('joined', 'separated') ORDER BY id";
    assert_eq!(accord.store().lines(told), ["joined", "joined", "separated", "separated"]);
}

#[tokio::test]
async fn what_was_joined_is_listed_and_its_audit_is_found_from_the_account_that_stays() {
    let accord = Accord::start().await;
    let (billing, crm) =
        (accord.connector("Billing", "portal:write").await, accord.connector("CRM", "portal:write").await);
    let admin = accord.admin().await;
    let into = brought(&accord, &billing, "C-1", "Acme Ltd.", "777-1").await;
    let from = brought(&accord, &crm, "acme", "ACME", "7771").await;
    let manager = accord.person("Manager").await;
    accord.join(into, manager.id, "manage").await;
    let told = accord.put(&admin, &path(from), &json!({ "description": "Before" })).await;
    let event = format!("?$filter=requestId%20eq%20'{}'", told.header("x-request-id").expect("each answer has one"));
    let found = async |list: &str| {
        let listed = accord.get(&manager.token, &format!("{list}{event}")).await;
        assert_eq!(listed.status, 200, "{listed}");
        listed.json()["value"].as_array().expect("events").len()
    };
    assert_eq!((found(&format!("{}/audit", path(into))).await, found("/api/audit").await), (0, 0));
    assert_eq!(join(&accord, into, from).await.status, 200);
    assert_eq!((found(&format!("{}/audit", path(into))).await, found("/api/audit").await), (1, 1));
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    let above = accord.get(&admin, &format!("{}/audit{event}", path(operator))).await;
    assert_eq!(above.json()["value"].as_array().map(Vec::len), Some(1), "{above}");
    let joined = accord.get(&manager.token, &format!("{}/joined", path(into))).await.json()["value"].clone();
    let shown: Vec<_> = ["id", "name", "registrationId", "intoId"].map(|field| joined[0][field].clone()).into();
    assert_eq!(shown, [json!(from), json!("ACME"), json!("7771"), json!(into)]);
    assert_eq!(joined.as_array().map(Vec::len), Some(1));
    assert_eq!(separate(&accord, into, from).await.status, 200);
    assert_eq!(accord.get(&manager.token, &format!("{}/joined", path(into))).await.json()["value"], json!([]));
    assert_eq!(found(&format!("{}/audit", path(into))).await, 0);
}

#[tokio::test]
async fn an_owner_of_the_account_above_both_joins_them_and_nobody_else() {
    let accord = Accord::start().await;
    let (token, admin) = (accord.token().await, accord.admin().await);
    let into = brought(&accord, &token, "a", "Acme", "1").await;
    let from = brought(&accord, &token, "b", "Acme", "2").await;
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    let (owner, manager, stranger) =
        (accord.person("Owner").await, accord.person("Manager").await, accord.person("Stranger").await);
    accord.join(into, owner.id, "owner").await;
    accord.join(operator, manager.id, "admin").await;
    let body = json!({ "accounts": [from] });
    for action in ["join", "separate"] {
        let url = format!("{}/{action}", path(into));
        for (status, token) in [(403, &token), (403, &owner.token), (403, &manager.token), (404, &stranger.token)] {
            assert_eq!(accord.post(token, &url, &body).await.status, status, "{action}");
        }
        for wrong in
            [json!({}), json!({ "accounts": [] }), json!({ "accounts": ["1"] }), json!({ "accounts": [99999] })]
        {
            let refused = accord.post(&admin, &url, &wrong).await;
            assert_eq!((refused.status, refused.json()["errors"]["accounts"].is_string()), (400, true), "{wrong}");
        }
    }
    // The operator account owns both, and an account is not joined into itself, nor into one of another owner.
    let reseller = accord.make_account(&accord.operator().await, "reseller", "reseller").await;
    let below = accord.make_account(&reseller, "below", "standard").await;
    for (into, from) in
        [(operator, from), (into, operator), (into, into), (into, below.account), (reseller.account, below.account)]
    {
        let refused = join(&accord, into, from).await;
        assert!([400, 403].contains(&refused.status), "{from} into {into}: {refused}");
    }
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn members_enter_the_other_account_once_somebody_there_lets_them_in() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let (boss, guest) = (accord.person("Acme").await, accord.person("Elsewhere").await);
    let into = boss.account;
    let from = brought(&accord, &token, "b", "ACME", "2").await;
    accord.join(from, guest.id, "admin").await;
    accord.patch_users(&token, &json!({ "jane": { "email": "jane@example.com" } })).await;
    accord.bind(&token, "b", &json!(["jane"])).await;
    assert_eq!(join(&accord, into, from).await.status, 200);
    // A connector of the account above says so of Jane; of the guest nobody of the account has.
    assert_eq!(accord.get(&guest.token, &path(into)).await.status, 404);
    assert_eq!(accord.sign_in(&guest.email, PASSWORD, Some(&into.to_string())).await.status, 400);
    let listed = accord
        .get(&boss.token, &format!("{}/users?$filter=status%20ne%20null&$select=email,status,roles", path(into)))
        .await;
    let listed: Vec<_> = listed.json()["value"].as_array().expect("a list").iter().map(ToString::to_string).collect();
    assert_eq!(
        listed,
        [
            json!({ "email": boss.email, "status": "active", "roles": ["admin", "owner"] }),
            json!({ "email": null, "status": "inactive", "roles": ["admin"] }),
            json!({ "email": null, "status": "invited", "roles": ["user"] }),
        ]
        .map(|member| member.to_string())
    );
    // Who is let in stays in, also when the accounts are two again.
    let let_in = accord.put(&boss.token, &member(into, guest.id), &json!({ "status": "active" })).await;
    assert_eq!(let_in.status, 200, "{let_in}");
    assert_eq!(accord.get(&guest.token, &path(into)).await.status, 200);
    assert_eq!(separate(&accord, into, from).await.status, 200);
    for account in [into, from] {
        assert_eq!(accord.get(&guest.token, &path(account)).await.status, 200, "{account}");
    }
    assert_eq!(accord.get(&boss.token, &path(from)).await.status, 404);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn two_accounts_that_have_owners_are_joined_once_one_of_these_owns_both() {
    let accord = Accord::start().await;
    let (one, other) = (accord.person("Acme").await, accord.person("Acme Oy").await);
    let refused = join(&accord, one.account, other.account).await;
    assert_eq!(why(&refused), "both accounts have owners: one of them has to be an owner of both first");
    // An offer that nobody has taken confirms nothing.
    let body = json!({ "email": other.email, "roles": ["owner"] });
    assert_eq!(accord.post(&one.token, &format!("{}/users", path(one.account)), &body).await.status, 201);
    why(&join(&accord, one.account, other.account).await);
    assert_eq!(accord.sign_in(&other.email, PASSWORD, Some(&one.account.to_string())).await.status, 200);
    // A connector of the other one would reach this one, whoever made it.
    let tool = json!({ "name": "Tool", "accountId": other.account, "scopes": ["accounts:manage"] });
    let tool = accord.make_connector(&other.token, &tool).await;
    let refused = join(&accord, one.account, other.account).await;
    assert_eq!(why(&refused), "the account has connectors, which would reach the other one: disconnect them first");
    let url = format!("/api/connectors/{}/disconnect", tool.id);
    assert_eq!(accord.post(&other.token, &url, &json!({})).await.status, 200);
    assert_eq!(join(&accord, one.account, other.account).await.status, 200);
    assert_eq!(accord.get(&other.token, &path(one.account)).await.status, 200);
    assert_eq!(separate(&accord, one.account, other.account).await.status, 200);
    assert_eq!(accord.get(&one.token, &path(other.account)).await.status, 404);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn what_stands_against_a_join_is_told_and_nothing_is_joined() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let admin = accord.admin().await;
    let into = brought(&accord, &token, "a", "Acme", "1").await;
    // Whose address is not proved reaches what that person made, and nothing else.
    let confined = accord.confined("Unproved").await;
    for (into, from) in [(into, confined.account), (confined.account, into)] {
        assert_eq!(
            why(&join(&accord, into, from).await),
            "a sign-in of one of the accounts waits for the proof of its address"
        );
    }
    // Each reseller's customer has an administrator called admin.
    let operator = accord.operator().await;
    let one = accord.make_account(&operator, "one", "reseller").await;
    let other = accord.make_account(&operator, "two", "reseller").await;
    assert_eq!(
        why(&join(&accord, one.account, other.account).await),
        "both accounts have owners: one of them has to be an owner of both first"
    );
    // What owns others goes into what may.
    accord.make_account(&one, "below", "standard").await;
    assert_eq!(
        why(&join(&accord, into, one.account).await),
        "an account that owns others is joined into one of the type reseller only"
    );
    // Records are told apart by their values in one organisation.
    let made = brought(&accord, &token, "b", "Acme", "2").await;
    for account in [into, made] {
        let body = json!({ "name": "Endpoint", "accountId": account, "scopes": ["AccessUser:Create"] });
        let connector = accord.make_connector(&admin, &body).await;
        let token = accord.token_of(&connector.client_id, &connector.secret).await;
        let record = accord.patch(&token, "/Endpoint/rest/api/v1/Account", &json!({ "Username": "jane" })).await;
        assert_eq!(record.status, 200, "{record}");
    }
    assert_eq!(
        why(&join(&accord, into, made).await),
        "both accounts have a username, a record or a registration id that one account has only once"
    );
    assert_eq!(accord.store().number("SELECT count(*) FROM joined_accounts"), 0);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn blocks_and_suspensions_of_either_side_win_and_the_last_owner_stays() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let admin = accord.admin().await;
    let (boss, member_of_both) = (accord.person("Acme").await, accord.person("Elsewhere").await);
    let into = boss.account;
    let from = brought(&accord, &token, "b", "ACME", "2").await;
    for account in [into, from] {
        accord.join(account, member_of_both.id, "manage").await;
    }
    assert_eq!(accord.delete(&admin, &member(from, member_of_both.id)).await.status, 200);
    assert_eq!(accord.put(&admin, &path(from), &json!({ "status": "inactive" })).await.status, 200);
    assert_eq!(join(&accord, into, from).await.status, 200);
    assert_eq!(accord.get(&boss.token, &path(into)).await.status, 404, "suspended");
    assert_eq!(accord.get(&member_of_both.token, &path(into)).await.status, 404, "removed");
    // To separate them lifts neither of the one from which it came, and both of the other.
    assert_eq!(separate(&accord, into, from).await.status, 200);
    assert_eq!(accord.get(&boss.token, &path(into)).await.status, 200);
    assert_eq!(accord.get(&member_of_both.token, &path(into)).await.status, 200);
    assert_eq!(accord.get(&admin, &path(from)).await.text("status"), "inactive");
    // What is decided meanwhile stands.
    assert_eq!(join(&accord, into, from).await.status, 200);
    assert_eq!(accord.put(&admin, &path(into), &json!({ "status": "inactive" })).await.status, 200);
    assert_eq!(separate(&accord, into, from).await.status, 200);
    assert_eq!(accord.get(&admin, &path(into)).await.text("status"), "inactive");
    assert_eq!(accord.put(&admin, &path(into), &json!({ "status": "active" })).await.status, 200);
    // A block of the one does not take the only owner of the other.
    accord.join(from, boss.id, "viewer").await;
    assert_eq!(accord.delete(&admin, &member(from, boss.id)).await.status, 200);
    let refused = join(&accord, into, from).await;
    assert_eq!((refused.status, refused.text("code").as_str()), (409, "LAST_OWNER"), "{refused}");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn who_is_shut_out_after_a_join_stays_out_of_both() {
    let accord = Accord::start().await;
    let token = accord.token().await;
    let admin = accord.admin().await;
    let (boss, guest) = (accord.person("Acme").await, accord.person("Elsewhere").await);
    let into = boss.account;
    let from = brought(&accord, &token, "b", "ACME", "2").await;
    accord.join(from, guest.id, "manage").await;
    assert_eq!(join(&accord, into, from).await.status, 200);
    assert_eq!(accord.delete(&boss.token, &member(into, guest.id)).await.status, 200);
    assert_eq!(separate(&accord, into, from).await.status, 200);
    for account in [into, from] {
        assert_eq!(accord.get(&guest.token, &path(account)).await.status, 404, "{account}");
    }
    assert_eq!(accord.get(&admin, &member(from, guest.id)).await.text("status"), "removed");
    assert_eq!(accord.store().contradictions(), [""; 0]);
}

#[tokio::test]
async fn what_hangs_below_and_connectors_go_along_and_come_back() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let customer = accord.make_account(&reseller, "customer", "standard").await;
    let admin = accord.admin().await;
    // A reseller without people of its own takes the other one in.
    let body = json!({ "name": "Empty", "subdomain": "empty", "type": "reseller" });
    let made = accord.administer(&operator, &body).await;
    let into =
        accord.store().number(&format!("SELECT id FROM accounts WHERE account_key = '{}'", made.text("account_key")));
    let Administrator { name, password, account: from, .. } = &reseller;
    let boss = accord.user_token(name, password, None).await;
    let tool = json!({ "name": "Tool", "accountId": from, "scopes": ["portal:write"] });
    let tool = accord.make_connector(&boss, &tool).await;
    let tool = accord.token_of(&tool.client_id, &tool.secret).await;
    assert_eq!(accord.patch_accounts(&tool, &json!({ "x": { "name": "Brought", "id": "1" } })).await.status, 200);
    assert_eq!(join(&accord, into, *from).await.status, 200);
    // People come as they are where nobody of the account itself could let them in, by the old key, subdomain and id.
    for account in [reseller.account_key.clone(), "reseller".to_owned(), from.to_string(), into.to_string()] {
        assert_eq!(accord.sign_in("admin", password, Some(&account)).await.status, 200, "{account}");
    }
    assert_eq!(accord.get(&boss, &path(customer.account)).await.status, 200);
    assert_eq!(
        accord.administer(&reseller, &json!({ "action": "list_accounts" })).await.json()["accounts"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(accord.patch_accounts(&tool, &json!({ "x": { "name": "Brought anew" } })).await.status, 200);
    let owned = "SELECT name || ' ' || descendants FROM accounts WHERE descendants > 0 ORDER BY id";
    assert_eq!(accord.store().lines(owned)[1..], ["Empty 2"]);
    assert_eq!(separate(&accord, into, *from).await.status, 200);
    assert_eq!(accord.store().lines(owned)[1..], ["reseller 2"]);
    assert_eq!(accord.patch_accounts(&tool, &json!({ "x": { "name": "Brought" } })).await.status, 200);
    assert_eq!(accord.sign_in("admin", password, Some(&into.to_string())).await.status, 400);
    assert_eq!(accord.get(&admin, &path(customer.account)).await.status, 200);
    assert_eq!(accord.store().contradictions(), [""; 0]);
}
