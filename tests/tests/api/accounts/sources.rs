//! What each source says of an account, what is shown of it, and where they disagree.

use accord_tests::accounts::path;
use accord_tests::portal::BINDINGS;
use accord_tests::{Accord, Answer};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Two back offices of the operator account that spell a name differently.
struct Offices {
    accord: Accord,
    admin: String,
    operator: i64,
    billing: String,
    crm: String,
    crm_id: i64,
    account: i64,
}

impl Offices {
    async fn start() -> Self {
        let accord = Accord::start().await;
        let billing = accord.connector("Billing", "portal:write").await;
        let crm = accord.connector("CRM", "portal:write accounts:manage").await;
        let admin = accord.admin().await;
        let store = accord.store();
        let operator = store.number("SELECT id FROM accounts WHERE owner_id IS NULL");
        let crm_id = store.number("SELECT id FROM connectors WHERE name = 'CRM'");
        let mut offices = Self { accord, admin, operator, billing, crm, crm_id, account: 0 };
        offices.sync().await;
        offices.account = offices.accord.store().number("SELECT id FROM accounts WHERE registration_id = '123456-8'");
        offices
    }

    async fn sync(&self) {
        for (token, body) in [
            (&self.billing, json!({ "C-1001": { "name": "Acme Ltd.", "id": "123456-8" } })),
            (&self.crm, json!({ "acme": { "name": "ACME", "id": "123456-8" } })),
        ] {
            assert_eq!(self.accord.patch_accounts(token, &body).await.status, 200);
        }
    }

    async fn get(&self, what: &str) -> Answer {
        let id = if what.starts_with("sources") { self.account } else { self.operator };
        self.accord.get(&self.admin, &format!("{}/{what}", path(id))).await
    }

    async fn name(&self, name: &Value) -> Answer {
        self.accord.put(&self.admin, &path(self.account), &json!({ "name": name })).await
    }

    async fn order(&self, body: &Value) -> Answer {
        self.accord.put(&self.admin, &format!("{}/precedence", path(self.operator)), body).await
    }

    fn shown(&self) -> String {
        self.accord.store().lines("SELECT name FROM accounts WHERE registration_id = '123456-8'").remove(0)
    }
}

#[tokio::test]
async fn a_hundred_syncs_of_two_connectors_that_disagree_on_a_thousand_names_change_nothing() {
    let offices = Offices::start().await;
    let accord = &offices.accord;
    let spelled = |suffix: &str| -> Value {
        (0..1000)
            .map(|n| (format!("e{n}"), json!({ "name": format!("Company {n}{suffix}"), "id": n.to_string() })))
            .collect()
    };
    let syncs = [(&offices.billing, spelled(" Ltd.")), (&offices.crm, spelled(""))];
    for (token, body) in &syncs {
        assert_eq!(accord.patch_accounts(token, body).await.status, 200);
    }
    let state = "SELECT name, CAST(version AS TEXT), CAST(updated_at AS TEXT) FROM accounts
          UNION ALL SELECT 'audit', CAST(count(*) AS TEXT), '' FROM audit";
    let before = accord.store().lines(state);
    for _ in 0..50 {
        for (token, body) in &syncs {
            assert_eq!(accord.patch_accounts(token, body).await.status, 200);
        }
    }
    assert_eq!(accord.store().lines(state), before);
    let first = "SELECT count(*) FROM accounts WHERE name LIKE 'Company % Ltd.' AND version = 1";
    assert_eq!(accord.store().number(first), 1000);
    assert_eq!(offices.get("disagreements?$count=true&$top=0").await.json()["@odata.count"], 1001);
}

#[tokio::test]
async fn who_manages_an_account_sees_what_each_source_says_and_which_is_shown() {
    let offices = Offices::start().await;
    offices.name(&json!("Acme Limited")).await;
    assert_snapshot!("sources", offices.get("sources").await);
    let filtered = offices.get("sources?$filter=shown%20eq%20true&$select=field,value&$count=true").await;
    assert_eq!(filtered.json()["@odata.count"], 3);
    // Who manages the account and not what owns it sees the names of the connectors and not their ids.
    let manager = offices.accord.person("Manager").await;
    offices.accord.join(offices.account, manager.id, "manage").await;
    let list = format!("{}/sources?$select=connectorId,connector", path(offices.account));
    let listed = offices.accord.get(&manager.token, &list).await.json();
    assert_eq!(listed["value"][1], json!({ "connectorId": null, "connector": "Billing" }));
    // No connector sees what another one says.
    for what in ["sources", "disagreements", "precedence"] {
        for account in [offices.account, offices.operator] {
            let answer = offices.accord.get(&offices.crm, &format!("{}/{what}", path(account))).await;
            assert_eq!(answer.status, 403, "{what}");
        }
    }
}

#[tokio::test]
async fn who_manages_the_owner_sees_where_sources_disagree_and_why_one_is_shown() {
    let offices = Offices::start().await;
    assert_snapshot!("disagreements", offices.get("disagreements").await);
    let order = json!({ "name": [format!("connector:{}", offices.crm_id)] });
    assert_eq!(offices.order(&order).await.status, 200);
    let listed = offices.get("disagreements?$select=value,shown,because").await.json();
    assert_eq!(listed["value"], json!([{ "value": "Acme Ltd.", "shown": "ACME", "because": "precedence" }]));
    // They agree in the end.
    let agreed = json!({ "C-1001": { "name": "ACME" } });
    assert_eq!(offices.accord.patch_accounts(&offices.billing, &agreed).await.status, 200);
    assert_eq!(offices.get("disagreements").await.json()["value"], json!([]));
    // The account itself owns none.
    let own = offices.accord.get(&offices.admin, &format!("{}/disagreements", path(offices.account))).await;
    assert_eq!(own.json()["value"], json!([]));
}

#[tokio::test]
async fn what_people_say_comes_first_and_is_taken_back_by_null() {
    let offices = Offices::start().await;
    assert_eq!(offices.name(&json!("Acme Limited")).await.status, 200);
    offices.sync().await;
    assert_eq!(offices.shown(), "Acme Limited");
    assert_eq!(offices.name(&Value::Null).await.text("name"), "Acme Ltd.");
    assert_eq!(offices.shown(), "Acme Ltd.");
    // A form that sends the whole account back says nothing of its name.
    assert_eq!(offices.name(&json!("Acme Ltd.")).await.status, 200);
    let renamed = json!({ "C-1001": { "name": "Acme Oy" } });
    assert_eq!(offices.accord.patch_accounts(&offices.billing, &renamed).await.status, 200);
    assert_eq!(offices.shown(), "Acme Oy");
    // Where nobody else says a name, there is none to go back to.
    let alone = offices.accord.person("Alone").await;
    let refused = offices.accord.put(&alone.token, &path(alone.account), &json!({ "name": null })).await;
    assert_snapshot!("nobody_else", refused);
}

#[tokio::test]
async fn the_order_of_an_owner_is_set_per_field_and_shown_at_once() {
    let offices = Offices::start().await;
    let crm = format!("connector:{}", offices.crm_id);
    let set = offices.order(&json!({ "name": [crm, "people"] })).await;
    assert_eq!((set.status, set.json()), (200, json!({ "name": [crm, "people"], "registrationId": [] })));
    assert_eq!(offices.shown(), "ACME");
    let kept = offices.order(&json!({ "registrationId": ["above"] })).await.json();
    assert_eq!(kept, json!({ "name": [crm, "people"], "registrationId": ["above"] }));
    assert_eq!(offices.get("precedence").await.json(), kept);
    let renamed = "SELECT api, action FROM audit WHERE action IN ('renamed', 'precedence changed') ORDER BY id";
    let rows = ["accounts | precedence changed", "accounts | renamed", "accounts | precedence changed"];
    assert_eq!(offices.accord.store().lines(renamed), rows);
    assert_eq!(offices.order(&json!({ "name": [] })).await.status, 200);
    assert_eq!(offices.shown(), "Acme Ltd.");
    for (wrong, fault) in [
        (json!({ "name": ["everybody"] }), "must be an array of people, above, and connector:7 for the connector 7"),
        (json!({ "name": ["people", "people"] }), "names a source twice"),
        (json!({ "name": ["connector:999"] }), "names the connector 999, which is none of this account"),
        (json!({ "name": 7 }), "must be an array of strings"),
    ] {
        let refused = offices.order(&wrong).await;
        assert_eq!((refused.status, refused.json()["errors"]["name"].as_str()), (400, Some(fault)));
    }
    // The order of an account is for whoever manages it, though another one may be seen.
    let stranger = offices.accord.person("Stranger").await;
    let theirs = format!("{}/precedence", path(offices.operator));
    assert_eq!(offices.accord.put(&stranger.token, &theirs, &json!({})).await.status, 404);
    assert_eq!(offices.accord.put(&offices.crm, &theirs, &json!({})).await.status, 403);
}

#[tokio::test]
async fn a_connector_that_is_disconnected_or_deleted_takes_its_words_along() {
    let offices = Offices::start().await;
    let billing = offices.accord.store().number("SELECT id FROM connectors WHERE name = 'Billing'");
    let disconnected =
        offices.accord.post(&offices.admin, &format!("/api/connectors/{billing}/disconnect"), &json!({})).await;
    assert_eq!(disconnected.status, 200, "{disconnected}");
    assert_eq!(offices.shown(), "ACME");
    assert_eq!(offices.get("disagreements").await.json()["value"], json!([]));
    // Deleted, the last one leaves what it said, so that the next one finds the account.
    let deleted = offices.accord.delete(&offices.admin, &format!("/api/connectors/{}", offices.crm_id)).await;
    assert_eq!(deleted.status, 200, "{deleted}");
    assert_eq!(offices.shown(), "ACME");
    let next = offices.accord.connector("Next", "portal:write").await;
    let body = json!({ "n": { "name": "Acme Next", "id": "123456-8" } });
    assert_eq!(offices.accord.patch_accounts(&next, &body).await.status, 200);
    assert_eq!(offices.shown(), "Acme Next");
}

#[tokio::test]
async fn a_corrected_registration_id_stays_and_splits_no_account() {
    let offices = Offices::start().await;
    let corrected = json!({ "registrationId": "123456-9" });
    assert_eq!(offices.accord.put(&offices.admin, &path(offices.account), &corrected).await.status, 200);
    offices.sync().await;
    let third = offices.accord.connector("Third", "portal:write").await;
    let body = json!({ "t": { "name": "Acme", "id": "123456-8" } });
    assert_eq!(offices.accord.patch_accounts(&third, &body).await.status, 200);
    let all = ["billing/C-1001", "crm/acme", "third/t"].map(|name| format!("Acme Ltd. | 123456-9 | {name}"));
    assert_eq!(offices.accord.store().lines(BINDINGS), all);
    let listed = offices.get("disagreements?$filter=field%20eq%20'registrationId'&$select=value,connector,shown").await;
    let said = |connector| json!({ "value": "123456-8", "connector": connector, "shown": "123456-9" });
    assert_eq!(listed.json()["value"], json!([said("Billing"), said("CRM"), said("Third")]));
    // Users are bound by what the connector itself says, and by nothing that others say.
    for (account, status) in [("123456-8", 200), ("t", 200), ("123456-9", 404)] {
        assert_eq!(offices.accord.bind(&third, account, &json!(["u"])).await.status, status, "{account}");
    }
}
