//! The entries that a log in a Redis store holds, as text.

use std::time::Duration;

use serde_json::{Value, json};

use super::logs::{Fields, KeyType};
use super::place::Item;
use super::store::{RedisError, Store};

/// Longest that a store may take to tell all that it holds of a log.
const ONE_DUMP: Duration = Duration::from_secs(5);
/// Most entries that are kept.
const ENTRIES_MAX: u64 = 20_000;
/// Longest text of a dump, a page aside, in bytes.
const TEXT_MAX: usize = 16 << 20;
/// Entries that are asked for at once: few enough that they fit into one answer, whatever their size.
const PAGE: u64 = 7;

/// The entries of a list or stream, one JSON object a line, in the log's order. A key that is gone has none.
///
/// # Errors
/// The store cannot be read, or not within [`ONE_DUMP`].
pub(super) async fn log(store: &mut Store, key: &str) -> Result<String, RedisError> {
    let dumping = async {
        match store.type_of(key).await? {
            KeyType::List => list(store, key).await,
            KeyType::Stream => stream(store, key).await,
            KeyType::Gone | KeyType::Other => Ok(String::new()),
        }
    };
    match tokio::time::timeout(ONE_DUMP, dumping).await {
        Ok(dumped) => dumped,
        Err(_) => Err(store.late("dump", ONE_DUMP)),
    }
}

async fn list(store: &mut Store, key: &str) -> Result<String, RedisError> {
    let mut text = String::new();
    for first in (0..ENTRIES_MAX).step_by(PAGE as usize) {
        let items = store.range(key, (first, first + PAGE - 1)).await?;
        for (index, item) in (first..).zip(&items) {
            let payload = match item {
                Item::Bytes(bytes) => serde_json::from_slice::<Value>(bytes)
                    .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes))),
                Item::TooLong(bytes) => too_long(*bytes),
            };
            push(&mut text, &json!({ "sequence": index, "payload": payload }));
        }
        if (items.len() as u64) < PAGE || text.len() > TEXT_MAX {
            break;
        }
    }
    Ok(text)
}

async fn stream(store: &mut Store, key: &str) -> Result<String, RedisError> {
    let (mut text, mut from) = (String::new(), "-".to_owned());
    for _ in (0..ENTRIES_MAX).step_by(PAGE as usize) {
        let entries = store.entries(key, &from, PAGE).await?;
        for (id, fields) in &entries {
            let payload = match fields {
                Fields::Read(fields) => fields.clone(),
                Fields::TooLong(bytes) => too_long(*bytes),
            };
            push(&mut text, &json!({ "sequence": id.to_string(), "payload": payload }));
        }
        match entries.last() {
            Some((last, _)) if entries.len() as u64 == PAGE && text.len() <= TEXT_MAX => from = last.next().to_string(),
            _ => break,
        }
    }
    Ok(text)
}

fn push(text: &mut String, line: &Value) {
    text.push_str(&line.to_string());
    text.push('\n');
}

fn too_long(bytes: u64) -> Value {
    Value::from(format!("an entry of {bytes} bytes"))
}
