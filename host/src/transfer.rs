//! `accord export` and `accord import`: clients of the application's `/api/export` and `/api/import`, which go on where they were.
//!
//! Both operations are done in parts, each a request. What has come of an export is kept in a file beside the one that is asked for,
//! with a mark of how far it came; how far an import came, the application says.

use crate::client::Place;
use crate::files;
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many bytes of lines go with a request.
const PART: usize = 4 << 20;

/// How often a request is sent that is not answered, or with `503`, before that is told.
const ATTEMPTS: u32 = 10;

/// How long is waited before it is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest last line of a part. (Lines of rows are longer.)
const LAST: u64 = 4096;

/// An Accord, and who calls there.
pub(crate) struct Caller {
    pub place: Place,
    pub name: String,
    pub password: String,
}

impl Caller {
    /// The answer to a request, which is sent again as long as nobody answers.
    ///
    /// # Errors
    ///
    /// If nobody does for too long, or the answer says no: why, in one line.
    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>> {
        let credentials = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.name, self.password)));
        let mut attempts = 0;
        loop {
            attempts += 1;
            let request = Request::builder()
                .method(method.clone())
                .uri(path)
                .header(header::AUTHORIZATION, &credentials)
                .header(header::CONTENT_TYPE, "application/x-ndjson")
                .body(Full::new(body.clone()))?;
            let answered = self.place.send(request).await;
            let is_last = attempts >= ATTEMPTS;
            match answered {
                Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer),
                Ok(answer) if is_last || !answer.status().is_server_error() => bail!("{}", said(answer).await),
                Err(error) if is_last => {
                    return Err(error).with_context(|| format!("nobody answers at {}", self.place.url()));
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn progress(&self) -> Result<Progress> {
        read(self.send(Method::GET, "/api/import", Bytes::new()).await?).await
    }
}

/// How far an import has come.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    lines: u64,
    is_under_way: bool,
}

async fn read(answer: Response<Incoming>) -> Result<Progress> {
    let body = answer.into_body().collect().await?.to_bytes();
    serde_json::from_slice(&body).context("it answers, and is no Accord")
}

/// What an answer that says no says.
async fn said(answer: Response<Incoming>) -> String {
    /// A problem (RFC 9457), as far as it matters here.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        detail: String,
        errors: std::collections::BTreeMap<String, String>,
    }
    let status = answer.status();
    let body = answer.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let Problem { detail, errors } = serde_json::from_slice(&body).unwrap_or_default();
    let faults: Vec<_> = errors.iter().map(|(field, why)| format!("{field} {why}")).collect();
    match (faults.as_slice(), detail.as_str()) {
        ([], "") => format!("it answers {status}"),
        ([], detail) => format!("{detail} ({status})"),
        (faults, _) => faults.join("; "),
    }
}

/// How far an export has come, kept beside it.
#[derive(Serialize, Deserialize)]
struct Mark {
    url: String,
    /// Bytes of whole lines.
    bytes: u64,
    next: String,
}

/// The last line of a part.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Last {
    Next(String),
    Changed(serde::de::IgnoredAny),
    End(End),
}

#[derive(Deserialize)]
struct End {
    lines: u64,
}

/// Takes the directory out into `file`, in place of the one that is there. `from` is where it is taken from, as the user knows that: an
/// export that was begun there goes on.
///
/// # Errors
///
/// If it is not answered, or the directory was changed meanwhile. Then `file` is as it was.
pub(crate) async fn export(caller: &Caller, from: &str, file: &Path) -> Result<u64> {
    let (part, mark_file) = (beside(file, ".part"), beside(file, ".part.mark"));
    let mark = std::fs::read(&mark_file).ok().and_then(|mark| serde_json::from_slice::<Mark>(&mark).ok());
    let mut mark = mark.filter(|mark| mark.url == from && part.metadata().is_ok_and(|part| part.len() >= mark.bytes));
    let written = || format!("cannot write {}", part.display());
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&part);
    let mut to = open.with_context(written)?;
    let mut told = Told::new();
    loop {
        let bytes = mark.as_ref().map_or(0, |mark| mark.bytes);
        to.set_len(bytes).with_context(written)?;
        to.seek(SeekFrom::End(0))?;
        let path =
            mark.as_ref().map_or_else(|| "/api/export".to_owned(), |mark| format!("/api/export?next={}", mark.next));
        let mut body = caller.send(Method::GET, &path, Bytes::new()).await?.into_body();
        while let Some(frame) = body.frame().await {
            // One that breaks off has no last line.
            let Ok(frame) = frame else { break };
            if let Some(data) = frame.data_ref() {
                to.write_all(data).with_context(written)?;
                told.add(data.len() as u64, None);
            }
        }
        let (at, last) = last_line(&mut to)?;
        match last {
            None if told.broke_off() => bail!("the answers break off: go on by the same command"),
            None => {}
            Some(Last::Changed(_)) => {
                _ = (std::fs::remove_file(&part), std::fs::remove_file(&mark_file));
                bail!(
                    "somebody wrote while the directory was taken out: do it again when nobody writes, or out of a copy \
                     (`accord backup`, `accord restore` into another state directory, `accord export` there)"
                );
            }
            Some(Last::Next(next)) => {
                to.set_len(at).with_context(written)?;
                to.sync_data()?;
                let reached = Mark { url: from.to_owned(), bytes: at, next };
                files::replace(&mark_file, &serde_json::to_vec(&reached)?)?;
                mark = Some(reached);
            }
            Some(Last::End(End { lines })) => {
                to.sync_all()?;
                std::fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
                _ = std::fs::remove_file(&mark_file);
                told.end();
                return Ok(lines + 1);
            }
        }
    }
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Where the last line of a file begins, and what it says; `None` if it is not the last of a part.
fn last_line(file: &mut File) -> Result<(u64, Option<Last>)> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(LAST);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(line) = tail.strip_suffix(b"\n") else { return Ok((length, None)) };
    let begins = line.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let last = serde_json::from_slice(&line[begins..]).ok().filter(|_| begins > 0 || from == 0);
    Ok((from + begins as u64, last))
}

/// Brings in the directory that `file` holds, from where that has come so far.
///
/// # Errors
///
/// If it is not answered, or a line cannot be taken: which one, and why.
pub(crate) async fn import(caller: &Caller, file: &Path) -> Result<u64> {
    let unreadable = || format!("cannot read {}", file.display());
    let length = file.metadata().with_context(unreadable)?.len();
    let mut lines = BufReader::new(File::open(file).with_context(unreadable)?);
    let mut told = Told::new();
    let begun = caller.progress().await?;
    let mut line = Vec::new();
    for _ in 0..begun.lines {
        line.clear();
        if lines.read_until(b'\n', &mut line).with_context(unreadable)? == 0 {
            bail!("{} has fewer lines than have come: is it the file that the import began with?", file.display());
        }
        told.add(line.len() as u64, Some(length));
    }
    let mut come = begun.lines;
    // Of the lines that are on their way, how long each is, and all of them.
    let (mut lengths, mut part) = (std::collections::VecDeque::new(), Vec::new());
    loop {
        while part.len() < PART {
            line.clear();
            let read = lines.read_until(b'\n', &mut line).with_context(unreadable)?;
            if read == 0 {
                break;
            }
            lengths.push_back(read);
            part.extend_from_slice(&line);
        }
        if part.is_empty() {
            bail!(
                "{} ends before the last line of an export: the directory cannot be used until that has come",
                file.display()
            );
        }
        let path = format!("/api/import?line={}", come + 1);
        let progress = read(caller.send(Method::POST, &path, Bytes::from(part.clone())).await?).await?;
        if progress.lines <= come {
            bail!("no line was taken: are several importing?");
        }
        let taken: usize = (come..progress.lines).filter_map(|_| lengths.pop_front()).sum();
        part.drain(..taken);
        come = progress.lines;
        told.add(taken as u64, Some(length));
        if !progress.is_under_way {
            told.end();
            return Ok(come);
        }
    }
}

/// Tells on a terminal how far it is.
struct Told {
    started: Instant,
    bytes: u64,
    shown: Option<Instant>,
    is_shown: bool,
    breaks: u32,
}

impl Told {
    fn new() -> Self {
        let is_shown = std::io::stderr().is_terminal();
        Self { started: Instant::now(), bytes: 0, shown: None, is_shown, breaks: 0 }
    }

    /// So many more bytes have come, of so many if that is known.
    fn add(&mut self, bytes: u64, of: Option<u64>) {
        self.bytes += bytes;
        if !self.is_shown || self.shown.is_some_and(|shown| shown.elapsed() < Duration::from_millis(200)) {
            return;
        }
        self.shown = Some(Instant::now());
        let (came, seconds) = (self.bytes / 1_000_000, self.started.elapsed().as_secs());
        let part = of.map(|of| format!(" ({} %)", self.bytes * 100 / of.max(1))).unwrap_or_default();
        // Where it cannot be shown it is not.
        _ = write!(std::io::stderr(), "\r{came} MB{part}, {seconds} s ");
    }

    /// Whether it broke off too often.
    fn broke_off(&mut self) -> bool {
        self.breaks += 1;
        self.breaks >= ATTEMPTS
    }

    fn end(&self) {
        if self.shown.is_some() {
            _ = write!(std::io::stderr(), "\r{:30}\r", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_part_is_found_and_nothing_else_is_one() {
        let of = |text: &str| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            last_line(&mut file).unwrap()
        };
        let row = format!("{{\"people\":\"{}\"}}\n", "x".repeat(5000));
        let (at, last) = of(&format!("{row}{{\"next\":\"abc\"}}\n"));
        assert!(matches!(last, Some(Last::Next(next)) if next == "abc"));
        assert_eq!(at, row.len() as u64);
        assert!(matches!(of("{\"changed\":true}\n"), (0, Some(Last::Changed(_)))));
        assert!(matches!(of("{}\n{\"end\":{\"ids\":{},\"lines\":7}}\n"), (3, Some(Last::End(End { lines: 7 })))));
        for broken in ["", "\n", "{\"next\":\"abc\"}", "{\"next\":\"ab\n", &row, "{\"people\":{}}\n"] {
            assert!(of(broken).1.is_none(), "{broken}");
        }
    }
}
