//! A component that does what the last segment of the path says, with the query as its argument.

use bytes::Bytes;
use http_body_util::Full;
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{HeaderName, Request, Response, StatusCode};
use spin_sdk::key_value::Store;
use spin_sdk::sqlite::wit::sqlite as blocking;
use spin_sdk::sqlite::{Connection, Value};
use spin_sdk::wasip3::clocks::system_clock;
use std::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

std::thread_local! {
    static REQUESTS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

type Answer = Result<String, String>;

/// Answers a request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn serve(request: Request) -> Response<Full<Bytes>> {
    let request_id = request.headers().get("x-request-id").cloned();
    let (status, text) = match answer(request).await {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::BAD_REQUEST, text),
    };
    let length = text.len();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert(HeaderName::from_static("content-length"), length.into());
    *response.status_mut() = status;
    response.headers_mut().extend(request_id.map(|id| (HeaderName::from_static("x-request-id"), id)));
    response
}

async fn answer(request: Request) -> Answer {
    let uri = request.uri().clone();
    let argument = uri.query().unwrap_or_default();
    match uri.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default() {
        // What the host tells.
        "count" => Ok(REQUESTS.replace(REQUESTS.get() + 1).to_string()),
        "url" => Ok(uri.to_string()),
        "header" => {
            let values = request.headers().get_all(argument).iter();
            Ok(values.map(|value| value.to_str().unwrap_or("?")).collect::<Vec<_>>().join("|"))
        }
        "length" => Ok(request.into_body().bytes().await.map_err(text)?.len().to_string()),
        "variable" => spin_sdk::variables::get(argument).await.map_err(text),
        "environment" => Ok(std::env::vars().map(|(name, value)| name + "=" + &value).collect()),
        "fetch" => Ok(spin_sdk::http::get(argument).await.map_err(text)?.status().to_string()),
        "clock" => {
            // The standard library reads the clock of WASI 0.2.
            let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_err(text)?;
            Ok(format!("{} {}", clock.as_secs(), system_clock::now().seconds))
        }
        "log" => {
            let body = request.into_body().bytes().await.map_err(text)?;
            eprintln!("{}", std::str::from_utf8(&body).map_err(text)?);
            println!("on standard output");
            Ok(String::new())
        }
        "files" => std::fs::read_dir("/").map(|_| String::new()).map_err(text),
        "connect" => std::net::TcpStream::connect(argument).map(|_| String::new()).map_err(text),

        // SQLite. The body is the statements, one per line, all on one connection.
        "sql" => run(request).await,
        "sql-and-compute" => {
            let answer = run(request).await;
            // A quarter of a second of a processor, however long it waits for that.
            for step in 0..250_000_000 {
                std::hint::black_box(step);
            }
            answer
        }
        // The same by the calls that nothing else of the instance goes on beside.
        "sql-blocking" => {
            let body = request.into_body().bytes().await.map_err(text)?;
            let connection = blocking::Connection::open("default").map_err(text)?;
            for statement in std::str::from_utf8(&body).map_err(text)?.lines() {
                connection.execute(statement, &[]).map_err(text)?;
            }
            Ok(String::new())
        }
        "open" => Connection::open(argument).await.map(|_| String::new()).map_err(text),
        "values" => {
            let values =
                [Value::Integer(-1), Value::Real(0.5), Value::Text("ü".into()), Value::Blob(vec![0, 255]), Value::Null];
            let connection = Connection::open_default().await.map_err(text)?;
            let rows = connection.execute("SELECT ?1 AS a, ?2 AS b, ?3, ?4, ?5", values).await.map_err(text)?;
            let columns = rows.columns()[..2].join(",");
            let rows = rows.collect().await.map_err(text)?;
            Ok(format!("{columns} {:?}", rows[0].values))
        }
        "insert" => {
            let connection = Connection::open_default().await.map_err(text)?;
            execute(&connection, argument_statement(argument)).await?;
            Ok(format!("{} {}", connection.changes().await, connection.last_insert_rowid().await))
        }
        "exhaust" => {
            let mut open = Vec::new();
            loop {
                match Connection::open_default().await {
                    Ok(connection) => open.push(connection),
                    Err(error) => return Ok(format!("{} {error:?}", open.len())),
                }
            }
        }

        // The key-value store.
        "store" => Store::open(argument).await.map(|_| String::new()).map_err(text),
        "keys" => {
            let store = Store::open_default().await.map_err(text)?;
            store.set("a", b"1").await.map_err(text)?;
            store.set("a", b"2").await.map_err(text)?;
            store.set("b", b"").await.map_err(text)?;
            store.delete("b").await.map_err(text)?;
            store.delete("c").await.map_err(text)?;
            let (a, b) = (store.get("a").await.map_err(text)?, store.get("b").await.map_err(text)?);
            let keys = store.get_keys().await.collect().await.map_err(text)?;
            Ok(format!("{a:?} {b:?} {} {keys:?}", store.exists("a").await.map_err(text)?))
        }

        "large" if argument == "once" => Ok("a".repeat(1 << 20)),

        // Bad behaviour.
        "panic" => panic!("as told"),
        "loop" | "large" => loop {
            std::hint::black_box(());
        },
        "fill" => {
            let mut memory = Vec::new();
            loop {
                memory.push(vec![1_u8; 1 << 20]);
            }
        }
        unknown => Err(format!("unknown: {unknown}")),
    }
}

async fn run(request: Request) -> Answer {
    let body = request.into_body().bytes().await.map_err(text)?;
    let connection = Connection::open_default().await.map_err(text)?;
    let mut answer = String::new();
    for statement in std::str::from_utf8(&body).map_err(text)?.lines() {
        answer = execute(&connection, statement).await?;
    }
    Ok(answer)
}

async fn execute(connection: &Connection, statement: &str) -> Answer {
    let rows = connection.execute(statement, []).await.map_err(text)?.collect().await.map_err(text)?;
    let rows = rows.into_iter().map(|row| {
        row.values.into_iter().map(|value| match value {
            Value::Integer(integer) => integer.to_string(),
            Value::Text(text) => text,
            other => format!("{other:?}"),
        })
    });
    Ok(rows.map(|row| row.collect::<Vec<_>>().join(",")).collect::<Vec<_>>().join(";"))
}

fn argument_statement(argument: &str) -> &'static str {
    match argument {
        "two" => "INSERT INTO t VALUES (NULL), (NULL)",
        _ => "INSERT INTO t VALUES (NULL)",
    }
}

fn text(error: impl Debug) -> String {
    format!("{error:?}")
}
