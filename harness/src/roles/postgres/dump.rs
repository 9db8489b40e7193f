//! What the system's stores hold of one thread, as text to keep.

use std::time::Duration;

use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use serde_json::{Value, json};

use super::owners::{DatabaseError, Owners};
use crate::history::ThreadId;
use crate::system::Database;

/// Longest that a stream log may take to tell all that it holds of a thread.
const ONE_DUMP: Duration = Duration::from_secs(5);
/// Most messages of a stream log that are kept.
const MESSAGES_MAX: usize = 20_000;

/// The rows of a thread as CSV with a header line, by table.
///
/// # Errors
/// The database cannot be reached, is slow, or refuses.
pub async fn rows(
    owners: &Owners,
    database: &Database,
    thread: &ThreadId,
) -> Result<Vec<(String, String)>, DatabaseError> {
    // COPY takes no parameters; an id is quoted as SQL wants it.
    let id = thread.as_str().replace('\'', "''");
    let Database {
        threads, turns, parts, ..
    } = database;
    let selected = [
        (threads, format!("select * from {threads} where id = '{id}'")),
        (turns, format!("select * from {turns} where thread = '{id}'")),
        (
            parts,
            format!(
                "select p.* from {parts} p join {turns} t on t.id = p.turn where t.thread = '{id}' order by p.epoch, p.seq"
            ),
        ),
    ];
    let mut out = Vec::new();
    for (table, select) in selected {
        out.push((table.clone(), owners.csv(&select).await?));
    }
    Ok(out)
}

/// The messages of a subject in a stream log, one JSON object a line, in the log's order.
///
/// # Errors
/// The log cannot be read, in words.
pub(in crate::roles) async fn stream(stream: &Stream, subject: &str) -> Result<String, String> {
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
