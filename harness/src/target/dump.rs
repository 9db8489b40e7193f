//! What the target's stores hold of one thread, as text to keep.

use std::time::Duration;

use async_nats::jetstream::{self, stream::DirectGetErrorKind};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::owner::{DatabaseError, connect, place};
use super::{Database, Log};
use crate::history::ThreadId;

/// Longest that a store may take to tell all that it holds of a thread.
const ONE_DUMP: Duration = Duration::from_secs(5);
/// Most messages of a stream log that are kept.
const MESSAGES_MAX: usize = 20_000;

/// The rows of a thread as CSV with a header line, by table.
///
/// # Errors
/// The database cannot be reached, is slow, or refuses.
pub async fn rows(url: &str, database: &Database, thread: &ThreadId) -> Result<Vec<(String, String)>, DatabaseError> {
    let unreachable = |source| DatabaseError::Unreachable { at: place(url), source };
    let dumping = async {
        let client = connect(url).await.map_err(unreachable)?;
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
            let copy = client
                .copy_out(&format!("copy ({select}) to stdout with (format csv, header)"))
                .await
                .map_err(unreachable)?;
            let chunks: Vec<_> = copy.try_collect().await.map_err(unreachable)?;
            out.push((table.clone(), String::from_utf8_lossy(&chunks.concat()).into_owned()));
        }
        Ok(out)
    };
    tokio::time::timeout(ONE_DUMP, dumping)
        .await
        .unwrap_or_else(|_| Err(DatabaseError::Slow { at: place(url) }))
}

/// The messages of a thread in the target's stream log, one JSON object a line, in the log's order.
///
/// # Errors
/// The log cannot be reached or read, in words.
pub async fn stream(url: &str, log: &Log, thread: &ThreadId) -> Result<String, String> {
    let subject = log.subject.replace("{thread}", thread.as_str());
    let reading = async {
        let client = async_nats::connect(url).await.map_err(|e| e.to_string())?;
        let stream = jetstream::new(client)
            .get_stream_no_info(&log.stream)
            .await
            .map_err(|e| e.to_string())?;
        let (mut text, mut next) = (String::new(), 1);
        for _ in 0..MESSAGES_MAX {
            let message = match stream.direct_get_next_for_subject(subject.as_str(), Some(next)).await {
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
    let bound = format!("stream {} at {url} was not read within {ONE_DUMP:?}", log.stream);
    tokio::time::timeout(ONE_DUMP, reading).await.unwrap_or(Err(bound))
}
