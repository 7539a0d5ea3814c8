//! Signing in: a name and a password become somebody who is known, and stays known for a while.
//!
//! | module | its job |
//! |---|---|
//! | [`password`] | which passwords are taken |
//! | [`credentials`] | who a name and a password belong to, and which account is signed in to |
//! | [`session`] | families of refresh tokens |
//! | [`administrator`] | who calls the administration API, and for which account |

pub mod administrator;
pub mod credentials;
pub mod password;
pub mod session;
