//! Server-sent events out of bytes that come in any pieces, from a service that may send anything. Pure.
//!
//! The harness reads the streams of a system under test with it, and the reference pod reads its provider's.
//!
//! The decoder follows the HTML standard: lines end with LF, CR or CRLF, a byte order mark may come first, unknown fields
//! are passed over, several `data` lines make one event. It differs in four points, because a judge must know more than a
//! browser: bytes that are not UTF-8 are reported instead of being replaced, an event has only the id and name of its
//! own, an event without a `data` line is none even if it has a name, and nothing is held beyond a limit. The work grows
//! with the bytes, however they are cut.
//!
//! Deliberately absent: sockets, reconnecting, and any knowledge of what the data means.

use std::time::Duration;

/// Longest excerpt of bytes that are not UTF-8, in bytes.
const EXCERPT_MAX: usize = 100;
/// Room that is kept from line to line, in bytes; what a larger line needed is given back.
const ROOM_KEPT: usize = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event, as it stood between two blank lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The event's own `id` line, if it has one.
    pub id: Option<String>,
    /// The event's own `event` line, if it has one that is not empty.
    pub name: Option<String>,
    /// The `data` lines, joined by line feeds.
    pub data: String,
    /// Where the event's bytes are not UTF-8, if they are not. The other fields hold the lines that could be read.
    pub garbled: Option<String>,
}

/// An event is larger than the decoder's limit. Nothing can be read past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of over {limit} bytes")]
pub struct TooLarge {
    /// The decoder's limit, in bytes.
    pub limit: usize,
}

/// Decodes one stream.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The event that no blank line has closed yet.
    event: SseEvent,
    has_data: bool,
    /// The last byte was a CR: an LF right behind it ends no other line.
    after_cr: bool,
    is_begun: bool,
    retry: Option<Duration>,
    known_lines: u64,
    other_lines: u64,
}

impl Decoder {
    /// A decoder that holds at most `limit` bytes: of one event, and of the line that has not ended.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            event: SseEvent::default(),
            has_data: false,
            after_cr: false,
            is_begun: false,
            retry: None,
            known_lines: 0,
            other_lines: 0,
        }
    }

    /// Decodes the next bytes and appends the events that they close to `out`.
    ///
    /// # Errors
    /// An event is too large; `out` has the events before it. The decoder is of no use afterwards.
    pub fn take(&mut self, mut bytes: &[u8], out: &mut Vec<SseEvent>) -> Result<(), TooLarge> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.hold(&bytes[..end])?;
            let is_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if is_cr {
                self.after_cr = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            self.end_line(out);
        }
        self.hold(bytes)
    }

    /// The unclosed event at the end of the stream, if its bytes are certainly not UTF-8. An event that is merely cut is
    /// none, as the standard says, and no fault: a stream may end anywhere.
    pub fn garbled_rest(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        if let Err(error) = std::str::from_utf8(&line)
            && error.error_len().is_some()
        {
            self.garble(&line, error.valid_up_to());
        }
        self.event.garbled.is_some().then(|| std::mem::take(&mut self.event))
    }

    /// `true` if lines came, and not one of them was a line of an event stream.
    pub fn is_no_stream(&self) -> bool {
        self.other_lines > 0 && self.known_lines == 0
    }

    /// How long a client is to wait before it connects again: the last `retry` line that is a number. `None` before one.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let length = |field: &Option<String>| field.as_ref().map_or(0, String::len);
        let event = self.event.data.len() + length(&self.event.id) + length(&self.event.name);
        if self.line.len() + bytes.len() + event > self.limit {
            return Err(TooLarge { limit: self.limit });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, out: &mut Vec<SseEvent>) {
        let mut line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let marked = is_first.then(|| line.strip_prefix(BYTE_ORDER_MARK)).flatten();
        let bytes = marked.unwrap_or(&line);
        match std::str::from_utf8(bytes) {
            Ok("") => out.extend(self.close()),
            Ok(text) => self.field(text),
            Err(error) => self.garble(bytes, error.valid_up_to()),
        }
        if line.capacity() <= ROOM_KEPT {
            line.clear();
            self.line = line;
        }
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "data" => self.data_line(value),
            "event" => self.event.name = Some(value).filter(|name| !name.is_empty()).map(str::to_owned),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().map(Duration::from_millis).ok().or(self.retry);
            }
            // The empty name is a comment's.
            "" | "id" | "retry" => {}
            _ => {
                self.other_lines += 1;
                return;
            }
        }
        self.known_lines += 1;
    }

    fn data_line(&mut self, value: &str) {
        if std::mem::replace(&mut self.has_data, true) {
            self.event.data.push('\n');
        }
        self.event.data.push_str(value);
    }

    fn garble(&mut self, line: &[u8], at: usize) {
        self.other_lines += 1;
        if self.event.garbled.is_none() {
            let from = at.saturating_sub(EXCERPT_MAX / 2);
            let excerpt = &line[from..line.len().min(from + EXCERPT_MAX)];
            self.event.garbled = Some(format!(
                "not UTF-8 at byte {at} of a line of {} bytes, near `{}`",
                line.len(),
                excerpt.escape_ascii()
            ));
        }
    }

    fn close(&mut self) -> Option<SseEvent> {
        let event = std::mem::take(&mut self.event);
        let has_data = std::mem::take(&mut self.has_data);
        (has_data || event.garbled.is_some()).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn events(pieces: &[&[u8]]) -> Vec<SseEvent> {
        let (mut decoder, mut out) = (Decoder::new(LIMIT), Vec::new());
        for piece in pieces {
            decoder.take(piece, &mut out).expect("small events");
        }
        out
    }

    fn event(id: Option<&str>, data: &str) -> SseEvent {
        SseEvent {
            id: id.map(str::to_owned),
            data: data.to_owned(),
            ..SseEvent::default()
        }
    }

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let text =
            "\u{feff}: hello\r\n\r\nid: 1-0\rdata: é\r\rdata:a\ndata\ndata:  b\nretry: 3\nx: y\n\nid: 2\n\ndata\n\n";
        let whole = [event(Some("1-0"), "é"), event(None, "a\n\n b"), event(None, "")];
        let bytes = text.as_bytes();
        assert_eq!(events(&[bytes]), whole);
        for cut in 0..=bytes.len() {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(events(&[a, b]), whole, "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(events(&single), whole);
    }

    #[test]
    fn an_event_has_its_own_name_and_a_name_alone_is_no_event() {
        let read = events(&[
            b"event: ping\ndata:\n\nevent: lost\n\nevent\ndata: a\n\nevent: x\r\nevent: y\r\ndata: b\r\n\r\n",
        ]);
        let named: Vec<_> = read
            .iter()
            .map(|event| (event.name.as_deref(), event.data.as_str()))
            .collect();
        assert_eq!(named, [(Some("ping"), ""), (None, "a"), (Some("y"), "b")]);
    }

    #[test]
    fn the_last_retry_that_is_a_number_counts() {
        let retry = |bytes: &[u8]| {
            let mut decoder = Decoder::new(LIMIT);
            decoder.take(bytes, &mut Vec::new()).expect("small lines");
            decoder.retry()
        };
        assert_eq!(retry(b"data: a\n\n"), None);
        let last = retry(b"retry: 3000\n\nretry:5\nretry: soon\nretry: -1\nretry\nretry: 99999999999999999999\n");
        assert_eq!(last, Some(Duration::from_millis(5)));
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_at_the_beginning_alone() {
        let mark = "\u{feff}";
        let text = format!("{mark}data: a\n\n{mark}data: b\n\ndata: {mark}c\n\n");
        assert_eq!(events(&[text.as_bytes()]), [event(None, "a"), event(None, "\u{feff}c")]);
        assert_eq!(events(&[b"\xef", b"\xbb", b"\xbf", b"data: a\n\n"]), [event(None, "a")]);
        assert_eq!(events(&[b"\xef\xbb\xbf\n\ndata: a\n\n"]), [event(None, "a")]);
        assert!(events(&[b"\xef\xbb\ndata: a\n\n"])[0].garbled.is_some());
    }

    #[test]
    fn a_line_that_ends_with_cr_alone_closes_an_event_at_once() {
        assert_eq!(events(&[b"data: a\r", b"\r"]), [event(None, "a")]);
        assert_eq!(events(&[b"data: a\r", b"\n", b"\r", b"\n"]), [event(None, "a")]);
        assert_eq!(events(&[b"data: a\r", b"", b"\n"]), []);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_reported_and_what_follows_is_read() {
        let read = events(&[b"id: 7\ndata: a\ndata: \xff\xfe\n\ndata: b\n\n"]);
        let garbled = read[0].garbled.as_deref().expect("it is no text");
        assert_eq!(
            garbled,
            r"not UTF-8 at byte 6 of a line of 8 bytes, near `data: \xff\xfe`"
        );
        assert_eq!((read[0].id.as_deref(), &read[1]), (Some("7"), &event(None, "b")));
    }

    #[test]
    fn a_rest_is_garbled_only_where_no_more_bytes_could_mend_it() {
        let rest = |bytes: &[u8]| {
            let mut decoder = Decoder::new(LIMIT);
            decoder.take(bytes, &mut Vec::new()).expect("a small rest");
            decoder.garbled_rest().is_some()
        };
        assert!(!rest("data: é".as_bytes()));
        assert!(!rest(b"data: \xc3"));
        assert!(rest(b"data: \xc3("));
        assert!(rest(b"data: \xff\ndata: b"));
    }

    #[test]
    fn no_more_than_the_limit_is_held_and_what_is_passed_over_is_not_held() {
        let (mut decoder, mut out) = (Decoder::new(10), Vec::new());
        for _ in 0..100 {
            decoder
                .take(b": comment\nno: field\n", &mut out)
                .expect("nothing to hold");
        }
        decoder.take(b"data: a\n\n", &mut out).expect("a small event");
        for _ in 0..3 {
            decoder.take(b"data:x\n", &mut out).expect("not much yet");
        }
        assert_eq!(decoder.take(b"data:x\n", &mut out), Err(TooLarge { limit: 10 }));
        assert_eq!(out, [event(None, "a")]);
        assert!(Decoder::new(10).take(&[b'x'; 11], &mut out).is_err());
    }

    #[test]
    fn a_page_is_no_stream_and_a_cut_event_is_none_yet() {
        let is_none = |bytes: &[u8]| {
            let mut decoder = Decoder::new(LIMIT);
            decoder.take(bytes, &mut Vec::new()).expect("small lines");
            decoder.is_no_stream()
        };
        assert!(is_none(b"<html>\n<body>\n"));
        assert!(is_none(b"\xff\n"));
        for stream in [&b"dat"[..], b"", b"\n\n", b": ok\n<html>\n", b"data: x\n"] {
            assert!(!is_none(stream), "{stream:?}");
        }
    }
}
