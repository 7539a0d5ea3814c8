//! The account whose members are to be left alone, these members, a guest of each sequence, and the strangers.

use accord_tests::accounts::{ACCEPT, Connector, PASSWORD, Person, member, path};
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::{Accord, Answer, Dice, answer};
use reqwest::Method;
use serde_json::{Value, json};

/// What the members of the account are called, and nobody else: no answer to a stranger has it.
pub const CANARY: &str = "Canary";
/// The password of guests, which no stranger knows.
const OF_GUESTS: &str = "the password of a guest";
/// The only person whom the account has removed, as its connector calls that one.
const REMOVED: &str = "removed";

pub const FORGOT: &str = "/api/accounts/password/forgot";
const VERIFY: &str = "/api/accounts/email/verify";
const RESET: &str = "/api/accounts/password/reset";

/// Somebody who belongs to the account.
pub struct Member {
    pub id: i64,
    /// An address to aim at. The administrator's was named by the account above, and nobody has proved it.
    pub email: String,
    /// What the member signs in by, with the account beside it or without: each has to work.
    names: Vec<(String, Option<String>)>,
    password: String,
    token: String,
    /// Has entered a stranger's account as well, by choice: what that does with this membership is its own affair.
    pub is_curious: bool,
}

/// The account whose members are to be left alone. A reseller owns it.
pub struct Home {
    pub account: i64,
    pub name: String,
    pub key: String,
    /// The key of the account above.
    pub above: String,
    pub members: Vec<Member>,
    /// The token of its owner, of a connector of its that keeps records, and of one of the account above that binds people.
    owner: String,
    records: String,
    portal: String,
    pub connector: i64,
    /// What its connector calls its members, and says of them.
    pub usernames: Vec<String>,
}

/// Somebody with an account and connectors of every scope, and nothing in the account.
pub struct Stranger {
    pub person: Person,
    pub token: String,
    pub connector: Connector,
    /// The token that the curious member has let this one's connector have.
    pub lent: Option<String>,
    pub key: String,
    /// Which mails of the outbox come to the stranger, as a condition.
    pub mailbox: String,
}

/// Somebody new, whom the account asks in.
#[derive(Default)]
pub struct Guest {
    pub email: String,
    /// The mailbox of a stranger that looks like the guest's.
    pub alike: String,
    pub has_come: bool,
}

pub struct World {
    pub accord: Accord,
    pub home: Home,
    pub strangers: Vec<Stranger>,
    pub guest: Guest,
    /// The access tokens of sign-ups that strangers have made in this sequence, with the addresses of others.
    pub squats: Vec<(String, String)>,
    /// The last mail before this sequence.
    mails: i64,
}

/// Makes a reseller the owner of an account: a sign-up's hangs below the operator.
fn put_below(accord: &Accord, reseller: &Administrator, account: i64) {
    accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", [reseller.account, account]);
    accord.store().recount();
}

fn key(accord: &Accord, account: i64) -> String {
    accord.store().lines(&format!("SELECT account_key FROM accounts WHERE id = {account}")).remove(0)
}

/// The secrets of links in mails that a condition selects, each with its page.
fn links(accord: &Accord, condition: &str) -> Vec<(String, String)> {
    let mails = accord
        .store()
        .lines(&format!("SELECT text FROM outbox WHERE text LIKE '%#token=%' AND {condition} ORDER BY id"));
    let link = |text: &String| {
        let (before, token) = text.split_once("#token=")?;
        let (_, page) = before.rsplit_once('/')?;
        Some((page.to_owned(), token.trim().to_owned()))
    };
    mails.iter().filter_map(link).collect()
}

/// Follows a link with a password, alone.
async fn follow(accord: &Accord, (page, token): &(String, String), password: &str) -> Answer {
    let path = match page.as_str() {
        "accept-invitation" => ACCEPT,
        "reset-password" => RESET,
        _ => VERIFY,
    };
    accord.submit(path, &json!({ "token": token, "password": password })).await
}

impl Home {
    async fn make(accord: &Accord, reseller: &Administrator) -> Self {
        let administrator = accord.make_account(reseller, "home", "standard").await;
        let Administrator { account, account_key: key, name, password } = administrator;
        // A connector of the stranger beside could take the account for its own by this, if it were asked.
        accord.store().execute("UPDATE accounts SET registration_id = '77' WHERE id = ?", [account]);
        let token = accord.user_token(&name, &password, None).await;
        let admin = Member {
            id: accord.get(&token, "/api/me").await.number("id"),
            email: "owner@home.example.com".to_owned(),
            names: vec![
                (name, None),
                ("admin".to_owned(), Some(key.clone())),
                ("ADMIN".to_owned(), Some(account.to_string())),
            ],
            password,
            token,
            is_curious: false,
        };
        let mut members = vec![admin];
        for (role, is_curious) in [("owner", false), ("manage", false), ("user", false), ("manage", true)] {
            let person = accord.person(&format!("Own of {role} {is_curious}")).await;
            accord.join(account, person.id, role).await;
            let token = accord.user_token(&person.email, PASSWORD, Some(account)).await;
            let beside = [account.to_string(), key.clone(), "home".to_owned(), "Home".to_owned()];
            let spelt = [person.email.clone(), person.email.to_uppercase()];
            members.push(Member {
                id: person.id,
                email: person.email.clone(),
                names: spelt
                    .iter()
                    .flat_map(|name| beside.iter().map(move |one| (name.clone(), Some(one.clone()))))
                    .collect(),
                password: PASSWORD.to_owned(),
                token,
                is_curious,
            });
        }
        for member in members.iter().filter(|member| !member.is_curious) {
            let named = accord.put(&member.token, "/api/me", &json!({ "firstName": CANARY })).await;
            assert_eq!(named.status, 200, "{named}");
        }
        let owner = members[1].token.clone();
        let scopes = ["AccessUser:Create", "AccessUser:Update"];
        let records = json!({ "name": "Records", "accountId": account, "scopes": scopes });
        let made = accord.make_connector(&owner, &records).await;
        let records = accord.token_of(&made.client_id, &made.secret).await;
        let above = accord.user_token(&reseller.name, &reseller.password, None).await;
        let portal = accord.make_connector(&above, &json!({ "name": "Portal", "scopes": ["portal:write"] })).await;
        let portal = accord.token_of(&portal.client_id, &portal.secret).await;
        let usernames = members.iter().map(|member| format!("home-{}", member.id)).collect();
        let above = reseller.account_key.clone();
        Self {
            account,
            name: "home".to_owned(),
            key,
            above,
            members,
            owner,
            records,
            portal,
            connector: made.id,
            usernames,
        }
    }

    /// The connectors say again what they have said of members, of the one who was removed, and of the guest.
    pub async fn repeat(&self, accord: &Accord, removed: &str, guest: &str) -> Answer {
        for (username, member) in self.usernames.iter().zip(&self.members).skip(1) {
            let record = json!({ "Username": username, "Email": member.email, "FirstName": CANARY });
            let said = accord.patch(&self.records, RECORD, &record).await;
            assert_eq!(said.status, 200, "{said}");
        }
        let account = json!({ "home": { "name": "home", "id": "77" } });
        assert_eq!(accord.patch_accounts(&self.portal, &account).await.status, 200);
        let mut users = json!({ REMOVED: { "email": removed } });
        if !guest.is_empty() {
            users["guest"] = json!({ "email": guest });
        }
        for (username, member) in self.usernames.iter().zip(&self.members).skip(1) {
            users[username] = json!({ "email": member.email });
        }
        let said = accord.patch_users(&self.portal, &users).await;
        assert_eq!(said.status, 200, "{said}");
        let names: Vec<_> = users.as_object().expect("an object").keys().cloned().collect();
        accord.bind(&self.portal, "home", &json!(names)).await
    }

    /// The account asks the guest in.
    pub async fn ask(&self, accord: &Accord, guest: &str) -> Answer {
        let asked = json!({ "email": guest, "roles": ["user"] });
        accord.post(&self.owner, &format!("{}/users", path(self.account)), &asked).await
    }
}

impl Stranger {
    /// The first is confined, the second has a reseller's account, the third an account beside the home, of the same
    /// reseller, the fourth was removed from the home. Their connectors have the ranks in turn.
    async fn make(accord: &Accord, number: usize, home: &Home, reseller: &Administrator) -> Self {
        let name = format!("Stranger {number}");
        let person = if number == 0 { accord.confined(&name).await } else { accord.person(&name).await };
        match number {
            1 => drop(accord.store().execute("UPDATE accounts SET type = 'reseller' WHERE id = ?", [person.account])),
            2 => put_below(accord, reseller, person.account),
            3 => {
                accord.join(home.account, person.id, "admin").await;
                accord.user_token(&person.email, PASSWORD, Some(home.account)).await;
                home.repeat(accord, &person.email, "").await;
                assert_eq!(accord.delete(&home.owner, &member(home.account, person.id)).await.status, 200);
            }
            _ => {}
        }
        let scopes = ["portal:write", "AccessUser:Create", "AccessUser:Update", "accounts:manage", "accounts:read"];
        let rank = ["owner", "admin", "manage"][number % 3];
        let body = json!({ "name": "All", "scopes": scopes, "rank": rank });
        let connector = accord.make_connector(&person.token, &body).await;
        let token = accord.token_of(&connector.client_id, &connector.secret).await;
        let key = key(accord, person.account);
        // What comes to the mailbox of the first proves it, and then it would be confined no more.
        let own = if number == 0 { "'nobody'" } else { &format!("'{}'", person.email) };
        let mailbox = format!("(recipient = {own} OR recipient LIKE 'mine-%' OR recipient LIKE 'guest-%-straße@%')");
        Self { person, token, connector, lent: None, key, mailbox }
    }
}

impl World {
    pub async fn make(accord: Accord) -> Self {
        let reseller = accord.make_account(&accord.operator().await, "reseller", "reseller").await;
        let home = Home::make(&accord, &reseller).await;
        let mut strangers = Vec::new();
        for number in 0..4 {
            strangers.push(Stranger::make(&accord, number, &home, &reseller).await);
        }
        Self { accord, home, strangers, guest: Guest::default(), squats: Vec::new(), mails: 0 }
    }

    /// The stranger whom the account has removed.
    pub fn removed(&self) -> &str {
        &self.strangers[3].person.email
    }

    /// Mails of this sequence that a condition selects.
    pub fn links(&self, mailbox: &str) -> Vec<(String, String)> {
        links(&self.accord, &format!("id > {} AND {mailbox}", self.mails))
    }

    /// A new guest; strangers who have lost their sessions by a link of their own sign in again.
    pub async fn begin(&mut self, sequence: usize) {
        self.mails = self.accord.store().number("SELECT coalesce(max(id), 0) FROM outbox");
        let (email, alike) =
            (format!("guest-{sequence}-strasse@example.com"), format!("guest-{sequence}-straße@example.com"));
        self.guest = Guest { email, alike, has_come: false };
        self.squats.clear();
        let accord = &self.accord;
        for stranger in &mut self.strangers {
            let own = stranger.person.account.to_string();
            if accord.get(&stranger.person.token, "/api/me").await.status != 200 {
                let signed_in = accord.sign_in(&stranger.person.email, PASSWORD, Some(&own)).await;
                if let Some(token) = signed_in.json()["access_token"].as_str() {
                    token.clone_into(&mut stranger.person.token);
                }
            }
        }
        self.lend().await;
    }

    /// The curious member enters the second stranger's account, and signs in to it through the stranger's connector.
    async fn lend(&mut self) {
        let (accord, stranger) = (&self.accord, &mut self.strangers[1]);
        let own = path(stranger.person.account);
        if let Some(lent) = &stranger.lent
            && accord.get(lent, &own).await.status == 200
        {
            return;
        }
        let curious = self.home.members.iter().find(|member| member.is_curious).expect("one is curious");
        accord.join(stranger.person.account, curious.id, "user").await;
        let account = stranger.person.account.to_string();
        let form = [
            ("grant_type", "password"),
            ("username", curious.email.as_str()),
            ("password", curious.password.as_str()),
            ("account", account.as_str()),
            ("client_id", stranger.connector.client_id.as_str()),
            ("client_secret", stranger.connector.secret.as_str()),
        ];
        let issued = answer(accord.request(Method::POST, TOKEN).form(&form)).await;
        // The stranger may have shut this member out: then there is nothing to lend.
        stranger.lent = (issued.status == 200).then(|| issued.text("access_token"));
    }

    /// The guest follows a link that came to the guest's mailbox.
    pub async fn come(&mut self, link: &(String, String)) -> Answer {
        let answer = follow(&self.accord, link, OF_GUESTS).await;
        self.guest.has_come |= answer.status == 200;
        answer
    }

    /// A stranger follows a link, alone or signed in.
    pub async fn follow(&self, link: &(String, String), by: Option<&str>) -> Answer {
        match by {
            None => follow(&self.accord, link, PASSWORD).await,
            Some(token) => {
                let path = if link.0 == "accept-invitation" { ACCEPT } else { VERIFY };
                self.accord.post(token, path, &json!({ "token": link.1, "password": PASSWORD })).await
            }
        }
    }

    /// The guest comes, whatever strangers have prepared: follows every link that the mailbox has, in any order, and is
    /// in. No stranger is.
    pub async fn end(&mut self, dice: &mut Dice, when: &str) {
        let email = self.guest.email.clone();
        let asked = self.home.ask(&self.accord, &email).await;
        assert!([201, 409, 429].contains(&asked.status), "{when}: the account asks the guest in: {asked}");
        // What a connector has given needs no invitation, and the guest a first password.
        self.accord.submit(FORGOT, &json!({ "email": email })).await;
        let mut links = self.links(&format!("recipient = '{email}'"));
        while !links.is_empty() {
            let link = links.swap_remove(dice.roll(links.len()));
            self.come(&link).await;
        }
        let accord = &self.accord;
        let home = self.home.account;
        let signed_in = accord.sign_in(&email, OF_GUESTS, Some(&home.to_string())).await;
        assert_eq!(signed_in.status, 200, "{when}: the guest signs in: {signed_in}");
        let token = signed_in.text("access_token");
        assert_eq!(accord.get(&token, &path(home)).await.status, 200, "{when}: the guest is in");
        let mut tokens: Vec<_> = self.squats.iter().map(|(_, token)| ("a sign-up", token)).collect();
        for stranger in &self.strangers {
            tokens.push(("a stranger", &stranger.person.token));
            tokens.push(("a stranger's connector", &stranger.token));
            tokens.extend(stranger.lent.as_ref().map(|lent| ("what was lent", lent)));
        }
        for (whose, token) in tokens {
            let seen = accord.get(token, &path(home)).await;
            assert!([401, 403, 404].contains(&seen.status), "{when}: {whose} sees the account: {seen}");
        }
        let names = self.squats.iter().map(|(name, _)| name).chain(self.strangers.iter().map(|one| &one.person.email));
        for name in names {
            let signed_in = accord.sign_in(name, PASSWORD, Some(&home.to_string())).await;
            let is_members =
                self.home.members.iter().any(|member| member.email == *name && member.password == PASSWORD);
            assert!(is_members || signed_in.status != 200, "{when}: {name} signs in to the account: {signed_in}");
        }
        // Whoever came last into the account is the guest.
        let last =
            accord.get(&self.home.owner, &format!("{}/users?$orderby=enteredAt%20desc&$top=1", path(home))).await;
        assert_eq!(last.json()["value"][0]["email"], json!(email), "{when}");
    }

    /// What every member can do, sign in as, and see. What is offered or bound later is left out, for anybody may do
    /// that, and so are guests.
    pub async fn seen(&self, when: &str) -> Vec<Value> {
        let (accord, home) = (&self.accord, path(self.home.account));
        let mut seen = Vec::new();
        for member in &self.home.members {
            let mut signed_in = Vec::new();
            for (name, account) in &member.names {
                let answer = accord.sign_in(name, &member.password, account.as_deref()).await;
                assert_eq!(answer.status, 200, "{when}: {name} signs in with {account:?}: {answer}");
                signed_in.push(answer.json()["account"].clone());
            }
            let newest = self.home.members.iter().map(|member| member.id).max().unwrap_or_default();
            let members = format!("{home}/users?$orderby=id&$filter=id%20le%20{newest}");
            let connectors = format!("/api/connectors?accountId={}", self.home.account);
            let mut lists = vec![home.clone(), members, connectors];
            lists.extend(["records", "identities"].map(|list| format!("{home}/{list}")));
            let mut read = Vec::new();
            for list in lists {
                let answer = accord.get(&member.token, &list).await;
                read.push(json!([list, answer.status, answer.json()]));
            }
            let mut own = Value::Null;
            if !member.is_curious {
                let without = accord.sign_in(&member.names[0].0, &member.password, None).await;
                let without =
                    [json!(without.status), without.json()["account"].clone(), without.json()["accounts"].clone()];
                let mut me = accord.get(&member.token, "/api/me").await.json();
                me.as_object_mut().expect("an object").remove("offers");
                let newest = self.strangers[0].person.account;
                let accounts = format!("/api/accounts?$orderby=id&$filter=id%20lt%20{newest}");
                own = json!([without, me, accord.get(&member.token, &accounts).await.json()]);
            }
            seen.push(json!({ "signed in": signed_in, "reads": read, "own": own }));
        }
        seen
    }
}
