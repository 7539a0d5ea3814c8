//! Accounts as those who may see them manage them: made, shown, changed, deleted (the accounts API).
//!
//! Who may do what is looked up by the statement that loads the account. What a caller may not see is not found.

use std::collections::BTreeMap;

use serde_json::json;

use crate::accounts::account::{self, Account, Drafted, NewAccount, Status};
use crate::accounts::hierarchy::{self, BELONGS, OWNER_LIVE, ROLES, ROLES_TO_RESUME};
use crate::accounts::role::Roles;
use crate::accounts::sources::{self, Field, Source, Words, leads_to};
use crate::accounts::taken::taken;
use crate::accounts::{duplicates, members, removals, suspension};
use crate::auth::caller::{Caller, CallingPerson};
use crate::auth::scope;
use crate::error::{Conflict, Error, Faults, Result, Thing};
use crate::store::audit::Changed;
use crate::store::climb::climb;
use crate::store::draft::{self, ATTEMPTS, Draft, Premise, objects};
use crate::store::{Author, Connection, Edit, Row, Transaction};
use crate::values::change::Change;
use crate::values::id::{AccountId, PersonId};
use crate::values::role::Role;
use crate::values::text;
use crate::values::time::Time;
use crate::values::version::Precondition;

/// The account of this id, and what the caller may do in it.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see it, whether or not there is one.
pub fn load(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<(Account, Roles)> {
    let [person, connector] = hierarchy::parameters(caller);
    let statement = format!("SELECT {}, {ROLES} AS roles FROM accounts a WHERE a.id = ?3", Account::COLUMNS);
    loaded(connection.query_first(&statement, &[person, connector, account_id.into()])?, caller)
}

/// The account of this name, compared without case. Of several that the caller sees it is the oldest.
///
/// # Errors
///
/// As [`load`].
pub fn load_named(connection: &Connection, caller: &Caller, name: &str) -> Result<(Account, Roles)> {
    let Ok(name) = text::clean(name, account::NAME_MAX) else { return Err(Error::NotFound(Thing::Account)) };
    let [person, connector] = hierarchy::parameters(caller);
    let statement = format!(
        "SELECT * FROM (SELECT {}, {ROLES} AS roles FROM accounts a WHERE a.name_key = ?3)
          WHERE roles IS NOT NULL ORDER BY id LIMIT 1",
        Account::COLUMNS
    );
    loaded(connection.query_first(&statement, &[person, connector, text::fold(&name).into()])?, caller)
}

fn loaded(row: Option<Row>, caller: &Caller) -> Result<(Account, Roles)> {
    let mut row = row.ok_or(Error::NotFound(Thing::Account))?;
    let roles = Roles::of(caller, row.take::<Option<String>>("roles")?.as_deref());
    Ok((Account::from_row(&mut row)?, roles.ok_or(Error::NotFound(Thing::Account))?))
}

/// Makes an account, in a transaction by itself. The person who does owns it as a member. It belongs to the account that the caller
/// signed in to if that is a reseller, else to the one that owns that. It is planned before the lock.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::NameTaken`] or [`Conflict::RegistrationIdTaken`]; [`Error::Forbidden`] for a
/// connector without `accounts:manage`, and a person's token by which one may not manage, to set a registration id without managing the account that will own the new one, and
/// where the new account would be out of reach for the token that makes it.
pub async fn create_alone(author: Author, caller: &Caller, new: &NewAccount) -> Result<Account> {
    let connection = Connection::lease().await?;
    for _ in 0..ATTEMPTS {
        let (mut draft, mut premises) = (Draft::new(author.clone()), Vec::new());
        let drafted = match draft_new(&connection, &mut draft, &mut premises, caller, new).await {
            Ok(drafted) => drafted,
            Err(error) if draft::hold(&connection, &premises).await? => return Err(error),
            // What was read one after the other need never have been so at once.
            Err(_) => continue,
        };
        let [step, made] = Drafted::MADE;
        if let Some(made) = draft.apply_made(&connection, &premises, step, made).await.map_err(taken)? {
            return drafted.account(&made);
        }
    }
    drop(connection);
    let edit = Edit::begin(author).await?;
    let account = create(&edit, caller, new).await?;
    edit.commit().await?;
    Ok(account)
}

/// As [`create_alone`], within a transaction.
///
/// # Errors
///
/// As [`create_alone`].
pub async fn create(edit: &Edit, caller: &Caller, new: &NewAccount) -> Result<Account> {
    let mut draft = Draft::new(edit.author.clone());
    let drafted = draft_new(edit.connection(), &mut draft, &mut Vec::new(), caller, new).await?;
    edit.draft().adopt(draft);
    let [step, made] = Drafted::MADE;
    let made = edit.write_made(step, made).await.map_err(taken)?;
    drafted.account(&made)
}

/// Where a new account goes: the account above, whether the account of the token is that or owns it, the caller's roles in it, and the
/// operator, whose it is if there is none above.
type Above = (Option<AccountId>, i64, Option<String>, Option<AccountId>);

/// Drafts an account that the caller makes. What is read to that end is added to the premises.
async fn draft_new(
    connection: &Connection,
    draft: &mut Draft,
    premises: &mut Vec<Premise>,
    caller: &Caller,
    new: &NewAccount,
) -> Result<Drafted> {
    let person: Option<PersonId> = match caller {
        Caller::Person(person) if person.most < Some(Role::Manage) => {
            return Err(Error::Forbidden { needs: scope::ACCOUNTS_MANAGE });
        }
        Caller::Person(person) => Some(person.id),
        Caller::Connector(connector) => {
            connector.require(scope::ACCOUNTS_MANAGE)?;
            None
        }
    };
    let question = format!(
        concat!(
            "(SELECT json_array(owner, owner IS NOT NULL AND EXISTS (WITH RECURSIVE ",
            climb!("owner"),
            " SELECT 1 FROM chain WHERE id = ?2), iif(?4, (SELECT {roles} FROM accounts a WHERE a.id = owner), NULL), operator)
               FROM (SELECT (SELECT CASE WHEN a.type = 'reseller' THEN a.id ELSE coalesce(a.owner_id, a.id) END
                               FROM accounts a WHERE a.id = ?3 AND (?1 IS NULL OR {belongs})) AS owner,
                            (SELECT id FROM accounts WHERE owner_id IS NULL) AS operator))"
        ),
        roles = ROLES,
        belongs = BELONGS,
    );
    let [of_person, within] = hierarchy::parameters(caller);
    let asks_for_roles = i64::from(new.registration_id.is_some());
    let parameters = vec![of_person, within, caller.account_id().into(), asks_for_roles.into()];
    let premise = Premise::ask(connection, question, parameters).await?;
    let answer: Option<Above> = premise.answer().map(serde_json::from_str).transpose().map_err(anyhow::Error::from)?;
    premises.push(premise);
    let (owner, reached, roles, operator) = answer.unwrap_or_default();
    if matches!(caller, Caller::Person(CallingPerson { within: Some(_), .. })) && reached == 0 {
        return Err(Error::Forbidden { needs: "a token that was issued to no client" });
    }
    if new.registration_id.is_some() {
        require_to_register(Roles::of(caller, roles.as_deref()).is_some_and(|roles| roles.hold(Role::Manage)))?;
    }
    let owner = owner.or(operator).ok_or(NOT_STARTED)?;
    let question = concat!(
        "CASE WHEN EXISTS (SELECT 1 FROM accounts WHERE name_key = ?1) THEN 'name'
              WHEN ?3 IS NOT NULL AND ",
        leads_to!("?3"),
        " IS NOT NULL THEN 'registration id' END"
    );
    let parameters = vec![text::fold(&new.name).into(), owner.into(), new.registration_id.as_deref().into()];
    let premise = Premise::ask(connection, question.to_owned(), parameters).await?;
    let taken = premise.answer().map(|taken| taken == "name");
    premises.push(premise);
    match taken {
        Some(true) => return Err(Error::Conflict(Conflict::NameTaken)),
        Some(false) => return Err(Error::Conflict(Conflict::RegistrationIdTaken)),
        None => {}
    }
    let drafted = Drafted::of(draft, Some(owner), &NewAccount { name_reserved: true, ..new.clone() })?;
    if let Some(person) = person {
        members::draft_founder(draft, &drafted.key, person)?;
    }
    Ok(drafted)
}

/// Refuses to set a registration id unless the caller manages the account above. By these ids the connectors of that
/// account find its accounts: whoever set one freely would be taken for another company, and get its users.
fn require_to_register(manages_above: bool) -> Result<()> {
    if manages_above { Ok(()) } else { Err(Error::Forbidden { needs: "the role manage in the account above" }) }
}

/// The operator account is made by whoever asks for the first token.
const NOT_STARTED: Error =
    Error::Unavailable { retry_after: 5, reason: "Accord has not been started for the first time" };

/// Makes an account that `owner` owns, or the operator where there is no owner, and reserves its name.
///
/// # Errors
///
/// [`Error::Conflict`] with [`Conflict::NameTaken`]; [`Error::Unavailable`] before the first start.
pub(crate) async fn insert(edit: &Edit, owner: Option<AccountId>, new: &NewAccount) -> Result<Account> {
    let mut row = edit.run_one(
        "SELECT EXISTS (SELECT 1 FROM accounts WHERE name_key = ?1) AS is_taken,
                coalesce(?2, (SELECT id FROM accounts WHERE owner_id IS NULL)) AS owner_id",
        &[text::fold(&new.name).into(), owner.into()],
    )?;
    if row.take("is_taken")? {
        return Err(Error::Conflict(Conflict::NameTaken));
    }
    let owner = row.take::<Option<AccountId>>("owner_id")?.ok_or(NOT_STARTED)?;
    account::insert(edit, Some(owner), &NewAccount { name_reserved: true, ..new.clone() }).await
}

/// Refuses a name that is another account's.
async fn refuse_taken_name(connection: &Connection, key: &str) -> Result<Premise> {
    let question = "(SELECT 'taken' FROM accounts WHERE name_key = ?1 LIMIT 1)".to_owned();
    let premise = Premise::ask(connection, question, vec![key.into()]).await?;
    if premise.answer().is_some() { Err(Error::Conflict(Conflict::NameTaken)) } else { Ok(premise) }
}

/// What changes in an account.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// The name, clean. Cleared, people say none any more, and what another source says is shown: see
    /// [`crate::accounts::sources`].
    pub name: Change<String>,
    /// See [`Account`].
    pub description: Change<String>,
    /// Whether it is active, if that changes.
    pub active: Option<bool>,
    /// See [`Account`].
    pub primary_contact: Change<String>,
    /// See [`Account`].
    pub country: Change<String>,
    /// See [`Account`]. Who manages the account above changes it; cleared as the name is.
    pub registration_id: Change<String>,
}

/// What people say of an account from now on: a value, or nothing any more.
type Said<'a> = BTreeMap<Field, Option<&'a str>>;

impl AccountChange {
    /// Changes what no other source speaks of.
    fn apply(&self, account: &mut Account) {
        if let Some(active) = self.active {
            Status::of(active).name().clone_into(&mut account.status);
        }
        self.description.apply(&mut account.description);
        self.primary_contact.apply(&mut account.primary_contact);
        self.country.apply(&mut account.country);
    }

    /// What people say of the account from now on: what they say already, or what is shown, is nothing new.
    fn said(&self, account: &Account) -> Said<'_> {
        let said = [
            (Field::Name, &self.name, Some(account.name.as_str())),
            (Field::RegistrationId, &self.registration_id, account.registration_id.as_deref()),
        ];
        let new = said.into_iter().filter_map(|(field, change, shown)| match change {
            Change::Keep => None,
            Change::Clear => shown.is_some().then_some((field, None)),
            Change::Set(value) => (Some(value.as_str()) != shown).then_some((field, Some(value.as_str()))),
        });
        new.collect()
    }
}

/// As [`update`], in a transaction by itself. What is neither about whether the account works nor about its registration id is
/// planned before the lock.
///
/// # Errors
///
/// As [`update`].
pub async fn update_alone(
    author: Author,
    caller: &Caller,
    account_id: AccountId,
    change: &AccountChange,
    precondition: &Precondition,
) -> Result<Account> {
    let connection = Connection::lease().await?;
    if change.active.is_none() && change.registration_id == Change::Keep {
        for _ in 0..ATTEMPTS {
            let (premise, before, roles) = ask(&connection, caller, account_id).await?;
            roles.require(Role::Manage)?;
            precondition.require(before.version)?;
            let (mut draft, mut premises) = (Draft::new(author.clone()), vec![premise]);
            let account = match draft_change(&connection, &mut draft, &mut premises, &before, change, false).await {
                Ok(account) => account,
                Err(error) if draft::hold(&connection, &premises).await? => return Err(error),
                // What was read one after the other need never have been so at once.
                Err(_) => continue,
            };
            if draft.apply(&connection, &premises).await.map_err(taken)? {
                return Ok(account);
            }
        }
    }
    drop(connection);
    let edit = Edit::begin(author).await?;
    let account = update(&edit, caller, account_id, change, precondition).await?;
    edit.commit().await?;
    Ok(account)
}

/// As [`load`], for a plan.
async fn ask(connection: &Connection, caller: &Caller, account_id: AccountId) -> Result<(Premise, Account, Roles)> {
    let names = Account::COLUMNS.split(',').map(|column| column.trim().trim_start_matches("a."));
    let query = format!("SELECT {}, {ROLES} AS roles FROM accounts a WHERE a.id = ?3", Account::COLUMNS);
    let [person, connector] = hierarchy::parameters(caller);
    let parameters = vec![person, connector, account_id.into()];
    let premise = Premise::ask(connection, objects(names.chain(["roles"]), &query), parameters).await?;
    let (account, roles) = loaded(premise.rows()?.pop(), caller)?;
    Ok((premise, account, roles))
}

/// Changes an account.
///
/// # Errors
///
/// [`Error::NotFound`], [`Error::Forbidden`] without the manage role, or to change the registration id without it in the
/// account above, or to lift a suspension without it in the account that set that; [`Error::PreconditionFailed`];
/// [`Error::Conflict`] with [`Conflict::NameTaken`], [`Conflict::RegistrationIdTaken`] or [`Conflict::IsOperator`].
pub async fn update(
    edit: &Edit,
    caller: &Caller,
    account_id: AccountId,
    change: &AccountChange,
    precondition: &Precondition,
) -> Result<Account> {
    let found = match load(edit.connection(), caller, account_id) {
        Err(Error::NotFound(_)) if change.active == Some(true) => load_to_resume(edit, caller, account_id),
        found => found,
    };
    let (before, roles) = found?;
    roles.require(Role::Manage)?;
    precondition.require(before.version)?;
    let by = if change.active == Some(false) { suspension::suspends_as(edit, caller, account_id)? } else { None };
    if change.active.is_some() {
        suspension::decided(edit, account_id)?;
    }
    if change.active == Some(true) {
        suspension::lift(edit, account_id, |by| hierarchy::manages(edit.connection(), caller, by))?;
    }
    if change.said(&before).contains_key(&Field::RegistrationId) {
        require_to_register(hierarchy::manages_above(edit.connection(), caller, account_id)?)?;
    }
    let (mut draft, connection) = (Draft::new(edit.author.clone()), edit.connection());
    let account = draft_change(connection, &mut draft, &mut Vec::new(), &before, change, by.is_some()).await?;
    edit.draft().adopt(draft);
    edit.write().await.map_err(taken)?;
    if let Some(by) = by {
        suspension::suspended(edit, account_id, by)?;
    }
    Ok(account)
}

/// Drafts a change of an account that is so before, and returns what it is then. What is read to that end is added to the premises.
async fn draft_change(
    connection: &Connection,
    draft: &mut Draft,
    premises: &mut Vec<Premise>,
    before: &Account,
    change: &AccountChange,
    suspended_from_above: bool,
) -> Result<Account> {
    let mut account = before.clone();
    change.apply(&mut account);
    let said = change.said(before);
    if !said.is_empty() {
        let (premise, words) = say(connection, &mut account, &said).await?;
        premises.push(premise);
        words.keep(draft)?;
    }
    account.version += 1;
    account.updated_at = Time::this_second();
    let key = text::fold(&account.name);
    // A name that people give is no other account's; what comes from elsewhere may be.
    let given = said.get(&Field::Name).copied().flatten() == Some(account.name.as_str());
    let renamed = key != text::fold(&before.name);
    if renamed && given {
        premises.push(refuse_taken_name(connection, &key).await?);
    }
    let [name, registration_id] =
        Field::ALL.map(|field| (said.contains_key(&field), said.get(&field).copied().flatten()));
    let row = (
        &account.name,
        key,
        renamed.then_some(given),
        &account.description,
        &account.status,
        &account.primary_contact,
        &account.country,
        &account.registration_id,
        account.registration_id.as_deref().and_then(duplicates::number),
        name.0,
        name.1,
        registration_id.0,
        registration_id.1,
    );
    draft.step("account", &[row], (account.id, account.version, account.updated_at, suspended_from_above))?;
    let mut changed = if said.is_empty() { Changed::default() } else { Changed::of("said", told(&said)) };
    changed.note("name", &before.name, &account.name);
    for (field, before, after) in [
        ("description", &before.description, &account.description),
        ("primaryContact", &before.primary_contact, &account.primary_contact),
        ("country", &before.country, &account.country),
        ("registrationId", &before.registration_id, &account.registration_id),
    ] {
        changed.note(field, before, after);
    }
    changed.note("status", &before.status, &account.status);
    draft.note("updated", "accounts", &[(account.id, changed.into_detail())])?;
    Ok(account)
}

/// What people say from now on, as the audit tells it: it need not be what is shown.
fn told<'a>(said: &Said<'a>) -> BTreeMap<&'static str, Option<&'a str>> {
    said.iter().map(|(field, value)| (field.name(), *value)).collect()
}

/// What the account shows once people say this of it, and what its sources say then.
async fn say(connection: &Connection, account: &mut Account, said: &Said<'_>) -> Result<(Premise, Words)> {
    let fields: Vec<_> = said.keys().copied().collect();
    let (premise, mut words) = Words::ask(connection, &[account.id], &fields, true).await?;
    for (field, value) in said {
        words.say(account.id, *field, &Source::People, *value);
    }
    let first = |field| words.first(account.id, field).map(str::to_owned);
    if said.contains_key(&Field::Name) {
        account.name = first(Field::Name).ok_or_else(|| Error::Invalid(Faults::of("name", "must not be empty")))?;
    }
    if let Some(value) = said.get(&Field::RegistrationId) {
        if let Some(registration_id) = value {
            let statement = "SELECT owner_id FROM accounts WHERE id = ?";
            let owner = connection.query_one(statement, &[account.id.into()])?.take("owner_id")?;
            sources::refuse_registered(connection, Some(account.id), owner, registration_id)?;
        }
        account.registration_id = first(Field::RegistrationId);
    }
    Ok((premise, words))
}

/// As [`load`], of an account that suspended itself and is to work again: by those who manage it, though what they hold in
/// it counts nowhere else meanwhile. What the account above suspended only that lifts.
fn load_to_resume(transaction: &Transaction, caller: &Caller, account_id: AccountId) -> Result<(Account, Roles)> {
    let [person, connector] = hierarchy::parameters(caller);
    let statement = format!(
        "SELECT {}, {ROLES_TO_RESUME} AS roles FROM accounts a
          WHERE a.id = ?3 AND a.status = 'inactive' AND a.suspended_from_above = 0 AND {OWNER_LIVE}",
        Account::COLUMNS
    );
    loaded(transaction.run_first(&statement, &[person, connector, account_id.into()])?, caller)
}

/// Deletes an account with its memberships, records, connectors and external identities. People remain. What goes is kept for 30 days, see
/// [`removals`].
///
/// # Errors
///
/// [`Error::NotFound`], [`Error::Forbidden`] without the owner role, [`Error::PreconditionFailed`], [`Error::Conflict`] with
/// [`Conflict::OwnsAccounts`] or [`Conflict::IsOperator`].
pub async fn delete(edit: &Edit, caller: &Caller, account_id: AccountId, precondition: &Precondition) -> Result<()> {
    let (account, roles) = load(edit.connection(), caller, account_id)?;
    roles.require(Role::Owner)?;
    precondition.require(account.version)?;
    if edit.run_first("SELECT 1 FROM accounts WHERE owner_id = ? LIMIT 1", &[account_id.into()])?.is_some() {
        return Err(Error::Conflict(Conflict::OwnsAccounts));
    }
    let statement = "SELECT owner_id FROM accounts WHERE id = ? AND owner_id IS NOT NULL";
    let mut row = edit.run_first(statement, &[account_id.into()])?.ok_or(Error::Conflict(Conflict::IsOperator))?;
    let owner: AccountId = row.take("owner_id")?;
    removals::open(edit, owner, removals::Kind::Account)?;
    edit.batch("DELETE FROM accounts WHERE id = ?", vec![account_id.into()]).await?;
    removals::close(edit).await?;
    hierarchy::count(edit, owner, -1)?;
    // The account is no more: that it was is told of the one that owned it.
    let detail = json!({ "account": owner, "accountKey": account.account_key, "before": { "name": account.name } });
    edit.record("deleted", "accounts", &[(account_id, detail)]).await
}
