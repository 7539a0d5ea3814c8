//! Accounts of one owner that are likely one company: proposed to people, never joined by themselves.
//!
//! Sources write one registration id in several ways: `777-1`, `7771`, `FI7771`. What is left of it without punctuation, spaces, leading
//! zeros and letters in front is its number, see [`number`]. Two accounts of one number are proposed, unless their letters differ,
//! or somebody has said that they are different. A number that more than ten accounts have stands for none, and proposes nothing: it is what
//! is typed where an id is demanded, and all its pairs would be too many.

use serde_json::json;

use crate::accounts::hierarchy;
use crate::auth::caller::Caller;
use crate::error::{Error, Faults, Result, Thing};
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
    unique: &Field::text("", "(printf('%019d', a.id) || printf('%019d', b.id))"),
    descending: false,
};

static FIELDS: [Field; 6] = [
    Field::number("accountId", "a.id"),
    Field::text("name", "a.name"),
    Field::text("registrationId", "a.registration_id"),
    Field::number("otherId", "b.id"),
    Field::text("otherName", "b.name"),
    Field::text("otherRegistrationId", "b.registration_id"),
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

/// Lists pairs of accounts of `owner` that are likely one, the older of each pair first.
///
/// # Errors
///
/// [`Error::NotFound`], or [`Error::Forbidden`] without the manage role in the owner, and for a connector.
pub fn list(connection: &Connection, caller: &Caller, owner: AccountId, listing: &Listing) -> Result<Page> {
    hierarchy::roles(connection, caller, owner)?.require(Role::Manage)?;
    caller.refuse_connector()?;
    let source = Source {
        with: "WITH twins(number) AS MATERIALIZED (
                   SELECT t.registration_number FROM accounts t WHERE t.owner_id = ?1 AND t.registration_number IS NOT NULL
                    GROUP BY t.registration_number HAVING count(*) BETWEEN 2 AND 10) ",
        from: concat!(
            "twins CROSS JOIN accounts a ON a.owner_id = ?1 AND a.registration_number = twins.number
                   CROSS JOIN accounts b ON b.owner_id = ?1 AND b.registration_number = twins.number AND b.id > a.id
              WHERE (",
            letters!("a"),
            " IN ('', ",
            letters!("b"),
            ") OR ",
            letters!("b"),
            " = '') AND NOT EXISTS (SELECT 1 FROM different_accounts d WHERE d.account_id = a.id AND d.other_id = b.id)"
        )
        .to_owned(),
        parameters: vec![owner.into()],
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
    hierarchy::roles(edit.connection(), caller, account_id)?;
    caller.refuse_connector()?;
    let statement = "SELECT owner_id FROM accounts WHERE id = ?";
    let owner: Option<AccountId> = edit.run_one(statement, &[account_id.into()])?.take("owner_id")?;
    let above = |owner| hierarchy::roles(edit.connection(), caller, owner);
    match owner.map(above) {
        Some(Ok(roles)) => roles.require(Role::Owner)?,
        None | Some(Err(Error::NotFound(Thing::Account))) => return Err(NOT_ABOVE),
        Some(Err(error)) => return Err(error),
    }
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

const NOT_ABOVE: Error = Error::Forbidden { needs: "the role owner in the account above" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::account::{self, NewAccount};
    use crate::entry::first_start::tests::{author, first_start};
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
