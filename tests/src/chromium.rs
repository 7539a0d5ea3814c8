//! A real browser: Chromium, led by its driver (W3C `WebDriver`).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::npm;

/// How long a page may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser of its own, without a history.
pub struct Chromium {
    driver: Child,
    /// Where the driver takes commands for the session.
    session: String,
    http: reqwest::Client,
}

impl Chromium {
    /// Starts a browser, with JavaScript or without it.
    pub async fn start(runs_scripts: bool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let driver = Command::new("chromedriver").arg(format!("--port={port}")).stdout(Stdio::null()).spawn();
        let driver = driver.expect("the tests of the browser need chromium and chromium-driver");
        let (http, address) = (reqwest::Client::new(), format!("http://127.0.0.1:{port}"));
        let deadline = Instant::now() + PATIENCE;
        while http.get(format!("{address}/status")).send().await.is_err() {
            assert!(Instant::now() < deadline, "chromedriver does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let content = if runs_scripts { 1 } else { 2 };
        let options = json!({
            // A container has no sandbox of Chromium's.
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            "prefs": { "profile.managed_default_content_settings.javascript": content },
        });
        let mut chromium = Self { driver, session: format!("{address}/session"), http };
        let capabilities = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let begun = chromium.command("", &capabilities).await;
        chromium.session = format!("{}/{}", chromium.session, begun["sessionId"].as_str().expect("a session"));
        chromium
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.session)).json(body);
        let answer = request.send().await.expect("the driver answers");
        let status = answer.status();
        let mut answer: Value = answer.json().await.expect("the driver answers JSON");
        assert!(status.is_success(), "{path} {body}: {answer}");
        answer["value"].take()
    }

    /// Opens an address.
    pub async fn open(&self, address: &str) {
        self.command("/url", &json!({ "url": address })).await;
    }

    /// What a script gives that the test runs, whatever the page allows.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits for a page of this title.
    pub async fn wait_for(&self, title: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.http.get(format!("{}/title", self.session)).send().await.expect("the driver answers");
            let shown: Value = shown.json().await.expect("the driver answers JSON");
            let shown = shown["value"].as_str().unwrap_or_default().to_owned();
            if shown.split(" · ").next() == Some(title) {
                return;
            }
            assert!(Instant::now() < deadline, "waiting for {title:?}, there is {shown:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the browser is at an address that begins like this, whatever is there.
    pub async fn wait_for_address(&self, beginning: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let address = self.address().await;
            if address.starts_with(beginning) {
                return address;
            }
            assert!(Instant::now() < deadline, "waiting for {beginning}, the browser is at {address}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until an element has this in its text.
    pub async fn wait_for_text(&self, css: &str, text: &str) {
        let script = format!("return document.querySelector('{css}')?.innerText ?? ''");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self.run(&script).await;
            if shown.as_str().is_some_and(|shown| shown.contains(text)) {
                return;
            }
            assert!(Instant::now() < deadline, "waiting for {text:?}, there is {shown}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Forgets all cookies.
    pub async fn forget_cookies(&self) {
        self.command("/goog/cdp/execute", &json!({ "cmd": "Network.clearBrowserCookies", "params": {} })).await;
    }

    async fn element(&self, css: &str) -> String {
        let found = self.command("/element", &json!({ "using": "css selector", "value": css })).await;
        let (_, id) = found.as_object().and_then(|found| found.iter().next()).expect("an element");
        id.as_str().expect("an id").to_owned()
    }

    /// Types into the field of this name.
    pub async fn fill(&self, name: &str, text: &str) {
        let id = self.element(&format!("main [name={name}]")).await;
        self.command(&format!("/element/{id}/clear"), &json!({})).await;
        self.command(&format!("/element/{id}/value"), &json!({ "text": text })).await;
    }

    /// Presses what a selector names.
    pub async fn press(&self, css: &str) {
        let id = self.element(css).await;
        self.command(&format!("/element/{id}/click"), &json!({})).await;
    }

    /// Where the browser is.
    pub async fn address(&self) -> String {
        let answer = self.http.get(format!("{}/url", self.session)).send().await.expect("the driver answers");
        let answer: Value = answer.json().await.expect("the driver answers JSON");
        answer["value"].as_str().expect("an address").to_owned()
    }

    /// Shows pages light or dark, and as wide as this.
    pub async fn show(&self, scheme: &str, width: u32) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        for (name, parameters) in [
            ("Emulation.setEmulatedMedia", json!({ "features": features })),
            ("Emulation.setDeviceMetricsOverride", size),
        ] {
            self.command("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters })).await;
        }
    }

    /// What axe-core finds on the page against WCAG 2.2 AA: a line each. And whether it can be read without scrolling sideways.
    pub async fn obstacles(&self) -> Vec<String> {
        let axe = npm::installed("tests/axe", "axe").join("axe-core/axe.min.js");
        self.run(&std::fs::read_to_string(axe).expect("axe is installed")).await;
        let script = "const done = arguments[0], page = document.documentElement;
            const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
            const wide = page.scrollWidth > page.clientWidth ? [`wider than ${page.clientWidth}`] : [];
            axe.run({ runOnly: rules }).then(result => done(wide.concat(result.violations.flatMap(
                violation => violation.nodes.map(node => `${violation.id}: ${node.html} ${node.failureSummary}`)))))";
        let found = self.command("/execute/async", &json!({ "script": script, "args": [] })).await;
        found.as_array().expect("a list").iter().map(|one| one.as_str().expect("a line").to_owned()).collect()
    }
}

impl Chromium {
    /// Ends the session, and the browser with it.
    fn end(&self) -> std::io::Result<()> {
        let (address, path) = self.session.trim_start_matches("http://").split_once('/').unwrap_or_default();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "DELETE /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // A driver that is told to end leaves its browser behind, so the session ends first.
        _ = self.end();
        _ = Command::new("kill").args(["-TERM", &self.driver.id().to_string()]).status();
        _ = self.driver.wait();
    }
}
