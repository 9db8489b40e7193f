//! The intake of a tail: how much of it is taken, and the frames in its bytes. Pure.
//!
//! A service may send anything for as long as it likes, so the bytes and events of a tail, and the bytes of one event, have
//! limits. A tail that exceeds one is cut, and the judge holds that against the service: the limits lie far above the needs of an
//! answer.

use crosspod_sse::{Decoder, SseEvent};

use crate::history::Chunk;
use crate::system::frames::{self, FrameReader};

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

/// One event of a tail, as the system's format reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The event's own id, where it is a part of the stream and has one.
    pub id: Option<String>,
    /// The chunk that it says.
    pub chunk: Chunk,
}

/// Takes the bytes of one tail.
#[derive(Debug)]
pub struct Intake {
    limits: Limits,
    decoder: Decoder,
    reader: FrameReader,
    seen_bytes: u64,
    seen_events: u64,
}

impl Intake {
    /// Takes a tail up to `limits`.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            decoder: Decoder::new(limits.event_bytes),
            reader: FrameReader::default(),
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
        out.extend(within.filter_map(|event| frame(&mut self.reader, event)));
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
        frame(&mut self.reader, rest)
    }

    /// True if lines came and none of them was a line of an event stream.
    pub fn is_no_stream(&self) -> bool {
        self.decoder.is_no_stream()
    }

    /// Bytes that were read.
    pub fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }
}

fn frame(reader: &mut FrameReader, event: SseEvent) -> Option<Frame> {
    if let Some(why) = event.garbled {
        let chunk = frames::unreadable(&why, &event.data);
        return Some(Frame { id: None, chunk });
    }
    let is_named = event.name.as_ref().is_some_and(|name| name != "message");
    // An event that has a name of its own is for whoever waits for that name: a ping, for instance.
    let is_ours = |chunk: &Chunk| !is_named || !matches!(chunk, Chunk::Unreadable { .. });
    let chunk = reader.read(&event.data).filter(is_ours)?;
    // Frames that tell of the tail itself are no part of the log: an id of theirs is no place in it.
    let id = event.id.filter(|id| chunk.turn().is_some() && !id.is_empty());
    if let Some(id) = id.as_ref().filter(|id| id.len() > frames::ID_MAX) {
        let chunk = frames::unreadable(&format!("an event id of {} bytes", id.len()), &event.data);
        return Some(Frame { id: None, chunk });
    }
    // A part that a service gives no id has no place in its log, and says nothing of the text either.
    let is_aside = id.is_none() && matches!(chunk, Chunk::Part { .. });
    (!is_aside).then_some(Frame { id, chunk })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits {
        event_bytes: 100,
        tail_bytes: 300,
        tail_events: 3,
    };

    fn read(bytes: &[u8]) -> (Vec<Frame>, Result<(), String>, u64) {
        let (mut intake, mut out) = (Intake::new(SMALL), Vec::new());
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
    fn an_id_belongs_to_the_log_and_has_a_sane_length() {
        let finish = r#"{"type":"finish","turnId":"u","status":"completed"}"#;
        let one = |text: String| {
            let (mut intake, mut out) = (Intake::new(Limits::OF_A_WATCHER), Vec::new());
            intake.read(text.as_bytes(), &mut out).expect("a small event");
            out.remove(0)
        };
        assert_eq!(one(format!("id: 1-2\ndata: {finish}\n\n")).id.as_deref(), Some("1-2"));
        assert_eq!(one("id: 1-2\ndata: [DONE]\n\n".to_owned()).id, None);
        let long = one(format!("id: {}\ndata: {finish}\n\n", "\u{1}".repeat(300)));
        assert!(matches!(long.chunk, Chunk::Unreadable { why, .. } if why == "an event id of 300 bytes"));
    }

    #[test]
    fn bytes_that_are_no_text_are_an_event_that_nobody_can_read() {
        let (frames, end, _) = read(b"data: \xff\n\ndata: [DONE]\n\n");
        assert!(matches!(&frames[0].chunk, Chunk::Unreadable { why, .. } if why.starts_with("not UTF-8 at byte 6")));
        assert_eq!((&frames[1].chunk, end), (&Chunk::Done, Ok(())));
    }
}
