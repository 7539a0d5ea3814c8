//! What speaks HTTP, once for all APIs.
//!
//! | module | its job |
//! |---|---|
//! | [`call`] | a request from its route to its signed answer: the one way through every component |
//! | [`failure`] | what can go wrong with a request, its status and its headers |
//! | [`authorization`] | the `Authorization` header: who calls |
//! | [`forwarded`] | where a request comes from, if it comes through proxies |
//! | [`body`] | a request's body: its media type and its size |
//! | [`push`] | a connector's write: who calls, and a body that is read as a part of it |
//! | [`json`] | JSON as the APIs take it |
//! | [`fields`] | the fields of a JSON object, one by one |
//! | [`conditional`] | `ETag`, `If-Match` and `If-None-Match` |
//! | [`idempotency`] | `Idempotency-Key` |
//! | [`mail`] | delivering mail, after the answers |
//! | [`cors`] | which pages of other origins may call |
//! | [`described`] | what values look like, for the descriptions of the APIs |

pub mod authorization;
pub mod body;
pub mod call;
pub mod conditional;
pub mod cors;
pub mod described;
pub mod failure;
pub mod fields;
pub mod forwarded;
pub mod idempotency;
pub mod json;
pub mod mail;
pub mod push;

pub use authorization::Bearer;
pub use call::{Api, Call};
pub use failure::Failure;
pub use push::Push;

/// What a handler gives.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
