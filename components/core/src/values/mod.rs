//! What a value may be: text, addresses, numbers, times, versions, lists and ids, and what a request says of one.

pub mod change;
pub mod country;
pub mod domain;
pub mod email;
pub mod enumeration;
pub mod id;
pub mod phone;
pub mod region;
pub mod role;
pub mod text;
pub mod time;
pub mod version;
