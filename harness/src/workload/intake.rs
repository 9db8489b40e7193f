//! The intake of a tail: how much of it is taken, and the frames in its bytes. Pure.
//!
//! A service may send anything for as long as it likes, so the bytes and events of a tail, and the bytes of one event, have
//! limits. A tail that exceeds one is cut, and the judge holds that against the service: the limits lie far above the needs of an
//! answer.

use std::time::Duration;

use crosspod_sse::Decoder;

use crate::history::{Chunk, Cursor};
use crate::system::reading::{Read, Reader};

/// Limits of an intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event.
    pub event_bytes: usize,
    /// Bytes of the whole tail.
    pub tail_bytes: u64,
    /// Events of the whole tail.
    pub tail_events: u64,
}

impl Limits {
    /// What a watcher takes. The largest answer of a story has 1 MB in one event, and a few times that in one tail; an event
    /// in the history takes some 300 bytes however small it is.
    pub const OF_A_WATCHER: Self = Self {
        event_bytes: 4 << 20,
        tail_bytes: 32 << 20,
        tail_events: 200_000,
    };
}

/// One thing that an event of a tail says, by the rules of the description. An event that says several has several frames, each
/// with its cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The cursor as the event says it, where the frame is a part of the stream and has one.
    pub id: Option<String>,
    /// The same cursor, as numbers.
    pub cursor: Option<Cursor>,
    /// The chunk that it says.
    pub chunk: Chunk,
}

/// Takes the bytes of one tail.
pub struct Intake {
    limits: Limits,
    decoder: Decoder,
    reader: Reader,
    seen_bytes: u64,
    seen_events: u64,
}

impl Intake {
    /// Takes a tail up to `limits`.
    pub fn new(limits: Limits, reader: Reader) -> Self {
        Self {
            limits,
            decoder: Decoder::new(limits.event_bytes),
            reader,
            seen_bytes: 0,
            seen_events: 0,
        }
    }

    /// How much of the bytes that have come is still within the tail's limit: what is to be kept of them, and read.
    pub fn admit<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let left = self.limits.tail_bytes.saturating_sub(self.seen_bytes);
        &bytes[..bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))]
    }

    /// Reads the next bytes, and puts the frames that they complete into `out`.
    ///
    /// # Errors
    /// A limit is reached: why nothing more may be read. What came before it is in `out`.
    pub fn read(&mut self, bytes: &[u8], out: &mut Vec<Frame>) -> Result<(), String> {
        let admitted = self.admit(bytes);
        let mut events = Vec::new();
        let fed = self.decoder.take(admitted, &mut events);
        self.seen_bytes += admitted.len() as u64;
        let left = self.limits.tail_events - self.seen_events;
        let has_too_many = events.len() as u64 > left;
        self.seen_events += left.min(events.len() as u64);
        let within = events.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX));
        for event in within {
            out.extend(frames(self.reader.read(&event)));
        }
        if has_too_many {
            return Err(format!("over {} events in one tail", self.limits.tail_events));
        }
        fed.map_err(|large| large.to_string())?;
        if admitted.len() < bytes.len() {
            return Err(format!("over {} bytes in one tail", self.limits.tail_bytes));
        }
        Ok(())
    }

    /// The frame for bytes that are garbled and did not make an event by the tail's end.
    pub fn garbled_rest(&mut self) -> Option<Frame> {
        let rest = self.decoder.garbled_rest()?;
        frames(self.reader.read(&rest)).next()
    }

    /// True if lines came and none of them was a line of an event stream.
    pub fn is_no_stream(&self) -> bool {
        self.decoder.is_no_stream()
    }

    /// How long the stream says that a client is to wait before it connects again.
    pub fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }

    /// Bytes that were read.
    pub fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }
}

/// The frames of one event. Each has the event's cursor: that is what a client resumes behind.
fn frames(read: Read) -> impl Iterator<Item = Frame> {
    let (id, cursor) = (read.id_text(), read.cursor);
    read.chunks.into_iter().map(move |chunk| Frame {
        id: id.clone(),
        cursor,
        chunk,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::history::Epoch;
    use crate::system::load::load_alone;
    use crate::system::load::reference::reference;
    use crate::system::reading::FrameRules;

    const SMALL: Limits = Limits {
        event_bytes: 100,
        tail_bytes: 300,
        tail_events: 3,
    };

    fn reader() -> Reader {
        let system = reference();
        let rules = FrameRules {
            stream: system.stream,
            statuses: system.statuses,
        };
        Reader::new(Arc::new(rules), None)
    }

    fn read(bytes: &[u8]) -> (Vec<Frame>, Result<(), String>, u64) {
        let (mut intake, mut out) = (Intake::new(SMALL, reader()), Vec::new());
        let end = intake.read(bytes, &mut out);
        (out, end, intake.seen_bytes())
    }

    #[test]
    fn what_lies_within_the_limits_is_read_before_a_tail_is_cut() {
        let (frames, end, _) = read("data: [DONE]\n\n".repeat(4).as_bytes());
        assert_eq!((frames.len(), end), (3, Err("over 3 events in one tail".to_owned())));

        let comments = ": 12345678\n".repeat(40);
        let (frames, end, seen) = read(format!("data: [DONE]\n\n{comments}").as_bytes());
        assert_eq!((frames.len(), end), (1, Err("over 300 bytes in one tail".to_owned())));
        assert_eq!(seen, 300);

        let (frames, end, _) = read(format!("data: [DONE]\n\ndata: {}", "x".repeat(100)).as_bytes());
        assert_eq!((frames.len(), end), (1, Err("an event of over 100 bytes".to_owned())));

        let (frames, end, _) = read("data: [DONE]\n\n".repeat(3).as_bytes());
        assert_eq!((frames.len(), end), (3, Ok(())));
    }

    #[test]
    fn all_that_an_end_says_has_its_id() {
        const TEXT: &str = include_str!("../../tests/descriptions/streamed-answers.toml");
        let described = load_alone("system.toml", TEXT).expect("a sound description");
        let system = described.designs[0].system.clone();
        let rules = FrameRules {
            stream: system.stream,
            statuses: system.statuses,
        };
        let mut intake = Intake::new(Limits::OF_A_WATCHER, Reader::new(Arc::new(rules), None));
        let mut out = Vec::new();
        let end = r#"{"run_id":"u","content":"all","event_index":7}"#;
        let end = format!("event: RunCompleted\ndata: {end}\n\n");
        intake.read(end.as_bytes(), &mut out).expect("a small event");
        let said: Vec<_> = out.iter().map(|frame| (frame.id.as_deref(), &frame.chunk)).collect();
        assert!(
            matches!(
                said[..],
                [(Some("7"), Chunk::Whole { .. }), (Some("7"), Chunk::Finish { .. })]
            ),
            "{said:?}"
        );
    }

    #[test]
    fn an_id_belongs_to_the_log_and_has_a_sane_length() {
        let finish = r#"{"type":"finish","turnId":"u","status":"completed"}"#;
        let one = |text: String| {
            let (mut intake, mut out) = (Intake::new(Limits::OF_A_WATCHER, reader()), Vec::new());
            intake.read(text.as_bytes(), &mut out).expect("a small event");
            out.remove(0)
        };
        let placed = one(format!("id: 1-2-0123abcd\ndata: {finish}\n\n"));
        let cursor = Cursor {
            epoch: Some(Epoch(1)),
            seq: 2,
        };
        assert_eq!(
            (placed.id.as_deref(), placed.cursor),
            (Some("1-2-0123abcd"), Some(cursor))
        );
        assert_eq!(one("id: 1-2-0123abcd\ndata: [DONE]\n\n".to_owned()).id, None);
        let long = one(format!("id: {}\ndata: {finish}\n\n", "\u{1}".repeat(300)));
        assert!(matches!(long.chunk, Chunk::Unreadable { why, .. } if why == "a cursor of 300 bytes"));
    }

    #[test]
    fn bytes_that_are_no_text_are_an_event_that_nobody_can_read() {
        let (frames, end, _) = read(b"data: \xff\n\ndata: [DONE]\n\n");
        assert!(matches!(&frames[0].chunk, Chunk::Unreadable { why, .. } if why.starts_with("not UTF-8 at byte 6")));
        assert_eq!((&frames[1].chunk, end), (&Chunk::Done, Ok(())));
    }
}
