//! What a component may touch.

use crate::{Probe, ok, refused};

#[tokio::test(flavor = "multi_thread")]
async fn the_public_url_is_where_the_server_listens_unless_it_is_set() {
    let probe = Probe::start(|_| ()).await;
    assert_eq!(probe.get("/variable?public_url").await, ok(&probe.server.url()));
    let everywhere = Probe::start(|config| config.listen = "0.0.0.0:0".parse().unwrap()).await;
    let reached = format!("http://127.0.0.1:{}", everywhere.server.addr().port());
    assert_eq!(everywhere.get("/variable?public_url").await, ok(&reached));
    let url = "https://accord.example";
    let set = Probe::start(|config| _ = config.variables.insert("public_url".to_owned(), url.to_owned())).await;
    assert_eq!(set.get("/variable?public_url").await, ok(url));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_has_what_it_is_granted_and_no_more() {
    let probe = Probe::start(|config| _ = config.variables.insert("greeting".to_owned(), "Moi".to_owned())).await;
    let other = format!("/fetch?{}/count", probe.server.url());
    for (path, granted, poor) in [
        (
            "/variable?greeting",
            ok("Moi, world"),
            refused(r#"Error::Undefined("no variable for \"poor\".\"greeting\"")"#),
        ),
        ("/open?default", ok(""), refused("Error::AccessDenied")),
        ("/open?undefined", refused("Error::NoSuchDatabase"), refused("Error::AccessDenied")),
        ("/open?other", refused("Error::AccessDenied"), refused("Error::AccessDenied")),
        ("/store?default", ok(""), refused("Error::AccessDenied")),
        ("/store?undefined", refused("Error::NoSuchStore"), refused("Error::AccessDenied")),
        ("/environment", ok("PROBE=yes"), ok("")),
        (&other, ok("200 OK"), refused("ErrorCode::HttpRequestDenied")),
        (
            "/fetch?http://example.com/",
            refused("ErrorCode::HttpRequestDenied"),
            refused("ErrorCode::HttpRequestDenied"),
        ),
    ] {
        assert_eq!(probe.get(path).await, granted, "{path}");
        assert_eq!(probe.get(&format!("/poor{path}")).await, poor, "/poor{path}");
    }
    let (status, error) = probe.get("/variable?No").await;
    assert!(status == 400 && error.starts_with("Error::InvalidName("), "{error}");
    for path in ["/files", &format!("/connect?{}", probe.server.addr())] {
        assert_eq!(probe.get(path).await.0, 400, "{path}");
    }
}
