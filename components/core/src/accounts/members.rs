//! Members of an account: added, changed, removed.
//!
//! A membership is how a person stands to an account; its roles follow from grants, each of which knows the door by which it
//! came. What people decide by hand stands for the grants of all other doors. Three states are blocks, and no grant
//! overrides them: an account makes a member inactive or removes it, and a person refuses an account. Whoever set a block
//! lifts it.
//!
//! Nobody gives or takes a role that is stronger than what they hold: otherwise whoever manages an account could take it
//! over. An account without an owner (one that a connector made has none at first) gets its first one from whoever manages
//! the account above.
//!
//! | module | its job |
//! |---|---|
//! | [`standing`] | how a person stands to an account, and by which id the account knows the person |
//! | [`membership`] | the table of memberships: every statement that adds to it |
//! | [`grants`] | what the doors give and take |
//! | [`owners`] | who may give and take which roles, the first owner and the last |
//! | [`blocks`] | what shuts people out, and who lifts it |
//! | [`decisions`] | what people of an account decide about its members |
//! | [`joined`] | members of accounts that are joined, and taken apart again |
//! | [`presence`] | what a person does with its memberships |
//! | [`readings`] | what is shown of memberships |

mod blocks;
mod decisions;
mod grants;
pub(crate) mod joined;
mod membership;
mod owners;
mod presence;
mod readings;
mod standing;
#[cfg(test)]
mod tests;

pub(crate) use blocks::{addresses_of, set_active};
pub(crate) use decisions::add_candidate;
pub(crate) use decisions::call;
pub(crate) use decisions::require_invited;
pub use decisions::{Added, Called, Change, add, name, remove, update};
pub(crate) use grants::draft_founder;
pub use grants::found;
pub(crate) use grants::{end_ungranted, grant, grant_from, release};
pub(crate) use membership::is_shut_out;
pub use membership::{Door, Grant};
pub(crate) use owners::was_entered_by_an_owner;
pub(crate) use presence::{end_all, enter, move_all, set_free};
pub use presence::{leave, welcome};
pub(crate) use readings::seen_person;
pub use readings::{Membership, Seen, of_person};
pub use standing::Status;
pub(crate) use standing::{Meant, known_by_id, knows, meant, shown_key, stands_in};
