//! Reads a saved history back, today's or last year's.
//!
//! A run that was killed leaves a history whose last line is cut: that is a history of what happened until then, and
//! says so. Everything else that is wrong is an error that names the line. Deliberately absent: any judgement of what
//! the events mean, and any repair.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use super::{Event, RunEvent, SCHEMA, What, older};

/// Longest line that is written or read, in bytes. Whatever is recorded is bounded where it comes in so that it fits: a
/// provider's request of 32 MiB, an answer of 8 MiB, a part of 8 MiB that is escaped at its worst. Garbage does not fill the
/// memory.
pub const LINE_MAX_BYTES: usize = 64 << 20;

/// Latest time and longest bound that are read, in microseconds: 31 years. Whoever adds a few of them need not think of
/// overflow.
const TIME_MAX_US: u64 = 1_000_000_000_000_000;

/// A history as it was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Where and how the file was cut off, if it was: the run that wrote it did not end by itself.
    pub cut_off: Option<String>,
}

/// Why a file cannot be read as a history.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("no history at {path}: {source}; name the folder of a run that has written one")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Reading stopped half-way.
    #[error("cannot read {path} past line {line}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Last line that was read, from 1.
        line: u64,
        /// The operating system's error.
        source: io::Error,
    },
    /// The file holds not one whole event.
    #[error("{path} holds no whole event: the run that wrote it died before its first line was out")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a history: its first line {why}; expected an event of kind `began`")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// The fault of its first line.
        why: String,
    },
    /// The file was written by a newer version.
    #[error("{path} has schema {found}, this version reads up to {known}: judge it with the version that wrote it")]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
        /// Newest schema that is known here.
        known: u32,
    },
    /// A line in the middle is no event.
    #[error("{path}, line {line}: expected event {expected} of the history, {why}")]
    BrokenLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Place of the event that should be there.
        expected: u64,
        /// The fault in it.
        why: String,
    },
    /// An event is missing, repeated or out of order.
    #[error(
        "{path}, line {line}: expected event {expected} of the history, got event {found}: lines are missing or moved"
    )]
    OutOfSequence {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Place of the event that should be there.
        expected: u64,
        /// Place of the event that is there.
        found: u64,
    },
}

/// Reads the history saved at `path`. A last line that was cut off is left out and told in [`History::cut_off`].
///
/// # Errors
/// No file, no whole event, another kind of file, a newer schema, or a broken, oversized or misplaced line.
pub fn read(path: &Path) -> Result<History, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Missing {
        path: path.to_owned(),
        source,
    })?;
    read_from(BufReader::with_capacity(1 << 18, file), path)
}

/// Reads a history from `input`; `path` is what errors call it.
///
/// # Errors
/// As for [`read`], but for the missing file.
pub fn read_from(mut input: impl BufRead, path: &Path) -> Result<History, ReadError> {
    let mut events: Vec<Event> = Vec::new();
    let mut line = Vec::new();
    let mut schema = SCHEMA;
    loop {
        let place = events.len() as u64;
        let whole = read_line(&mut input, &mut line).map_err(|source| ReadError::Unreadable {
            path: path.to_owned(),
            line: place,
            source,
        })?;
        match whole {
            Line::End if events.is_empty() => return Err(ReadError::Empty { path: path.to_owned() }),
            Line::End => return Ok(History { events, cut_off: None }),
            Line::TooLong => {
                return Err(broken(
                    path,
                    place,
                    format!("got a line of over {LINE_MAX_BYTES} bytes"),
                ));
            }
            // A whole last event without its line's end is whole all the same.
            Line::Unended if serde_json::from_slice::<IgnoredAny>(&line).is_err() => {
                return cut_off(events, &line, path);
            }
            Line::Whole | Line::Unended => {
                if place == 0 {
                    schema = check_first(&line, path)?;
                }
                events.push(event(&line, place, schema, path)?);
            }
        }
    }
}

enum Line {
    Whole,
    Unended,
    TooLong,
    End,
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    input.take(LINE_MAX_BYTES as u64 + 1).read_until(b'\n', line)?;
    Ok(match line.last() {
        None => Line::End,
        Some(b'\n') => Line::Whole,
        Some(_) if line.len() > LINE_MAX_BYTES => Line::TooLong,
        Some(_) => Line::Unended,
    })
}

fn cut_off(events: Vec<Event>, line: &[u8], path: &Path) -> Result<History, ReadError> {
    if events.is_empty() {
        // Every history begins with these bytes: shorter or longer, one must be the other's beginning.
        let ours = br#"{"n":0,"#;
        let path = path.to_owned();
        return Err(if line.starts_with(ours) || ours.starts_with(line) {
            ReadError::Empty { path }
        } else {
            ReadError::NotOurs {
                path,
                why: format!("is `{}`", excerpt(line)),
            }
        });
    }
    let cut_off = format!(
        "line {} ends after {} bytes: `{}`",
        events.len() + 1,
        line.len(),
        excerpt(line)
    );
    Ok(History {
        events,
        cut_off: Some(cut_off),
    })
}

/// Reads a line as an event of the newest schema.
fn parsed(line: &[u8], schema: u32) -> Result<Event, serde_json::Error> {
    if schema == SCHEMA {
        serde_json::from_slice(line)
    } else {
        older::read(line)
    }
}

fn event(line: &[u8], place: u64, schema: u32, path: &Path) -> Result<Event, ReadError> {
    let event =
        parsed(line, schema).map_err(|error| broken(path, place, format!("got `{}`: {error}", excerpt(line))))?;
    if !is_in_time(&event) {
        return Err(broken(
            path,
            place,
            format!("got a time of over {TIME_MAX_US} microseconds"),
        ));
    }
    if event.n == place {
        Ok(event)
    } else {
        Err(ReadError::OutOfSequence {
            path: path.to_owned(),
            line: place + 1,
            expected: place,
            found: event.n,
        })
    }
}

fn is_in_time(event: &Event) -> bool {
    let bounds_fit = match &event.what {
        What::Run(RunEvent::Began(began)) => began.bounds.times_ms().all(|ms| ms <= TIME_MAX_US / 1000),
        _ => true,
    };
    event.at_us <= TIME_MAX_US && bounds_fit
}

/// Looks at the first line as loosely as possible: a newer version may have changed anything but where its schema stands.
/// Returns that schema.
fn check_first(line: &[u8], path: &Path) -> Result<u32, ReadError> {
    let not_ours = |why: String| ReadError::NotOurs {
        path: path.to_owned(),
        why,
    };
    let first: serde_json::Value =
        serde_json::from_slice(line).map_err(|_| not_ours(format!("is `{}`", excerpt(line))))?;
    let what = &first["what"];
    if what["kind"] != "began" {
        return Err(not_ours(match what["kind"].as_str() {
            Some(kind) => format!("is an event of kind `{kind}`"),
            None => format!("is `{}`", excerpt(line)),
        }));
    }
    match what["schema"].as_u64() {
        Some(found) if found > u64::from(SCHEMA) => Err(ReadError::NewerSchema {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        }),
        Some(0) => Err(not_ours("names schema 0, which never was".into())),
        Some(found) => Ok(found as u32),
        None => Err(not_ours("names no schema".into())),
    }
}

fn broken(path: &Path, place: u64, why: String) -> ReadError {
    ReadError::BrokenLine {
        path: path.to_owned(),
        line: place + 1,
        expected: place,
        why,
    }
}

fn excerpt(line: &[u8]) -> String {
    const SHOWN_BYTES: usize = 60;
    let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN_BYTES)]);
    let dots = if line.len() > SHOWN_BYTES { "..." } else { "" };
    format!("{}{dots}", shown.trim_end().escape_debug())
}

impl History {
    /// The first event, if it is whole.
    pub fn began(&self) -> Option<&super::Began> {
        match self.events.first().map(|event| &event.what) {
            Some(What::Run(RunEvent::Began(began))) => Some(began),
            _ => None,
        }
    }
}

/// A first event for tests.
#[cfg(test)]
pub(super) fn some_began() -> super::Began {
    let bounds = super::Bounds {
        lease_ms: Some(1000),
        takeover_ms: Some(2100),
        ..super::Bounds::default()
    };
    super::Began {
        schema: SCHEMA,
        story: "cluster_smoke".into(),
        seed: 7,
        design: "log".into(),
        defect: None,
        evidence: Vec::new(),
        expected_failures: Vec::new(),
        pods: vec!["pod-1".into()],
        capabilities: Vec::new(),
        lacks: Vec::new(),
        bounds,
        rules: super::Rules::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        let whats = [
            What::Run(RunEvent::Began(some_began().into())),
            What::Run(RunEvent::Healed),
            What::Run(RunEvent::Ended),
        ];
        whats
            .into_iter()
            .enumerate()
            .map(|(n, what)| {
                serde_json::to_string(&Event {
                    n: n as u64,
                    at_us: 7,
                    what,
                })
                .expect("an event")
                    + "\n"
            })
            .collect()
    }

    fn read_text(text: impl AsRef<[u8]>) -> Result<History, ReadError> {
        read_from(text.as_ref(), Path::new("history.jsonl"))
    }

    fn error(text: impl AsRef<[u8]>) -> String {
        read_text(text).expect_err("a refusal").to_string()
    }

    #[test]
    fn a_whole_history_is_read() {
        let history = read_text(lines().concat()).expect("a history");
        assert_eq!(history.events.len(), 3);
        assert_eq!(history.cut_off, None);
        assert_eq!(history.began(), Some(&some_began()));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nonexistent/history.jsonl"))
            .expect_err("a refusal")
            .to_string();
        assert!(
            error.starts_with("no history at /nonexistent/history.jsonl: "),
            "{error}"
        );
    }

    #[test]
    fn a_folder_is_no_history() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(
            read(folder.path()),
            Err(ReadError::Unreadable { line: 0, .. })
        ));
    }

    #[test]
    fn an_empty_file_and_a_first_line_cut_off_hold_no_event() {
        assert!(matches!(read_text(""), Err(ReadError::Empty { .. })));
        assert!(matches!(read_text(&lines()[0][..40]), Err(ReadError::Empty { .. })));
        assert!(matches!(read_text("{\"n"), Err(ReadError::Empty { .. })));
    }

    #[test]
    fn other_files_are_not_ours() {
        assert!(error("hello").contains("its first line is `hello`"));
        assert!(error("hello\nworld\n").contains("its first line is `hello`"));
        assert!(error("{\"a\": 1}\n").contains("is not a history"));
        assert!(error(&lines()[1]).contains("is an event of kind `healed`"));
        assert!(error([0xff, 0xfe, b'\n']).contains("is not a history"));
    }

    #[test]
    fn a_newer_schema_is_told_even_where_its_shape_is_unknown() {
        let newer = SCHEMA + 1;
        let line =
            format!("{{\"n\":0,\"at\":\"noon\",\"what\":{{\"kind\":\"began\",\"schema\":{newer},\"new\":[]}}}}\n");
        let error = error(line);
        let expected = format!("has schema {newer}, this version reads up to {SCHEMA}");
        assert!(error.contains(&expected), "{error}");
    }

    #[test]
    fn a_history_at_every_length_of_its_file_is_read_or_named() {
        let text = lines().concat();
        for cut in 0..text.len() {
            match read_text(&text[..cut]) {
                Ok(history) => {
                    let at_line_end = text[..cut].ends_with('\n') || text[cut..].starts_with('\n');
                    assert_eq!(history.cut_off.is_none(), at_line_end, "cut at {cut}");
                }
                Err(ReadError::Empty { .. }) => assert!(cut < lines()[0].len()),
                Err(other) => panic!("cut at {cut}: {other}"),
            }
        }
    }

    #[test]
    fn a_cut_off_tail_is_told() {
        let text = lines().concat();
        let history = read_text(&text[..text.len() - 5]).expect("a history");
        assert_eq!(history.events.len(), 2);
        assert!(history.cut_off.expect("a remark").starts_with("line 3 ends after "));
    }

    #[test]
    fn a_broken_line_in_the_middle_is_named() {
        let mut lines = lines();
        lines[1] = "{\"n\":1,\"at_us\":7,\"what\":{\"kind\":\"no_such_kind\"}}\n".into();
        let error = error(lines.concat());
        assert!(
            error.starts_with("history.jsonl, line 2: expected event 1 of the history, got `"),
            "{error}"
        );
        assert!(error.contains("no_such_kind"), "{error}");
    }

    #[test]
    fn an_event_out_of_its_place_is_named() {
        let mut lines = lines();
        lines.swap(1, 2);
        let error = error(lines.concat());
        assert!(
            error.contains("line 2: expected event 1 of the history, got event 2"),
            "{error}"
        );
    }

    #[test]
    fn a_time_that_cannot_be_is_named() {
        let mut lines = lines();
        let far = lines[0].replace("\"lease_ms\":1000", "\"lease_ms\":18446744073709551615");
        assert!(error(far).contains("line 1: expected event 0 of the history, got a time of over 1000000000000000"));
        lines[1] = lines[1].replace("\"at_us\":7", "\"at_us\":18446744073709551615");
        assert!(error(lines.concat()).contains("line 2: expected event 1 of the history, got a time of over"));
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let lines = lines();
        let endless = lines[0].as_bytes().chain(io::repeat(b'x'));
        let error = read_from(BufReader::new(endless), Path::new("h"))
            .expect_err("a refusal")
            .to_string();
        assert!(
            error.contains("line 2") && error.contains("over 67108864 bytes"),
            "{error}"
        );
    }
}
