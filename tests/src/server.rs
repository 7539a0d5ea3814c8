//! The server behind a test: the embedded host in this process, the same as a process of its own, or `spin up`.

use std::fs::File;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::{ADMIN_EMAIL, ADMIN_PASSWORD, CLIENT_ID, CLIENT_SECRET, PUBLIC_URL, root};

/// Whether the tests run against Spin itself (`ACCORD_RUNTIME=spin`).
fn on_spin() -> bool {
    std::env::var("ACCORD_RUNTIME").is_ok_and(|runtime| runtime == "spin")
}

/// Whether a test, or the part of it that asks, cannot run on Spin. Then it says so, and why.
pub fn skipped_on_spin(why: &str) -> bool {
    let skipped = on_spin();
    if skipped {
        let thread = std::thread::current();
        // Not by `eprintln!`, which the test harness keeps to itself when the test passes. Nobody to tell is no failure.
        let _ = writeln!(std::io::stderr(), "skipped on Spin: {}: {why}", thread.name().unwrap_or("a test"));
    }
    skipped
}

/// An SQL statement that a component ran.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its text.
    pub sql: String,
    /// Whether its connection held the write lock.
    pub locked: bool,
}

/// How a server is started.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, and tests name those that they turn")]
pub struct Options {
    /// The manifest, relative to the workspace.
    pub manifest: &'static str,
    /// Application variables beside those of the first start.
    pub variables: Vec<(&'static str, String)>,
    /// Whether `public_url` is where the server listens, as a real browser needs it. Then it is not [`PUBLIC_URL`].
    pub is_where_it_listens: bool,
    /// A process of its own, that can be killed.
    pub process: bool,
    /// Credentials of the tests. Without them the host makes some. Needs [`Options::process`].
    pub credentials: bool,
    /// Whether the embedded host writes its log, as JSON, into the file `log` of its state directory. Needs
    /// [`Options::process`].
    pub log: bool,
    /// Bounds of the embedded host. Spin has its own.
    pub limits: accord::Limits,
}

impl Default for Options {
    fn default() -> Self {
        let mut limits = accord::Limits::default();
        // Enough for a test, of which several run at the same time.
        limits.max_instances = 16;
        Self {
            manifest: "spin.toml",
            variables: Vec::new(),
            is_where_it_listens: false,
            process: false,
            credentials: true,
            log: false,
            limits,
        }
    }
}

impl Options {
    /// With an application variable.
    #[must_use]
    pub fn variable(mut self, name: &'static str, value: &dyn ToString) -> Self {
        self.variables.push((name, value.to_string()));
        self
    }
}

pub(crate) struct Server {
    running: Running,
    options: Options,
    state: tempfile::TempDir,
    clock: Arc<accord::Clock>,
    statements: Arc<Mutex<Vec<Statement>>>,
    fault: Arc<Mutex<Option<Fault>>>,
}

/// A statement that fails.
struct Fault {
    /// How many run before it.
    after: usize,
    /// What the component is told.
    error: String,
    happened: bool,
}

impl Fault {
    /// The error, if it is the turn of the statement.
    fn next(&mut self) -> Option<String> {
        if self.happened {
            return None;
        }
        self.happened = self.after == 0;
        self.after = self.after.saturating_sub(1);
        self.happened.then(|| self.error.clone())
    }
}

enum Running {
    Embedded(accord::Server),
    Process { child: Child, port: u16 },
    Stopped,
}

impl Server {
    pub(crate) async fn start(options: Options) -> Self {
        build(&root().join(options.manifest));
        let state = tempfile::tempdir().expect("there is a temporary directory");
        let running = Running::Stopped;
        let mut server =
            Self { running, options, state, clock: Arc::default(), statements: Arc::default(), fault: Arc::default() };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        self.running = if on_spin() || self.options.process { self.spawn().await } else { self.embed().await };
    }

    async fn embed(&self) -> Running {
        let mut config = accord::Config::new(root().join(self.options.manifest), self.state.path());
        config.variables = self.variables().map(|(name, value)| (name.to_owned(), value)).collect();
        config.limits = self.options.limits.clone();
        config.clock = Arc::clone(&self.clock);
        let (statements, fault) = (Arc::clone(&self.statements), Arc::clone(&self.fault));
        config.statement_observer = Some(Arc::new(move |statement: &accord::Statement<'_>| {
            let statement = Statement { sql: statement.sql.to_owned(), locked: statement.locked };
            statements.lock().expect("nobody panics with the lock").push(statement);
            fault.lock().expect("nobody panics with the lock").as_mut().and_then(Fault::next)
        }));
        Running::Embedded(accord::Server::start(config).await.expect("the server starts"))
    }

    async fn spawn(&self) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let mut command = if on_spin() {
            Command::new("spin")
        } else {
            // A file that grows beyond its limit is an error then, and not the end of the process: see `limit_files`.
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' 25; exec \"$@\"", "sh"]).arg(beside("accord-under-test"));
            shell
        };
        command.arg("up").arg("--from").arg(root().join(self.options.manifest));
        command.arg("--listen").arg(format!("127.0.0.1:{port}"));
        command.arg("--state-dir").arg(self.state.path());
        for (name, value) in self.variables() {
            command.arg("--variable").arg(format!("{name}={value}"));
        }
        if !on_spin() {
            command.arg("--no-build");
        }
        if self.options.log {
            let log = File::options().append(true).create(true).open(self.state.path().join("log"));
            command.args(["--log-format", "json"]).stderr(log.expect("a file"));
        } else if !on_spin() {
            command.arg("--quiet");
        }
        // A group of its own: `spin up` runs the server as a process of its own, which has to end with it.
        let child = command.stdout(Stdio::null()).process_group(0).spawn().expect("the server's program is there");
        let health = format!("http://127.0.0.1:{port}/.well-known/spin/health");
        let deadline = Instant::now() + Duration::from_mins(1);
        while reqwest::get(&health).await.is_err() {
            assert!(Instant::now() < deadline, "the server does not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Running::Process { child, port }
    }

    fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        let fixed = [
            // Without it the embedded host says where it listens, which differs from run to run.
            ("public_url", PUBLIC_URL),
            ("admin_email", ADMIN_EMAIL),
            ("admin_password", ADMIN_PASSWORD),
            ("bootstrap_client_id", CLIENT_ID),
            ("bootstrap_client_secret", CLIENT_SECRET),
        ];
        let given = if self.options.credentials { &fixed[..] } else { &[] };
        let told = given.iter().filter(|(name, _)| *name != "public_url" || !self.options.is_where_it_listens);
        let told: Vec<_> = told.map(|(name, value)| (*name, (*value).to_owned())).collect();
        told.into_iter().chain(self.options.variables.clone())
    }

    pub(crate) fn hang_up(&self) {
        let Running::Process { child, .. } = &self.running else { panic!("the server is a process of its own") };
        signal("-HUP", &child.id().to_string());
    }

    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let Running::Process { child, .. } = &self.running else { panic!("the server is a process of its own") };
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let set = Command::new("prlimit")
            .args(["--pid", &child.id().to_string(), &format!("--fsize={limit}:unlimited")])
            .status();
        assert!(set.is_ok_and(|status| status.success()), "the limit is set");
    }

    pub(crate) async fn stop(&mut self) {
        match std::mem::replace(&mut self.running, Running::Stopped) {
            Running::Embedded(server) => server.shutdown().await,
            Running::Process { child, .. } => kill(child),
            Running::Stopped => {}
        }
    }

    pub(crate) fn kill(&mut self) {
        match std::mem::replace(&mut self.running, Running::Stopped) {
            Running::Process { child, .. } => kill(child),
            _ => panic!("only a process can be killed"),
        }
    }

    pub(crate) async fn kill_and_restart(&mut self) {
        if !matches!(self.running, Running::Stopped) {
            self.kill();
        }
        self.run().await;
    }

    pub(crate) async fn restart_with(&mut self, name: &'static str, value: &str) {
        self.stop().await;
        self.options.variables.retain(|(known, _)| *known != name);
        self.options.variables.push((name, value.to_owned()));
        self.run().await;
    }

    pub(crate) fn url(&self) -> String {
        match &self.running {
            Running::Embedded(server) => server.url(),
            Running::Process { port, .. } => format!("http://127.0.0.1:{port}"),
            Running::Stopped => panic!("the server was killed"),
        }
    }

    pub(crate) fn state_dir(&self) -> &Path {
        self.state.path()
    }

    pub(crate) async fn advance(&self, by: Duration) {
        match &self.running {
            Running::Embedded(_) => self.clock.advance(by),
            _ => tokio::time::sleep(by).await,
        }
    }

    pub(crate) fn fail(&self, after: usize, error: &str) {
        let fault = Fault { after, error: error.to_owned(), happened: false };
        *self.fault.lock().expect("nobody panics with the lock") = Some(fault);
    }

    pub(crate) fn mend(&self) -> bool {
        let fault = self.fault.lock().expect("nobody panics with the lock").take();
        fault.is_some_and(|fault| fault.happened)
    }

    pub(crate) fn statements(&self) -> Vec<Statement> {
        self.statements.lock().expect("nobody panics with the lock").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Running::Process { child, .. } = std::mem::replace(&mut self.running, Running::Stopped) {
            kill(child);
        }
    }
}

/// Ends a process and its group by SIGKILL.
fn kill(mut child: Child) {
    signal("-KILL", &format!("-{}", child.id()));
    child.wait().expect("the server is our child");
}

/// Sends a signal to a process, or to a group of them.
fn signal(signal: &str, target: &str) {
    let sent = Command::new("kill").args([signal, "--", target]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the server runs");
}

/// Builds the components of a manifest, once per process.
fn build(manifest: &Path) {
    static BUILT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock().expect("a build that failed has failed the tests");
    if !built.iter().any(|known| known == manifest) {
        accord::build(manifest).expect("the components build");
        built.push(manifest.to_owned());
    }
}

/// The host's command line.
pub fn command() -> Command {
    Command::new(beside("accord-under-test"))
}

/// A program that cargo put beside the tests.
fn beside(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let test = std::env::current_exe().expect("a process knows its program");
        // target/debug/deps/a-test
        test.ancestors().nth(2).expect("tests are in target").to_owned()
    });
    directory.join(name)
}
