//! The statements that each operation runs, and those of them that keep other writers waiting.
//!
//! One instance of each component serves all requests, and has served each operation once before it is looked at. So the
//! snapshot has what an operation costs day by day, without the first start, migrations and what an instance remembers.

use std::fmt::Write as _;
use std::time::Duration;

use accord_tests::accounts::{ACCEPT, PASSWORD, member, path};
use accord_tests::endpoint::RECORD;
use accord_tests::oauth::TOKEN;
use accord_tests::portal::ACCOUNTS;
use accord_tests::{Accord, Answer, CLIENT_ID, CLIENT_SECRET, Options, Statement, answer, skipped_on_spin};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn each_operation_runs_these_statements() {
    if skipped_on_spin("it does not tell which statements it ran; they are the same") {
        return;
    }
    let mut options = Options::default();
    options.limits.max_instances = 1;
    options.limits.idle_timeout = Duration::from_hours(1);
    let accord = Accord::start_with(options).await;
    let mut costs = Vec::new();
    for round in ["warm-up", "steady"] {
        let mut bill = Bill { accord: &accord, round, costs: Vec::new() };
        bill.oauth().await;
        bill.accounts().await;
        bill.directory().await;
        bill.connectors().await;
        bill.portal().await;
        bill.endpoint().await;
        bill.administration().await;
        costs = bill.costs;
    }
    assert_snapshot!("statements", table(&costs));
}

/// What each operation costs.
struct Bill<'a> {
    accord: &'a Accord,
    /// Distinguishes what one round makes from what the next one makes.
    round: &'a str,
    costs: Vec<(&'static str, Vec<Statement>)>,
}

impl Bill<'_> {
    /// Notes what an operation costs, which has to succeed.
    async fn note(&mut self, operation: &'static str, call: impl Future<Output = Answer>) -> Answer {
        let before = self.accord.statements().len();
        let answer = call.await;
        assert!((200..300).contains(&answer.status), "{operation}: {answer}");
        let mut statements = self.accord.statements().split_off(before);
        // Once a second somebody looks whether a mail waits, and a connector's success is noted, and once a minute somebody looks for
        // what is kept no longer: whose request it is, is chance.
        let chance = [
            "SELECT EXISTS (SELECT 1 FROM outbox",
            "UPDATE connectors SET last_success_at",
            "SELECT 1 FROM (SELECT at FROM audit",
            "SELECT 1 FROM removals WHERE at <",
        ];
        statements.retain(|statement| statement.locked || !chance.iter().any(|begin| statement.sql.starts_with(begin)));
        self.costs.push((operation, statements));
        answer
    }

    async fn oauth(&mut self) {
        let Self { accord, round, .. } = *self;
        let form = [("grant_type", "client_credentials"), ("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        let request = accord.request(Method::POST, TOKEN).form(&form);
        self.note("POST /oauth/token, client_credentials", answer(request)).await;
        let person = accord.person(&format!("OAuth {round}")).await;
        let signed_in = accord.sign_in(&person.email, PASSWORD, None);
        let signed_in = self.note("POST /oauth/token, password", signed_in).await;
        let refresh_token = signed_in.text("refresh_token");
        self.note("POST /oauth/token, refresh_token", accord.refresh(&refresh_token)).await;
        self.note("POST /oauth/introspect", accord.introspect(&person.token)).await;
        self.note("POST /oauth/revoke", accord.revoke(&person.token)).await;
        let keys = accord.request(Method::GET, "/.well-known/jwks.json");
        self.note("GET /.well-known/jwks.json", answer(keys)).await;
    }

    async fn accounts(&mut self) {
        let Self { accord, round, .. } = *self;
        let (owner, guest) = (format!("owner-{round}@example.com"), format!("guest-{round}@example.com"));
        let sign_up = json!({ "email": owner, "password": PASSWORD, "accountName": format!("Acme {round}") });
        let signed_up = self.note("POST /api/accounts/signup", accord.submit("/api/accounts/signup", &sign_up)).await;
        let account = signed_up.number("accountId");
        let token = &accord.user_token(&owner, PASSWORD, None).await;

        let new = json!({ "name": format!("Second {round}") });
        let second = self.note("POST /api/accounts", accord.post(token, "/api/accounts", &new)).await.number("id");
        self.note("GET /api/accounts", accord.get(token, "/api/accounts")).await;
        self.note("GET /api/accounts/{id}", accord.get(token, &path(account))).await;
        let change = json!({ "name": format!("Acme {round} Ltd.") });
        self.note("PUT /api/accounts/{id}", accord.put(token, &path(account), &change)).await;
        self.note("DELETE /api/accounts/{id}", accord.delete(token, &path(second))).await;

        let (users, roles) = (format!("{}/users", path(account)), json!({ "roles": ["viewer"] }));
        let invited = json!({ "email": guest, "roles": ["user"] });
        let invited = self.note("POST /api/accounts/{id}/users", accord.post(token, &users, &invited)).await;
        let one = member(account, invited.number("id"));
        let invite = accord.request_as(token, Method::PUT, &format!("{one}/invite"));
        self.note("PUT /api/accounts/{id}/users/{userId}/invite", answer(invite)).await;
        let accept = json!({ "token": self.mailed(&guest), "password": PASSWORD });
        self.note("POST /api/accounts/invitations/accept", accord.submit(ACCEPT, &accept)).await;
        self.note("PUT /api/accounts/{id}/users/{userId}", accord.put(token, &one, &roles)).await;
        self.note("DELETE /api/accounts/{id}/users/{userId}", accord.delete(token, &one)).await;
        // Who was removed is added again.
        self.note("POST /api/accounts/{id}/users/{userId}", accord.post(token, &one, &roles)).await;
        // An instance knows who is behind a token once it has seen that.
        accord.get(token, "/api/me").await;
        let me = accord.get(token, "/api/me");
        self.note("GET /api/me", me).await;
    }

    async fn directory(&mut self) {
        let Self { accord, round, .. } = *self;
        let owner = accord.person(&format!("Read {round}")).await;
        let guest = accord.invite(&owner, &format!("read-{round}@example.com")).await;
        let here = |list: &str| format!("{}/{list}", path(owner.account));
        for place in ["/api/users", &here("names")] {
            accord.get(&owner.token, place).await;
        }
        for (operation, place) in [
            ("GET /api/accounts/{id}/users", here("users")),
            ("GET /api/accounts/{id}/users/{userId}", member(owner.account, owner.id)),
            ("GET /api/accounts/{id}/invitations", here("invitations")),
            ("GET /api/accounts/{id}/invitations/{userId}", here(&format!("invitations/{guest}"))),
            ("GET /api/accounts/{id}/identities", here("identities")),
            ("GET /api/accounts/{id}/sources", here("sources")),
            ("GET /api/accounts/{id}/disagreements", here("disagreements")),
            ("GET /api/accounts/{id}/names", here("names")),
            ("GET /api/accounts/{id}/joined", here("joined")),
            ("GET /api/accounts/{id}/precedence", here("precedence")),
            ("GET /api/accounts/{id}/records", here("records")),
            ("GET /api/accounts/{id}/audit", here("audit")),
            ("GET /api/duplicates", format!("/api/duplicates?accountId={}", owner.account)),
            ("GET /api/audit", "/api/audit".to_owned()),
            ("GET /api/users", "/api/users".to_owned()),
            ("GET /api/users/{userId}", format!("/api/users/{}", owner.id)),
            ("GET /api/users/{userId}/export", format!("/api/users/{}/export", owner.id)),
        ] {
            self.note(operation, accord.get(&owner.token, &place)).await;
        }
        let (precedence, order) = (here("precedence"), json!({ "name": ["above"] }));
        self.note("PUT /api/accounts/{id}/precedence", accord.put(&owner.token, &precedence, &order)).await;
        let invitation = here(&format!("invitations/{guest}"));
        let taken_back = accord.delete(&owner.token, &invitation);
        self.note("DELETE /api/accounts/{id}/invitations/{userId}", taken_back).await;
        assert_eq!(accord.delete(&owner.token, &path(owner.account)).await.status, 200);
        let one = accord.request_as(&owner.token, Method::DELETE, &format!("/api/users/{}", owner.id));
        self.note("DELETE /api/users/{userId}", answer(one.json(&json!({ "password": PASSWORD })))).await;
    }

    async fn connectors(&mut self) {
        let accord = self.accord;
        let token = &accord.person(&format!("Connectors {}", self.round)).await.token;
        let new = json!({ "name": "CRM" });
        let made = self.note("POST /api/connectors", accord.post(token, "/api/connectors", &new)).await.number("id");
        let one = format!("/api/connectors/{made}");
        self.note("GET /api/connectors", accord.get(token, "/api/connectors")).await;
        self.note("GET /api/connectors/{id}", accord.get(token, &one)).await;
        for (operation, action) in [
            ("POST /api/connectors/{id}/secret", "secret"),
            ("POST /api/connectors/{id}/resume", "resume"),
            ("POST /api/connectors/{id}/disconnect", "disconnect"),
        ] {
            self.note(operation, accord.post(token, &format!("{one}/{action}"), &json!({}))).await;
        }
        self.note("DELETE /api/connectors/{id}", accord.delete(token, &one)).await;
    }

    async fn portal(&mut self) {
        let Self { accord, round, .. } = *self;
        let token = &accord.token().await;
        let account = json!({ format!("account {round}"): { "name": "Pushed", "id": round } });
        for operation in ["PATCH /api/integrations/v1/accounts, new", "PATCH /api/integrations/v1/accounts, again"] {
            self.note(operation, accord.patch_accounts(token, &account)).await;
        }
        let named = json!({ format!("account {round}"): { "name": "Named anew" } });
        let dry = format!("{ACCOUNTS}?dryRun=true");
        self.note("PATCH /api/integrations/v1/accounts, dry run", accord.patch(token, &dry, &named)).await;
        self.note("PATCH /api/integrations/v1/accounts, another name", accord.patch_accounts(token, &named)).await;
        let user = format!("user {round}");
        let known = json!({ &user: { "email": format!("user-{round}@example.com") } });
        for operation in ["PATCH /api/integrations/v1/users, new", "PATCH /api/integrations/v1/users, again"] {
            self.note(operation, accord.patch_users(token, &known)).await;
        }
        for operation in [
            "PATCH /api/integrations/v1/accounts/{account_id}/users, new",
            "PATCH /api/integrations/v1/accounts/{account_id}/users, again",
        ] {
            self.note(operation, accord.bind(token, round, &json!([user]))).await;
        }
    }

    async fn endpoint(&mut self) {
        let Self { accord, round, .. } = *self;
        let token = &accord.token().await;
        let record = |name: &str| json!({ "Username": format!("jane {round}"), "Name": name });
        for (operation, name) in [
            ("PATCH /Endpoint/rest/api/v1/Account, insert", "Jane"),
            ("PATCH /Endpoint/rest/api/v1/Account, update", "Jane Smith"),
        ] {
            self.note(operation, accord.patch(token, RECORD, &record(name))).await;
        }
        let one = format!("{RECORD}/{}", accord.patch(token, RECORD, &record("Jane")).await.text("Id"));
        self.note("GET /Endpoint/rest/api/v1/Account/{Id}", accord.get(token, &one)).await;
        self.note("GET /Endpoint/rest/api/v1/Accounts", accord.get(token, &format!("{RECORD}s"))).await;
    }

    async fn administration(&mut self) {
        let Self { accord, round, .. } = *self;
        let operator = &accord.operator().await;
        let account = json!({ "name": "Customer", "subdomain": format!("customer-{round}"),
                              "password": "the password of a customer" });
        let made = self.note("POST /app/api.php, create_account", accord.administer(operator, &account)).await;
        let update = json!({ "action": "update_account", "account_key": made.text("account_key"), "active": "0" });
        let package = json!({ "action": "create_package", "name": format!("Package {round}") });
        for (operation, body) in [
            ("POST /app/api.php, list_accounts", json!({ "action": "list_accounts" })),
            ("POST /app/api.php, update_account", update),
            ("POST /app/api.php, create_package", package),
            ("POST /app/api.php, list_packages", json!({ "action": "list_packages" })),
        ] {
            self.note(operation, accord.administer(operator, &body)).await;
        }
        self.note("GET /app/api.php, connection_health", accord.connections(operator, "")).await;
    }

    /// The secret in the last mail to an address, which waits for a relay.
    fn mailed(&self, address: &str) -> String {
        let mails = format!("SELECT text FROM outbox WHERE recipient = '{address}' ORDER BY id");
        let text = self.accord.store().lines(&mails).pop().expect("a mail");
        text.split_once("#token=").expect("a link").1.trim().to_owned()
    }
}

/// Whether others wait for the write lock while the statement runs. A write outside a transaction has it to itself.
fn holds_the_lock(statement: &Statement) -> bool {
    let writes = ["INSERT", "UPDATE", "DELETE"];
    statement.locked || writes.iter().any(|verb| statement.sql.trim_start().starts_with(verb))
}

/// A table of the costs, and below it the statements: those under the write lock have a star.
fn table(costs: &[(&str, Vec<Statement>)]) -> String {
    let mut text = "operation | statements | of those under the write lock\n".to_owned();
    let write = "writing to a string does not fail";
    for (operation, statements) in costs {
        let locked = statements.iter().filter(|statement| holds_the_lock(statement)).count();
        writeln!(text, "{operation} | {} | {locked}", statements.len()).expect(write);
    }
    for (operation, statements) in costs {
        writeln!(text, "\n{operation}").expect(write);
        for statement in statements {
            let mark = if holds_the_lock(statement) { '*' } else { ' ' };
            let folded: Vec<_> = statement.sql.split_whitespace().collect();
            writeln!(text, "{mark} {}", folded.join(" ")).expect(write);
        }
    }
    text
}
