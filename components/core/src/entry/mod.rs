//! How accounts and people come into the directory.
//!
//! | module | its job |
//! |---|---|
//! | [`first_start`] | the operator account, its administrator and one connector |
//! | [`sign_up`] | people who sign up, with an account of their own |
//! | [`invitation`] | people who are asked into an account, and accept |
//! | [`customer`] | accounts that a reseller makes, with their administrators |
//! | [`proof`] | an address becomes somebody's |
//! | [`erasure`] | what is held of a person: told, or taken away |
//! | [`undo`] | what was removed comes back |
//! | [`recovery`] | a forgotten password, another address |
//! | [`door`] | what people do with a link, a password or both, from the look to the commit |
//!
//! Passwords come here as Argon2id hashes, or are hashed here, before the write lock is taken: hashing takes long.

pub mod customer;
pub mod door;
pub mod erasure;
pub mod first_start;
pub mod invitation;
mod proof;
pub mod recovery;
pub mod sign_up;
pub mod undo;
