//! The first start: the operator account, its administrator and one connector, made of what the operator configured.

use std::collections::BTreeSet;

use crate::accounts::account::{self, Kind, NewAccount};
use crate::accounts::members;
use crate::accounts::packages::{self, NewPackage};
use crate::auth::scope::Scopes;
use crate::auth::secret;
use crate::connectors::connector::{self, NewConnector};
use crate::connectors::relying_party::RelyingParty;
use crate::error::{NOT_CONFIGURED, Result};
use crate::log;
use crate::people::address;
use crate::people::person::{self, NewPerson};
use crate::store::{Author, Connection, Edit};
use crate::values::email::Email;
use crate::values::id::PackageId;
use crate::values::role::Role;
use crate::values::time::Time;

/// Longest key of the operator account, in characters.
const ACCOUNT_KEY_MAX: usize = 100;

/// What the operator configured.
pub struct FirstStart {
    /// The administrator's e-mail address.
    pub admin_email: String,
    /// The administrator's password.
    pub admin_password: String,
    /// The `client_id` of the first connector.
    pub client_id: String,
    /// The secret of the first connector.
    pub client_secret: String,
    /// The key of the operator account, or nothing for one at random.
    pub account_key: String,
    /// The ids of packages to make beside the default one, with commas between them.
    pub packages: String,
}

/// Whether the first start is over.
pub fn is_over(connection: &Connection) -> Result<bool> {
    Ok(connection.query_first("SELECT 1 FROM accounts WHERE owner_id IS NULL", &[])?.is_some())
}

/// What can be used of what is configured.
struct Usable {
    email: Email,
    packages: BTreeSet<PackageId>,
}

impl FirstStart {
    /// What cannot be used: the variable, and what it must be.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        self.usable().err().unwrap_or_default()
    }

    fn usable(&self) -> Result<Usable, Vec<(&'static str, String)>> {
        let mut faults = Vec::new();
        let email = Email::parse(&self.admin_email);
        faults.extend(email.as_ref().err().map(|fault| ("admin_email", fault.clone())));
        if self.admin_password.is_empty() {
            faults.push(("admin_password", "must not be empty".to_owned()));
        }
        let id = self.client_id.as_str();
        if id.is_empty() || id.len() > connector::CLIENT_ID_MAX || !id.bytes().all(|b| b.is_ascii_graphic()) {
            faults.push(("bootstrap_client_id", "must be 1 to 100 visible ASCII characters".to_owned()));
        }
        if self.client_secret.is_empty() || self.client_secret.len() > connector::SECRET_MAX {
            faults.push(("bootstrap_client_secret", "must be 1 to 512 bytes".to_owned()));
        }
        let key = self.account_key.as_str();
        if key.len() > ACCOUNT_KEY_MAX || !key.bytes().all(|b| b.is_ascii_graphic()) {
            faults.push(("bootstrap_account_key", "must be at most 100 visible ASCII characters, or empty".to_owned()));
        }
        let numbers = self.packages.split(',').map(str::trim).filter(|number| !number.is_empty());
        let packages: Result<_, _> = numbers.map(|number| packages::parse_id(number.parse().unwrap_or(0))).collect();
        faults.extend(packages.as_ref().err().map(|fault| ("packages", fault.clone())));
        match (email, packages) {
            (Ok(email), Ok(packages)) if faults.is_empty() => Ok(Usable { email, packages }),
            _ => Err(faults),
        }
    }
}

/// Makes the operator account, its administrator and its connector, which holds every scope. Does nothing if somebody was
/// first.
///
/// # Errors
///
/// [`crate::Error::Unavailable`] if what is configured cannot be used: the log says why.
pub async fn establish(author: Author, start: &FirstStart) -> Result<()> {
    let Usable { email, packages } = start.usable().map_err(|faults| {
        for (variable, why) in faults {
            let message = format_args!("the variable {variable} cannot be used for the first start: it {why}");
            log::error(Some(&author.request_id), message);
        }
        NOT_CONFIGURED
    })?;
    // Hashed before the lock is taken: it takes long.
    let password_hash = Some(secret::hash_password(&start.admin_password)?);
    let secret_hash = secret::hash_secret(&start.client_secret)?;

    let edit = Edit::begin(author).await?;
    if is_over(edit.connection())? {
        return Ok(());
    }
    let operator = NewAccount { name: "Operator".to_owned(), kind: Kind::Reseller, ..NewAccount::default() };
    let account_id = account::insert(&edit, None, &operator).await?.id;
    let default = NewPackage { id: None, name: "Default".to_owned(), is_default: true };
    let package_id = packages::insert(&edit, account_id, &default).await?;
    for id in packages.into_iter().filter(|id| *id != package_id) {
        let new = NewPackage { id: Some(id), name: format!("Package {id}"), is_default: false };
        packages::insert(&edit, account_id, &new).await?;
    }
    edit.run(
        "UPDATE accounts SET package_id = ?2, account_key = coalesce(nullif(?3, ''), account_key) WHERE id = ?1",
        &[account_id.into(), package_id.into(), start.account_key.as_str().into()],
    )?;
    let administrator = person::insert(&edit, &NewPerson { password_hash, ..NewPerson::default() }).await?;
    address::insert(&edit, &email, administrator.id, Some(Time::now()))?;
    members::found(&edit, account_id, administrator.id).await?;
    let bootstrap = NewConnector {
        account_id,
        name: "Bootstrap".to_owned(),
        integration: String::new(),
        property: String::new(),
        sandbox: false,
        scopes: Scopes::all(),
        rank: Some(Role::Owner),
        relying_party: RelyingParty::default(),
    };
    connector::insert(&edit, &bootstrap, &start.client_id, &secret_hash).await?;
    edit.commit().await
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::auth::caller::{Caller, CallingConnector, CallingPerson};
    use crate::error::Error;
    use crate::setting;
    use crate::store::native::run;
    use crate::store::{Actor, Row};
    use crate::values::id::{AccountId, PersonId};

    /// The operator account after the first start.
    pub(crate) struct Operator {
        /// Its id.
        pub(crate) id: AccountId,
        /// Its administrator, who owns it.
        pub(crate) administrator: Caller,
        /// Its connector.
        pub(crate) connector: CallingConnector,
    }

    fn configured() -> FirstStart {
        FirstStart {
            admin_email: "admin@example.com".to_owned(),
            admin_password: "correct horse battery staple".to_owned(),
            client_id: "bootstrap".to_owned(),
            client_secret: "a secret of the tests, as long as one that is made at random".to_owned(),
            account_key: String::new(),
            packages: String::new(),
        }
    }

    /// What every other test of the directory begins with.
    pub(crate) async fn first_start() -> Result<Operator> {
        setting::set("base_domain", "localhost");
        establish(author("oauth"), &configured()).await?;
        let connector = calling_connector().await?;
        let administrator = Connection::lease().await?.query_one("SELECT id FROM people", &[])?.take("id")?;
        Ok(Operator { id: connector.account_id, administrator: signed_in(administrator), connector })
    }

    /// The operator's connector as it calls now.
    pub(crate) async fn calling_connector() -> Result<CallingConnector> {
        setting::set("failed_sign_in_limit", "10");
        let start = configured();
        connector::authenticate(&Connection::lease().await?, &[&start.client_id], &[&start.client_secret], None).await
    }

    /// Whoever makes a change through an API.
    pub(crate) fn author(api: &'static str) -> Author {
        Author { actor: Actor::System, api, request_id: "a request".to_owned() }
    }

    /// A person as a caller.
    pub(crate) fn signed_in(id: PersonId) -> Caller {
        Caller::Person(CallingPerson { id, account_id: None, within: None, through: None, most: Some(Role::Owner) })
    }

    /// Makes an account.
    pub(crate) async fn account(edit: &Edit, owner: AccountId, name: &str) -> Result<AccountId> {
        let new = NewAccount { name: name.to_owned(), ..NewAccount::default() };
        Ok(account::insert(edit, Some(owner), &new).await?.id)
    }

    /// Makes a person who has proved an address, has a password, and no roles.
    pub(crate) async fn person(edit: &Edit, address: &str) -> Result<PersonId> {
        let email = Email::parse(address).expect("an address");
        let person = NewPerson { password_hash: Some("$argon2id$".to_owned()), ..NewPerson::default() };
        let id = person::insert(edit, &person).await?.id;
        address::insert(edit, &email, id, Some(Time::now()))?;
        Ok(id)
    }

    #[test]
    fn the_first_start_happens_once() {
        run(async {
            let operator = first_start().await?;
            let other = FirstStart { client_id: "other".to_owned(), ..configured() };
            establish(author("oauth"), &other).await?;
            let connection = Connection::lease().await?;
            assert!(is_over(&connection)?);
            for table in ["accounts", "people", "memberships", "connectors", "packages"] {
                let rows = connection.query(&format!("SELECT 1 FROM {table}"), &[])?;
                assert_eq!(rows.len(), 1, "{table}");
            }
            assert_eq!(operator.connector.client_id, "bootstrap");
            assert_eq!((operator.connector.scopes, operator.connector.rank), (Scopes::all(), Role::Owner));
            Ok(())
        });
    }

    #[test]
    fn the_first_start_makes_the_packages_that_are_named_once_each() {
        run(async {
            let start = FirstStart { packages: " 93, 9,9,1,".to_owned(), ..configured() };
            establish(author("oauth"), &start).await?;
            let rows = Connection::lease().await?.query("SELECT id, name FROM packages ORDER BY id", &[])?;
            let named = |mut row: Row| Ok((row.take::<i64>("id")?, row.take::<String>("name")?));
            let packages = rows.into_iter().map(named).collect::<Result<Vec<_>>>()?;
            let expected = [(1, "Default"), (9, "Package 9"), (93, "Package 93")];
            assert_eq!(packages, expected.map(|(id, name)| (id, name.to_owned())));
            Ok(())
        });
    }

    #[test]
    fn what_cannot_be_used_for_the_first_start_starts_nothing() {
        run(async {
            for unusable in [
                FirstStart { admin_email: "admin".to_owned(), ..configured() },
                FirstStart { admin_password: String::new(), ..configured() },
                FirstStart { client_id: "a b".to_owned(), ..configured() },
                FirstStart { client_secret: String::new(), ..configured() },
                FirstStart { packages: "9,x".to_owned(), ..configured() },
                FirstStart { packages: "1000000000".to_owned(), ..configured() },
            ] {
                let started = establish(author("oauth"), &unusable).await;
                assert!(matches!(started, Err(Error::Unavailable { .. })), "{started:?}");
            }
            assert!(!is_over(&Connection::lease().await?)?);
            Ok(())
        });
    }
}
