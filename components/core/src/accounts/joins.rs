//! Accounts that turned out to be one: an owner of the account above both joins one into the other, and may take them apart again.
//!
//! What was of the account that goes is of the one that stays from then on: external ids with what their connectors say,
//! bindings, members, connectors, records, packages, and the accounts below. Its row goes, so that nothing has to ask whether an
//! account is one; its id, its key, its subdomain and its registration ids lead to the one that stays. Its rows are kept as they
//! were, and to take the two apart puts each of them back that is still there: what was made since stays with the one that stays.
//!
//! Nobody gains by it what somebody else would have to give. The accounts have one owner, so that none of them owns the other, and the
//! operator account is neither of them. Where both have owners who have entered, one of these owns both: each side has let that one in. The
//! members of the one enter the other as `members::joined` says. Whose address is not proved stays where it is.

//!
//! | module | its job |
//! |---|---|
//! | [`together`] | what stands against a join, and the join |
//! | [`apart`] | how what was joined is taken apart again |
//! | [`readings`] | what was joined into an account, as it is listed |

mod apart;
pub mod readings;
#[cfg(test)]
pub(crate) mod tests;
mod together;

use crate::accounts::sources::{self, Field, differing};
use crate::error::Result;
use crate::store::{Connection, Edit};
use crate::values::id::AccountId;

pub use apart::separate;
pub use together::join;

/// As how many rows a join counts, see [`Edit::begin_of`]: an account may have many.
pub const ROWS: usize = 100_000;

/// The account that what was joined into it leads to, by its id, if this is the id of an account that was joined.
pub fn find(connection: &Connection, id: AccountId) -> Result<Option<AccountId>> {
    let row = connection.query_first("SELECT account_id FROM joined_accounts WHERE id = ?", &[id.into()])?;
    row.map(|mut row| row.take("account_id")).transpose()
}

/// The account of a key, which an expression gives, or the one into which that was joined, as an expression.
macro_rules! of_key {
    ($key:literal) => {
        concat!(
            "coalesce((SELECT k.id FROM accounts k WHERE k.account_key = ",
            $key,
            "), (SELECT k.account_id FROM joined_accounts k WHERE k.account_key = ",
            $key,
            "))"
        )
    };
}

pub(crate) use of_key;

/// The columns of an account that come back as they were.
const COLUMNS: [&str; 28] = [
    "account_key",
    "registration_id",
    "type",
    "status",
    "name",
    "name_key",
    "name_reserved",
    "description",
    "primary_contact",
    "country",
    "subdomain",
    "domain",
    "package_id",
    "email_admin",
    "datashare",
    "origin",
    "version",
    "created_at",
    "updated_at",
    "suspended_from_above",
    "people_name",
    "above_name",
    "people_registration_id",
    "above_registration_id",
    "registration_number",
    "suspended_by",
    // Who owns it, and how many it owns, follow from the tree as it is then.
    "owner_id",
    "descendants",
];

/// An account `a` as a JSON object.
fn as_json() -> String {
    let columns: Vec<_> = COLUMNS.iter().map(|column| format!("'{column}', a.{column}")).collect();
    format!("json_object({})", columns.join(", "))
}

/// Shows of the accounts of an owner what their sources say, in the order of that owner.
async fn settle_below(edit: &Edit, owner: AccountId) -> Result<()> {
    let disputed = edit.batch(differing!("?1"), vec![owner.into()]).await?;
    let disputed = disputed.into_iter().map(|mut row| row.take("account_id")).collect::<Result<Vec<AccountId>>>()?;
    sources::settle(edit, &disputed, &Field::ALL).await
}
