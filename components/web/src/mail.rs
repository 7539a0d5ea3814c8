//! Delivering mail: from the outbox to the HTTP relay.
//!
//! After each request an instance looks whether a message is due, at most once a second unless the request wrote. What is
//! due is delivered after the answer went out, so that no caller waits for a relay, and no answer's time tells whether a
//! mail was sent.

use std::cell::Cell;
use std::time::Duration;

use accord_core::store::Connection;
use accord_core::store::outbox::{self, Due, Waiting};
use accord_core::values::time::Time;
use accord_core::{Result, log, setting};
use http::header;
use serde_json::json;
use spin_sdk::http::{Request, send};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

thread_local! {
    static LOOKED_AT: Cell<Time> = const { Cell::new(Time::from_milliseconds(0)) };
}

/// Delivers what is due, in the background.
pub async fn deliver_later(wrote: bool) {
    let now = Time::now();
    // Without a relay nothing is delivered at once, and what has expired can wait for a moment.
    let has_relay = setting::get("mail_url").await.is_ok_and(|url| !url.is_empty());
    if !(wrote && has_relay) && now < LOOKED_AT.get() + PAUSE {
        return;
    }
    LOOKED_AT.set(now);
    match waiting(has_relay).await {
        Ok(Waiting { due: false, expired: false }) => {}
        Ok(waiting) => spawn(async move {
            if let Err(error) = work_off(waiting).await {
                log::error(None, format_args!("mail was not delivered: {error:#}"));
            }
        }),
        Err(error) => log::error(None, format_args!("whether mail is due is not known: {error:#}")),
    }
}

#[cfg(target_family = "wasm")]
fn spawn(work: impl Future<Output = ()> + 'static) {
    spin_sdk::wasip3::spawn(work);
}

/// Natively, where unit tests run, there is nothing to deliver with.
#[cfg(not(target_family = "wasm"))]
fn spawn(work: impl Future<Output = ()> + 'static) {
    drop(work);
}

async fn waiting(has_relay: bool) -> Result<Waiting> {
    let waiting = outbox::waiting(&Connection::lease().await?)?;
    // Without a relay mail stays where it is, as long as it is of use.
    Ok(Waiting { due: waiting.due && has_relay, ..waiting })
}

async fn work_off(waiting: Waiting) -> Result<()> {
    if waiting.expired {
        for uuid in outbox::erase_expired(&Connection::lease().await?).await? {
            log::warning(None, format_args!("mail {uuid} was not delivered before its link expired, and is erased"));
        }
    }
    if waiting.due { deliver().await } else { Ok(()) }
}

async fn deliver() -> Result<()> {
    loop {
        // No connection is held while a relay takes its time.
        let due = outbox::take(&Connection::lease().await?).await?;
        if due.is_empty() {
            return Ok(());
        }
        for due in due {
            let sent = hand_over(&due).await;
            let connection = Connection::lease().await?;
            match sent {
                Ok(()) => outbox::delivered(&connection, due.id).await?,
                Err(why) => {
                    log::warning(
                        None,
                        format_args!("mail {} was not delivered and will be tried again: {why}", due.uuid),
                    );
                    outbox::failed(&connection, due.id, &why).await?;
                }
            }
        }
    }
}

/// Gives one message to the relay.
async fn hand_over(due: &Due) -> Result<(), String> {
    let setting = async |name| setting::get(name).await.map_err(|error| error.to_string());
    let message = &due.message;
    let body = json!({
        "from": setting("mail_from").await?,
        "to": message.to,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
    });
    let request = Request::post(setting("mail_url").await?)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", setting("mail_token").await?))
        .header("idempotency-key", &due.uuid)
        .body(body.to_string())
        .map_err(|error| format!("mail_url or mail_token cannot be used: {error}"))?;
    let response = send(request).await.map_err(|error| format!("the relay cannot be reached: {error:?}"))?;
    if response.status().is_success() { Ok(()) } else { Err(format!("the relay answered {}", response.status())) }
}
