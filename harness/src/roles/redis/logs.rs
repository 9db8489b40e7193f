//! Commands that read lists and streams.

use serde_json::{Map, Value};

use super::place::{Item, StreamId};
use super::store::{RedisError, Store};
use crate::wire::resp::Reply;

/// Keys that a store looks through for one answer.
const KEYS_AT_ONCE: &str = "1000";

/// A key's type, as far as it can be a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyType {
    List,
    Stream,
    /// There is no such key.
    Gone,
    /// A type that is no log.
    Other,
}

/// The fields of an entry of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fields {
    Read(Value),
    /// The length of a field that is longer than what is held.
    TooLong(u64),
}

impl Store {
    /// Looks through some of the keys, from a cursor on that a look before has returned; the first is `0`, and so is the one behind the
    /// last. Returns the next cursor, and the keys that fit the glob. A key that is there all the time is found once in each round, or
    /// more often.
    pub(super) async fn scan(&mut self, cursor: &str, glob: &str) -> Result<(String, Vec<String>), RedisError> {
        let words = [cursor, "MATCH", glob, "COUNT", KEYS_AT_ONCE].map(str::as_bytes);
        let reply = self.ask("SCAN", &words).await?;
        let Reply::List(parts) = &reply else {
            return Err(self.unfit("SCAN", "a cursor and keys", &reply));
        };
        match &parts[..] {
            [Reply::Text(next), Reply::List(keys)] => {
                // A key that is no text is none of a log.
                let keys = keys
                    .iter()
                    .filter_map(|key| String::from_utf8(bytes(key)?.to_vec()).ok());
                Ok((String::from_utf8_lossy(next).into_owned(), keys.collect()))
            }
            _ => Err(self.unfit("SCAN", "a cursor and keys", &reply)),
        }
    }

    pub(super) async fn type_of(&mut self, key: &str) -> Result<KeyType, RedisError> {
        match self.ask("TYPE", &[key.as_bytes()]).await? {
            Reply::Line(name) => Ok(match name.as_str() {
                "list" => KeyType::List,
                "stream" => KeyType::Stream,
                "none" => KeyType::Gone,
                _ => KeyType::Other,
            }),
            other => Err(self.unfit("TYPE", "a type", &other)),
        }
    }

    pub(super) async fn length(&mut self, list: &str) -> Result<u64, RedisError> {
        self.number("LLEN", &[list.as_bytes()]).await
    }

    /// The entries of a list between two indices, both included.
    pub(super) async fn range(&mut self, key: &str, (first, last): (u64, u64)) -> Result<Vec<Item>, RedisError> {
        let (first, last) = (first.to_string(), last.to_string());
        let words = [key, &first, &last].map(str::as_bytes);
        let reply = self.ask("LRANGE", &words).await?;
        let item = |reply: &Reply| match reply {
            Reply::Text(bytes) => Some(Item::Bytes(bytes.clone())),
            Reply::TooLong(bytes) => Some(Item::TooLong(*bytes)),
            _ => None,
        };
        let items = match &reply {
            Reply::List(items) => items.iter().map(item).collect(),
            _ => None,
        };
        items.ok_or_else(|| self.unfit("LRANGE", "a list of texts", &reply))
    }

    /// The last index at which a list holds an entry. Returns `None` if it does not, or if the store is older than the command (6.0.6).
    pub(super) async fn index(&mut self, list: &str, entry: &[u8]) -> Result<Option<u64>, RedisError> {
        let words = [list.as_bytes(), entry, b"RANK", b"-1"];
        match self.ask("LPOS", &words).await {
            Ok(Reply::Number(index)) => Ok(u64::try_from(index).ok()),
            Ok(Reply::Nothing) => Ok(None),
            Ok(other) => Err(self.unfit("LPOS", "an index", &other)),
            Err(e) if e.is_unknown_command() => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Up to `count` entries of a stream, from an id on.
    pub(super) async fn entries(
        &mut self,
        stream: &str,
        from: &str,
        count: u64,
    ) -> Result<Vec<(StreamId, Fields)>, RedisError> {
        let count = count.to_string();
        let words = [stream, from, "+", "COUNT", &count].map(str::as_bytes);
        let reply = self.ask("XRANGE", &words).await?;
        read(&reply).ok_or_else(|| self.unfit("XRANGE", "entries with fields", &reply))
    }

    /// The id of a stream's newest entry. Returns `None` if it has none.
    pub(super) async fn newest(&mut self, stream: &str) -> Result<Option<StreamId>, RedisError> {
        let words = [stream, "+", "-", "COUNT", "1"].map(str::as_bytes);
        let reply = self.ask("XREVRANGE", &words).await?;
        let entries = read(&reply).ok_or_else(|| self.unfit("XREVRANGE", "entries with fields", &reply))?;
        Ok(entries.first().map(|(id, _)| *id))
    }
}

/// The entries of a stream.
fn read(reply: &Reply) -> Option<Vec<(StreamId, Fields)>> {
    let Reply::List(entries) = reply else { return None };
    let entry = |entry: &Reply| {
        let Reply::List(parts) = entry else { return None };
        let [id, fields] = &parts[..] else { return None };
        let id = StreamId::parse(std::str::from_utf8(bytes(id)?).ok()?)?;
        Some((id, read_fields(fields)?))
    };
    entries.iter().map(entry).collect()
}

/// Names and values in turn, as a JSON object of texts.
fn read_fields(reply: &Reply) -> Option<Fields> {
    let Reply::List(words) = reply else { return None };
    let mut fields = Map::new();
    for pair in words.chunks(2) {
        let [name, value] = pair else { return None };
        let words = match (name, value) {
            (Reply::TooLong(long), _) | (_, Reply::TooLong(long)) => return Some(Fields::TooLong(*long)),
            (name, value) => (bytes(name)?, bytes(value)?),
        };
        let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        fields.insert(text(words.0), text(words.1).into());
    }
    Some(Fields::Read(Value::Object(fields)))
}

fn bytes(reply: &Reply) -> Option<&[u8]> {
    match reply {
        Reply::Text(bytes) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Reply {
        Reply::Text(text.as_bytes().to_vec())
    }

    fn entry(id: &str, words: Vec<Reply>) -> Reply {
        Reply::List(vec![text(id), Reply::List(words)])
    }

    #[test]
    fn entries_of_a_stream_are_objects_of_texts() {
        let reply = Reply::List(vec![
            entry("5-0", vec![text("kind"), text("end"), text("n"), text("7")]),
            entry("5-1", vec![text("kind"), Reply::TooLong(9_000_000)]),
            entry("6-0", Vec::new()),
        ]);
        let entries = read(&reply).expect("entries");
        let id = |text| StreamId::parse(text).expect("an id");
        assert_eq!(
            entries,
            [
                (id("5-0"), Fields::Read(json!({ "kind": "end", "n": "7" }))),
                (id("5-1"), Fields::TooLong(9_000_000)),
                (id("6-0"), Fields::Read(json!({}))),
            ]
        );
    }

    #[test]
    fn other_replies_are_no_entries() {
        for reply in [
            Reply::Nothing,
            Reply::List(vec![text("5-0")]),
            Reply::List(vec![entry("5", Vec::new())]),
            Reply::List(vec![entry("5-0", vec![text("kind")])]),
            Reply::List(vec![entry("5-0", vec![text("kind"), Reply::Number(1)])]),
            Reply::List(vec![Reply::List(vec![text("5-0"), Reply::Nothing])]),
        ] {
            assert_eq!(read(&reply), None, "{reply:?}");
        }
    }
}
