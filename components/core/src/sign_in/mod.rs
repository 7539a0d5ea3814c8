//! Signing in: a name and a password become somebody who is known, and stays known for a while.
//!
//! | module | its job |
//! |---|---|
//! | [`password`] | which passwords are taken |
//! | [`leaked`] | which ones everybody has known since they leaked |
//! | [`credentials`] | who a name and a password belong to, and which account is signed in to |
//! | [`session`] | families of refresh tokens |
//! | [`browser`] | browsers in which people are signed in |
//! | [`authorization`] | what a relying party asks of a browser, and which account the person may choose for it |
//! | [`code`] | authorization codes: issued, and turned into sessions |
//! | [`claims`] | what a relying party learns of a person |
//! | [`inspection`] | what a token stands for, for those who did not issue it |
//! | [`logout`] | which relying party a browser signs out for |
//! | [`administrator`] | who calls the administration API, and for which account |

pub mod administrator;
pub mod authorization;
pub mod browser;
pub mod claims;
pub mod code;
pub mod credentials;
pub mod inspection;
mod leaked;
pub mod logout;
pub mod password;
pub mod session;
