//! An access token for the connector of the first start, got from an Accord that runs.

use crate::app::credentials;
use crate::client::Place;
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use serde::Deserialize;
use std::path::Path;

/// What the token endpoint answers, as far as it matters here (RFC 6749, sections 5.1 and 5.2).
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    error_description: Option<String>,
}

/// Asks the Accord at `url` for a token, with the credentials that are kept in `state_dir`.
///
/// # Errors
///
/// If no credentials are kept there, nobody answers at `url`, or the answer is no token. The error is one line.
pub(crate) fn issue(state_dir: &Path, url: &str) -> Result<String> {
    let client = credentials::client(state_dir)?;
    let place = Place::parse(url)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(ask(&place, &client));
    let answer = answer.with_context(|| format!("no token from {url}: is Accord running there?"))?;
    match serde_json::from_slice(&answer) {
        Ok(Answer { access_token: Some(token), .. }) => Ok(token),
        Ok(Answer { error_description: Some(why), .. }) => bail!("no token from {url}: {why}"),
        _ => bail!("no token from {url}: it answers, and is no Accord"),
    }
}

/// The body of the answer to a request for a token. `client` is the id and the secret with a colon between them.
async fn ask(place: &Place, client: &str) -> Result<Bytes> {
    let request = Request::post("/oauth/token")
        .header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(client)))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from_static(b"grant_type=client_credentials")))?;
    Ok(place.send(request).await?.into_body().collect().await?.to_bytes())
}
