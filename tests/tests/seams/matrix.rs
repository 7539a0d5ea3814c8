//! Whose word counts about what: every fact of docs/authority.md, every caller, and every door that reaches the fact.
//!
//! A cell is a real call: the status of the answer, and `!` if the fact is another one afterwards. Where the fact is what an answer
//! tells, a cell is two calls, one about somebody whom there is and one about nobody: `=` if the answers differ in nothing but ids
//! and times, else both statuses. `n/a` is a cell that nobody can reach; below the table stands why. Each row begins with the
//! number of the rule that it guards.

mod doors;
mod world;

use accord_tests::Answer;
use insta::assert_snapshot;
use serde_json::Value;

use world::{Caller, Kind, World};

/// The rule, the fact, and the doors that reach for it. The last owner comes last: the account has one owner from then on.
const ROWS: [(u8, &str, &[&str]); 29] = [
    (
        1,
        "sign-in",
        &[
            "POST /api/me/email, the address",
            "POST /api/me/password",
            "PATCH Account, Email",
            "PATCH users, the address",
            "create_account, email_admin",
        ],
    ),
    (1, "names", &["PUT /api/me", "PATCH Account, Email"]),
    (2, "who holds an address", &["POST email/verify, a squatter's link", "POST invitations/accept, a session alone"]),
    (
        2,
        "what a squatter has",
        &[
            "POST invitations/accept, the link alone",
            "POST password/reset, the link alone",
            "POST email/verify, the link alone",
        ],
    ),
    (
        3,
        "what a claim reaches",
        &[
            "POST own …/users, the address",
            "PATCH users and bind",
            "PATCH Account, Is_Active true",
            "create_account, email_admin",
        ],
    ),
    (4, "where recovery goes", &["PATCH Account, Email elsewhere", "POST /api/me/email, elsewhere"]),
    (4, "the first link to a new password", &["POST password/forgot, the address"]),
    (5, "membership", &["PATCH Account, Is_Active false", "PATCH users, null"]),
    (5, "records", &["PATCH Account, Email"]),
    (6, "membership", &["PUT …/users/{userId}, admin", "PUT …/users/{userId}, inactive", "DELETE …/users/{userId}"]),
    (6, "members", &["POST …/users, an address"]),
    (6, "account", &["PUT /api/accounts/{id}, name", "PUT /api/accounts/{id}, inactive", "update_account, inactive"]),
    (6, "a suspension of its own", &["PUT /api/accounts/{id}, active", "update_account, active"]),
    (6, "a suspension from above", &["PUT /api/accounts/{id}, active", "update_account, active", "a token to it"]),
    (6, "a suspension from two above", &["PUT /api/accounts/{id}, active", "update_account, active"]),
    (6, "connector", &["POST connectors/{id}/secret", "POST connectors/{id}/disconnect"]),
    (6, "connectors", &["POST connectors, rank owner"]),
    (
        7,
        "what works",
        &["a token", "GET own account", "POST own connectors", "PATCH accounts, nothing", "list_accounts"],
    ),
    (
        8,
        "a block",
        &[
            "PATCH users and bind",
            "PATCH Account, Is_Active true",
            "POST …/users, the address",
            "POST …/users/{userId}",
            "PUT /api/me/accounts/{id}",
            "update_account, email_admin",
            "a token to it",
        ],
    ),
    (
        8,
        "a refusal",
        &[
            "PATCH users and bind",
            "PATCH Account, Is_Active true",
            "POST …/users, the address",
            "POST …/users/{userId}",
            "PUT /api/me/accounts/{id}",
            "update_account, email_admin",
            "a token to it",
        ],
    ),
    (
        8,
        "what a sign-in chooses",
        &[
            "POST own …/users, the address",
            "PATCH users and bind",
            "PATCH Account, Is_Active true",
            "create_account, email_admin",
        ],
    ),
    (
        9,
        "whom a name signs in",
        &[
            "POST signup, name@subdomain",
            "POST own …/users, name@subdomain",
            "POST /api/me/email, name@subdomain",
            "PATCH users, name@subdomain",
            "PATCH Account, Username",
            "create_account, name@subdomain",
        ],
    ),
    (
        11,
        "one mailbox",
        &["POST …/users, another spelling", "PATCH users, another spelling", "PATCH Account, another spelling"],
    ),
    (
        11,
        "one mailbox",
        &["POST signup, another spelling", "POST signup, a look-alike", "POST token, another spelling"],
    ),
    (11, "one mailbox", &["POST token, the password composed otherwise"]),
    (
        12,
        "what an answer tells of a stranger",
        &[
            "POST …/users, the address",
            "POST own …/users, the address",
            "POST own …/users/{userId}",
            "POST own …/users/{userId}, once asked",
            "GET /api/users/{userId}",
            "PATCH users, the address",
            "PATCH Account, Email",
            "create_account, email_admin",
            "POST /api/me/email, the address",
            "POST password/forgot, the address",
            "POST token, a guess",
            "POST signup, the address",
        ],
    ),
    (12, "what an answer tells of an address that others name", &["POST signup, the address"]),
    (12, "what an answer tells of a member's other address", &["POST …/users, the address", "PATCH Account, Email"]),
    (
        10,
        "the last owner",
        &[
            "PUT …/users/{userId}, user",
            "PUT …/users/{userId}, inactive",
            "DELETE …/users/{userId}",
            "PATCH Account, Is_Active false",
            "DELETE /api/me/accounts/{id}",
            "DELETE /api/users/{userId}",
        ],
    ),
];

/// Why a caller cannot come to a door, or the fact is none of that one.
fn unreachable(fact: &str, door: &str, caller: &Caller) -> Option<&'static str> {
    let is_nobody = caller.kind == Kind::Nobody;
    let asks_nobody = ["the link alone", "POST signup", "POST password/forgot", "POST token"];
    if asks_nobody.iter().any(|open| door.contains(open)) {
        return (!is_nobody).then_some("the door asks nobody who calls");
    }
    if is_nobody && fact == "what works" {
        return Some("nobody has neither an account nor a credential");
    }
    if caller.name == "itself" && !world::calls_itself(fact) {
        return Some("the fact is of no person who calls, or of one whose column is another");
    }
    if door == "a token to it" && caller.kind == Kind::Connector {
        return Some("a connector has tokens of its own account and of no other");
    }
    if door == "DELETE /api/me/accounts/{id}" && caller.name != "owner" {
        return Some("who leaves says so of nobody but itself");
    }
    None
}

/// An answer without what differs from call to call: numbers, and texts with a digit in them, such as ids, times and addresses.
fn shape(answer: &Answer) -> Value {
    fn blank(value: Value) -> Value {
        match value {
            Value::Number(_) => Value::from(0),
            Value::String(text) if text.contains(|c: char| c.is_ascii_digit()) => Value::from(""),
            Value::Array(values) => values.into_iter().map(blank).collect(),
            Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, blank(value))).collect(),
            other => other,
        }
    }
    serde_json::from_str(&answer.body).map_or(Value::Null, blank)
}

#[tokio::test]
async fn whose_word_counts_about_what() {
    let mut world = World::make().await;
    let callers = world.callers().await;
    let head: Vec<_> = callers.iter().map(|caller| caller.name).collect();
    let mut table = vec![format!("rule: fact, door | {}", head.join(" | "))];
    let mut reasons = Vec::new();
    let mut number = 0;
    for (rule, fact, door) in
        ROWS.iter().flat_map(|(rule, fact, doors)| doors.iter().map(move |door| (*rule, *fact, *door)))
    {
        let mut row = Vec::new();
        world.set(fact).await;
        for caller in &callers {
            if let Some(reason) = unreachable(fact, door, caller) {
                let known = reasons.iter().position(|known| *known == reason).unwrap_or(reasons.len());
                if known == reasons.len() {
                    reasons.push(reason);
                }
                row.push(format!("n/a {}", known + 1));
                continue;
            }
            number += 1;
            row.push(cell(&mut world, fact, door, caller, number).await);
        }
        table.push(format!("{rule}: {fact}, {door} | {}", row.join(" | ")));
        // Whatever was called: the member signs in as before.
        let own = world.member.account.to_string();
        let signed_in = world.accord.sign_in(&world.member.email, accord_tests::accounts::PASSWORD, Some(&own)).await;
        assert_eq!(signed_in.status, 200, "{fact}, {door}: {signed_in}");
    }
    table.extend((1..).zip(reasons).map(|(number, reason)| format!("n/a {number}: {reason}")));
    assert_snapshot!("whose_word_counts", table.join("\n"));
    assert_eq!(world.accord.store().contradictions(), [""; 0]);
}

/// What one caller does to one fact through one door.
async fn cell(world: &mut World, fact: &str, door: &str, caller: &Caller, number: usize) -> String {
    // How many mails an account may send is no fact of this table.
    world.accord.store().execute("DELETE FROM sign_ups", ());
    if fact.starts_with("what an answer tells") {
        world.set(fact).await;
        let known = world.call(door, caller, &world.person(fact), number).await;
        let unknown = world.call(door, caller, &World::nobody(number), number).await;
        let is_same = known.status == unknown.status && shape(&known) == shape(&unknown);
        return if is_same { format!("{}=", known.status) } else { format!("{}≠{}", known.status, unknown.status) };
    }
    let (before, caller) = (world.fact(fact).await, &world.calling(fact, caller));
    let answer = world.call(door, caller, &world.person(fact), number).await;
    assert!(answer.status < 500, "{fact}, {door}, {}: {answer}", caller.name);
    if world.fact(fact).await == before {
        return answer.status.to_string();
    }
    world.set(fact).await;
    format!("{}!", answer.status)
}
