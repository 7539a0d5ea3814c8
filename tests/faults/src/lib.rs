//! A component that misbehaves on request, to test what the others rely on: that a fault costs the requests of its
//! instance and no more, and that requests which share an instance never meet in one transaction.

use std::time::Duration;

use accord_core::error::Conflict;
use accord_core::store::{Connection, Transaction};
use accord_core::{Error, Result};
use accord_web::{Api, Call, Failure, call};
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use spin_sdk::http::StatusCode;
use uuid::Uuid;

thread_local! {
    static ROUTER: Router = routes();
    /// Names the instance in its answers.
    static INSTANCE: String = Uuid::new_v4().to_string();
}

fn routes() -> Router {
    Router::new()
        .route("/instance", get(instance))
        .route("/panic", post(panic))
        .route("/loop", post(spin))
        .route("/sleep/{milliseconds}", post(sleep))
        .route("/transactions", post(prepare))
        .route("/transactions/{id}/{outcome}", post(transact))
}

struct Faults;

impl Api for Faults {
    const NAME: &'static str = "faults";
    type Failure = Failure;

    fn render(_: &Call, _: &str, failure: &Failure) -> Response {
        (failure.status(), failure.text()).into_response()
    }
}

/// Answers a request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: spin_sdk::http::Request) -> Response {
    call::serve::<Faults, _>(&ROUTER, request).await
}

async fn instance() -> String {
    INSTANCE.with(Clone::clone)
}

async fn panic() {
    panic!("as asked for");
}

async fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

async fn sleep(Path(milliseconds): Path<u64>) {
    spin_sdk::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Makes the table that [`transact`] writes to.
async fn prepare() -> Response {
    answer(
        async {
            let connection = Connection::lease().await?;
            connection.execute("CREATE TABLE halves (id TEXT, half INTEGER) STRICT", Vec::new()).await?;
            Ok(())
        }
        .await,
    )
}

/// Writes one half of a row, lets others have their turn, and writes the other. Then it commits, or fails: by an error,
/// by a statement that SQLite refuses, or by a panic.
async fn transact(Path((id, outcome)): Path<(String, String)>) -> Response {
    answer(
        async {
            let transaction = Transaction::begin().await?;
            let insert = "INSERT INTO halves (id, half) VALUES (?, ?)";
            transaction.run(insert, &[id.as_str().into(), 1.into()])?;
            spin_sdk::time::sleep(Duration::from_millis(3)).await;
            transaction.run(insert, &[id.as_str().into(), 2.into()])?;
            match outcome.as_str() {
                "commit" => transaction.commit().await,
                "panic" => panic!("as asked for"),
                "refused" => transaction.run("INSERT INTO nowhere VALUES (1)", &[]).map(drop),
                _ => Err(Error::Conflict(Conflict::NameTaken)),
            }
        }
        .await,
    )
}

fn answer(done: Result<()>) -> Response {
    match done {
        Ok(()) => INSTANCE.with(Clone::clone).into_response(),
        Err(Error::Conflict(_)) => StatusCode::CONFLICT.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
