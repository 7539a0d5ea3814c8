//! Nobody gives, takes or reaches more than they hold, through whichever API. (viewer < user < manage < admin < owner)

use accord_tests::accounts::{PASSWORD, Person, member, path};
use accord_tests::{Accord, Relay, answer};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};

/// Each role, the weakest first.
const ROLES: [&str; 5] = ["viewer", "user", "manage", "admin", "owner"];

/// Gives an account of the owner a member of each role, and returns the members in the order of [`ROLES`].
async fn members(accord: &Accord, account: i64) -> Vec<Person> {
    let mut members = Vec::new();
    for role in ROLES {
        let person = accord.person(&format!("Home of {role}")).await;
        accord.join(account, person.id, role).await;
        members.push(person);
    }
    members
}

#[tokio::test]
async fn nobody_gives_a_role_or_takes_one_that_is_stronger_than_their_own() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let callers = members(&accord, owner.account).await;
    let subject = accord.person("Subject").await;
    let subject_here = member(owner.account, subject.id);
    let mut table = vec!["caller: subject | add | give | take | deactivate | remove".to_owned()];
    for (caller, role) in callers.iter().zip(ROLES) {
        for held in ROLES {
            let mut row = Vec::new();
            let roles = json!({ "roles": [held] });
            accord.delete(&owner.token, &subject_here).await;
            row.push(accord.post(&caller.token, &subject_here, &roles).await.status);
            for (before, change) in
                [("viewer", &roles), (held, &json!({ "roles": ["viewer"] })), (held, &json!({ "status": "inactive" }))]
            {
                accord.delete(&owner.token, &subject_here).await;
                accord.join(owner.account, subject.id, before).await;
                row.push(accord.put(&caller.token, &subject_here, change).await.status);
            }
            accord.delete(&owner.token, &subject_here).await;
            accord.join(owner.account, subject.id, held).await;
            row.push(accord.delete(&caller.token, &subject_here).await.status);
            let row: Vec<_> = row.iter().map(u16::to_string).collect();
            table.push(format!("{role}: {held} | {}", row.join(" | ")));
        }
    }
    assert_snapshot!("ranks_of_members", table.join("\n"));
}

#[tokio::test]
async fn an_account_gets_its_first_owner_from_whoever_manages_the_account_above_only() {
    let accord = Accord::start().await;
    // Made by a connector of the operator, the account has no owner.
    let made = accord.connector("managing", "accounts:manage").await;
    let account = accord.post(&made, "/api/accounts", &json!({ "name": "Orphan" })).await.number("id");
    let admin = accord.person("Home of the admin").await;
    accord.join(account, admin.id, "admin").await;
    let own = member(account, admin.id);
    let owner = json!({ "roles": ["owner"] });
    assert_eq!(accord.put(&admin.token, &own, &owner).await.status, 403, "an admin does not become owner by itself");
    let invited = json!({ "email": "accomplice@example.com", "roles": ["owner"] });
    assert_eq!(accord.post(&admin.token, &format!("{}/users", path(account)), &invited).await.status, 403);
    assert_eq!(accord.put(&made, &own, &owner).await.status, 200, "the account above gives the first owner");
    accord.user_token(&admin.email, PASSWORD, Some(account)).await;
    let other = accord.person("Home of another").await;
    assert_eq!(
        accord.post(&made, &member(account, other.id), &owner).await.status,
        403,
        "and no second one, once that has entered"
    );
}

/// Makes a connector as somebody, and returns what was answered.
async fn make(accord: &Accord, token: &str, account: i64, rank: Option<&str>) -> accord_tests::Answer {
    let mut body = json!({ "name": "Tool", "accountId": account, "scopes": ["accounts:manage"] });
    if let Some(rank) = rank {
        body["rank"] = Value::from(rank);
    }
    accord.post(token, "/api/connectors", &body).await
}

#[tokio::test]
async fn a_connector_has_at_most_the_rank_of_its_maker_and_is_handled_by_nobody_of_a_lower_one() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let callers = members(&accord, owner.account).await;
    let mut table = vec!["caller: rank | create | rotate | resume | disconnect | delete".to_owned()];
    for (caller, role) in callers.iter().zip(ROLES) {
        for rank in ["manage", "admin", "owner"] {
            let mut row = vec![make(&accord, &caller.token, owner.account, Some(rank)).await.status];
            let target = make(&accord, &owner.token, owner.account, Some(rank)).await.number("id");
            for operation in ["/secret", "/resume", "/disconnect"] {
                let path = format!("/api/connectors/{target}{operation}");
                row.push(accord.post(&caller.token, &path, &json!({})).await.status);
            }
            row.push(accord.delete(&caller.token, &format!("/api/connectors/{target}")).await.status);
            let row: Vec<_> = row.iter().map(u16::to_string).collect();
            table.push(format!("{role}: {rank} | {}", row.join(" | ")));
        }
    }
    assert_snapshot!("ranks_of_connectors", table.join("\n"));
    // Left out, it is the maker's.
    let manager = &callers[2];
    assert_eq!(make(&accord, &manager.token, owner.account, None).await.text("rank"), "manage");
    assert_eq!(make(&accord, &owner.token, owner.account, None).await.text("rank"), "owner");
    for wrong in ["user", "root", ""] {
        assert_eq!(make(&accord, &owner.token, owner.account, Some(wrong)).await.status, 400, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_connector_gets_no_secret_of_one_that_has_more_scopes_or_a_higher_rank() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let calling =
        json!({ "name": "Calling", "accountId": owner.account, "scopes": ["accounts:manage"], "rank": "manage" });
    let calling = accord.make_connector(&owner.token, &calling).await;
    let token = accord.token_of(&calling.client_id, &calling.secret).await;
    for (scopes, rank, status) in [
        ("accounts:manage", "manage", 200),
        ("portal:write", "manage", 403),
        ("accounts:manage portal:write", "manage", 403),
        ("accounts:manage", "admin", 403),
        ("accounts:manage", "owner", 403),
    ] {
        let target = json!({ "name": "Target", "accountId": owner.account, "scopes": scopes, "rank": rank });
        let target = accord.make_connector(&owner.token, &target).await;
        let rotated = accord.post(&token, &format!("/api/connectors/{}/secret", target.id), &json!({})).await;
        assert_eq!(rotated.status, status, "{scopes} {rank}: {rotated}");
        assert_eq!(make(&accord, &token, owner.account, Some(rank)).await.status == 201, rank == "manage", "{rank}");
    }
    // What it makes without a rank has its own.
    assert_eq!(make(&accord, &token, owner.account, None).await.text("rank"), "manage");
}

#[tokio::test]
async fn what_a_manager_may_not_do_the_connector_of_a_manager_may_not_do_through_the_administration_api() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let manager = accord.person("Home of the manager").await;
    accord.join(reseller.account, manager.id, "manage").await;
    let list = json!({ "action": "list_accounts" });
    let as_manager = accord_tests::administration::Administrator {
        name: manager.email.clone(),
        password: PASSWORD.to_owned(),
        ..reseller.clone()
    };
    assert_eq!(accord.administer(&as_manager, &list).await.status, 403, "a manager is no administrator");
    let admin_token = accord.user_token(&reseller.name, &reseller.password, None).await;
    for (token, rank, status) in [
        (&manager.token, None, 403),
        (&admin_token, Some("manage"), 403),
        (&admin_token, Some("admin"), 200),
        (&admin_token, None, 200),
    ] {
        let made = make(&accord, token, reseller.account, rank).await;
        let tool = accord_tests::administration::Administrator {
            name: made.text("clientId"),
            password: made.text("clientSecret"),
            ..reseller.clone()
        };
        assert_eq!(accord.administer(&tool, &list).await.status, status, "{rank:?}");
    }
}

#[tokio::test]
async fn an_invitation_of_a_stronger_member_is_not_sent_again_by_a_weaker_one() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Home of the manager").await;
    accord.join(owner.account, manager.id, "manage").await;
    let invited = json!({ "email": "boss@example.com", "roles": ["admin"] });
    let users = format!("{}/users", path(owner.account));
    assert_eq!(accord.post(&manager.token, &users, &invited).await.status, 403);
    let boss = accord.post(&owner.token, &users, &invited).await.number("id");
    let again = format!("{}/invite", member(owner.account, boss));
    assert_eq!(answer(accord.request_as(&manager.token, Method::PUT, &again)).await.status, 403);
    assert_eq!(answer(accord.request_as(&owner.token, Method::PUT, &again)).await.status, 200);
}

/// The maker of a connector is demoted, shut out, removed, or leaves; whoever holds the rank gives the new secret.
#[tokio::test]
async fn a_connector_goes_on_when_its_maker_loses_the_rank_and_shows_it_and_the_owners_are_told() {
    let relay = Relay::start().await;
    let accord = Accord::start_with(relay.options()).await;
    let owner = accord.person("Acme").await;
    for (n, way) in ["demoted", "inactive", "removed", "left"].into_iter().enumerate() {
        let maker = accord.person(&format!("Home of the maker who is {way}")).await;
        accord.join(owner.account, maker.id, "admin").await;
        accord.user_token(&maker.email, PASSWORD, Some(owner.account)).await;
        let weak = json!({ "name": format!("Weak {way}"), "accountId": owner.account, "rank": "manage" });
        let strong = json!({ "name": format!("Strong {way}"), "accountId": owner.account, "rank": "admin",
                             "scopes": ["accounts:manage"] });
        let weak = accord.make_connector(&maker.token, &weak).await;
        let strong = accord.make_connector(&maker.token, &strong).await;
        // What a connector makes has the same maker.
        let token = accord.token_of(&strong.client_id, &strong.secret).await;
        let child = json!({ "name": format!("Child {way}"), "rank": "admin", "scopes": ["accounts:manage"] });
        let child = accord.make_connector(&token, &child).await;
        let mark = async |id: i64| {
            accord.get(&owner.token, &format!("/api/connectors/{id}")).await.json()["makerLostRankAt"].is_string()
        };
        assert_eq!([mark(weak.id).await, mark(strong.id).await, mark(child.id).await], [false; 3], "{way}");
        let here = member(owner.account, maker.id);
        let answer = match way {
            "demoted" => accord.put(&owner.token, &here, &json!({ "roles": ["manage"] })).await,
            "inactive" => accord.put(&owner.token, &here, &json!({ "status": "inactive" })).await,
            "removed" => accord.delete(&owner.token, &here).await,
            _ => accord.delete(&maker.token, &format!("/api/me/accounts/{}", owner.account)).await,
        };
        assert_eq!(answer.status, 200, "{way}: {answer}");
        let marks = [mark(weak.id).await, mark(strong.id).await, mark(child.id).await];
        assert_eq!(marks, [way != "demoted", true, true], "{way}: a manager still holds what the weak one has");
        // They go on. None takes its own mark away; an owner does.
        let token = accord.token_of(&strong.client_id, &strong.secret).await;
        let secret = |id: i64| format!("/api/connectors/{id}/secret");
        assert_eq!(accord.post(&token, &secret(strong.id), &json!({})).await.status, 200, "{way}");
        assert!(mark(strong.id).await, "{way}: whoever knew the secret knows the next one");
        assert_eq!(accord.post(&owner.token, &secret(strong.id), &json!({})).await.status, 200, "{way}");
        assert!(!mark(strong.id).await, "{way}");
        // One mail each time, to the owner.
        let mails = relay.mails_to(&owner.email, n + 2).await;
        let told = &mails[n + 1];
        assert_eq!(told["subject"], "Connectors have lost their maker", "{way}");
        let text = told["text"].as_str().unwrap_or_default();
        assert_eq!(text.contains(&format!("Weak {way}")), way != "demoted", "{text}");
        assert!(text.contains(&format!("Strong {way}")) && text.contains(&format!("Child {way}")), "{text}");
    }
}
