//! Lines of a part's log, put together from the engine's records.
//!
//! Engines keep a line of more than 16 KiB (Podman: 8 KiB) as several records, of which only the last ends with a line feed.
//! The last output of a process without a line feed is a record of that kind too.

/// One line of a part's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Time at which the engine read it, RFC 3339 with nanoseconds, by the engine's clock.
    pub at: String,
    /// True if it was written to standard error.
    pub error: bool,
    /// The line, without its end.
    pub text: String,
    /// True if the text is the whole line: its end was seen, and it was not too long to be kept.
    pub is_whole: bool,
}

/// Longest text of a line, in bytes; the rest is dropped.
const LINE_BYTES_MAX: usize = 8 << 20;
/// A process writes fewer bytes than these to its log whole or not at all (`PIPE_BUF`), so that a shorter piece is the last
/// of its line unless the engine says otherwise.
const PIECE_BYTES_MIN: usize = 4096;

/// Records of a log, taken in their order.
#[derive(Debug, Default)]
pub(super) struct Records {
    count: usize,
    lines: Vec<Line>,
    /// The line of standard output, and that of standard error, that has not ended: its place in `lines`.
    open: [Option<usize>; 2],
    has_begun: [bool; 2],
}

/// A line, as far as it has come.
#[derive(Debug)]
struct Line {
    at: String,
    error: bool,
    bytes: Vec<u8>,
    left_out_bytes: usize,
    last_piece_bytes: usize,
    has_ended: bool,
    /// True for the first line of its stream: records before it may hold its beginning.
    is_first: bool,
}

/// The lines of some records at the end of a log.
#[derive(Debug)]
pub(super) struct Window {
    /// Lines whose beginning is among the records.
    pub(super) lines: Vec<LogLine>,
    /// Lines whose beginning may lie before the records.
    headless: Vec<LogLine>,
    /// True if there is no record before these.
    pub(super) reaches_beginning: bool,
}

impl Records {
    /// Takes one record: a time, a space, and a piece of a line, with a line feed if the line ends there.
    pub(super) fn take(&mut self, error: bool, record: &[u8]) {
        self.count += 1;
        let ends = record.ends_with(b"\n");
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        let space = record.iter().position(|byte| *byte == b' ').unwrap_or(record.len());
        let (at, piece) = (
            String::from_utf8_lossy(&record[..space]),
            record.get(space + 1..).unwrap_or_default(),
        );
        let stream = usize::from(error);
        let goes_on = self.open[stream].filter(|n| self.lines[*n].goes_on_with(&at));
        let n = goes_on.unwrap_or_else(|| self.begin(at.into_owned(), error));
        self.lines[n].add(piece, ends);
        self.open[stream] = (!ends).then_some(n);
    }

    fn begin(&mut self, at: String, error: bool) -> usize {
        let is_first = !std::mem::replace(&mut self.has_begun[usize::from(error)], true);
        self.lines.push(Line {
            at,
            error,
            bytes: Vec::new(),
            left_out_bytes: 0,
            last_piece_bytes: 0,
            has_ended: false,
            is_first,
        });
        self.lines.len() - 1
    }

    /// The lines of these records, if so many of the newest were asked for; `None` is all of them.
    pub(super) fn window(self, asked: Option<usize>) -> Window {
        let reaches_beginning = asked.is_none_or(|asked| self.count < asked);
        let oldest = self.lines.first().map(|line| comparable(&line.at));
        // A line that began after the oldest record has its beginning among the records.
        let may_lack_its_head =
            |line: &Line| !reaches_beginning && line.is_first && Some(comparable(&line.at)) <= oldest;
        let (headless, lines) = self.lines.into_iter().partition(may_lack_its_head);
        let finished = |lines: Vec<Line>| lines.into_iter().map(Line::finish).collect();
        Window {
            lines: finished(lines),
            headless: finished(headless),
            reaches_beginning,
        }
    }
}

impl Line {
    /// Returns true if a record of this time continues the line. Docker gives all pieces of a line the time of the first.
    fn goes_on_with(&self, at: &str) -> bool {
        self.at == at || self.last_piece_bytes >= PIECE_BYTES_MIN
    }

    fn add(&mut self, piece: &[u8], ends: bool) {
        let kept = piece.len().min(LINE_BYTES_MAX - self.bytes.len());
        self.bytes.extend_from_slice(&piece[..kept]);
        self.left_out_bytes += piece.len() - kept;
        self.last_piece_bytes = piece.len();
        self.has_ended = ends;
    }

    fn finish(mut self) -> LogLine {
        if self.bytes.ends_with(b"\r") {
            self.bytes.pop();
        }
        let text = String::from_utf8_lossy(&self.bytes);
        let text = match self.left_out_bytes {
            0 => text.into_owned(),
            bytes => format!("{text} [{bytes} more bytes]"),
        };
        LogLine {
            at: self.at,
            error: self.error,
            text,
            is_whole: self.has_ended && self.left_out_bytes == 0,
        }
    }
}

impl Window {
    /// Returns true if every line before the records `is_past`.
    pub(super) fn reaches(&self, is_past: impl Fn(&LogLine) -> bool) -> bool {
        self.reaches_beginning || (!self.headless.is_empty() && self.headless.iter().all(is_past))
    }
}

/// A form of UTC times that sorts by time whatever their precision: the engine sometimes cuts off trailing zeros.
pub(super) fn comparable(at: &str) -> String {
    let at = at.trim_end_matches('Z');
    let (seconds, fraction) = at.split_once('.').unwrap_or((at, ""));
    format!("{seconds}.{fraction:0<9}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE_CUTS_AT: usize = 16 << 10;

    fn time(second: usize) -> String {
        format!("2026-01-02T03:04:{second:02}.5Z")
    }

    /// The records that Docker makes of a line: all of the line's time, cut at 16 KiB.
    fn docker(second: usize, line: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces: Vec<Vec<u8>> = line.chunks(ENGINE_CUTS_AT).map(<[u8]>::to_vec).collect();
        if line.len().is_multiple_of(ENGINE_CUTS_AT) {
            pieces.push(Vec::new());
        }
        let last = pieces.len() - 1;
        pieces[last].push(b'\n');
        pieces
            .into_iter()
            .map(|piece| [format!("{} ", time(second)).into_bytes(), piece].concat())
            .collect()
    }

    fn window(records: &[Vec<u8>], asked: Option<usize>) -> Window {
        let mut taken = Records::default();
        for record in records {
            taken.take(false, record);
        }
        taken.window(asked)
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn a_line_of_any_length_is_one_line() {
        for bytes in [0, 1, 16_383, 16_384, 16_385, 20_000, 32_768, 1_000_000] {
            let long = "x".repeat(bytes);
            let records = [docker(1, b"before"), docker(2, long.as_bytes()), docker(3, b"behind")].concat();
            let window = window(&records, None);
            assert!(texts(&window.lines) == ["before", &long, "behind"], "{bytes} bytes");
            assert!(window.lines.iter().all(|line| line.is_whole));
            assert_eq!(window.lines[1].at, time(2));
        }
    }

    #[test]
    fn a_character_that_the_engine_has_cut_is_whole_again() {
        let long = format!("x{}", "\u{1f600}".repeat(5_000));
        assert!(texts(&window(&docker(1, long.as_bytes()), None).lines) == [long]);
    }

    #[test]
    fn the_streams_are_put_together_apart() {
        let (out, error) = ("o".repeat(40_000), "e".repeat(40_000));
        let mut records = Records::default();
        for (one, other) in docker(1, out.as_bytes()).iter().zip(docker(1, error.as_bytes())) {
            records.take(false, one);
            records.take(true, &other);
        }
        let lines = records.window(None).lines;
        assert!(texts(&lines) == [out, error]);
        assert_eq!(lines.iter().map(|line| line.error).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn pieces_with_times_of_their_own_are_joined_by_their_size() {
        let (first, second) = (vec![b'a'; 8192], vec![b'b'; 100]);
        let records = [
            [time(1).as_bytes(), b" ", &first].concat(),
            [time(2).as_bytes(), b" ", &second, b"\n"].concat(),
        ];
        let window = window(&records, None);
        assert!(texts(&window.lines) == [String::from_utf8([first, second].concat()).expect("ASCII")]);
    }

    #[test]
    fn last_words_without_a_line_feed_are_not_whole_and_swallow_nothing() {
        let records = [
            format!("{} half a li", time(1)).into_bytes(),
            docker(2, b"next life").concat(),
        ];
        let lines = window(&records, None).lines;
        assert_eq!(texts(&lines), ["half a li", "next life"]);
        assert_eq!(
            lines.iter().map(|line| line.is_whole).collect::<Vec<_>>(),
            [false, true]
        );
    }

    #[test]
    fn a_line_whose_beginning_is_not_among_the_records_is_no_line_of_them() {
        let log = [docker(1, &vec![b'x'; 1_000_000]), docker(2, b"behind")].concat();
        let newest = |count: usize| window(&log[log.len() - count..], Some(count));
        assert_eq!(texts(&newest(2).lines), ["behind"]);
        assert!(!newest(2).reaches_beginning);
        assert_eq!(texts(&newest(30).lines), ["behind"]);
        let all = window(&log, Some(log.len() + 1));
        assert!(all.reaches_beginning && all.lines.len() == 2 && all.lines[0].text.len() == 1_000_000);
    }

    #[test]
    fn a_line_on_the_other_stream_that_began_later_is_known_to_be_whole() {
        let mut records = Records::default();
        records.take(false, &docker(1, b"out")[0]);
        records.take(true, &docker(2, b"a panic")[0]);
        let window = records.window(Some(2));
        assert_eq!(texts(&window.lines), ["a panic"]);
        assert!(window.reaches(|line| line.at == time(1)));
        assert!(!window.reaches(|_| false));
    }

    #[test]
    fn a_line_beyond_all_measure_is_cut_and_says_so() {
        let lines = window(&docker(1, &vec![b'x'; LINE_BYTES_MAX + 7]), None).lines;
        assert!(lines.len() == 1 && lines[0].text.ends_with("x [7 more bytes]"));
        assert!(!lines[0].is_whole);
    }

    #[test]
    fn a_line_is_split_at_its_time_and_an_empty_one_stays_empty() {
        let records = [
            b"2026-01-02T03:04:05.1Z hello  there\r\n".to_vec(),
            b"2026-01-02T03:04:05.1Z\n".to_vec(),
        ];
        let lines = window(&records, None).lines;
        assert_eq!(texts(&lines), ["hello  there", ""]);
        assert_eq!(lines[0].at, "2026-01-02T03:04:05.1Z");
    }

    #[test]
    fn times_of_unequal_precision_compare_by_time() {
        let ordered = [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.1Z",
            "2026-01-02T03:04:05.120000000Z",
        ];
        assert!(ordered.windows(2).all(|pair| comparable(pair[0]) < comparable(pair[1])));
        assert_eq!(
            comparable("2026-01-02T03:04:05.12Z"),
            comparable("2026-01-02T03:04:05.120000000Z")
        );
    }
}
