//! Roles: what somebody is in an account (the accounts API's document, "Roles"). Each is a rank too: nobody gives, takes or
//! reaches more than they hold.

/// What somebody is in an account. A stronger role is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looks at the account.
    Viewer,
    /// Uses the account.
    User,
    /// May change the account and its members.
    Manage,
    /// May manage, and use the administration API.
    Admin,
    /// May do everything, and delete the account.
    Owner,
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

/// Roles as the store gives them: their names, with a space between them.
pub fn parse_all(names: &str) -> Vec<Role> {
    names.split(' ').filter_map(Role::parse).collect()
}

/// The names of roles, in their order.
pub fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}
