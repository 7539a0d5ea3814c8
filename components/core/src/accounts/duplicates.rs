//! Accounts of one owner that are likely one company: proposed to people, never joined by themselves.
//!
//! Sources write one registration id in several ways: `777-1`, `7771`, `FI7771`. What is left of it without punctuation, spaces, leading
//! zeros and letters in front is its number, see [`number`]. Two accounts of one number are proposed, unless their letters differ,
//! or somebody has said that they are different. So are two of one name, compared without case, if something else is the same, see [`SIGN`]. A
//! number or a name that more than ten accounts have stands for none, and proposes nothing: it is what is typed where something is demanded,
//! and all its pairs would be too many.
//!
//! Names and numbers that more than one account has stand in a table, which triggers keep: see `migrations/0024_shared_keys.sql`. So a list
//! costs as much as there is alike, and not as much as there is.

use serde_json::json;

use crate::accounts::hierarchy;
use crate::auth::caller::Caller;
use crate::error::{Error, Faults, Result};
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Listing, Page};
use crate::store::sql::rows;
use crate::store::{Connection, Edit};
use crate::values::id::AccountId;
use crate::values::role::Role;

/// The number in a registration id: what is left of it without what is written in several ways. `None` if that is nothing.
pub(crate) fn number(registration_id: &str) -> Option<String> {
    let plain = registration_id.chars().filter(|c| !SEPARATORS.contains(c)).collect::<String>();
    let number = plain.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '0');
    (!number.is_empty()).then(|| number.to_owned())
}

/// What stands between the digits of a number. `migrations/0012_sources.sql` has them, too.
const SEPARATORS: [char; 4] = [' ', '-', '.', '/'];

/// Pairs of accounts that are likely one, as they are listed.
pub static DUPLICATES: Collection = Collection {
    fields: &FIELDS,
    searched: &["a.name", "b.name"],
    words: None,
    unique: &Field::text("", "(printf('%019d', a.id) || printf('%019d', b.id))"),
    descending: false,
};

static FIELDS: [Field; 7] = [
    Field::number("accountId", "a.id"),
    Field::text("name", "a.name"),
    Field::text("registrationId", "a.registration_id"),
    Field::number("otherId", "b.id"),
    Field::text("otherName", "b.name"),
    Field::text("otherRegistrationId", "b.registration_id"),
    Field::text("because", "p.because"),
];

/// The letters that a registration id begins with, as an expression.
macro_rules! letters {
    ($account:literal) => {
        concat!(
            "upper(substr(",
            $account,
            ".registration_id, 1, length(",
            $account,
            ".registration_id) - length(ltrim(",
            $account,
            ".registration_id, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'))))"
        )
    };
}

/// What tells two accounts of one name to be one, as an expression: the first of what both have, or null.
///
/// Of people only those count whom whoever manages both sees in both: who has entered both, and an address that was said in both, whether or
/// not it is anybody's.
const SIGN: &str = "CASE WHEN a.domain = b.domain COLLATE NOCASE THEN 'domain'
         WHEN lower(a.email_admin) = lower(b.email_admin) THEN 'emailAdmin'
         WHEN lower(a.primary_contact) = lower(b.primary_contact) THEN 'primaryContact'
         WHEN EXISTS (SELECT 1 FROM memberships m CROSS JOIN memberships n ON n.account_id = b.id AND n.person_id = m.person_id
                       WHERE m.account_id = a.id AND (m.known_by = n.known_by OR m.status = 'active' AND n.status = 'active'
                             AND m.entered_at IS NOT NULL AND n.entered_at IS NOT NULL))
           OR EXISTS (SELECT 1 FROM user_bindings u
                       CROSS JOIN person_identities i ON i.connector_id = u.connector_id AND i.external_id = u.external_id
                       CROSS JOIN person_identities o ON o.person_id = i.person_id AND o.key = i.key
                       CROSS JOIN user_bindings t ON t.connector_id = o.connector_id AND t.external_id = o.external_id
                             AND t.account_id = b.id
                       WHERE u.account_id = a.id)
         THEN 'user' END";

/// Lists pairs of accounts of `owner` that are likely one, the older of each pair first.
///
/// # Errors
///
/// [`Error::NotFound`], or [`Error::Forbidden`] without the manage role in the owner, and for a connector.
pub fn list(connection: &Connection, caller: &Caller, owner: AccountId, listing: &Listing) -> Result<Page> {
    hierarchy::roles(connection, caller, owner)?.require(Role::Manage)?;
    caller.refuse_connector()?;
    let pairs = concat!(
        "(SELECT a.id AS one, b.id AS other, 'registrationId' AS because
            FROM twins CROSS JOIN accounts a ON a.owner_id = ?1 AND a.registration_number = twins.number
                       CROSS JOIN accounts b ON b.owner_id = ?1 AND b.registration_number = twins.number AND b.id > a.id
           WHERE ",
        letters!("a"),
        " IN ('', ",
        letters!("b"),
        ") OR ",
        letters!("b"),
        " = ''
          UNION ALL
          SELECT a.id, b.id, {SIGN}
            FROM namesakes CROSS JOIN accounts a INDEXED BY accounts_owner_name ON a.owner_id = ?1 AND a.name_key = namesakes.name_key
                           CROSS JOIN accounts b INDEXED BY accounts_owner_name ON b.owner_id = ?1 AND b.name_key = namesakes.name_key AND b.id > a.id
           WHERE a.registration_number IS NULL OR b.registration_number IS NULL OR a.registration_number <> b.registration_number) p"
    )
    .replace("{SIGN}", SIGN);
    let source = Source {
        with: "WITH twins(number) AS MATERIALIZED (
                   SELECT k.key FROM shared_keys k WHERE k.owner_id = ?1 AND k.kind = 'number'
                      AND (SELECT count(*) FROM (SELECT 1 FROM accounts t INDEXED BY accounts_registration_number
                                                  WHERE t.owner_id = ?1 AND t.registration_number = k.key LIMIT 11)) <= 10),
               namesakes(name_key) AS MATERIALIZED (
                   SELECT k.key FROM shared_keys k WHERE k.owner_id = ?1 AND k.kind = 'name'
                      AND (SELECT count(*) FROM (SELECT 1 FROM accounts t INDEXED BY accounts_owner_name
                                                  WHERE t.owner_id = ?1 AND t.name_key = k.key LIMIT 11)) <= 10) ",
        from: format!(
            "{pairs} CROSS JOIN accounts a ON a.id = p.one CROSS JOIN accounts b ON b.id = p.other
              WHERE p.because IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM different_accounts d WHERE d.account_id = a.id AND d.other_id = b.id)"
        ),
        parameters: vec![owner.into()],
        ..Source::default()
    };
    listing.read(connection, &source)
}

/// Says for good that an account is another one than `others`, which have the same owner: they are proposed no more.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that the caller may not see; [`Error::Forbidden`] without the role owner in the account above, and
/// for a connector; [`Error::Invalid`] for others that are none of the same owner.
pub async fn differ(edit: &Edit, caller: &Caller, account_id: AccountId, others: &[AccountId]) -> Result<()> {
    let owner = hierarchy::require_owner_above(edit, caller, account_id)?;
    let statement = "INSERT INTO different_accounts (account_id, other_id)
         SELECT min(o.id, ?1), max(o.id, ?1) FROM json_each(?3) e JOIN accounts o ON o.id = e.value AND o.owner_id = ?2
          WHERE o.id <> ?1 ON CONFLICT DO NOTHING RETURNING account_id, other_id";
    let count = "SELECT count(*) AS count FROM json_each(?3) e JOIN accounts o ON o.id = e.value AND o.owner_id = ?2 AND o.id <> ?1";
    let parameters = [account_id.into(), owner.into(), rows(others)?];
    let known: i64 = edit.run_one(count, &parameters)?.take("count")?;
    if usize::try_from(known).ok() != Some(others.len()) {
        return Err(Error::Invalid(Faults::of("accounts", "must be other accounts of the same owner, each once")));
    }
    let mut notes = Vec::new();
    for mut row in edit.run(statement, &parameters)? {
        let pair: [AccountId; 2] = [row.take("account_id")?, row.take("other_id")?];
        notes.push((account_id, json!({ "account": owner, "accounts": pair })));
    }
    edit.record("marked as different", "accounts", &notes).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::account::{self, NewAccount};
    use crate::accounts::members::{self, Door, Grant, Status};
    use crate::entry::first_start::tests::{author, first_start, person};
    use crate::store::native::run;
    use crate::store::{Value, migration};
    use crate::values::id::Id as _;

    #[test]
    fn a_number_is_what_is_written_in_every_way() {
        for same in ["7771", "777-1", "FI7771", "FI 777-1", "0007771", "fi 00777.1", "HRB 777/1"] {
            assert_eq!(number(same).as_deref(), Some("7771"), "{same}");
        }
        for none in ["", "ACME", "0000", "-", "FI-"] {
            assert_eq!(number(none), None, "{none}");
        }
        assert_eq!(number("777-1A").as_deref(), Some("7771A"));
    }

    /// What `migrations/0012_sources.sql` gives to the accounts that were there.
    #[test]
    fn the_migration_finds_the_same_number() {
        let file = include_str!("../migrations/0012_sources.sql");
        let start = file.find("UPDATE accounts SET registration_number = ").expect("the statement");
        let statement = &file[start..][..file[start..].find(';').expect("its end")];
        let store = migration::in_memory();
        for id in ["7771", "777-1", "FI 0777-1", "ACME", "0000", "äö-1", "ÄÖ 2", "7 7/7.1A"] {
            let insert = "INSERT INTO accounts (account_key, registration_id, name, name_key, origin, owner_id, created_at, updated_at)
                 VALUES (?1, ?1, '', '', 'portal', 999, 0, 0)";
            store.pragma_update(None, "foreign_keys", false).expect("a setting");
            store.execute(insert, [id]).expect("an account");
            store.execute(statement, []).expect("the statement runs");
            let found = "SELECT registration_number FROM accounts WHERE account_key = ?";
            let found: Option<String> = store.query_row(found, [id], |row| row.get(0)).expect("the account");
            assert_eq!(found, number(id), "{id}");
        }
    }

    #[test]
    fn accounts_of_one_name_are_proposed_where_something_else_is_the_same() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("administration")).await?;
            let text = |value: &str| Some(value.to_owned());
            let blank = NewAccount::default;
            let mut made = Vec::new();
            for (number, new) in [
                NewAccount { domain: text("acme.example"), ..blank() },
                NewAccount { domain: text("ACME.example"), email_admin: text("boss@acme.example"), ..blank() },
                NewAccount { email_admin: text("Boss@acme.example"), primary_contact: text("Ann"), ..blank() },
                NewAccount { primary_contact: text("ann"), registration_id: text("1"), ..blank() },
                NewAccount { registration_id: text("2"), ..blank() },
                NewAccount { name: text("Other").unwrap_or_default(), domain: text("acme.example"), ..blank() },
            ]
            .into_iter()
            .enumerate()
            {
                let name = if new.name.is_empty() { ["Acme", "ACME"][number % 2].to_owned() } else { new.name.clone() };
                made.push(account::insert(&edit, Some(operator.id), &NewAccount { name, ..new }).await?.id);
            }
            edit.commit().await?;
            let proposed = async || -> Result<Vec<String>> {
                let connection = Connection::lease().await?;
                let page = list(&connection, &operator.administrator, operator.id, &Listing::all(&DUPLICATES, 50))?;
                let place = |value: &Value| match value {
                    Value::Integer(id) => made.iter().position(|made| made.number() == *id),
                    _ => None,
                };
                let because = |value: &Value| if let Value::Text(text) = value { text.clone() } else { String::new() };
                let one = |values: &[Value]| {
                    format!("{:?} {:?} {}", place(&values[0]), place(&values[3]), because(&values[6]))
                };
                Ok(page.items.iter().map(|item| one(&item.values)).collect())
            };
            let by_words = ["Some(0) Some(1) domain", "Some(1) Some(2) emailAdmin", "Some(2) Some(3) primaryContact"];
            assert_eq!(proposed().await?, by_words);
            // Somebody who is asked into both by two addresses is nobody whom the one and the other know.
            let edit = Edit::begin(author("accounts")).await?;
            let jane = person(&edit, "jane@example.com").await?;
            for (account, by) in [(made[0], "jane@example.com"), (made[4], "j@example.com")] {
                let grant = Grant {
                    door: Door::Accounts,
                    roles: &[Role::User],
                    rank: None,
                    status: Status::Invited,
                    known_as: None,
                    known_by: Some(by),
                };
                members::grant(&edit, account, jane, grant).await?;
            }
            edit.commit().await?;
            assert_eq!(proposed().await?, by_words);
            let edit = Edit::begin(author("accounts")).await?;
            for account in [made[0], made[4]] {
                members::enter(&edit, account, jane, None).await?;
            }
            edit.commit().await?;
            assert_eq!(proposed().await?, [by_words[0], "Some(0) Some(4) user", by_words[1], by_words[2]]);
            Ok(())
        });
    }

    #[test]
    fn what_may_be_one_is_proposed_until_somebody_says_that_it_is_not() {
        run(async {
            let operator = first_start().await?;
            let edit = Edit::begin(author("accounts")).await?;
            let mut made = Vec::new();
            for id in ["777-1", "7771", "FI7771", "SE7771", "888", "ACME", "ACME2"] {
                let new =
                    NewAccount { name: id.to_owned(), registration_id: Some(id.to_owned()), ..NewAccount::default() };
                made.push(account::insert(&edit, Some(operator.id), &new).await?.id);
            }
            edit.commit().await?;
            let proposed = async || -> Result<Vec<String>> {
                let connection = Connection::lease().await?;
                let page = list(&connection, &operator.administrator, operator.id, &Listing::all(&DUPLICATES, 50))?;
                let name = |value: &Value| match value {
                    Value::Text(text) => text.clone(),
                    other => format!("{other:?}"),
                };
                Ok(page
                    .items
                    .iter()
                    .map(|item| format!("{} {}", name(&item.values[1]), name(&item.values[4])))
                    .collect())
            };
            // Two countries are two companies.
            let pairs = ["777-1 7771", "777-1 FI7771", "777-1 SE7771", "7771 FI7771", "7771 SE7771"];
            assert_eq!(proposed().await?, pairs);
            let edit = Edit::begin(author("accounts")).await?;
            differ(&edit, &operator.administrator, made[3], &[made[0], made[1]]).await?;
            differ(&edit, &operator.administrator, made[0], &[made[3]]).await?;
            for wrong in [vec![made[0]], vec![operator.id], vec![AccountId::from_number(999)]] {
                let refused = differ(&edit, &operator.administrator, made[0], &wrong).await;
                assert!(matches!(refused, Err(Error::Invalid(_))), "{wrong:?}");
            }
            edit.commit().await?;
            assert_eq!(proposed().await?, ["777-1 7771", "777-1 FI7771", "7771 FI7771"]);
            // What many have is no number of a company.
            let edit = Edit::begin(author("accounts")).await?;
            for zeros in 0..11 {
                let id = format!("{}1", "0".repeat(zeros));
                let new = NewAccount { name: id.clone(), registration_id: Some(id), ..NewAccount::default() };
                account::insert(&edit, Some(operator.id), &new).await?;
            }
            edit.commit().await?;
            assert_eq!(proposed().await?.len(), 3);
            Ok(())
        });
    }
}
