//! One thing of an account, found by one statement with what the caller may do in the account.

use crate::accounts::hierarchy;
use crate::accounts::role::Roles;
use crate::auth::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::odata::listing::Source;
use crate::odata::{Collection, Field, Item};
use crate::store::{Connection, Value};
use crate::values::id::AccountId;

static ROLES: Field = Field::text("", hierarchy::ROLES);

/// What `joined` finds in the account `?3` by `?4`, joined to that as `a`, with every field of the collection.
///
/// # Errors
///
/// [`Error::NotFound`] for an account that the caller may not see.
pub(super) fn find(
    connection: &Connection,
    caller: &Caller,
    account_id: AccountId,
    id: impl Into<Value>,
    collection: &'static Collection,
    joined: &str,
) -> Result<(Roles, Option<Item>)> {
    let [person, connector] = hierarchy::parameters(caller);
    let source = Source {
        with: "",
        from: format!("accounts a LEFT JOIN {joined} WHERE a.id = ?3"),
        parameters: vec![person, connector, account_id.into(), id.into()],
        ..Source::default()
    };
    let fields: Vec<_> = collection.fields.iter().chain([collection.unique, &ROLES]).collect();
    let mut found = source.first(connection, &fields)?.ok_or(Error::NotFound(Thing::Account))?;
    let roles = if let Some(Value::Text(roles)) = found.values.pop() { Some(roles) } else { None };
    let roles = Roles::of(caller, roles.as_deref()).ok_or(Error::NotFound(Thing::Account))?;
    // Nothing was joined if there is not even what tells any two apart.
    let is_there = !matches!(found.values.pop(), None | Some(Value::Null));
    Ok((roles, is_there.then_some(found)))
}
