//! One log in a Redis store, and how far it was read.

use serde_json::{Map, Value};

use super::logs::{Fields, KeyType};
use super::place::{Item, ListPlace, StreamPlace};
use super::store::{RedisError, Store};
use crate::system::reading::{Body, Entries, Entry, LogMessage};
use crate::system::stream::OneLog;

/// Most messages of one reading; the rest is left to the next.
const MESSAGES_MAX: usize = 200_000;
/// Most bytes of the entries of one reading, a page aside; the rest is left to the next.
const BYTES_MAX: usize = 64 << 20;
/// Most entries that are asked for at once.
const PAGE: u64 = 1000;
/// A page that is too large for an answer is divided by this, until everything is read.
const SMALLER: u64 = 128;
/// Times that one log is asked for again because it was trimmed between two questions.
const TRIES: usize = 3;
/// The header that an entry of a stream has.
const ID: &str = "id";

/// A log that is read.
pub(super) struct Followed {
    log: OneLog,
    place: Place,
    /// Entries that are asked for at once.
    page: u64,
}

enum Place {
    List(ListPlace),
    Stream(StreamPlace),
}

/// The entries that one reading has brought.
#[derive(Default)]
pub(super) struct Drained {
    pub(super) messages: Vec<LogMessage>,
    /// Bytes of the entries.
    bytes: usize,
}

impl Drained {
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= MESSAGES_MAX || self.bytes >= BYTES_MAX
    }
}

impl Followed {
    /// A log from its beginning. Returns `None` if a key of that type is none.
    pub(super) fn of(log: OneLog, key_type: KeyType) -> Option<Self> {
        let place = match key_type {
            KeyType::List => Place::List(ListPlace::default()),
            KeyType::Stream => Place::Stream(StreamPlace::default()),
            KeyType::Gone | KeyType::Other => return None,
        };
        Some(Self { log, place, page: PAGE })
    }

    /// Goes behind the last entry.
    pub(super) async fn pass(&mut self, store: &mut Store) -> Result<(), RedisError> {
        let key = &self.log.name;
        match &mut self.place {
            Place::List(place) => {
                let length = store.length(key).await?;
                let last = length.checked_sub(1);
                let last = match last {
                    Some(index) => store.range(key, (index, index)).await?.pop(),
                    None => None,
                };
                place.pass(length, last);
            }
            Place::Stream(place) => place.pass(store.newest(key).await?),
        }
        Ok(())
    }

    /// Reads everything behind the entry that was read last.
    ///
    /// # Errors
    /// The store cannot be read, or a page is too large for an answer; then the next one is smaller.
    pub(super) async fn read(
        &mut self,
        store: &mut Store,
        entries: &mut Entries,
        seq: &mut u64,
        drained: &mut Drained,
    ) -> Result<(), RedisError> {
        let Self { log, place, page } = self;
        let mut found = Reading {
            log,
            entries,
            seq,
            drained,
        };
        loop {
            let read = match place {
                Place::List(place) => read_list(place, store, *page, &mut found).await,
                Place::Stream(place) => read_stream(place, store, *page, &mut found).await,
            };
            if read.as_ref().is_err_and(RedisError::is_too_large) {
                *page = (*page / SMALLER).max(1);
            }
            let is_all = read? < *page;
            if is_all {
                *page = PAGE;
            }
            if is_all || found.drained.is_full() {
                return Ok(());
            }
        }
    }
}

/// A log whose entries are read now, and what they say.
struct Reading<'r> {
    log: &'r OneLog,
    entries: &'r mut Entries,
    seq: &'r mut u64,
    drained: &'r mut Drained,
}

impl Reading<'_> {
    /// Leaves a place out if entries may have been lost here.
    fn behind(&mut self, gap: bool) {
        *self.seq += u64::from(gap);
    }

    fn put(&mut self, body: Body<'_>, header: Option<&str>) {
        *self.seq += 1;
        self.drained.bytes += match body {
            Body::Bytes(bytes) => bytes.len(),
            Body::Fields(fields) => fields.as_object().map_or(0, bytes_of),
            Body::TooLong(_) => 0,
        };
        let said = self.entries.read(self.log, *self.seq, Entry { body, header });
        self.drained.messages.extend(said);
    }
}

fn bytes_of(fields: &Map<String, Value>) -> usize {
    let texts = fields.values().filter_map(Value::as_str);
    texts.map(str::len).sum()
}

/// Reads a page of a list; returns the number of entries.
async fn read_list(
    place: &mut ListPlace,
    store: &mut Store,
    page: u64,
    found: &mut Reading<'_>,
) -> Result<u64, RedisError> {
    let log = found.log;
    let key = &log.name;
    for _ in 0..TRIES {
        let items = store.range(key, place.range(page)).await?;
        let Some(new) = place.take(items) else {
            match place.last().map(<[u8]>::to_vec) {
                Some(last) => place.found(store.index(key, &last).await?),
                None => place.has_length(store.length(key).await?),
            }
            continue;
        };
        found.behind(place.take_gap());
        for item in &new {
            let body = match item {
                Item::Bytes(bytes) => Body::Bytes(bytes),
                Item::TooLong(bytes) => Body::TooLong(*bytes),
            };
            found.put(body, None);
        }
        return Ok(new.len() as u64);
    }
    Ok(0)
}

/// Reads a page of a stream; returns the number of entries.
async fn read_stream(
    place: &mut StreamPlace,
    store: &mut Store,
    page: u64,
    found: &mut Reading<'_>,
) -> Result<u64, RedisError> {
    let log = found.log;
    let key = &log.name;
    for _ in 0..TRIES {
        // The entry that was read last comes again.
        let entries = store.entries(key, &place.from(), page + 1).await?;
        let Some(new) = place.take(entries) else {
            if place.has_newest(store.newest(key).await?) {
                continue;
            }
            return Ok(0);
        };
        found.behind(place.take_gap());
        let is_id = found.entries.header() == Some(ID);
        for (id, fields) in &new {
            let id = is_id.then(|| id.to_string());
            let body = match fields {
                Fields::Read(fields) => Body::Fields(fields),
                Fields::TooLong(bytes) => Body::TooLong(*bytes),
            };
            found.put(body, id.as_deref());
        }
        return Ok(new.len() as u64);
    }
    Ok(0)
}
