//! The stream that holds the system's log: which one it is, whether it takes writes, and its deletion.
//!
//! A stream that is made again has the same name and numbers its messages from 1 again. Its time of creation, by the broker's
//! clock, tells the two apart.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::PurgeErrorKind;
use async_nats::jetstream::{self, Context, ErrorCode, stream};
use async_nats::{ConnectOptions, ServerAddr};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::monitor::HARNESS;

/// Longest that one question to the broker may take.
const ONE_QUESTION: Duration = Duration::from_secs(1);
/// Longest that the broker may take to make or delete a stream.
const CHANGE: Duration = Duration::from_secs(5);
/// A stream of the harness's own, and its one subject.
const OWN: (&str, &str) = ("crosspod-own", "crosspod.own");
/// Longer than any play: a client that has lost its connection is not used again, and its own tries would be in vain.
const NEVER: Duration = Duration::from_hours(1);

/// When a stream was made, in nanoseconds since 1970 by the broker's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made(i128);

impl Made {
    pub(super) fn of(info: &stream::Info) -> Self {
        Self(info.created.unix_timestamp_nanos())
    }
}

/// The broker does not do as it is asked.
#[derive(Debug, thiserror::Error)]
#[error("stream {stream} at {at}: {what}")]
pub struct StoreError {
    stream: String,
    at: String,
    what: String,
}

/// The stream of a log, as the broker describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// When it was made.
    pub made: Made,
    /// How many messages it holds.
    pub messages: u64,
}

/// The stream of that name at `url`; none where the broker says that it has none.
///
/// # Errors
/// The broker cannot be reached, is slow, or refuses.
pub async fn held(url: &str, name: &str) -> Result<Option<Held>, StoreError> {
    let asking = async {
        let context = connect(url).await?;
        match context.get_stream(name).await {
            Ok(stream) => {
                let info = stream.cached_info();
                Ok(Some(Held {
                    made: Made::of(info),
                    messages: info.state.messages,
                }))
            }
            Err(e) => match e.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
                _ => Err(e.to_string()),
            },
        }
    };
    bounded(url, name, ONE_QUESTION, asking).await
}

/// Deletes the stream of that name with all that it holds.
///
/// # Errors
/// There is none, or the broker cannot be reached, is slow, or refuses.
pub async fn delete(url: &str, name: &str) -> Result<(), StoreError> {
    let deleting = async {
        let deleted = connect(url).await?.delete_stream(name).await;
        match deleted {
            Ok(status) if status.success => Ok(()),
            Ok(_) => Err("the broker says that it was not deleted".to_owned()),
            Err(e) => Err(e.to_string()),
        }
    };
    bounded(url, name, CHANGE, deleting).await
}

/// Why the stream of that name takes no writes, in the broker's words. Returns `None` if it takes them, or if there is no such stream.
///
/// The question is a purge of a subject without messages, which changes nothing. A broker that could not store the last message
/// refuses that too.
///
/// # Errors
/// The broker cannot be reached, or is slow.
pub async fn refusal(url: &str, name: &str) -> Result<Option<String>, StoreError> {
    let asking = async {
        let context = connect(url).await?;
        let stream = context.get_stream_no_info(name).await.map_err(|e| e.to_string())?;
        match stream.purge().filter(OWN.1).await {
            Ok(_) => Ok(None),
            Err(e) => match e.kind() {
                PurgeErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
                PurgeErrorKind::JetStream(error) => Ok(Some(error.to_string())),
                _ => Err(e.to_string()),
            },
        }
    };
    bounded(url, name, ONE_QUESTION, asking).await
}

/// Sees that the broker acknowledges a message, in a stream of the harness's own on the broker's disk, which is there for that long.
///
/// # Errors
/// The broker cannot be reached, is slow, or refuses.
pub async fn store_one(url: &str) -> Result<(), StoreError> {
    let (name, subject) = OWN;
    let storing = async {
        let context = connect(url).await?;
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            ..stream::Config::default()
        };
        context.create_stream(config).await.map_err(|e| e.to_string())?;
        let sent = context.publish(subject, "stored?".into()).await;
        let stored = sent.map_err(|e| e.to_string())?.await;
        let deleted = context.delete_stream(name).await;
        stored.map_err(|e| e.to_string())?;
        deleted.map(drop).map_err(|e| e.to_string())
    };
    bounded(url, name, CHANGE, storing).await
}

async fn bounded<T>(
    url: &str,
    name: &str,
    bound: Duration,
    asking: impl Future<Output = Result<T, String>>,
) -> Result<T, StoreError> {
    let late = || Err(format!("no answer within {bound:?}"));
    let answer = tokio::time::timeout(bound, asking).await.unwrap_or_else(|_| late());
    answer.map_err(|what| StoreError {
        stream: name.to_owned(),
        at: place(url).to_owned(),
        what,
    })
}

/// Host and port of an address, without a password.
pub(super) fn place(url: &str) -> &str {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    place.rsplit_once('@').map_or(place, |(_, place)| place)
}

/// Connects once: what is lost is not sought again by itself.
pub(super) async fn connect(url: &str) -> Result<Context, String> {
    let opened = Arc::new(AtomicBool::new(false));
    let is_open = opened.clone();
    let server: ServerAddr = url.parse().map_err(|e: io::Error| e.to_string())?;
    let client = credentials(&server)
        .name(HARNESS)
        .request_timeout(Some(ONE_QUESTION))
        // Nobody has allowed the servers that a broker names.
        .ignore_discovered_servers()
        .reconnect_delay_callback(move |_| {
            if is_open.load(Ordering::Relaxed) {
                NEVER
            } else {
                Duration::ZERO
            }
        })
        .connect(server)
        // A broker that is away by order is no error: whoever asks is told, and that is enough.
        .with_subscriber(NoSubscriber::default())
        .await
        .map_err(|e| e.to_string())?;
    opened.store(true, Ordering::Relaxed);
    Ok(jetstream::new(client))
}

/// The name and the password that an address holds, or the token.
fn credentials(server: &ServerAddr) -> ConnectOptions {
    match (server.username(), server.password()) {
        (Some(user), Some(password)) => ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned()),
        (Some(token), None) => ConnectOptions::with_token(token.to_owned()),
        (None, _) => ConnectOptions::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_no_password() {
        for url in [
            "nats://127.0.0.1:4222",
            "nats://user:p@ss@127.0.0.1:4222",
            "127.0.0.1:4222",
        ] {
            assert_eq!(place(url), "127.0.0.1:4222");
        }
    }
}
