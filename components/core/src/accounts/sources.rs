//! What the sources of the directory say of an account, and what is shown of that.
//!
//! A source is a connector that is bound to the account, the people of the accounts API, or the account above (the administration
//! API). Each keeps its own word about the name and about the registration id. What is shown is the word that comes first: that
//! of people, then that of the account above, then those of connectors, in the order in which their external ids were bound to
//! the account; unless the owner of the accounts wants another order. So what is shown depends on what the sources say and
//! never on who spoke last: of two back offices that spell a name differently, each repeats itself and changes nothing.
//!
//! A source that lets go takes its words along, and the next one's are shown. What nobody says any more stays as it was shown: a
//! connector that takes the place of another finds its accounts.
//!
//! A registration id binds: whoever says it means that account. So every one that some source says of an account leads to it,
//! shown or not, and to no other account of the same owner; one that a connector said which is gone leads to it as long as nobody says it of
//! another.
//!
//! | module | its job |
//! |---|---|
//! | [`words`] | what is said of accounts, and the one place in which what is shown follows from that |
//! | [`former`] | registration ids that a connector said which is gone |
//! | [`precedence`] | the order that the owner of accounts wants |
//! | [`readings`] | what the sources say of an account, and where they disagree, as it is listed |

mod former;
pub mod precedence;
pub mod readings;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use former::{former, keep, said_by};
pub use words::Field;
pub(super) use words::differing;
pub(crate) use words::{PAGE, Source, UNSHOWN, Words, disputed, forget, leads_to, refuse_registered, settle, unshown};
