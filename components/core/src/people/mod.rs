//! People: who can sign in, what organisations say of them, and how they prove who they are without a password.
//!
//! | module | its job |
//! |---|---|
//! | [`person`] | people, and the one place where they are made |
//! | [`address`] | mailboxes: whose they are, proved or only named |
//! | [`profile`] | what a record says, and the columns that hold it |
//! | [`record`] | the endpoint API's upsert |
//! | [`reading`] | records, as they are read |
//! | [`link`] | links in mails, each of which works once |

pub mod address;
pub mod link;
pub mod person;
pub mod profile;
pub mod reading;
pub mod record;
