//! People: who can sign in, what organisations say of them, and how they prove who they are without a password.
//!
//! | module | its job |
//! |---|---|
//! | [`person`] | people, and the one place where they are made |
//! | [`address`] | mailboxes: whose they are, proved or only named |
//! | [`profile`] | what a record says, and the columns that hold it |
//! | [`record`] | the endpoint API's upsert |
//! | [`reading`] | records, as they are read |
//! | `seen` | what is seen of a person, as parts of statements |
//! | `inside` | one thing of an account, with what the caller may do there |
//! | [`names`] | what the members of an account are called, and who says so |
//! | [`roster`] | the members of an account, and its invitations, as they are read |
//! | [`listing`] | people as those see them who see an account that they have entered |
//! | [`record_listing`] | the records of an account, as those see them who manage it |
//! | [`history`] | the audit, as it is read, and how long it is kept |
//! | [`link`] | links in mails, each of which works once |

pub mod address;
pub mod history;
mod inside;
pub mod link;
pub mod listing;
pub mod names;
pub mod person;
pub mod profile;
pub mod reading;
pub mod record;
pub mod record_listing;
pub mod roster;
mod seen;
