//! The directory behind Accord's APIs: its store, its rules, its tokens and its errors.
//!
//! A request comes in through one of several APIs. Each parses and authorizes in its own words, calls one function of this
//! crate, and renders the answer in its own words. What a function of this crate changes, it changes in one transaction,
//! together with the rows of [`store::audit`] that tell of it. Nothing here knows an HTTP route, a header or a field name
//! of an API.
//!
//! The rooms are floors: a room uses those before it in this list, and none after it.

pub mod error;
pub mod log;
pub mod values;

pub mod setting;
pub mod store;

pub mod auth;
pub mod odata;

pub mod accounts;

pub mod people;

pub mod connectors;

pub mod sign_in;

pub mod entry;

pub mod transfer;

pub use error::{Error, Faults, Result};
