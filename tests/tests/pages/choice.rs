//! The choice of an account for a relying party: the portal's document has a user with several accounts prompted for one.

use accord_tests::accounts::{PASSWORD, Person};
use accord_tests::browser::Shown;
use accord_tests::{ADMIN_EMAIL, ADMIN_PASSWORD, Accord};
use insta::assert_snapshot;
use serde_json::json;

/// A relying party of the operator, which may reach every account: the path of a request.
async fn request(accord: &Accord) -> String {
    let body = json!({ "name": "The App", "redirectUris": ["https://app.example/callback"] });
    let connector = accord.make_connector(&accord.admin().await, &body).await;
    format!(
        "/oauth/authorize?client_id={}&redirect_uri=https://app.example/callback&response_type=code&scope=openid\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
        connector.client_id
    )
}

/// Names of the accounts that are to be chosen from.
fn choices(shown: &Shown) -> Vec<String> {
    let buttons = shown.forms().into_iter().flat_map(|form| form.buttons);
    buttons.filter(|(name, ..)| name == "account").map(|(_, id, _)| id).collect()
}

/// The account that the last code is for.
fn chosen(accord: &Accord, shown: &Shown) -> i64 {
    assert!(shown.sent_to().is_some_and(|location| location.contains("?code=")), "{shown}");
    accord.store().number("SELECT account_id FROM refresh_tokens WHERE kind = 'code' ORDER BY created_at DESC LIMIT 1")
}

/// Makes somebody a member of an account of this name that somebody else has.
async fn member_of(accord: &Accord, person: &Person, account: &str) -> i64 {
    let other = accord.person(account).await;
    accord.join(other.account, person.id, "user").await;
    accord.user_token(&person.email, PASSWORD, Some(other.account)).await;
    other.account
}

#[tokio::test]
async fn who_has_several_accounts_chooses_one() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord).await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    assert_eq!(chosen(&accord, &browser.open(&path).await), person.account, "of one there is no choice");

    let second = member_of(&accord, &person, "Beta").await;
    let third = member_of(&accord, &person, "Gamma").await;
    let asked = browser.open(&path).await;
    assert_snapshot!("choose", asked);
    assert_eq!(choices(&asked), [person.account, second, third].map(|id| id.to_string()));
    let sent = browser.send(&asked, "/choose-account", &[("account", &second.to_string())]).await;
    assert_eq!(chosen(&accord, &sent), second);
    let refused = browser.open(&format!("{path}&prompt=none")).await;
    assert!(
        refused.sent_to().is_some_and(|location| location.contains("error=account_selection_required")),
        "{refused}"
    );
}

#[tokio::test]
async fn offers_stand_apart_and_are_joined_by_choosing_them() {
    let accord = Accord::start().await;
    let (person, other) = (accord.person("Acme").await, accord.person("Your <b>bank</b>").await);
    accord.invite(&other, &person.email).await;
    let path = format!("{}&prompt=select_account", request(&accord).await);
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let asked = browser.open(&path).await;
    assert_snapshot!("choose_offer", asked);
    let sent = browser.send(&asked, "/choose-account", &[("account", &other.account.to_string())]).await;
    assert_eq!(chosen(&accord, &sent), other.account);
    let entered = "SELECT status FROM memberships WHERE entered_at IS NOT NULL AND account_id = ";
    assert_eq!(accord.store().lines(&format!("{entered}{} AND person_id = {}", other.account, person.id)), ["active"]);
}

#[tokio::test]
async fn from_ten_accounts_on_there_is_a_search() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord).await;
    for number in 1..=8 {
        member_of(&accord, &person, &format!("Branch {number}")).await;
    }
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let asked = browser.open(&path).await;
    assert_eq!(choices(&asked).len(), 9);
    assert!(!asked.answer.body.contains("type=\"search\""));
    let last = member_of(&accord, &person, "Zeta ÄÖ").await;
    let asked = browser.open(&path).await;
    assert_eq!(choices(&asked).len(), 10);
    let search = async |text: &str| browser.send(&asked, "/choose-account", &[("search", text)]).await;
    assert_eq!(choices(&search("zeta äö").await), [last.to_string()]);
    assert_eq!(choices(&search("branch").await).len(), 8);
    let nothing = search("nowhere").await;
    assert!(nothing.text().contains("No account has this in its name."), "{}", nothing.text());
    let found = search("Branch 3").await;
    let id = choices(&found).remove(0);
    let sent = browser.send(&found, "/choose-account", &[("account", &id), ("search", "")]).await;
    assert_eq!(chosen(&accord, &sent).to_string(), id);
}

#[tokio::test]
async fn somebody_else_may_sign_in_instead() {
    let accord = Accord::start().await;
    let person = accord.person("Acme").await;
    let path = request(&accord).await;
    member_of(&accord, &person, "Beta").await;
    let browser = accord.browser();
    browser.sign_in(&person.email, PASSWORD).await;
    let asked = browser.open(&path).await;
    let (_, link) = asked.answer.body.split_once("<a href=\"/oauth/authorize?").expect("a link");
    let link = format!("/oauth/authorize?{}", link.split('"').next().expect("an end").replace("&amp;", "&"));
    let again = browser.open(&link).await;
    assert_eq!(again.title(), "Sign in");
    let sent = browser.send(&again, "/sign-in", &[("name", ADMIN_EMAIL), ("password", ADMIN_PASSWORD)]).await;
    let operator = accord.store().number("SELECT id FROM accounts WHERE owner_id IS NULL");
    assert_eq!(chosen(&accord, &sent), operator);
    assert!(browser.open("/me").await.text().contains(ADMIN_EMAIL));
}
