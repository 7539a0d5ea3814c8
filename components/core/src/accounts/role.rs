//! Roles: what a person is in an account, and what a caller may do there (the accounts API's document, "Update User Roles").
//!
//! A connector has no roles of its own. Its scopes stand for them: `accounts:manage` counts as `manage`, and
//! `accounts:read` as `viewer`.

use crate::auth::caller::Caller;
use crate::auth::scope;
use crate::error::{Error, Result};
use crate::values::role::{self, Role};

/// What a caller may do in an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// The strongest of them.
    pub fn rank(&self) -> Option<Role> {
        self.0.iter().copied().max()
    }

    /// Whether the caller holds the role, or a stronger one.
    pub fn hold(&self, role: Role) -> bool {
        self.rank() >= Some(role)
    }

    /// Refuses a caller who holds neither the role nor a stronger one: nobody gives, takes or reaches more than they hold.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn require(&self, role: Role) -> Result<()> {
        let needs = match role {
            Role::Viewer => "the role viewer",
            Role::User => "the role user",
            Role::Manage => "the role manage",
            Role::Admin => "the role admin",
            Role::Owner => "the role owner",
        };
        if self.hold(role) { Ok(()) } else { Err(Error::Forbidden { needs }) }
    }

    /// Reads what [`crate::accounts::hierarchy::ROLES`] gives: `None` if the caller may not even see the account.
    pub(crate) fn of(caller: &Caller, found: Option<&str>) -> Option<Self> {
        let found = found?;
        match caller {
            Caller::Person(person) => {
                let most = person.most?;
                Some(Self(role::parse_all(found).into_iter().map(|role| role.min(most)).collect()))
            }
            Caller::Connector(connector) if connector.scopes.contains(scope::ACCOUNTS_MANAGE) => {
                Some(Self(vec![Role::Manage]))
            }
            Caller::Connector(connector) if connector.scopes.contains(scope::ACCOUNTS_READ) => {
                Some(Self(vec![Role::Viewer]))
            }
            Caller::Connector(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::caller::{CallingConnector, CallingPerson, Noted};
    use crate::auth::scope::Scopes;
    use crate::values::id::{AccountId, ConnectorId, Id as _, PersonId};
    use crate::values::role::names;

    fn person() -> Caller {
        Caller::Person(CallingPerson {
            id: PersonId::from_number(1),
            account_id: None,
            within: None,
            through: None,
            most: Some(Role::Owner),
        })
    }

    fn connector(scopes: &str) -> Caller {
        Caller::Connector(CallingConnector {
            id: ConnectorId::from_number(1),
            client_id: "c".to_owned(),
            account_id: AccountId::from_number(1),
            scopes: Scopes::trusted(scopes.to_owned()),
            secret_version: 1,
            rank: Role::Owner,
            noted: Noted::default(),
        })
    }

    /// Which roles a caller holds by these, the weakest first.
    fn held(roles: &Roles) -> Vec<&'static str> {
        names(&Role::ALL.into_iter().rev().filter(|role| roles.hold(*role)).collect::<Vec<_>>())
    }

    #[test]
    fn a_role_allows_what_the_weaker_ones_allow() {
        let all = ["viewer", "user", "manage", "admin", "owner"];
        let expected = [
            ("viewer", 1),
            ("user", 2),
            ("manage", 3),
            ("admin", 4),
            ("owner", 5),
            ("viewer user", 2),
            ("admin viewer", 4),
        ];
        for (found, expected) in expected {
            let roles = Roles::of(&person(), Some(found)).expect("the person sees the account");
            assert_eq!(held(&roles), all[..expected], "{found}");
            for role in Role::ALL {
                assert_eq!(roles.require(role).is_ok(), roles.hold(role), "{found}");
            }
        }
        assert_eq!(held(&Roles::default()), [""; 0]);
    }

    #[test]
    fn a_token_through_a_connector_counts_for_no_more_than_that_may() {
        let through = |most| match person() {
            Caller::Person(person) => Caller::Person(CallingPerson { most, ..person }),
            other @ Caller::Connector(_) => other,
        };
        for (most, expected) in [(Role::Viewer, 1), (Role::Manage, 3), (Role::Owner, 5)] {
            let roles = Roles::of(&through(Some(most)), Some("owner admin")).expect("the person sees the account");
            assert_eq!(held(&roles).len(), expected, "{most:?}");
        }
        let roles = Roles::of(&through(Some(Role::Owner)), Some("viewer")).expect("the person sees the account");
        assert_eq!(held(&roles), ["viewer"], "and for no more than the person holds");
        assert_eq!(Roles::of(&through(None), Some("owner")), None);
    }

    #[test]
    fn who_has_no_role_in_an_account_does_not_see_it() {
        for caller in [person(), connector("accounts:manage accounts:read")] {
            assert_eq!(Roles::of(&caller, None), None);
        }
    }

    #[test]
    fn the_scopes_of_a_connector_stand_for_roles() {
        let of = |scopes| Roles::of(&connector(scopes), Some("connector"));
        assert_eq!(of("portal:write"), None);
        assert_eq!(of("accounts:read").and_then(|roles| roles.rank()), Some(Role::Viewer));
        assert_eq!(of("accounts:read accounts:manage").and_then(|roles| roles.rank()), Some(Role::Manage));
    }

    #[test]
    fn a_role_has_one_name() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
        assert_eq!((Role::parse("Owner"), Role::parse("")), (None, None));
        assert_eq!(names(&[Role::User, Role::Admin]), ["user", "admin"]);
    }
}
