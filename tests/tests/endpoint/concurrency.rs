//! Many requests at once for what only one can have.

use std::collections::HashSet;

use accord_tests::endpoint::Endpoint;
use futures::future::join_all;
use serde_json::json;

#[tokio::test]
async fn sixty_four_patches_with_one_new_username_make_one_user() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..64).map(|n| json!({ "Username": "jane", "Name": format!("Jane {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.patch(body))).await;
    let ids: HashSet<_> = answers.iter().map(|answer| answer.json()["Id"].to_string()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!((ids.len(), endpoint.records()), (1, 1));
}

#[tokio::test]
async fn sixty_four_patches_with_one_external_id_and_different_usernames_make_one_user() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..64).map(|n| json!({ "ExternalId": "guid-1", "Username": format!("jane {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.patch(body))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    let users = endpoint.accord.store().lines("SELECT username FROM records WHERE external_id = 'guid-1'");
    assert_eq!((users.len(), endpoint.records()), (1, 1));
    // The first made the user, each further one renamed it, and the last name counts.
    assert!(users[0].starts_with("jane "), "{users:?}");
}

#[tokio::test]
async fn of_sixty_four_posts_with_one_external_id_one_makes_a_user_and_the_others_are_400() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..64).map(|n| json!({ "ExternalId": "guid-1", "Username": format!("jane {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.post(body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!((made, refused, endpoint.records()), (1, 63, 1));
}

#[tokio::test]
async fn patches_that_want_one_phone_for_different_users_give_it_to_one() {
    let endpoint = Endpoint::start().await;
    let bodies: Vec<_> = (0..16).map(|n| json!({ "Username": format!("u{n}"), "Phone": "+358401234567" })).collect();
    let answers = join_all(bodies.iter().map(|body| endpoint.patch(body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!((made, refused, endpoint.records()), (1, 15, 1));
}
