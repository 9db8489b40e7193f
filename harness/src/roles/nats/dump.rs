//! The messages that the stream log holds of one thread, as text.

use std::time::Duration;

use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use serde_json::{Value, json};

/// Longest that a stream log may take to tell all that it holds of a thread.
const ONE_DUMP: Duration = Duration::from_secs(5);

/// Most messages of a stream log that are kept.
const MESSAGES_MAX: usize = 20_000;

/// The messages of a subject in a stream log, one JSON object a line, in the log's order.
///
/// # Errors
/// The log cannot be read, in words.
pub(super) async fn stream(stream: &Stream, subject: &str) -> Result<String, String> {
    let reading = async {
        let (mut text, mut next) = (String::new(), 1);
        for _ in 0..MESSAGES_MAX {
            let message = match stream.direct_get_next_for_subject(subject, Some(next)).await {
                Ok(message) => message,
                Err(e) if e.kind() == DirectGetErrorKind::NotFound => break,
                Err(e) => return Err(e.to_string()),
            };
            next = message.sequence + 1;
            let payload = serde_json::from_slice::<Value>(&message.payload)
                .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&message.payload)));
            text.push_str(&json!({"sequence": message.sequence, "payload": payload}).to_string());
            text.push('\n');
        }
        Ok(text)
    };
    let late = format!("{subject} was not read within {ONE_DUMP:?}");
    tokio::time::timeout(ONE_DUMP, reading).await.unwrap_or(Err(late))
}
