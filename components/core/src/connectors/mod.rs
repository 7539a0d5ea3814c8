//! Connectors: what other systems are to Accord, how they fare, and what they say of accounts and people.
//!
//! | module | its job |
//! |---|---|
//! | [`connector`] | connectors of an account: made, shown, given secrets, ended |
//! | [`change`] | what of a connector is another than it was made |
//! | [`relying_party`] | what a connector is to OpenID Connect: where browsers may be sent back to |
//! | [`health`] | what became of a connector's writes |
//! | [`listing`] | the connectors of an account and of all that it owns, page by page |
//! | [`outcome`] | how a body of the portal is applied, and what it changes of what the connector has said |
//! | [`identities`] | what connectors call accounts |
//! | [`unbinding`] | what goes with the last binding |
//! | [`naming`] | what connectors call an account, as it is read |
//! | [`bindings`] | what connectors call people, and the people that they bind to accounts |

pub mod bindings;
pub mod change;
pub mod connector;
pub mod health;
pub mod identities;
pub mod listing;
pub mod naming;
pub mod outcome;
#[cfg(test)]
mod overtaken;
pub mod relying_party;
pub(crate) mod unbinding;
