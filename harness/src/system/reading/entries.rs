//! Entries of the stream log, read by the rules of `[log]` and `[stream]`.
//!
//! An entry is a frame, or wraps one. Its store says where it lies; whose log that is follows from its subject or key. An entry that
//! nobody can read becomes a chunk that says so.

use std::collections::HashMap;
use std::sync::Arc;

use crosspod_sse::SseEvent;
use serde_json::Value;

use super::outcome::{Read, unreadable};
use super::reader::{Keys, Reader};
use super::rules::FrameRules;
use crate::history::{Chunk, Cursor};
use crate::system::language::Pointer;
use crate::system::stream::{Kind, LogCursor, OneLog, Place, StreamLog};
use crate::wire::json;

/// Most logs whose readers are kept. Beyond them all begin anew.
const READERS_MAX: usize = 10_000;

/// An entry as its store gives it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'e> {
    /// Its content.
    pub body: Body<'e>,
    /// The header that [`Entries::header`] names, if the entry has it.
    pub header: Option<&'e str>,
}

/// The content of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Body<'e> {
    /// Bytes that should be text.
    Bytes(&'e [u8]),
    /// Fields with texts.
    Fields(&'e Value),
    /// More bytes than are taken.
    TooLong(u64),
}

/// One thing that an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMessage {
    /// The log that holds the entry.
    pub log: OneLog,
    /// Place of the entry, from 1. Between two entries with consecutive places nothing lay that was not read.
    pub seq: u64,
    /// The entry's cursor, if it has one that can be read.
    pub cursor: Option<Cursor>,
    /// The frames that it says.
    pub chunk: Chunk,
}

/// Reads the entries of all logs, those of each in their order.
pub struct Entries {
    kind: Option<Pointer>,
    data: Option<Pointer>,
    cursor: Option<LogCursor>,
    rules: Arc<FrameRules>,
    keys: Keys,
    readers: HashMap<OneLog, Reader>,
}

impl Entries {
    /// A reader of entries of `log`. `keys` finds turns by the tokens in a text, where no frame names its turn.
    pub fn new(log: &StreamLog, rules: FrameRules, keys: Keys) -> Self {
        Self {
            kind: log.kind.clone(),
            data: log.data.clone(),
            cursor: log.cursor.clone(),
            rules: Arc::new(rules_of(log, rules)),
            keys,
            readers: HashMap::new(),
        }
    }

    /// Name of the header that holds the cursor, if a header does.
    pub fn header(&self) -> Option<&str> {
        match &self.cursor {
            Some(LogCursor::Header(name)) => Some(name),
            Some(LogCursor::At(_)) | None => None,
        }
    }

    /// Forgets whose frames come next in each log.
    pub fn forget(&mut self) {
        self.readers.clear();
    }

    /// Reads an entry at its place in a log. Returns nothing for an entry that says nothing that is judged.
    pub fn read(&mut self, log: &OneLog, seq: u64, entry: Entry<'_>) -> Vec<LogMessage> {
        let Read { chunks, cursor, .. } = match self.event(entry) {
            Ok(event) => self.reader(log).read(&event),
            Err(chunk) => Read {
                chunks: vec![chunk],
                ..Read::default()
            },
        };
        let message = |chunk| LogMessage {
            log: log.clone(),
            seq,
            cursor,
            chunk,
        };
        chunks.into_iter().map(message).collect()
    }

    fn reader(&mut self, log: &OneLog) -> &mut Reader {
        if self.readers.len() >= READERS_MAX && !self.readers.contains_key(log) {
            self.readers.clear();
        }
        let new = || Reader::new(self.rules.clone(), log.turn.clone()).with_keys(self.keys.clone());
        self.readers.entry(log.clone()).or_insert_with(new)
    }

    /// The event that the entry is to clients, or a chunk that says why there is none.
    fn event(&self, entry: Entry<'_>) -> Result<SseEvent, Chunk> {
        let id = entry.header.map(str::to_owned);
        match entry.body {
            Body::TooLong(bytes) => Err(unreadable(format!("an entry of {bytes} bytes"), "")),
            Body::Fields(fields) => self.unwrapped(fields, &fields.to_string(), id),
            Body::Bytes(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|e| {
                    let why = format!("not UTF-8 at byte {}", e.valid_up_to());
                    unreadable(why, &String::from_utf8_lossy(bytes))
                })?;
                if !self.is_wrapped() {
                    return Ok(SseEvent {
                        id,
                        data: text.to_owned(),
                        ..SseEvent::default()
                    });
                }
                let value = json::read(bytes).map_err(|e| unreadable(format!("not JSON: {e}"), text))?;
                self.unwrapped(&value, text, id)
            }
        }
    }

    /// True if something of an entry is found by a pointer.
    fn is_wrapped(&self) -> bool {
        self.kind.is_some() || self.data.is_some() || matches!(self.cursor, Some(LogCursor::At(_)))
    }

    fn unwrapped(&self, value: &Value, text: &str, id: Option<String>) -> Result<SseEvent, Chunk> {
        let find = |what: &str, at: &Pointer| {
            let found = at.find(value).map(plain);
            found.ok_or_else(|| unreadable(format!("no {what} at {at}"), text))
        };
        let name = self.kind.as_ref().map(|at| find("kind", at)).transpose()?;
        let data = self.data.as_ref().map(|at| find("data", at)).transpose()?;
        let own_id = match &self.cursor {
            Some(LogCursor::At(at)) => at.find(value).map(plain),
            Some(LogCursor::Header(_)) | None => id,
        };
        Ok(SseEvent {
            id: own_id,
            name,
            data: data.unwrap_or_else(|| text.to_owned()),
            garbled: None,
        })
    }
}

/// The rules for entries. A kind or a cursor that `[log]` finds by itself stands where that of an SSE event stands.
fn rules_of(log: &StreamLog, mut rules: FrameRules) -> FrameRules {
    if log.kind.is_some() {
        rules.stream.kind = Kind::Event;
    }
    if let Some(cursor) = rules.stream.cursor.as_mut().filter(|_| log.cursor.is_some()) {
        cursor.at = Place::Id;
    }
    rules
}

/// A value as the text that an SSE event has of it.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
