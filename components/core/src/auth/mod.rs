//! Who calls: secrets and tokens, what they vouch for, and what they allow.
//!
//! | module | its job |
//! |---|---|
//! | [`scope`] | what a connector's token allows |
//! | [`secret`] | secrets and passwords: made, hashed, verified |
//! | [`signed`] | how signed tokens are written |
//! | [`key`] | the public halves of the signing keys |
//! | [`key_store`] | which key-value store their private halves are in |
//! | [`token`] | access tokens: what a signature vouches for |
//! | [`id_token`] | who signed in, told to a relying party |
//! | [`caller`] | who calls |
//! | [`bearer`] | who is behind a token now |
//! | [`rotation`] | ending all signing keys at once |
//! | [`throttle`] | the limit on failed sign-ins |
//! | [`limit`] | how often anybody may make Accord send a mail |
//! | [`idempotency`] | requests that may be sent again |

pub mod bearer;
pub mod caller;
pub mod id_token;
pub mod idempotency;
pub mod key;
pub mod key_store;
pub mod limit;
pub mod rotation;
pub mod scope;
pub mod secret;
pub mod signed;
pub mod throttle;
pub mod token;
