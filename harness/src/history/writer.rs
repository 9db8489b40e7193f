//! Writes a history as it happens, and tells those who wait for an event that it has come.
//!
//! One [`Recorder`] a run, cloned to every source. Place and time of an event are given under one lock, so the order of
//! the file is the order of the run as the harness saw it. Deliberately absent: any look at what an event means, and
//! `fsync`: the file has to outlive the harness's death, not the machine's.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::reader::LINE_MAX_BYTES;
use super::{Event, What};

/// An event is in the file at the latest so long after it was recorded.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Longest event that is written, in bytes: with its place and time around it, it is a line that is read back.
const EVENT_MAX_BYTES: usize = LINE_MAX_BYTES - 100;

/// A handle on the history being written. Clones write to the same history.
#[derive(Debug, Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    t0: Instant,
    log: Mutex<Log>,
    count: watch::Sender<u64>,
    /// Ends the flushing thread by being dropped.
    _stop: mpsc::Sender<()>,
}

#[derive(Debug)]
struct Log {
    events: Vec<Event>,
    file: BufWriter<File>,
    failure: Option<Failure>,
}

/// An [`io::Error`] that can be told more than once.
#[derive(Debug, Clone)]
struct Failure {
    kind: io::ErrorKind,
    message: String,
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, failure.message)
    }
}

impl Recorder {
    /// Begins a history in a new file at `path`; an old file there is replaced. Times count from `t0`.
    ///
    /// # Errors
    /// The file cannot be created, or the thread that flushes it cannot be started.
    pub fn create(path: &Path, t0: Instant) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        let (stop, stopped) = mpsc::channel();
        let log = Mutex::new(Log {
            events: Vec::new(),
            file,
            failure: None,
        });
        let shared = Arc::new(Shared {
            t0,
            log,
            count: watch::Sender::new(0),
            _stop: stop,
        });
        let weak = Arc::downgrade(&shared);
        thread::Builder::new()
            .name("history-flush".into())
            .spawn(move || flush_regularly(&weak, &stopped))?;
        Ok(Self { shared })
    }

    /// Appends what happened just now; gives its place in the history.
    pub fn record(&self, what: impl Into<What>) -> u64 {
        self.append(None, what.into())
    }

    /// Appends what was seen at `seen`, an instant at or after the run's beginning; gives its place in the history.
    ///
    /// Times of events may thus step back by the time a source took to hand its event over; places never do.
    pub fn record_at(&self, seen: Instant, what: impl Into<What>) -> u64 {
        self.append(Some(seen), what.into())
    }

    /// Microseconds since the run began, by the clock that events are timed with.
    pub fn now_us(&self) -> u64 {
        self.shared.us_at(Instant::now())
    }

    /// How many events there are, and a notification of each change. A burst may be told as one change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.count.subscribe()
    }

    /// The events from place `n` on.
    pub fn events_since(&self, n: u64) -> Vec<Event> {
        self.shared.lock().events.get(n as usize..).unwrap_or_default().to_vec()
    }

    /// All events so far.
    pub fn snapshot(&self) -> Vec<Event> {
        self.events_since(0)
    }

    /// Returns what `look` finds in the first event from place `n` on that it finds something in, if there is
    /// one yet. No event is cloned; `look` runs under the lock and must not record.
    pub fn find<T>(&self, n: u64, look: impl FnMut(&Event) -> Option<T>) -> Option<T> {
        self.shared
            .lock()
            .events
            .get(n as usize..)
            .unwrap_or_default()
            .iter()
            .find_map(look)
    }

    /// Waits until `look` finds something in an event from place `n` on, looking at each event once.
    ///
    /// It waits for ever: the caller, who knows what is awaited, sets the bound.
    pub async fn wait_for<T>(&self, n: u64, mut look: impl FnMut(&Event) -> Option<T>) -> T {
        let mut count = self.subscribe();
        let mut next = n;
        loop {
            let have = *count.borrow_and_update();
            if have > next {
                if let Some(found) = self.find(next, |event| if event.n < have { look(event) } else { None }) {
                    return found;
                }
                next = have;
            }
            if count.changed().await.is_err() {
                // The sender lives in `self`, so it cannot be gone while we are here.
                unreachable!("a recorder was dropped while it was borrowed");
            }
        }
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// This or any earlier write failed: the file does not hold the whole history.
    pub fn finish(&self) -> io::Result<()> {
        let mut log = self.shared.lock();
        log.flush();
        log.failure.clone().map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// The first write that failed, if one did: the run cannot be trusted from there on.
    pub fn failed(&self) -> Option<io::Error> {
        self.shared.lock().failure.clone().map(Into::into)
    }

    fn append(&self, seen: Option<Instant>, what: What) -> u64 {
        // Outside the lock: serialising is the slow part, and sources must not queue behind one another for it.
        let json = serde_json::to_string(&what);
        let important = is_important(&what);
        let mut log = self.shared.lock();
        let n = log.events.len() as u64;
        let at_us = self.shared.us_at(seen.unwrap_or_else(Instant::now));
        log.write_line(n, at_us, json);
        log.events.push(Event { n, at_us, what });
        if important {
            log.flush();
        }
        // Under the lock, so that the count never steps back.
        self.shared.count.send_replace(n + 1);
        n
    }
}

impl Shared {
    fn us_at(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.t0).as_micros()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // A panic under the lock leaves at worst a cut-off line, which the reader tolerates.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn write_line(&mut self, n: u64, at_us: u64, json: serde_json::Result<String>) {
        // After a failure the file ends where it failed; more lines after a hole would make it unreadable.
        if self.failure.is_some() {
            return;
        }
        let written = json
            .map_err(io::Error::from)
            .and_then(|what| match what.len() {
                0..=EVENT_MAX_BYTES => Ok(what),
                bytes => Err(io::Error::other(format!(
                    "it has {bytes} bytes, which nobody reads back"
                ))),
            })
            .and_then(|what| writeln!(self.file, r#"{{"n":{n},"at_us":{at_us},"what":{what}}}"#));
        self.note(written, &format!("write event {n} of the history"));
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            let flushed = self.file.flush();
            self.note(flushed, "flush the history");
        }
    }

    fn note(&mut self, result: io::Result<()>, doing: &str) {
        if let Err(error) = result {
            let message = format!("could not {doing}: {error}; free space or choose another artefact folder");
            tracing::error!("{message}");
            self.failure = Some(Failure {
                kind: error.kind(),
                message,
            });
        }
    }
}

/// True if an event is worth a system call of its own: what one looks for first when the harness itself has died.
fn is_important(what: &What) -> bool {
    matches!(what, What::Run(_) | What::Fault(_))
}

fn flush_regularly(shared: &Weak<Shared>, stopped: &mpsc::Receiver<()>) {
    while stopped.recv_timeout(FLUSH_EVERY) == Err(RecvTimeoutError::Timeout) {
        let Some(shared) = shared.upgrade() else { return };
        shared.lock().flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{PodEvent, RunEvent, reader};

    fn recorder() -> (tempfile::TempDir, std::path::PathBuf, Recorder) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("history.jsonl");
        let recorder = Recorder::create(&path, Instant::now()).expect("a new file");
        (folder, path, recorder)
    }

    fn mark(mark: &str) -> What {
        What::Pod(PodEvent::LogLine {
            pod: "pod-1".into(),
            level: "WARN".into(),
            line: mark.into(),
        })
    }

    fn began() -> What {
        What::Run(RunEvent::Began(reader::some_began().into()))
    }

    #[test]
    fn a_line_is_what_serde_makes_of_the_event() {
        let (_folder, path, recorder) = recorder();
        recorder.record(began());
        recorder.record(mark("a \"quoted\"\nline"));
        recorder.finish().expect("a whole file");
        let text = std::fs::read_to_string(&path).expect("the file");
        let lines: Vec<String> = recorder
            .snapshot()
            .iter()
            .map(|e| serde_json::to_string(e).expect("an event"))
            .collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn events_from_many_threads_get_places_without_gaps() {
        let (_folder, path, recorder) = recorder();
        recorder.record(began());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for i in 0..250 {
                        recorder.record(mark(&i.to_string()));
                    }
                });
            }
        });
        recorder.finish().expect("a whole file");
        let read = reader::read(&path).expect("a readable history");
        assert_eq!(read.events, recorder.snapshot());
        assert_eq!(read.events.len(), 1001);
        assert_eq!(read.cut_off, None);
    }

    #[test]
    fn an_important_event_is_in_the_file_when_record_returns() {
        let (_folder, path, recorder) = recorder();
        recorder.record(mark("first"));
        recorder.record(RunEvent::Healed);
        assert_eq!(std::fs::read_to_string(path).expect("the file").lines().count(), 2);
    }

    #[test]
    fn an_unimportant_event_is_flushed_by_and_by() {
        let (_folder, path, recorder) = recorder();
        recorder.record(mark("first"));
        let give_up = Instant::now() + Duration::from_secs(10);
        while std::fs::read_to_string(&path).expect("the file").is_empty() {
            assert!(Instant::now() < give_up, "not flushed within 10 s");
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn a_waiter_is_told_of_an_event_that_comes_later() {
        let (_folder, _path, recorder) = recorder();
        recorder.record(mark("too early"));
        let waiting = recorder.wait_for(1, |e| match &e.what {
            What::Pod(PodEvent::LogLine { line, .. }) => Some((e.n, line.clone())),
            _ => None,
        });
        let events = async {
            tokio::task::yield_now().await;
            recorder.record(RunEvent::Healed);
            recorder.record(mark("wanted"));
        };
        let (found, ()) = tokio::join!(waiting, events);
        assert_eq!(found, (2, "wanted".to_owned()));
    }

    #[test]
    fn an_instant_of_the_past_keeps_its_time() {
        let (_folder, _path, recorder) = recorder();
        let seen = Instant::now();
        recorder.record(RunEvent::Healed);
        let n = recorder.record_at(seen, mark("seen before"));
        let events = recorder.events_since(n - 1);
        assert!(events[1].at_us <= events[0].at_us);
        assert_eq!(events[1].n, 1);
    }

    #[test]
    fn an_event_that_nobody_could_read_back_is_a_failure() {
        let (_folder, path, recorder) = recorder();
        recorder.record(began());
        recorder.record(mark(&"\u{1}".repeat(LINE_MAX_BYTES / 6)));
        recorder.record(mark("after it"));
        let failed = recorder.finish().expect_err("a failure").to_string();
        assert!(
            failed.contains("could not write event 1 of the history: it has 67"),
            "{failed}"
        );
        assert_eq!(reader::read(&path).expect("what came before").events.len(), 1);
    }

    #[test]
    fn a_failed_write_is_not_silent() {
        // Writing to it fails with "no space left on device".
        let recorder = Recorder::create(Path::new("/dev/full"), Instant::now()).expect("the device opens");
        assert!(recorder.failed().is_none());
        recorder.record(RunEvent::Healed);
        let failed = recorder.failed().expect("a failure");
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        assert!(
            recorder
                .finish()
                .expect_err("a failure")
                .to_string()
                .starts_with("could not flush the history")
        );
        assert_eq!(recorder.snapshot().len(), 1);
    }
}
