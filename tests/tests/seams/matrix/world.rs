//! The account that the facts are of, whoever calls, and how each fact stands.

use accord_tests::accounts::{PASSWORD, Person, member, path};
use accord_tests::administration::Administrator;
use accord_tests::endpoint::RECORD;
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord, Options};
use serde_json::json;

/// The account of the facts, Home, which a reseller owns, and whom the facts are of.
pub struct World {
    pub accord: Accord,
    pub account: i64,
    pub key: String,
    reseller: Administrator,
    /// A connector of the account's that is in no column: its token.
    tool: String,
    /// Who invites to another account.
    giver: Person,
    /// Who administers the account above, and the one above that.
    above: [String; 2],
    owner: Person,
    /// A second owner: the last one once the first is none.
    last: Person,
    pub member: Person,
    /// A member who is removed, and one who has left.
    removed: Person,
    refused: Person,
    /// Whose address is not proved.
    confined: Person,
    /// Who has entered one account and no other, and whom nobody but the operator sees.
    settled: Person,
    /// A member whose mailbox can be spelled in several ways, [`MAILBOX`].
    mailbox: Person,
    /// A member who has proved another address as well, which the account has never seen.
    double: Person,
    /// Who has signed up with somebody else's address.
    pub squat: Squat,
    pub connector: i64,
}

/// A sign-up with an address that is somebody else's, and the links in the mails that came there.
#[derive(Default)]
pub struct Squat {
    address: String,
    person: i64,
    pub confirmation: String,
    pub invitation: String,
    pub reset: String,
}

/// Somebody whom a call is about.
pub struct Whom {
    pub id: i64,
    pub email: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nobody,
    Person,
    Connector,
}

/// Somebody who calls: by a token, and at the administration API by a name and a password.
#[derive(Clone)]
pub struct Caller {
    pub name: &'static str,
    pub kind: Kind,
    pub token: String,
    pub basic: (String, String),
    /// The caller's own account.
    pub own: i64,
}

pub const FORGOT: &str = "/api/accounts/password/forgot";

const SCOPES: [&str; 5] =
    ["portal:write", "AccessUser:Create", "AccessUser:Update", "accounts:manage", "accounts:read"];

/// One mailbox, and other spellings of it.
pub const MAILBOX: &str = "Mailbox@bücher.example";
pub const SPELLINGS: [&str; 2] = ["mailbox@xn--bcher-kva.example", "MAILBOX@BÜCHER.example"];

/// Two mailboxes that look alike to whoever folds letters too far.
const SHARP: &str = "strasse@example.com";
pub const ALIKE: &str = "straße@example.com";

/// Whose password has letters that can be written in two ways, and both.
pub const COMPOSED: (&str, &str, &str) =
    ("composed@example.com", "zw\u{f6}lf gr\u{fc}ne Kessel", "zwo\u{308}lf gru\u{308}ne Kessel");

/// The address of the member [`World::double`] that the account has never seen.
const OTHER_ADDRESS: &str = "other-address-2@example.com";

/// What the account above has chosen as the password of the administrator of the account `made`.
pub const CHOSEN: &str = "the password of made";

impl World {
    pub async fn make() -> Self {
        let unlimited = Options::default().variable("signup_limit", &0).variable("failed_sign_in_limit", &1_000_000);
        let accord = Accord::start_with(unlimited).await;
        let reseller = accord.make_account(&accord.operator().await, "reseller", "reseller").await;
        accord.make_account(&reseller, "made", "standard").await;
        let owner = accord.person("Home").await;
        let account = owner.account;
        accord.store().execute(
            "UPDATE accounts SET owner_id = ?1, registration_id = '77' WHERE id = ?2",
            [reseller.account, account],
        );
        accord.store().recount();
        let people =
            [("last", "owner"), ("member", "user"), ("removed", "admin"), ("refused", "user"), ("double", "user")];
        let mut members = Vec::new();
        for (name, role) in people {
            let person = accord.person(&format!("Own of {name}")).await;
            enter(&accord, account, &person, role).await;
            members.push(person);
        }
        let [last, member, removed, refused, double] = <[Person; 5]>::try_from(members).expect("five");
        accord.store().execute(
            "INSERT INTO addresses (key, address, person_id, proved_at) VALUES (?1, ?1, ?2, 0)",
            (OTHER_ADDRESS, double.id),
        );
        let mailbox = signed_up(&accord, MAILBOX).await;
        enter(&accord, account, &mailbox, "user").await;
        signed_up(&accord, SHARP).await;
        let composed = json!({ "email": COMPOSED.0, "password": COMPOSED.1, "accountName": "Composed" });
        assert_eq!(accord.submit("/api/accounts/signup", &composed).await.status, 201);
        let connector = accord.make_connector(&owner.token, &json!({ "name": "Of the owner" })).await.id;
        let tool = accord.make_connector(&owner.token, &json!({ "name": "Tool", "scopes": SCOPES })).await;
        let tool = accord.token_of(&tool.client_id, &tool.secret).await;
        let key = accord.store().lines(&format!("SELECT account_key FROM accounts WHERE id = {account}")).remove(0);
        let above = [accord.user_token(&reseller.name, &reseller.password, None).await, accord.admin().await];
        let (confined, settled) = (accord.confined("Confined").await, accord.person("Settled").await);
        let giver = accord.person("Giving").await;
        let squat = Squat::default();
        Self {
            accord,
            account,
            key,
            reseller,
            tool,
            giver,
            above,
            owner,
            last,
            member,
            removed,
            refused,
            confined,
            settled,
            mailbox,
            double,
            squat,
            connector,
        }
    }

    async fn connector(&self, name: &'static str, by: &str, account: i64, rank: &str) -> Caller {
        let body = json!({ "name": name, "accountId": account, "scopes": SCOPES, "rank": rank });
        let made = self.accord.make_connector(by, &body).await;
        let token = self.accord.token_of(&made.client_id, &made.secret).await;
        Caller { name, kind: Kind::Connector, token, basic: (made.client_id, made.secret), own: account }
    }

    pub async fn callers(&self) -> Vec<Caller> {
        let accord = &self.accord;
        let nobody =
            Caller { name: "nobody", kind: Kind::Nobody, token: "none".to_owned(), basic: <_>::default(), own: 0 };
        let mut callers =
            vec![nobody, person("stranger", accord.person("Strange").await), person("confined", self.confined.clone())];
        for role in ["viewer", "user", "manage", "admin"] {
            let somebody = accord.person(&format!("Own of {role}")).await;
            enter(accord, self.account, &somebody, role).await;
            callers.push(person(role, somebody));
        }
        callers.push(person("owner", self.last.clone()));
        callers.push(person("itself", self.member.clone()));
        let [above, two_above] = self.above.clone();
        let Administrator { name, password, account, .. } = self.reseller.clone();
        callers.push(Caller {
            name: "above",
            kind: Kind::Person,
            token: above.clone(),
            basic: (name, password),
            own: account,
        });
        let basic = (ADMIN_EMAIL.to_owned(), ADMIN_PASSWORD.to_owned());
        callers.push(Caller { name: "two above", kind: Kind::Person, token: two_above.clone(), basic, own: 1 });
        callers.push(self.connector("connector, manage", &self.owner.token, self.account, "manage").await);
        callers.push(self.connector("connector, owner", &self.owner.token, self.account, "owner").await);
        callers.push(self.connector("connector above", &above, account, "owner").await);
        let sibling = accord.person("Sibling").await;
        accord.store().execute("UPDATE accounts SET owner_id = ?1 WHERE id = ?2", [account, sibling.account]);
        accord.store().recount();
        callers.push(self.connector("sibling's connector", &sibling.token, sibling.account, "owner").await);
        let suspended = accord.person("Suspended").await;
        let tool = self.connector("connector of that", &suspended.token, suspended.account, "owner").await;
        let status = json!({ "status": "inactive" });
        assert_eq!(accord.put(&two_above, &path(suspended.account), &status).await.status, 200);
        callers.push(person("of a suspended account", suspended));
        callers.push(tool);
        callers
    }

    /// Whom the calls of a fact are about, and who calls as `itself`.
    pub fn person(&self, fact: &str) -> Whom {
        let person = self.somebody(fact);
        let email = match fact {
            "what an answer tells of a member's other address" => OTHER_ADDRESS,
            "what an answer tells of an address that others name" => "named-1@example.com",
            _ => &person.email,
        };
        Whom { id: person.id, email: email.to_owned() }
    }

    fn somebody(&self, fact: &str) -> &Person {
        match fact {
            "what a claim reaches" => &self.confined,
            "a block" => &self.removed,
            "a refusal" => &self.refused,
            "what a sign-in chooses" | "what an answer tells of a stranger" => &self.settled,
            "what an answer tells of a member's other address" => &self.double,
            "one mailbox" => &self.mailbox,
            "the last owner" => &self.last,
            _ => &self.member,
        }
    }

    /// Somebody whom there is not.
    pub fn nobody(number: usize) -> Whom {
        Whom { id: 999_999, email: format!("unknown-{number}@example.com") }
    }

    /// The caller, or whom the fact is of.
    pub fn calling(&self, fact: &str, caller: &Caller) -> Caller {
        if caller.name == "itself" { person(caller.name, self.somebody(fact).clone()) } else { caller.clone() }
    }

    /// How the fact stands: texts that the directory has of it, or that its doors answer.
    pub async fn fact(&self, fact: &str) -> Vec<String> {
        let (account, store) = (self.account, self.accord.store());
        let person = self.person(fact).id;
        store.lines(&match fact {
            "sign-in" => format!(
                "SELECT p.password_hash, group_concat(d.key || d.proved_at || coalesce(d.retired_at, '')) FROM people p
                   JOIN addresses d ON d.person_id = p.id WHERE p.id = {person}"
            ),
            "names" => format!("SELECT name, first_name, last_name FROM people WHERE id = {person}"),
            "who holds an address" => format!(
                "SELECT person_id || ' ' || (proved_at IS NOT NULL) FROM addresses WHERE key = '{}'",
                self.squat.address
            ),
            "what a squatter has" => format!(
                "SELECT confined || ' ' || password_version,
                        (SELECT group_concat(key) FROM addresses d WHERE d.person_id = p.id),
                        (SELECT group_concat(account_id || status) FROM memberships m WHERE m.person_id = p.id)
                   FROM people p WHERE id = {}",
                self.squat.person
            ),
            // Links to set a password of somebody by an address that this one has neither proved nor claimed.
            "where recovery goes" => "SELECT l.key || ' ' || l.person_id FROM links l
                  WHERE l.purpose = 'reset_password'
                    AND NOT EXISTS (SELECT 1 FROM addresses d WHERE d.key = l.key AND d.person_id = l.person_id)
                    AND NOT EXISTS (SELECT 1 FROM usernames n WHERE n.key = l.key AND n.person_id = l.person_id)"
                .to_owned(),
            "the first link to a new password" => format!(
                "SELECT hex(digest) FROM links WHERE person_id = {person} AND purpose = 'reset_password'
                  ORDER BY expires_at LIMIT 1"
            ),
            "membership" | "a block" | "a refusal" | "the last owner" => format!(
                "SELECT m.status, (SELECT group_concat(g.door || g.role) FROM grants g
                                    WHERE g.account_id = m.account_id AND g.person_id = m.person_id)
                   FROM memberships m WHERE m.account_id = {account} AND m.person_id = {person}"
            ),
            "members" => format!("SELECT CAST(count(*) AS TEXT) FROM memberships WHERE account_id = {account}"),
            "account" => format!("SELECT name, description, status, email_admin FROM accounts WHERE id = {account}"),
            "a suspension of its own" | "a suspension from above" | "a suspension from two above" => {
                format!("SELECT status FROM accounts WHERE id = {account}")
            }
            "connector" => {
                format!("SELECT status, CAST(secret_version AS TEXT) FROM connectors WHERE id = {}", self.connector)
            }
            "connectors" => format!("SELECT CAST(count(*) AS TEXT) FROM connectors WHERE account_id = {account}"),
            "records" => format!("SELECT CAST(count(*) AS TEXT) FROM records WHERE account_id = {account}"),
            "one mailbox" => format!(
                "SELECT key || person_id FROM addresses
                  WHERE person_id = {person} OR key LIKE 'mailbox@%' OR address LIKE 'mailbox@%' ORDER BY 1"
            ),
            "what works" => return Vec::new(),
            other => return self.answered(other).await,
        })
    }

    /// How a fact stands that is what a door answers.
    async fn answered(&self, fact: &str) -> Vec<String> {
        let accord = &self.accord;
        let chosen = async |name: &str, password: &str, account: Option<&str>| {
            let signed_in = accord.sign_in(name, password, account).await;
            format!("{} {}", signed_in.status, signed_in.json()["account"])
        };
        match fact {
            "what a claim reaches" => {
                let me = accord.get(&self.confined.token, "/api/me").await.json();
                vec![me["accounts"].to_string(), me["offers"].to_string()]
            }
            "what a sign-in chooses" => vec![chosen(&self.settled.email, PASSWORD, None).await],
            "whom a name signs in" => vec![
                chosen("admin@made.localhost", CHOSEN, None).await,
                chosen("admin", CHOSEN, Some("made")).await,
                chosen(&self.member.email, PASSWORD, Some(&self.account.to_string())).await,
            ],
            other => panic!("{other} is no fact"),
        }
    }

    /// Puts the fact as it is to stand before a cell.
    pub async fn set(&mut self, fact: &str) {
        let (accord, admin) = (&self.accord, &self.above[1]);
        let active = if fact == "account" {
            json!({ "status": "active", "name": "Home" })
        } else {
            json!({ "status": "active" })
        };
        assert_eq!(accord.put(admin, &path(self.account), &active).await.status, 200);
        let here = member(self.account, self.person(fact).id);
        match fact {
            "who holds an address" | "what a squatter has" => self.squat().await,
            "membership" => {
                let roles = json!({ "roles": ["user"], "status": "active" });
                if accord.put(admin, &here, &roles).await.status == 404 {
                    accord.post(admin, &here, &json!({ "roles": ["user"] })).await;
                }
            }
            "a suspension of its own" => self.suspend(&self.owner.token).await,
            "a suspension from above" => self.suspend(&self.above[0]).await,
            "a suspension from two above" => self.suspend(&self.above[1]).await,
            "connector" => {
                accord.store().execute("UPDATE connectors SET status = 'active' WHERE id = ?", [self.connector]);
            }
            "records" => {
                accord.store().execute("DELETE FROM records", ());
            }
            "where recovery goes" => {
                accord.store().execute("DELETE FROM records", ());
                let email = &self.member.email;
                let record = json!({ "Username": username(email), "Email": email });
                assert_eq!(accord.patch(&self.tool, RECORD, &record).await.status, 200);
            }
            "the first link to a new password" => {
                let body = json!({ "email": self.member.email });
                assert_eq!(accord.submit(FORGOT, &body).await.status, 200);
            }
            "a block" => {
                // Who is removed was an admin, whatever it was made meanwhile.
                let known = member(self.account, accord.known_as(self.account, self.removed.id));
                accord.post(admin, &known, &json!({ "roles": ["admin"] })).await;
                accord.put(admin, &known, &json!({ "roles": ["admin"] })).await;
                accord.delete(admin, &known).await;
            }
            "a refusal" => {
                let own = format!("/api/me/accounts/{}", self.account);
                if accord.delete(&self.refused.token, &own).await.status == 404 {
                    let roles = json!({ "roles": ["user"] });
                    accord.post(admin, &here, &roles).await;
                    accord.delete(&self.refused.token, &own).await;
                }
            }
            "the last owner" => {
                let user = json!({ "roles": ["user"] });
                let owner = json!({ "roles": ["owner"], "status": "active" });
                if accord.put(admin, &here, &owner).await.status == 404 {
                    accord.post(admin, &here, &json!({ "roles": ["owner"] })).await;
                }
                assert_eq!(accord.put(admin, &member(self.account, self.owner.id), &user).await.status, 200);
            }
            _ if fact.starts_with("what an answer tells") => self.forget().await,
            _ => {}
        }
    }

    async fn suspend(&self, by: &str) {
        let suspended = self.accord.put(by, &path(self.account), &json!({ "status": "inactive" })).await;
        assert_eq!(suspended.status, 200, "{suspended}");
    }

    /// Somebody signs up with an address that is somebody else's, which is invited to an account, and asks for a new password.
    async fn squat(&mut self) {
        let (accord, store) = (&self.accord, self.accord.store());
        let address = format!("squatted-{}@example.com", store.number("SELECT count(*) FROM people"));
        let person = accord.sign_up(&address, &address).await.number("id");
        accord.invite(&self.giver, &address).await;
        assert_eq!(accord.submit(FORGOT, &json!({ "email": address })).await.status, 200);
        // Where no such mail came there is no link, and its door refuses it.
        let link = |part: &str| {
            let texts = format!("SELECT text FROM outbox WHERE recipient = '{address}' AND text LIKE '%{part}%'");
            let text = store.lines(&texts).pop().unwrap_or_default();
            text.split_once("#token=").map(|(_, token)| token.trim().to_owned()).unwrap_or_default()
        };
        let (confirmation, invitation) = (link("/verify-email#"), link("/accept-invitation#"));
        let reset = link("for a new password. If");
        self.squat = Squat { address, person, confirmation, invitation, reset };
    }

    /// Forgets what an answer has left behind: what comes next is said for the first time.
    async fn forget(&self) {
        let store = self.accord.store();
        store.execute("DELETE FROM records", ());
        store.execute(
            "DELETE FROM memberships WHERE person_id = ?1 AND account_id <> ?2",
            [self.settled.id, self.settled.account],
        );
        store.execute(
            "DELETE FROM memberships WHERE account_id = ?1
                AND person_id IN (SELECT id FROM people WHERE password_hash IS NULL)",
            [self.account],
        );
        if store.lines("SELECT key FROM addresses WHERE key = 'named-1@example.com'").is_empty() {
            self.accord.invite(&self.giver, "named-1@example.com").await;
        }
    }
}

/// The column in which the person of a fact calls as `itself`, if it has none of its own.
pub fn calls_itself(fact: &str) -> bool {
    ["sign-in", "names", "membership", "where recovery goes", "a block", "a refusal", "what a sign-in chooses"]
        .contains(&fact)
}

/// What the records of the callers call somebody.
pub fn username(email: &str) -> String {
    format!("of {email}")
}

fn person(name: &'static str, person: Person) -> Caller {
    let basic = (person.email, PASSWORD.to_owned());
    Caller { name, kind: Kind::Person, basic, own: person.account, token: person.token }
}

/// Makes somebody a member who has entered.
async fn enter(accord: &Accord, account: i64, person: &Person, role: &str) {
    accord.join(account, person.id, role).await;
    accord.user_token(&person.email, PASSWORD, Some(account)).await;
}

/// Somebody who has signed up with an address, and proved it.
async fn signed_up(accord: &Accord, email: &str) -> Person {
    let made = accord.sign_up(email, &format!("Own of {email}")).await;
    let (id, account) = (made.number("id"), made.number("accountId"));
    accord.prove(id);
    let token = accord.user_token(email, PASSWORD, Some(account)).await;
    Person { id, email: email.to_owned(), account, token }
}
