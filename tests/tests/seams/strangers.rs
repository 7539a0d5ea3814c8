//! Whoever has no right in an account changes nothing of what its members can do, sign in as, or see, whatever is called in
//! whatever order.

use std::env;

use accord_tests::accounts::{ACCEPT, Connector, PASSWORD, Person, member, path};
use accord_tests::administration::Administrator;
use accord_tests::{Accord, Dice, Options};
use serde_json::{Value, json};

/// Makes a reseller the owner of an account: a sign-up's hangs below the operator.
fn put_below(accord: &Accord, reseller: &Administrator, account: i64) {
    accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", [reseller.account, account]);
    accord.store().recount();
}

/// The account whose members are to be left alone, and its members. A reseller owns it.
struct Home {
    account: i64,
    key: String,
    members: Vec<Person>,
}

impl Home {
    async fn make(accord: &Accord, reseller: &Administrator) -> Self {
        let owner = accord.person("Home").await;
        put_below(accord, reseller, owner.account);
        let mut members = vec![owner.clone()];
        for role in ["manage", "user"] {
            let person = accord.person(&format!("Own of {role}")).await;
            accord.join(owner.account, person.id, role).await;
            accord.user_token(&person.email, PASSWORD, Some(owner.account)).await;
            members.push(person);
        }
        let key = format!("SELECT account_key FROM accounts WHERE id = {}", owner.account);
        Self { account: owner.account, key: accord.store().lines(&key).remove(0), members }
    }

    /// What every member can do, sign in as, and see. What is offered or bound later is left out, for anybody may do that.
    async fn seen(&self, accord: &Accord) -> Vec<Value> {
        let mut seen = Vec::new();
        for person in &self.members {
            let signed_in = accord.sign_in(&person.email, PASSWORD, Some(&self.account.to_string())).await;
            let without = accord.sign_in(&person.email, PASSWORD, None).await;
            let mut me = accord.get(&person.token, "/api/me").await.json();
            me.as_object_mut().expect("an object").remove("offers");
            let home = accord.get(&person.token, &path(self.account)).await;
            let newest = self.members.iter().map(|member| member.account).max().unwrap_or_default();
            let list =
                accord.get(&person.token, &format!("/api/accounts?$orderby=id&$filter=id%20le%20{newest}")).await;
            let connectors = accord.get(&person.token, &format!("/api/connectors?accountId={}", self.account)).await;
            seen.push(json!({
                "signed in": signed_in.status,
                "without an account": [without.status, without.json().get("account").cloned().unwrap_or_default()],
                "choice": without.json().get("accounts").cloned(),
                "me": me,
                "home": home.json(),
                "sees": list.json(),
                "connectors": [json!(connectors.status), connectors.json()],
            }));
        }
        seen
    }
}

/// Somebody with an account and connectors of every scope, and nothing in the home.
struct Stranger {
    person: Person,
    token: String,
    connector: Connector,
}

impl Stranger {
    /// The first is confined, the second has a reseller's account, the third an account beside the home, of the same reseller.
    /// Their connectors have the ranks in turn.
    async fn make(accord: &Accord, number: usize, reseller: &Administrator) -> Self {
        let name = format!("Stranger {number}");
        let person = if number == 0 { accord.confined(&name).await } else { accord.person(&name).await };
        if number == 1 {
            accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [person.account]);
        } else if number == 2 {
            put_below(accord, reseller, person.account);
        }
        let scopes = ["portal:write", "AccessUser:Create", "AccessUser:Update", "accounts:manage", "accounts:read"];
        let rank = ["owner", "admin", "manage"][number % 3];
        let body = json!({ "name": "All", "scopes": scopes, "rank": rank });
        let connector = accord.make_connector(&person.token, &body).await;
        let token = accord.token_of(&connector.client_id, &connector.secret).await;
        Self { person, token, connector }
    }
}

/// Calls something that aims at a member of the home.
async fn call(accord: &Accord, dice: &mut Dice, home: &Home, strangers: &[Stranger], number: usize) -> u16 {
    let stranger = dice.pick(strangers);
    let victim = dice.pick(&home.members);
    let by = if dice.roll(2) == 0 { &stranger.person.token } else { &stranger.token };
    let (own, theirs) = (path(stranger.person.account), path(home.account));
    let role = *dice.pick(&["owner", "admin", "manage", "user", "viewer"]);
    let active = dice.roll(2) == 0;
    let external = format!("u{}", dice.roll(3));
    let kind = dice.roll(24);
    let answer = match kind {
        0 => accord.sign_up(&victim.email, &format!("Squatted {number}")).await,
        1 => {
            let invited = json!({ "email": victim.email, "roles": [role] });
            accord.post(by, &format!("{own}/users"), &invited).await
        }
        2 => accord.post(by, &member(stranger.person.account, victim.id), &json!({ "roles": [role] })).await,
        3 => accord.put(by, &member(stranger.person.account, victim.id), &json!({ "roles": [role] })).await,
        4 => accord.delete(by, &member(stranger.person.account, victim.id)).await,
        5 => accord.post(by, &member(home.account, stranger.person.id), &json!({ "roles": [role] })).await,
        6 => {
            accord
                .put(by, &member(home.account, victim.id), &json!({ "roles": ["viewer"], "status": "inactive" }))
                .await
        }
        7 => accord.delete(by, &member(home.account, victim.id)).await,
        8 => accord.put(by, &theirs, &json!({ "name": "Mine", "status": "inactive" })).await,
        9 => accord.delete(by, &theirs).await,
        10 => accord.post(by, "/api/connectors", &json!({ "name": "Spy", "accountId": home.account })).await,
        11 => {
            let record = json!({ "Username": external, "Email": victim.email, "Is_Active": active });
            accord.patch(&stranger.token, "/Endpoint/rest/api/v1/Account", &record).await
        }
        12 => {
            let record = json!({ "Username": victim.email, "ExternalId": external, "Is_Active": active });
            accord.patch(&stranger.token, "/Endpoint/rest/api/v1/Account", &record).await
        }
        13 => accord.patch_users(&stranger.token, &json!({ external: { "email": victim.email } })).await,
        14 => accord.patch_users(&stranger.token, &json!({ external: null })).await,
        15 => {
            accord
                .patch_accounts(&stranger.token, &json!({ "a": { "name": "Home", "id": home.account.to_string() } }))
                .await
        }
        16 => accord.bind(&stranger.token, "a", &json!([external])).await,
        17 => accord.patch_accounts(&stranger.token, &json!({ "a": null })).await,
        18 => {
            let change = json!({ "email": victim.email, "password": PASSWORD });
            accord.post(&stranger.person.token, "/api/me/email", &change).await
        }
        19 => accord.delete(&stranger.person.token, &format!("/api/me/accounts/{}", home.account)).await,
        20 => {
            let update = json!({ "action": "update_account", "account_key": home.key, "active": "0",
                                 "email_admin": stranger.person.email });
            let administrator = Administrator {
                name: stranger.connector.client_id.clone(),
                password: stranger.connector.secret.clone(),
                account_key: home.key.clone(),
                account: home.account,
            };
            accord.administer(&administrator, &update).await
        }
        21 => accord.sign_in(&victim.email, "not the password", Some(&stranger.person.account.to_string())).await,
        22 => accord.submit(ACCEPT, &json!({ "token": "guessed", "password": PASSWORD })).await,
        _ => accord.submit("/api/accounts/password/forgot", &json!({ "email": victim.email })).await,
    };
    assert!(answer.status < 500, "{kind}: {answer}");
    answer.status
}

/// `ACCORD_SEQUENCES` says how many sequences of 30 calls, ten by default; `ACCORD_DICE` repeats a run.
#[tokio::test]
async fn strangers_change_nothing_of_what_the_members_of_an_account_can_do_sign_in_as_or_see() {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let unlimited = Options::default().variable("signup_limit", &0).variable("failed_sign_in_limit", &1_000_000);
    let accord = Accord::start_with(unlimited).await;
    let reseller = accord.make_account(&accord.operator().await, "reseller", "reseller").await;
    let home = Home::make(&accord, &reseller).await;
    let mut strangers = Vec::new();
    for number in 0..4 {
        strangers.push(Stranger::make(&accord, number, &reseller).await);
    }
    let before = home.seen(&accord).await;
    let mut dice = Dice::thrown();
    let begins = dice.begins();
    let mut done = [0_usize; 2];
    for sequence in 0..number("ACCORD_SEQUENCES").unwrap_or(10) {
        for step in 0..30 {
            let number = usize::try_from(sequence).unwrap_or_default() * 30 + step;
            let status = call(&accord, &mut dice, &home, &strangers, number).await;
            done[usize::from(status < 300)] += 1;
        }
        assert_eq!(home.seen(&accord).await, before, "ACCORD_DICE={begins}, after sequence {sequence}");
        assert_eq!(accord.store().contradictions(), [""; 0], "ACCORD_DICE={begins}, after sequence {sequence}");
    }
    println!("ACCORD_DICE={begins}: {} calls refused, {} done", done[0], done[1]);
    assert!(done[1] > done[0] / 10, "the calls are such as are done, too: {done:?}");
}
