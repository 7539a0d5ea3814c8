//! The directory behind Accord's four APIs: its store, its rules, its tokens and its errors.
//!
//! A request comes in through one of four APIs. Each parses and authorizes in its own words, calls one function of
//! this crate, and renders the answer in its own words. What the functions of this crate change, they change in one
//! transaction, together with the rows of [`audit`] that tell of it. Nothing here knows an HTTP route or a field name of
//! an API.

pub mod account;
pub mod administrator;
pub mod audit;
pub mod body;
pub mod call;
pub mod connector;
pub mod directory;
pub mod enumeration;
pub mod error;
pub mod fields;
pub mod health;
pub mod idempotency;
pub mod identity;
pub mod json;
pub mod key;
pub mod log;
pub mod membership;
mod migration;
pub mod odata;
pub mod operator;
pub mod outbox;
pub mod phone;
pub mod provisioning;
pub mod scope;
pub mod secret;
pub mod session;
pub mod setting;
pub mod sign_in;
pub mod sign_up;
pub mod store;
pub mod text;
pub mod time;
pub mod token;
pub mod user;

pub use error::{Error, Faults, Result};
