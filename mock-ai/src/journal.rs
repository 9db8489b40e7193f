//! What the provider remembers of its calls: the records, events and answers of the admin interface.
//!
//! These types are the admin interface's wire format, written by the server and read by whoever judges a run. All
//! times are microseconds since the provider's process started; they are comparable with each other and with nothing
//! else. Absent on purpose: storage and waiting, which are the server's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::ParseIntError,
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::script::EndMode;

/// Identifies a call for the life of the process: 1 for the first, then in order of arrival, across all keys. A reset
/// does not start it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CallId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// Place of an event in the journal: 1 for the first of the process. A reset does not start it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

/// Which call something is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRef {
    /// The call.
    pub call: CallId,
    /// Key of the turn that the call was made for.
    pub key: Arc<str>,
    /// Ordinal of the call for its key, from 1; the `c` of its tokens.
    pub ordinal: u32,
    /// The caller, by the address of the provider that the call came to; `None` at the address that is everybody's.
    pub pod: Option<Arc<str>>,
}

/// One message of the request, reduced to its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The role as the request gave it.
    pub role: String,
    /// The text; that of several text parts is joined by line feeds, parts that are no text are left out.
    pub text: String,
}

/// Everything about one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Which call this is.
    #[serde(flatten)]
    pub id: CallRef,
    /// The `x-request-id` of the response.
    pub request_id: String,
    /// The caller's address.
    pub peer: String,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// The request's messages in order.
    pub messages: Arc<[Message]>,
    /// The request's headers by lower-case name, secrets redacted, repeated ones joined by commas.
    pub headers: Arc<BTreeMap<String, String>>,
    /// When the request had been read.
    pub started_us: u64,
    /// When the first byte of the body was handed to the connection.
    pub first_byte_us: Option<u64>,
    /// When each token was handed to the connection; without a stream, when it was due.
    pub token_us: Vec<u64>,
    /// Number of tokens so far.
    pub tokens: u32,
    /// Bytes of body so far, transfer coding not counted.
    pub bytes: u64,
    /// The gate that holds the call now.
    pub held: Option<String>,
    /// The oddities that were handed to the connection, each as the directive that asked for it.
    #[serde(default)]
    pub odd: BTreeSet<String>,
    /// When the call ended.
    pub ended_us: Option<u64>,
    /// How it ended.
    pub cause: Option<Cause>,
    /// When the provider noticed that the client was gone before the end.
    pub gone_us: Option<u64>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Cause {
    /// Everything was handed to the connection.
    Complete,
    /// The client went away first.
    ClientGone,
    /// Refused with this status.
    Error(u16),
    /// Broken off, by the script or through the admin interface.
    End(EndMode),
    /// A reset or the end of the process stopped it.
    Stopped,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::ClientGone => f.write_str("client_gone"),
            Self::Error(status) => write!(f, "error:{status}"),
            Self::End(mode) => write!(f, "end:{}", mode.as_str()),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// A word that names no cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown cause `{0}`, expected complete, client_gone, error:STATUS, end:MODE or stopped")]
pub struct UnknownCause(String);

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(word: &str) -> Result<Self, UnknownCause> {
        let known = match word.split_once(':') {
            None => match word {
                "complete" => Some(Self::Complete),
                "client_gone" => Some(Self::ClientGone),
                "stopped" => Some(Self::Stopped),
                _ => None,
            },
            Some(("error", status)) => status.parse().ok().map(Self::Error),
            Some(("end", "eof")) => Some(Self::End(EndMode::Eof)),
            Some(("end", "abort")) => Some(Self::End(EndMode::Abort)),
            Some(("end", "rst")) => Some(Self::End(EndMode::Rst)),
            Some(_) => None,
        };
        known.ok_or_else(|| UnknownCause(word.to_owned()))
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.to_string()
    }
}

impl TryFrom<String> for Cause {
    type Error = UnknownCause;

    fn try_from(word: String) -> Result<Self, UnknownCause> {
        word.parse()
    }
}

/// One entry of the journal. No event is written for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the journal.
    pub number: EventId,
    /// When it happened.
    pub at_us: u64,
    /// The call it is about; `None` for [`EventKind::Reset`] and [`EventKind::Lost`].
    #[serde(flatten)]
    pub call: Option<CallRef>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A call was accepted.
    Started {
        /// The request's messages in order.
        messages: Arc<[Message]>,
    },
    /// The first byte of its body was handed to the connection.
    FirstByte,
    /// A gate holds the call.
    Held {
        /// The gate.
        gate: String,
        /// Tokens sent before it.
        after: u32,
    },
    /// The gate let it on.
    Released {
        /// The gate.
        gate: String,
    },
    /// The call ended.
    Ended {
        /// How.
        cause: Cause,
        /// Tokens sent.
        tokens: u32,
    },
    /// Calls, counters and gates were forgotten.
    Reset {
        /// Those of this key; `None` for all.
        of: Option<String>,
    },
    /// Older events were asked for, but are no longer kept.
    Lost {
        /// The last event that is no longer kept.
        through: EventId,
    },
}

impl EventKind {
    /// The kind's name, as the `event` field carries it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::FirstByte => "first_byte",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::Ended { .. } => "ended",
            Self::Reset { .. } => "reset",
            Self::Lost { .. } => "lost",
        }
    }
}

/// A call that a gate holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCall {
    /// The call.
    #[serde(flatten)]
    pub id: CallRef,
    /// Tokens sent before it was held.
    pub after: u32,
}

/// A gate and whom it holds. A gate that nobody has named yet is closed and holds nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateState {
    /// Its name.
    pub name: String,
    /// Whether it is open for everybody.
    pub open: bool,
    /// The index of the last token that it lets through for everybody; `None` when it lets none or is open.
    pub open_through: Option<u32>,
    /// The calls held, by call id.
    pub held: Vec<HeldCall>,
}

/// The counters of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    /// Calls made.
    pub calls: u32,
    /// Calls live now.
    pub live: u32,
    /// The largest number of calls that were live at once.
    pub live_max: u32,
}

/// Body of `POST /__mock/streams/{call}/end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndRequest {
    /// How to end the stream.
    pub mode: EndMode,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_flat_object() {
        let id = CallRef {
            call: CallId(3),
            key: "k".into(),
            ordinal: 2,
            pod: None,
        };
        let kind = EventKind::Ended {
            cause: Cause::End(EndMode::Rst),
            tokens: 4,
        };
        let event = Event {
            number: EventId(9),
            at_us: 17,
            call: Some(id),
            kind,
        };
        let value = json!({"number": 9, "at_us": 17, "call": 3, "key": "k", "ordinal": 2, "pod": null,
            "event": "ended", "cause": "end:rst", "tokens": 4});
        assert_eq!(serde_json::to_value(&event).unwrap(), value);
        assert_eq!(serde_json::from_value::<Event>(value).unwrap(), event);
    }

    #[test]
    fn an_event_about_no_call_reads_back() {
        let event = Event {
            number: EventId(1),
            at_us: 0,
            call: None,
            kind: EventKind::Reset { of: None },
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn causes_read_back_and_unknown_ones_are_named() {
        let ends = [EndMode::Eof, EndMode::Abort, EndMode::Rst].map(Cause::End);
        let others = [Cause::Complete, Cause::ClientGone, Cause::Error(429), Cause::Stopped];
        for cause in ends.into_iter().chain(others) {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        let unknown = "end:badly".parse::<Cause>().unwrap_err().to_string();
        assert!(unknown.starts_with("unknown cause `end:badly`"), "{unknown}");
    }
}
