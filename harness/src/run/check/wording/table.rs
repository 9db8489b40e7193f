//! The table of a tail's frames: what each was read as, its cursor, and the rule that took it. Frames that are read alike stand in
//! one line.

use super::frames::SeenFrame;
use crate::history::{Chunk, Status, TurnId};
use crate::run::check::places::Places;
use crate::run::check::section::Line;
use crate::system::reading::tokens_of;

/// Longest text of a frame that is shown, in characters.
const SHOWN: usize = 28;
/// Longest id that is shown, in characters.
const ID: usize = 12;
/// Most lines of a table.
const LINES_MAX: usize = 24;

/// Frames that follow one another and are read alike.
struct Row {
    first: usize,
    last: usize,
    kind: String,
    rule: Option<usize>,
    reading: Reading,
    cursors: Vec<String>,
}

/// How a frame is read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reading {
    /// Something that is said in full.
    Said(String),
    /// Tokens of the answer.
    Tokens(usize, String),
}

/// The lines of the table.
pub(in crate::run) fn table(frames: &[SeenFrame], key: &str, places: &Places) -> Vec<Line> {
    let rows = rows(frames, key);
    let widest = |width: fn(&Row) -> usize| rows.iter().map(width).max().unwrap_or(0);
    let kinds = widest(|row| row.kind.len());
    let readings = widest(|row| row.reading.text().chars().count());
    let left_out = rows.len().saturating_sub(LINES_MAX);
    let shown = rows.iter().take(LINES_MAX).map(|row| {
        let place = row.rule.and_then(|rule| places.of(&format!("stream.frames[{rule}]")));
        let (kind, reading) = (&row.kind, row.reading.text());
        let text = format!(
            "{:>7}  {kind:<kinds$}  {reading:<readings$}  {}",
            row.number(),
            row.cursor()
        );
        Line::info(text.trim_end()).at(place)
    });
    let more = (left_out > 0).then(|| Line::info(format!("and {left_out} lines more")));
    shown.chain(more).collect()
}

fn rows(frames: &[SeenFrame], key: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (n, frame) in frames.iter().enumerate() {
        let kind = frame.read.kind.clone().or_else(|| frame.event.name.clone());
        let row = Row {
            first: n + 1,
            last: n + 1,
            kind: kind.unwrap_or_else(|| "-".to_owned()),
            rule: frame.read.rule,
            reading: reading(frame, key),
            cursors: cursor(frame).into_iter().collect(),
        };
        match rows.last_mut() {
            Some(last) if last.is_like(&row) => last.add(row),
            _ => rows.push(row),
        }
    }
    rows
}

impl Row {
    fn is_like(&self, next: &Self) -> bool {
        let is_alike = match (&self.reading, &next.reading) {
            (Reading::Tokens(..), Reading::Tokens(..)) => true,
            (this, next) => this == next,
        };
        is_alike && (&self.kind, self.rule) == (&next.kind, next.rule)
    }

    fn add(&mut self, next: Self) {
        self.last = next.last;
        self.cursors.extend(next.cursors);
        if let (Reading::Tokens(count, _), Reading::Tokens(more, _)) = (&mut self.reading, next.reading) {
            *count += more;
        }
    }

    fn number(&self) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}..{}", self.first, self.last)
        }
    }

    fn cursor(&self) -> String {
        match self.cursors.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [first, .., last] => format!("{first} .. {last}"),
        }
    }
}

/// A frame's cursor as numbers; as it stands if it does not read as the description says.
fn cursor(frame: &SeenFrame) -> Option<String> {
    match frame.read.cursor {
        Some(cursor) => Some(match cursor.epoch {
            Some(epoch) => format!("{epoch}-{}", cursor.seq),
            None => cursor.seq.to_string(),
        }),
        None => frame.read.id_text().map(|id| cut(&id, SHOWN)),
    }
}

impl Reading {
    fn text(&self) -> String {
        match self {
            Self::Said(text) => text.clone(),
            Self::Tokens(1, text) => format!("text {:?}", cut(text, SHOWN)),
            Self::Tokens(count, _) => format!("text, {count} tokens"),
        }
    }
}

fn reading(frame: &SeenFrame, key: &str) -> Reading {
    let read = &frame.read;
    // A cursor that does not read, and what makes a frame unreadable, are told elsewhere.
    let is_told = |note: &&String| {
        let unreadable = |chunk: &Chunk| matches!(chunk, Chunk::Unreadable { .. });
        note.contains("does not read as") || read.chunks.iter().any(unreadable)
    };
    let note = read.note.as_ref().filter(|note| !is_told(note));
    let said: Vec<Reading> = read.chunks.iter().map(|chunk| meaning(chunk, key)).collect();
    match said.as_slice() {
        [] => Reading::Said(match (note, read.rule) {
            (Some(note), _) => note.to_owned(),
            (None, Some(_)) => "nothing that is judged".to_owned(),
            (None, None) => "no frame: it has no data, or is for others".to_owned(),
        }),
        [only] => match (note, only) {
            (Some(note), Reading::Said(said)) => Reading::Said(format!("{said}; {note}")),
            _ => only.clone(),
        },
        many => Reading::Said(many.iter().map(Reading::text).collect::<Vec<_>>().join("; ")),
    }
}

fn meaning(chunk: &Chunk, key: &str) -> Reading {
    Reading::Said(match chunk {
        Chunk::Delta { text, .. } => match tokens_of(key, text).len() {
            0 => format!("text {:?}", cut(text, SHOWN)),
            count => return Reading::Tokens(count, text.clone()),
        },
        Chunk::Whole { text, .. } => format!("the whole text, {} tokens", tokens_of(key, text).len()),
        Chunk::Start(start) => {
            let resets = if start.reset { "resets" } else { "resets nothing" };
            let epoch = start.epoch.map_or(String::new(), |epoch| format!(", epoch {epoch}"));
            format!("start of turn {}{epoch}, {resets}", short(&start.turn))
        }
        Chunk::Part { .. } => "nothing that is judged".to_owned(),
        Chunk::Error { message, .. } => format!("error {:?}", cut(message, 2 * SHOWN)),
        Chunk::Finish { status, .. } => match status {
            Some(status) => format!("end, {}", word(*status)),
            None => "end; the store says how".to_owned(),
        },
        Chunk::State { status, .. } => format!("state: {}", word(*status)),
        Chunk::Resync { reason } => format!("start over {:?}", cut(reason, SHOWN)),
        Chunk::Handover { reason } => format!("hands over {:?}", cut(reason, SHOWN)),
        Chunk::Broken { reason } => format!("the tail failed {:?}", cut(reason, SHOWN)),
        Chunk::Done => "closes the stream".to_owned(),
        Chunk::Unreadable { why, .. } => format!("unreadable: {why}"),
    })
}

/// An id as far as it tells one from another.
pub(in crate::run) fn short(turn: &TurnId) -> String {
    cut(turn.as_str(), ID)
}

/// The beginning of a text.
pub(in crate::run) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A status, in the words of a description.
pub(in crate::run) fn word(status: Status) -> &'static str {
    match status {
        Status::Idle => "idle",
        Status::Queued => "queued",
        Status::InProgress => "running",
        Status::Waiting => "waiting",
        Status::Completed => "completed",
        Status::Failed => "failed",
        Status::Lost => "lost",
        Status::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::run::check::wording::frames::frames;
    use crate::system::load::reference::described;
    use crate::system::reading::{FrameRules, Reader};

    #[test]
    fn frames_that_are_read_alike_stand_in_one_line() {
        let described = described().design(None).expect("a design").clone();
        let rules = FrameRules {
            stream: described.system.stream.clone(),
            statuses: described.system.statuses.clone(),
        };
        let start = "id: 2-0-a\ndata: {\"type\":\"start\",\"messageMetadata\":{\"turnId\":\"turn-1\",\"epoch\":2,\"reset\":true}}\n\n";
        let text = |n: u32| {
            let token = format!("~k.c1.k{n}.n2.000{n} ");
            format!("id: 2-{n}-a\ndata: {{\"type\":\"text-delta\",\"delta\":\"{token}\"}}\n\n")
        };
        let other = ": ping\n\ndata: {\"type\":\"odd\"}\n\n";
        let stream = [start, &text(1), &text(2), other].concat();
        let frames = frames(stream.as_bytes(), Reader::new(Arc::new(rules), None));
        let places = Places::new(described);
        let lines = table(&frames, "k", &places);
        let texts: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
        let expected = [
            "1  start       start of turn turn-1, epoch 2, resets  2-0",
            "2..3  text-delta  text, 2 tokens                         2-1 .. 2-2",
            "4  odd         unreadable: no rule takes \"odd\"",
        ];
        assert_eq!(texts, expected);
        assert!(lines[0].line.is_some() && lines[0].line != lines[1].line);
        assert_eq!(lines[2].line, None);
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!((cut("häuser", 2), cut("ab", 2)), ("hä…".to_owned(), "ab".to_owned()));
    }
}
