//! Members of an account and their roles.

use accord_tests::Accord;
use accord_tests::accounts::{PASSWORD, member, path};
use serde_json::json;

#[tokio::test]
async fn an_account_keeps_its_last_owner() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let me = member(owner.account, owner.id);
    for refused in [
        accord.delete(&owner.token, &me).await,
        accord.put(&owner.token, &me, &json!({ "roles": ["admin"] })).await,
        accord.put(&owner.token, &me, &json!({ "status": "inactive" })).await,
    ] {
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("LAST_OWNER")), "{refused}");
    }
    // An owner who has not come yet, or may not come, is none.
    let invited = json!({ "email": "second@example.com", "roles": ["owner"] });
    let invited = accord.post(&owner.token, &format!("{}/users", path(owner.account)), &invited).await;
    assert_eq!(invited.status, 201, "{invited}");
    assert_eq!(accord.delete(&owner.token, &me).await.status, 409);

    let second = accord.person("Other").await;
    accord.join(owner.account, second.id, "owner").await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["user"] })).await.status, 409, "nor has this one come");
    accord.user_token(&second.email, PASSWORD, Some(owner.account)).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["user"] })).await.status, 200);
    // Two owners cannot both leave at once.
    assert_eq!(accord.put(&second.token, &me, &json!({ "roles": ["owner"] })).await.status, 200);
    let (second_path, gone) = (member(owner.account, second.id), json!({ "roles": ["viewer"] }));
    let (one, other) =
        futures::join!(accord.put(&second.token, &me, &gone), accord.put(&owner.token, &second_path, &gone));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert!(statuses == [200, 409] || statuses == [200, 403], "{statuses:?}");
    let owners = "SELECT count(*) FROM grants r JOIN memberships m USING (account_id, person_id)
                   WHERE r.role = 'owner' AND m.status = 'active' AND r.account_id = ";
    assert_eq!(accord.store().number(&format!("{owners}{}", owner.account)), 1);
}

#[tokio::test]
async fn a_role_that_is_taken_away_stops_working_at_once() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Other").await;
    accord.join(owner.account, manager.id, "manage").await;
    let rename = async |expected| {
        let renamed = accord.put(&manager.token, &path(owner.account), &json!({ "description": "x" })).await;
        assert_eq!(renamed.status, expected, "{renamed}");
    };
    let me = member(owner.account, manager.id);
    rename(200).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["user"] })).await.status, 200);
    rename(403).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "roles": ["manage"] })).await.status, 200);
    rename(200).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "status": "inactive" })).await.status, 200);
    rename(404).await;
    assert_eq!(accord.put(&owner.token, &me, &json!({ "status": "active" })).await.status, 200);
    rename(200).await;
    assert_eq!(accord.delete(&owner.token, &me).await.status, 200);
    rename(404).await;
}

#[tokio::test]
async fn who_manages_does_not_decide_who_owns() {
    let accord = Accord::start().await;
    let owner = accord.person("Acme").await;
    let manager = accord.person("Other").await;
    accord.join(owner.account, manager.id, "manage").await;
    for (who, roles) in [(manager.id, json!(["owner"])), (owner.id, json!(["user"]))] {
        let refused = accord.put(&manager.token, &member(owner.account, who), &json!({ "roles": roles })).await;
        assert_eq!(refused.status, 403, "{refused}");
    }
    assert_eq!(accord.delete(&manager.token, &member(owner.account, owner.id)).await.status, 403);
}
