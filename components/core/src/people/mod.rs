//! People: who can sign in, what organisations say of them, and how they prove who they are without a password.
//!
//! | module | its job |
//! |---|---|
//! | [`person`] | what is known of a person, and the one place where people are made |
//! | [`record`] | the endpoint API's upsert |
//! | [`limit`] | how often anybody may ask for what makes Accord send a mail |
//! | [`link`] | links in mails, each of which works once |
//! | [`recovery`] | proof that an address or a forgotten password is somebody's |

pub mod limit;
pub mod link;
pub mod person;
pub mod record;
pub mod recovery;
