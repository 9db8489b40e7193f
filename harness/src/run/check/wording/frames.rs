//! The frames of a tail, read once more from its raw bytes: with the rule that took each, and what the rule did not find.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crosspod_sse::{Decoder, SseEvent};
use serde_json::Value;

use crate::history::{Event, Raw, WatcherEvent, WatcherId, What};
use crate::system::reading::{Read, Reader};

/// Largest event that is read, in bytes.
const EVENT_MAX: usize = 4 << 20;

/// An event of a tail, and how it was read.
#[derive(Debug, Clone)]
pub(in crate::run) struct SeenFrame {
    /// The event.
    pub(in crate::run) event: SseEvent,
    /// Its data, if it is JSON.
    pub(in crate::run) value: Option<Value>,
    /// Its reading.
    pub(in crate::run) read: Read,
}

/// The frames in the bytes of a tail. An event that is too large ends them.
pub(in crate::run) fn frames(bytes: &[u8], mut reader: Reader) -> Vec<SeenFrame> {
    let mut events = Vec::new();
    let _too_large = Decoder::new(EVENT_MAX).take(bytes, &mut events);
    let read = |event: SseEvent| SeenFrame {
        read: reader.read(&event),
        value: serde_json::from_str(&event.data).ok(),
        event,
    };
    events.into_iter().map(read).collect()
}

/// The raw bytes that a watcher was shown.
pub(in crate::run) fn bytes_of(events: &[Event], of: WatcherId) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        match &event.what {
            What::Watcher(WatcherEvent::Bytes { watcher, raw }) if *watcher == of => match raw {
                Raw::Utf8(text) => bytes.extend_from_slice(text.as_bytes()),
                Raw::Base64(text) => bytes.extend(STANDARD.decode(text).unwrap_or_default()),
            },
            _ => {}
        }
    }
    bytes
}
