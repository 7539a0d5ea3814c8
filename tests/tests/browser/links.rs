//! The links of mails in a real browser, by the script of their pages and without it.

use accord_tests::accounts::PASSWORD;
use accord_tests::chromium::Chromium;

use super::start;

#[tokio::test]
async fn somebody_signs_up_opens_the_link_signs_in_and_out() {
    let (relay, accord) = start().await;
    accord.token().await;
    let chromium = Chromium::start(true).await;
    chromium.open(&accord.url("/")).await;
    chromium.press("a[href='/sign-up']").await;
    chromium.wait_for("Sign up").await;
    for (name, text) in [("account", "Kettles"), ("email", "sam@example.com"), ("password", PASSWORD)] {
        chromium.fill(name, text).await;
    }
    chromium.press("main button").await;
    chromium.wait_for("Look into your mailbox").await;

    let mails = relay.mails_to("sam@example.com", 1).await;
    let text = mails[0]["text"].as_str().expect("a text");
    let link = text.split_whitespace().find(|word| word.starts_with("http")).expect("a link");
    chromium.open(link).await;
    chromium.wait_for("Confirm your address").await;
    let (address, token) = (chromium.address().await, link.split_once("#token=").expect("a secret").1);
    assert!(!address.contains(token), "the secret is out of the address: {address}");
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button").await;
    chromium.wait_for("Your address is confirmed").await;

    chromium.open(&accord.url("/sign-in")).await;
    chromium.fill("name", "sam@example.com").await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button").await;
    chromium.wait_for("Your page").await;
    chromium.press("header button").await;
    chromium.wait_for("You are signed out").await;
}

#[tokio::test]
async fn without_scripts_the_reader_copies_the_secret() {
    let (relay, accord) = start().await;
    let owner = accord.person("Acme").await;
    accord.invite(&owner, "jane@example.com").await;
    let token = relay.token_for("jane@example.com", 1).await;
    let chromium = Chromium::start(false).await;
    chromium.open(&accord.url(&format!("/accept-invitation#token={token}"))).await;
    chromium.wait_for("Opening your link").await;
    chromium.fill("token", &token).await;
    chromium.press("main button").await;
    chromium.wait_for("You are invited").await;
    chromium.fill("password", PASSWORD).await;
    chromium.press("main button[value=yes]").await;
    chromium.wait_for("You are in").await;
}
