//! Signing in: a name and a password become somebody who is known, and stays known for a while.
//!
//! | module | its job |
//! |---|---|
//! | [`password`] | which passwords are taken |
//! | [`leaked`] | which ones everybody has known since they leaked |
//! | [`credentials`] | who a name and a password belong to, and which account is signed in to |
//! | [`session`] | families of refresh tokens |
//! | [`administrator`] | who calls the administration API, and for which account |

pub mod administrator;
pub mod credentials;
mod leaked;
pub mod password;
pub mod session;
