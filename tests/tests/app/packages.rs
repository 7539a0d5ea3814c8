//! Packages, and which one an account gets.

use accord_tests::Accord;
use insta::assert_snapshot;
use serde_json::json;

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
