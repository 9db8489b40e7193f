//! Events of watchers: their tails, as they saw them.

use serde::{Deserialize, Serialize};

use super::{Chunk, Cursor, EventId, PodName, Raw, SessionNo, TailEnd, ThreadId, TurnId, WatcherId};

/// The place of a request that a cursor stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CursorForm {
    /// The header `Last-Event-ID`.
    #[default]
    LastEventId,
    /// The parameter `after` of the address.
    After,
    /// The parameter `after`, beside a `Last-Event-ID` that is empty and so no cursor.
    AfterBesideEmptyHeader,
}

impl CursorForm {
    /// True for the header.
    pub fn is_header(&self) -> bool {
        *self == Self::LastEventId
    }
}

/// True for a time that is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to a field")]
fn is_zero(us: &u64) -> bool {
    *us == 0
}

/// What a tail was asked to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailMode {
    /// The turn from its start; where a tail shows a thread, the turn in flight, or else what comes.
    Start,
    /// Only what comes.
    Live,
    /// What comes behind a cursor.
    Cursor,
}

/// A tail of a watcher: its opening, its bytes and frames, its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WatcherEvent {
    /// A watcher's attach was answered with a stream. Bytes follow.
    TailOpened {
        /// The watcher.
        watcher: WatcherId,
        /// Pod attached to.
        pod: PodName,
        /// Thread watched.
        thread: ThreadId,
        /// The one turn that the tail shows. `None` if it shows the thread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        /// What it was asked to show.
        mode: TailMode,
        /// Cursor given, if any.
        cursor: Option<Box<str>>,
        /// How it was given; the header's is left out.
        #[serde(default, skip_serializing_if = "CursorForm::is_header")]
        form: CursorForm,
        /// Why the story opened it: `start`, `middle`, `late`, ... Shown in reports.
        role: Box<str>,
        /// When the request was sent, in microseconds since the run began.
        asked_us: u64,
        /// Which session it showed; none in histories of schema 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionNo>,
    },
    /// A watcher's attach was refused or not answered.
    TailRefused {
        /// The watcher.
        watcher: WatcherId,
        /// Pod attached to.
        pod: PodName,
        /// Thread watched.
        thread: ThreadId,
        /// Cursor given, if any. Histories of older harnesses do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<Box<str>>,
        /// How it was given; the header's is left out.
        #[serde(default, skip_serializing_if = "CursorForm::is_header")]
        form: CursorForm,
        /// When the request was sent, in microseconds since the run began; 0 if the history does not say.
        #[serde(default, skip_serializing_if = "is_zero")]
        asked_us: u64,
        /// Which session it showed, if the history says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionNo>,
        /// The one turn that the tail was to show. `None` if it was to show the thread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<Box<TurnId>>,
        /// HTTP status; none where there was no answer.
        status: Option<u16>,
        /// The observation.
        reason: Box<str>,
        /// True if what came is nonsense: neither a stream nor a refusal (4xx, 5xx), or not HTTP.
        #[serde(default)]
        garbled: bool,
    },
    /// Raw bytes of one read from a tail, before any parsing.
    Bytes {
        /// The watcher.
        watcher: WatcherId,
        /// The bytes.
        raw: Raw,
    },
    /// One whole SSE event of a tail, as the parser found it in the bytes before it and the target's format reads it.
    Frame {
        /// The watcher.
        watcher: WatcherId,
        /// The event's own `id:` line as it stands, where it has one.
        id: Option<EventId>,
        /// That id read as a cursor, where the target's format can.
        cursor: Option<Cursor>,
        /// The event's content.
        chunk: Chunk,
    },
    /// A tail ended.
    TailClosed {
        /// The watcher.
        watcher: WatcherId,
        /// How.
        end: TailEnd,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_an_older_history_says_nothing_of_its_request() {
        let old = r#"{"kind":"tail_refused","watcher":7,"pod":"pod-1","thread":"t-1","status":503,"reason":"draining","garbled":false}"#;
        let read: WatcherEvent = serde_json::from_str(old).expect("a refusal");
        let WatcherEvent::TailRefused {
            cursor,
            form,
            asked_us,
            session,
            ..
        } = &read
        else {
            panic!("not a refusal: {read:?}")
        };
        assert_eq!(
            (cursor, *form, *asked_us, session),
            (&None, CursorForm::LastEventId, 0, &None)
        );
        assert_eq!(serde_json::to_string(&read).expect("a line"), old);
    }

    #[test]
    fn a_refusal_keeps_its_cursor_and_the_form_of_it() {
        let refused = WatcherEvent::TailRefused {
            watcher: WatcherId(7),
            pod: "pod-1".into(),
            thread: "t-1".into(),
            turn: None,
            cursor: Some("2-3".into()),
            form: CursorForm::AfterBesideEmptyHeader,
            asked_us: 1_206_000,
            session: None,
            status: Some(400),
            reason: "no such place".into(),
            garbled: false,
        };
        let written = serde_json::to_string(&refused).expect("a line");
        assert!(
            written.contains(r#""cursor":"2-3","form":"after-beside-empty-header","asked_us":1206000"#),
            "{written}"
        );
        assert_eq!(
            serde_json::from_str::<WatcherEvent>(&written).expect("a refusal"),
            refused
        );
    }
}
