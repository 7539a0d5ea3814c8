//! What every page is: small, kept to itself, and asking nothing of any other host.

use accord_tests::{Accord, Options, answer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;
use reqwest::Method;
use sha2_native::{Digest as _, Sha256};

/// Every page that is there for everybody.
const PAGES: [&str; 9] = [
    "/",
    "/sign-in",
    "/sign-up",
    "/forgot-password",
    "/verify-email",
    "/change-email",
    "/accept-invitation",
    "/reset-password",
    "/undo-email",
];

#[tokio::test]
async fn no_page_is_kept_framed_or_told_of_elsewhere() {
    let accord = Accord::start().await;
    for path in PAGES.into_iter().chain(["/me/nothing", "/oauth/authorize"]) {
        let page = accord.browser().open(path).await;
        let is_page = PAGES.contains(&path);
        assert_eq!(page.answer.status == 200, is_page, "{page}");
        for (header, expected) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(page.answer.header(header), Some(expected), "{path}");
        }
        let policy = page.answer.header("content-security-policy").expect("a policy");
        for directive in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.split("; ").any(|other| other == directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn what_a_policy_names_is_what_the_page_has() {
    let accord = Accord::start().await;
    for path in PAGES {
        let page = accord.browser().open(path).await;
        let policy = page.answer.header("content-security-policy").expect("a policy").to_owned();
        for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
            let own = page.answer.body.split_once(&format!("<{tag}>")).map(|(_, rest)| {
                let text = rest.split(&format!("</{tag}>")).next().expect("an end");
                format!("{directive} 'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
            });
            let named = policy.split("; ").find(|other| other.starts_with(directive));
            assert_eq!(named, own.as_deref(), "{path}");
        }
        for elsewhere in ["src=", "http:", "https:", "style=", "onclick", "url("] {
            assert!(!page.answer.body.contains(elsewhere), "{path} has {elsewhere}");
        }
        assert!(page.answer.body.len() < 20_000, "{path} has {} bytes", page.answer.body.len());
    }
}

#[tokio::test]
async fn the_first_page_and_what_is_not_there() {
    let accord = Accord::start().await;
    let browser = accord.browser();
    assert_snapshot!("home", browser.open("/").await);
    assert_snapshot!("nothing", browser.open("/me/nothing").await);
}

#[tokio::test]
async fn the_operator_gives_name_and_colour() {
    let options = Options::default().variable("brand_name", &"Acme <ID>").variable("brand_color", &"#ffd400");
    let accord = Accord::start_with(options).await;
    for path in ["/me/nothing", "/sign-in"] {
        let body = accord.browser().open(path).await.answer.body;
        assert!(body.contains("· Acme &lt;ID&gt;</title>"), "{body}");
        assert!(body.contains(":root{--brand:#ffd400;--on-brand:#111}"), "{body}");
    }
}

#[tokio::test]
async fn no_page_of_another_origin_reads_these_whatever_the_apis_allow() {
    let accord = Accord::start_with(Options::default().variable("cors_origins", &"*")).await;
    let request = accord.request(Method::GET, "/sign-in").header("origin", "https://app.example");
    assert_eq!(answer(request).await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn by_plain_http_that_leaves_the_machine_nobody_signs_in() {
    let accord = Accord::start_with(Options::default().variable("public_url", &"http://accord.example")).await;
    let page = accord.browser().open("/sign-in").await;
    assert_eq!((page.answer.status, page.title()), (503, "These pages are switched off"));
    assert!(page.text().contains("public_url"), "{}", page.text());
    assert_eq!(page.answer.header("set-cookie"), None);
}

#[tokio::test]
async fn by_tls_cookies_are_this_hosts_alone() {
    let accord = Accord::start_with(Options::default().variable("public_url", &"https://accord.example")).await;
    let page = accord.browser().open("/sign-in").await;
    let cookie = page.answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-accord-form="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
}
