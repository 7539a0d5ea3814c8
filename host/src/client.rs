//! Requests to an Accord that runs, by plain HTTP: what the commands beside `accord up` are made of.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Where an Accord is reached.
pub(crate) struct Place {
    url: String,
    host: String,
    port: u16,
}

impl Place {
    /// Reads a URL that begins with `http://`.
    pub fn parse(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
        let authority = authority.with_context(|| format!("{url} does not begin with http://"))?;
        let (host, port) = (authority.host().to_owned(), authority.port_u16().unwrap_or(80));
        Ok(Self { url: url.to_owned(), host, port })
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request to this place, whose address has no more than a path, and gives the answer.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<http::Response<Incoming>> {
        let stream = TcpStream::connect((self.host.trim_matches(['[', ']']), self.port)).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let host = format!("{}:{}", self.host, self.port).parse()?;
        request.headers_mut().insert(header::HOST, host);
        Ok(sender.send_request(request).await?)
    }
}
