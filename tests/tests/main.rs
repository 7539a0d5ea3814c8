//! What Accord promises, seen from outside, in rooms as the URLs are. What no URL stands for has rooms of its own below.
//!
//! One program, for each links the whole host. `cargo test -p accord-tests api::accounts::members` runs a room of it.

mod oauth {
    mod access_tokens;
    mod clients;
    mod discovery;
    mod first_start;
    mod introspect;
    mod limits;
    mod openid;
    mod refresh;
    mod revoke;
    mod sign_in;
    mod signing_keys;
    mod token;
}

mod api {
    mod accounts {
        mod email;
        mod examples;
        mod invitations;
        mod join;
        mod listing;
        mod manage;
        mod members;
        mod names;
        mod password;
        mod permissions;
        mod roster;
        mod said;
        mod sign_up;
        mod sources;
        mod visibility;
    }
    mod audit;
    mod connectors;
    mod duplicates;
    mod integrations {
        mod accounts;
        mod bindings;
        mod dry_runs;
        mod errors;
        mod users;
    }
    mod metadata;
    mod transfer;
    mod undo;
    mod users;
}

mod endpoint {
    mod concurrency;
    mod errors;
    mod fields;
    mod foreign_keys;
    mod permissions;
    mod reading;
    mod upsert;
}

mod app {
    mod accounts;
    mod authentication;
    mod connection_health;
    mod errors;
    mod packages;
}

mod pages {
    mod authorize;
    mod choice;
    mod cookies;
    mod frame;
    mod links;
    mod me;
    mod sign_in;
    mod sign_up;
}

/// The pages in a real browser.
mod browser {
    use accord_tests::{Accord, Options, Relay};

    mod accessibility;
    mod journeys;
    mod links;

    /// An Accord that is where it says, and the relay that has its mails.
    async fn start() -> (Relay, Accord) {
        let relay = Relay::start().await;
        let options = Options { is_where_it_listens: true, ..relay.options() };
        (relay, Accord::start_with(options).await)
    }
}

mod bodies;
mod console;
mod cors;

/// Where one API meets another.
mod seams {
    mod administration;
    mod blocks;
    mod endpoint;
    mod matrix;
    mod people;
    mod races;
    mod ranks;
    mod reading;
    mod registration;
    mod strangers;
    mod suspension;
}

mod store {
    mod backup;
    mod disk;
    mod durability;
    mod outages;
    mod plans;
    mod schema;
    mod statements;
    mod transfer;
    mod upgrade;
}

mod faults;
mod health;
mod log;
mod mail;
mod postman;
mod preconditions;
