//! Whether an Accord that runs can do its work: for health checks where nothing else is that could ask, as in a container.

use crate::client::Place;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde::Deserialize;
use std::time::Duration;

/// What asks gives up after this time.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `/health/ready` says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ready {
    problems: Vec<String>,
    warnings: Vec<String>,
}

/// Asks the Accord at `url` whether it is ready: what it warns of.
///
/// # Errors
///
/// If it is not, or nobody answers: why, in one line.
pub(crate) fn ask(url: &str) -> Result<Vec<String>> {
    let place = Place::parse(url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (status, body) = runtime.block_on(async {
        let answer = async {
            let answer = place.send(Request::get("/health/ready").body(Full::default())?).await?;
            let status = answer.status();
            anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        let answered = tokio::time::timeout(PATIENCE, answer).await;
        answered.context("it takes too long").flatten().with_context(|| format!("nobody answers at {}", place.url()))
    })?;
    told(status, &body).with_context(|| format!("{url} is not ready"))
}

fn told(status: StatusCode, body: &Bytes) -> Result<Vec<String>> {
    let ready: Ready = serde_json::from_slice(body).unwrap_or_default();
    match status {
        StatusCode::OK => Ok(ready.warnings),
        _ if ready.problems.is_empty() => bail!("it answers {status}"),
        _ => bail!("{}", ready.problems.join("; ")),
    }
}
