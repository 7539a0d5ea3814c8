//! Packages, and which one an account gets.

use accord_tests::{Accord, Options};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn the_operator_account_chooses_the_id_of_a_package_and_nobody_else_does() {
    let accord = Accord::start_with(Options::default().variable("packages", &"9, 93")).await;
    let operator = accord.operator().await;
    let reseller = accord.make_account(&operator, "reseller", "reseller").await;
    let package = |id: Value, name: &str| json!({ "action": "create_package", "id": id, "name": name });
    assert_eq!(accord.administer(&operator, &package(json!("50"), "Gold")).await.text("package_id"), "50");
    assert_eq!(accord.administer(&operator, &package(json!(51), "Silver")).await.text("package_id"), "51");
    assert_eq!(accord.administer(&operator, &package(json!(""), "Next")).await.text("package_id"), "94");
    assert_snapshot!("taken_package_id", accord.administer(&operator, &package(json!("93"), "Again")).await);
    assert_snapshot!("foreign_package_id", accord.administer(&reseller, &package(json!("60"), "Mine")).await);
    for id in [json!("0"), json!(-1), json!(1_000_000_000), json!(i64::MAX), json!("nine"), json!(1.5), json!([9])] {
        let refused = accord.administer(&operator, &package(id.clone(), "Bad")).await;
        assert_eq!(refused.status, 400, "{id}: {refused}");
        assert!(refused.text("message").starts_with("id must be a whole number"), "{refused}");
    }
    let last = accord.administer(&operator, &package(json!(999_999_999), "Last")).await;
    assert_eq!(last.text("package_id"), "999999999");
    let after = accord.administer(&operator, &package(Value::Null, "After the last")).await;
    assert_eq!(after.text("package_id"), "1000000000", "there is room above what can be chosen");
}

#[tokio::test]
async fn accounts_get_the_default_package_of_the_nearest_owner_that_has_one() {
    let accord = Accord::start().await;
    let operator = accord.operator().await;
    let east = accord.make_account(&operator, "east", "reseller").await;
    let west = accord.make_account(&operator, "west", "reseller").await;
    let package = |name: &str, default: &str| json!({ "action": "create_package", "name": name, "default": default });
    assert_snapshot!("create_package", accord.administer(&east, &package("Gold", "1")).await);
    assert_eq!(accord.administer(&east, &package(" gOLD", "0")).await.status, 409);
    let silver = accord.administer(&west, &package("Silver", "0")).await.json()["package_id"].clone();
    accord.make_account(&east, "east-1", "standard").await;
    accord.make_account(&west, "west-1", "standard").await;
    let named = json!({ "name": "W", "subdomain": "west-2", "package_id": silver });
    assert_eq!(accord.administer(&west, &named).await.status, 200);
    let foreign = json!({ "name": "E", "subdomain": "east-2", "package_id": silver });
    assert_snapshot!("unknown_package", accord.administer(&east, &foreign).await);
    let packages = accord.store().lines(
        "SELECT a.subdomain, p.name FROM accounts a JOIN packages p ON p.id = a.package_id
          WHERE a.subdomain IS NOT NULL ORDER BY 1",
    );
    assert_eq!(packages, ["east | Default", "east-1 | Gold", "west | Default", "west-1 | Default", "west-2 | Silver"]);
    assert_snapshot!("list_packages", accord.administer(&east, &json!({ "action": "list_packages" })).await);
}
