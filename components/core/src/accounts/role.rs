//! Roles: what a person is in an account, and what a caller may do there (the accounts API's document, "Update User Roles").
//!
//! A connector has no roles of its own. Its scopes stand for them: `accounts:manage` counts as `manage`, and
//! `accounts:read` as `viewer`.

use crate::auth::caller::Caller;
use crate::auth::scope;
use crate::error::{Error, Result};

/// What a person is in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything, and delete the account.
    Owner,
    /// May manage, and use the administration API.
    Admin,
    /// May change the account and its members.
    Manage,
    /// Uses the account.
    User,
    /// Looks at the account.
    Viewer,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Manage, Self::User, Self::Viewer];

    /// As the APIs and the store write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Manage => "manage",
            Self::User => "user",
            Self::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// The names of roles, in their order.
pub fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}

/// What a caller may do in an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether the caller holds the manage role: through `manage`, `admin` or `owner`.
    pub fn manages(&self) -> bool {
        self.0.iter().any(|role| matches!(role, Role::Owner | Role::Admin | Role::Manage))
    }

    /// Whether the caller owns the account.
    pub fn owns(&self) -> bool {
        self.0.contains(&Role::Owner)
    }

    /// Whether the caller may use the administration API: as `admin`, or as `owner`, who may do everything.
    pub fn administers(&self) -> bool {
        self.0.iter().any(|role| matches!(role, Role::Owner | Role::Admin))
    }

    /// Refuses a caller without the manage role.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn require_manage(&self) -> Result<()> {
        if self.manages() { Ok(()) } else { Err(Error::Forbidden { needs: "the role manage" }) }
    }

    /// Refuses a caller who is no owner.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`].
    pub fn require_owner(&self) -> Result<()> {
        if self.owns() { Ok(()) } else { Err(Error::Forbidden { needs: "the role owner" }) }
    }

    /// Reads what [`crate::accounts::hierarchy::ROLES`] gives: `None` if the caller may not even see the account.
    pub(crate) fn of(caller: &Caller, found: Option<&str>) -> Option<Self> {
        let found = found?;
        match caller {
            Caller::Person(_) => Some(Self(found.split(' ').filter_map(Role::parse).collect())),
            Caller::Connector(connector) if connector.scopes.contains(scope::ACCOUNTS_MANAGE) => {
                Some(Self(vec![Role::Manage]))
            }
            Caller::Connector(connector) if connector.scopes.contains(scope::ACCOUNTS_READ) => {
                Some(Self(vec![Role::Viewer]))
            }
            Caller::Connector(_) => None,
        }
    }

    /// What whoever makes an account may do in it.
    pub(crate) fn owner() -> Self {
        Self(vec![Role::Owner])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::caller::{CallingConnector, CallingPerson};
    use crate::auth::scope::Scopes;
    use crate::values::id::{AccountId, ConnectorId, Id as _, PersonId};

    fn person() -> Caller {
        Caller::Person(CallingPerson { id: PersonId::from_number(1), account_id: None })
    }

    fn connector(scopes: &str) -> Caller {
        Caller::Connector(CallingConnector {
            id: ConnectorId::from_number(1),
            client_id: "c".to_owned(),
            account_id: AccountId::from_number(1),
            scopes: Scopes::trusted(scopes.to_owned()),
            secret_version: 1,
            failures: 0,
        })
    }

    /// Whether roles manage, administer and own.
    fn may(roles: &Roles) -> [bool; 3] {
        [roles.manages(), roles.administers(), roles.owns()]
    }

    #[test]
    fn a_role_allows_what_the_weaker_ones_allow() {
        let expected = [
            ("viewer", [false, false, false]),
            ("user", [false, false, false]),
            ("manage", [true, false, false]),
            ("admin", [true, true, false]),
            ("owner", [true, true, true]),
            ("viewer user", [false, false, false]),
            ("viewer admin", [true, true, false]),
        ];
        for (found, expected) in expected {
            let roles = Roles::of(&person(), Some(found)).expect("the person sees the account");
            assert_eq!(may(&roles), expected, "{found}");
            assert_eq!(roles.require_manage().is_ok(), roles.manages(), "{found}");
            assert_eq!(roles.require_owner().is_ok(), roles.owns(), "{found}");
        }
        assert_eq!(may(&Roles::owner()), [true, true, true]);
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
        assert_eq!(of("accounts:read").as_ref().map(may), Some([false, false, false]));
        assert_eq!(of("accounts:read accounts:manage").as_ref().map(may), Some([true, false, false]));
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
