//! Accounts: organisations, which own one another, and who may do what in them.
//!
//! | module | its job |
//! |---|---|
//! | [`role`] | the roles, and what they allow |
//! | [`hierarchy`] | the tree of accounts: the climb to the owners, and the roles that follow from it |
//! | [`packages`] | packages of account settings |
//! | [`account`] | what an account is, and the one place where accounts are made |
//! | [`taken`] | values of an account that are another's already |
//! | [`username`] | names to sign in by that belong to an account |
//! | [`members`] | members of an account, and who decides about them |
//! | [`makers`] | who made a connector, and what becomes of it without that person's rank |
//! | [`manage`] | what people and connectors do with the accounts that they may see |
//! | [`suspension`] | who suspended an account, and so who lifts it |
//! | [`listing`] | the accounts that a caller may see, filtered, in order, page by page |
//! | [`customers`] | what a reseller does with the accounts that it owns |
//! | [`duplicates`] | accounts that are likely one company, as they are proposed |
//! | [`joins`] | accounts that turned out to be one: joined, and taken apart again |
//! | [`removals`] | what requests remove, as it is kept to be brought back |
//! | [`sources`] | what connectors, people and the account above say of an account, and what is shown of that |

pub mod account;
pub mod customers;
pub mod duplicates;
pub mod hierarchy;
pub mod joins;
pub mod listing;
pub(crate) mod makers;
pub mod manage;
pub mod members;
pub mod packages;
pub mod removals;
pub mod role;
pub mod sources;
mod suspension;
mod taken;
pub mod username;
