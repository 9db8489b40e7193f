//! Watchers: one tail each, and the text that a client which follows it renders.

use std::collections::BTreeMap;

use crate::history::{
    Chunk, Cursor, CursorForm, Epoch, Event, EventId, PodName, SessionNo, Status, TailEnd, TailMode, WatcherEvent,
    WatcherId, What,
};
use crate::judge::view::at::At;
use crate::judge::view::text::{Against, Text};

/// A watcher: one attach from its opening to its end.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    pub(crate) id: WatcherId,
    pub(crate) pod: &'a PodName,
    /// Place of the thread it watches.
    pub(crate) thread: usize,
    /// Place of the one turn that it shows, if it does not show the thread.
    pub(crate) turn: Option<usize>,
    /// What it was asked to show.
    pub(crate) mode: TailMode,
    pub(crate) opened: At,
    /// When its attach was sent, in microseconds since the run began: a slow reader opens some time after that.
    pub(crate) asked_us: u64,
    /// Session that it used, if the history says.
    pub(crate) session: Option<SessionNo>,
    /// Cursor that it resumed from, if any.
    pub(crate) cursor: Option<&'a str>,
    /// How it gave that cursor.
    pub(crate) form: CursorForm,
    /// That cursor, where any watcher of the thread was ever given it, with the moment it first was.
    pub(crate) resumes: Option<(Cursor, At)>,
    /// The turn that its last resync led to: what came before that its client reads from the thread.
    pub(crate) led_to: Option<usize>,
    pub(crate) closed: Option<(At, &'a TailEnd)>,
    /// When it said that it failed itself, and not the turn.
    pub(crate) broken: Option<At>,
    /// Where the thread stood, and its newest turn, as the tail opened.
    pub(crate) state: Option<(Status, Option<usize>)>,
    /// Every frame, in order.
    pub(crate) frames: Vec<&'a Event>,
    /// Its view of each turn.
    pub(crate) turns: BTreeMap<usize, Seen<'a>>,
    resyncs: u32,
    /// True if a resync was announced and the start that it promises has not come yet.
    resyncing: bool,
}

/// What a tail shows, and what its ids are places of: a thread or a turn, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scope {
    Thread(usize),
    Turn(usize),
}

/// A frame, taken out of its event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) at: At,
    pub(crate) id: Option<&'a str>,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) chunk: &'a Chunk,
}

impl Frame<'_> {
    /// True if it and the one before it are what one event of the stream says: the whole text or an error, and the end.
    pub(crate) fn goes_with(&self, before: &Frame<'_>) -> bool {
        let rank = |chunk: &Chunk| match chunk {
            Chunk::Whole { .. } => Some(1),
            Chunk::Error { .. } => Some(2),
            Chunk::Finish { .. } => Some(3),
            _ => None,
        };
        let is_one = self.cursor.is_some() && self.cursor == before.cursor && self.id == before.id;
        let ranks = rank(before.chunk).zip(rank(self.chunk));
        is_one && self.chunk.turn() == before.chunk.turn() && ranks.is_some_and(|(before, own)| before < own)
    }

    /// True if it is a start that takes back what was shown of its turn and names no epoch: without epochs, the ids of an attempt may
    /// begin anew.
    pub(crate) fn begins_anew(&self) -> bool {
        matches!(self.chunk, Chunk::Start(start) if start.reset && start.epoch.is_none())
    }

    /// True if it is part of an answer, and so of the log.
    pub(crate) fn is_content(&self) -> bool {
        self.chunk.turn().is_some()
    }
}

/// The view that one watcher has of one turn.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    /// Rendered texts, one from each start or reset to the next; the last one stands on the screen.
    pub(crate) showings: Vec<Showing<'a>>,
    pub(crate) started: bool,
    /// Epoch that its last start named, if it named one.
    epoch: Option<Epoch>,
    pub(crate) finishes: Vec<Finish>,
    /// The errors that it was shown.
    pub(crate) errors: Vec<&'a str>,
    /// When its text was first made another by a whole one that came behind the finish.
    pub(crate) mended: Option<At>,
    /// A resync led past this turn: its client reads the thread instead.
    pub(crate) passed_over: bool,
}

/// A finish as a watcher saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    pub(crate) at: At,
    /// How the turn ended, where the frame says.
    pub(crate) status: Option<Status>,
    /// How many resyncs came before it: a resync may repeat a finish.
    pub(crate) resyncs: u32,
    /// How many showings there were by then: the last of them is what it ends.
    pub(crate) showings: usize,
}

/// A text as a client rendered it, from a start or reset to the next.
#[derive(Debug)]
pub(crate) struct Showing<'a> {
    pub(crate) begun: At,
    /// Epoch of the attempt that it began with, if the stream says.
    pub(crate) epoch: Option<Epoch>,
    pub(crate) anchor: Anchor,
    pub(crate) text: Text<'a>,
    /// First frame of another attempt that went into it without a reset.
    pub(crate) mixed: Option<(At, Epoch)>,
    /// How it lies against the attempt's reference text.
    pub(crate) fit: Fit,
}

/// Where in the answer a showing begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// At its start frame.
    Start,
    /// At text without a start: a client shows it as if it were the beginning.
    Bare,
    /// After the cursor that the watcher resumed from: at this offset in bytes, if another watcher's tail
    /// shows it.
    Resumed(Option<usize>),
}

/// How a showing lies against its attempt's reference text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// There is nothing to lay it against.
    Unjudged,
    /// It is a piece of the reference, beginning at this offset.
    Along {
        /// Offset in the reference, in bytes.
        from: usize,
    },
    /// It begins at an offset in the reference, and leaves it.
    Apart {
        /// Offset in the reference, in bytes, that it begins at.
        from: usize,
        /// Offset in the showing, in bytes, that it leaves the reference at.
        at: usize,
    },
}

impl<'a> Seen<'a> {
    // Nearly every watcher has one showing and one finish of a turn, and there are many of both: no room is made for more.

    fn show(&mut self, showing: Showing<'a>) {
        self.showings.reserve_exact(1);
        self.showings.push(showing);
    }

    fn finish(&mut self, finish: Finish) {
        if let Some(showing) = self.showings.last_mut() {
            showing.text.shrink();
        }
        self.finishes.reserve_exact(1);
        self.finishes.push(finish);
    }

    /// The text that stands on the client's screen.
    pub(crate) fn current(&self) -> Option<&Showing<'a>> {
        self.showings.last()
    }

    /// If a finished answer has begun anew: the text that the last finish ended, and the new begin.
    pub(in crate::judge::view) fn repeated_finish(&self) -> Option<(Option<&Showing<'a>>, At)> {
        let ended = self.finishes.last()?.showings;
        let again = self.showings.get(ended..)?.last()?;
        Some((self.showings[..ended].last(), again.begun))
    }
}

impl Showing<'_> {
    fn new(begun: At, epoch: Option<Epoch>, anchor: Anchor) -> Self {
        Self {
            begun,
            epoch,
            anchor,
            text: Text::default(),
            mixed: None,
            fit: Fit::Unjudged,
        }
    }

    /// Compares it with `whole`.
    pub(crate) fn fit_in(&self, whole: &Text<'_>) -> Fit {
        let from = match self.anchor {
            Anchor::Start | Anchor::Bare => 0,
            Anchor::Resumed(Some(offset)) => offset,
            // A tail that goes on to the end is an end of the answer; one that broke off can lie anywhere.
            Anchor::Resumed(None) => match whole.len().checked_sub(self.text.len()) {
                Some(from) if self.text.against(whole, from) == Against::Prefix => from,
                _ => return Fit::Unjudged,
            },
        };
        match self.text.against(whole, from) {
            Against::Prefix => Fit::Along { from },
            Against::Apart(at) => Fit::Apart { from, at },
        }
    }

    /// True if it shows `whole` to its end.
    pub(crate) fn completes(&self, whole: &Text<'_>) -> bool {
        matches!(self.fit_in(whole), Fit::Along { from } if from + self.text.len() == whole.len())
    }

    fn note_epoch(&mut self, at: At, epoch: Option<Epoch>) {
        if let (Some(here), Some(there)) = (self.epoch, epoch)
            && here != there
        {
            self.mixed.get_or_insert((at, there));
        }
    }
}

impl<'a> Watcher<'a> {
    pub(crate) fn new(id: WatcherId, pod: &'a PodName, thread: usize, opened: At, cursor: Option<&'a str>) -> Self {
        Self {
            id,
            pod,
            thread,
            turn: None,
            mode: if cursor.is_some() {
                TailMode::Cursor
            } else {
                TailMode::Start
            },
            opened,
            asked_us: opened.us,
            session: None,
            cursor,
            form: CursorForm::default(),
            resumes: None,
            led_to: None,
            closed: None,
            broken: None,
            state: None,
            frames: Vec::new(),
            turns: BTreeMap::new(),
            resyncs: 0,
            resyncing: false,
        }
    }

    /// True if it was asked for its turn, or its thread, from the start.
    pub(crate) fn is_from_start(&self) -> bool {
        self.mode == TailMode::Start
    }

    /// What its ids are places of.
    pub(crate) fn scope(&self) -> Scope {
        self.turn.map_or(Scope::Thread(self.thread), Scope::Turn)
    }

    /// `w3 on pod-2`.
    pub(crate) fn label(&self) -> String {
        format!("{} on {}", self.id, self.pod)
    }

    /// Its frames.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame<'a>> {
        self.frames.iter().filter_map(|event| match &event.what {
            What::Watcher(WatcherEvent::Frame { id, cursor, chunk, .. }) => Some(Frame {
                at: At::of(event),
                id: id.as_ref().map(EventId::as_str),
                cursor: *cursor,
                chunk,
            }),
            _ => None,
        })
    }

    /// Renders a frame as a client does. `turn` is the place of its turn; `anchors` says how far into the
    /// turn's answer a cursor lies.
    pub(crate) fn render(
        &mut self,
        frame: Frame<'a>,
        turn: Option<usize>,
        anchors: impl Fn(&str, usize) -> Option<usize>,
    ) {
        match (frame.chunk, turn) {
            (Chunk::State { status, .. }, turn) => {
                self.state.get_or_insert((*status, turn));
            }
            (Chunk::Resync { .. }, _) => {
                self.resyncs += 1;
                self.resyncing = true;
            }
            (Chunk::Start(start), Some(turn)) => self.start(frame.at, turn, start.epoch, start.reset),
            (Chunk::Delta { text, .. }, Some(turn)) => {
                let anchor = match (self.mode, self.cursor) {
                    (TailMode::Cursor, Some(cursor)) if self.resyncs == 0 => Anchor::Resumed(anchors(cursor, turn)),
                    (TailMode::Live, _) if self.resyncs == 0 => Anchor::Resumed(None),
                    _ => Anchor::Bare,
                };
                let seen = self.turns.entry(turn).or_default();
                let epoch = frame.cursor.and_then(|cursor| cursor.epoch).or(seen.epoch);
                if seen.showings.is_empty() {
                    seen.show(Showing::new(frame.at, epoch, anchor));
                }
                if let Some(showing) = seen.showings.last_mut() {
                    showing.text.push(frame.at.n, text);
                    showing.note_epoch(frame.at, epoch);
                }
            }
            (Chunk::Whole { text, .. }, Some(turn)) => {
                let seen = self.turns.entry(turn).or_default();
                if seen.showings.is_empty() {
                    seen.show(Showing::new(frame.at, None, Anchor::Start));
                }
                let has_finished = seen.finishes.iter().any(|finish| finish.resyncs == self.resyncs);
                if let Some(showing) = seen.showings.last_mut() {
                    let whole = Text::of(frame.at.n, text);
                    let is_other = || showing.anchor == Anchor::Start && !showing.text.same_as(&whole);
                    if has_finished && is_other() {
                        seen.mended.get_or_insert(frame.at);
                    }
                    (showing.text, showing.anchor) = (whole, Anchor::Start);
                }
            }
            (Chunk::Error { message, .. }, Some(turn)) => self.turns.entry(turn).or_default().errors.push(message),
            (Chunk::Finish { status, .. }, Some(turn)) => {
                let seen = self.turns.entry(turn).or_default();
                seen.finish(Finish {
                    at: frame.at,
                    status: *status,
                    resyncs: self.resyncs,
                    showings: seen.showings.len(),
                });
            }
            (Chunk::Broken { .. }, _) => {
                self.broken.get_or_insert(frame.at);
            }
            _ => {}
        }
    }

    fn start(&mut self, at: At, turn: usize, epoch: Option<Epoch>, reset: bool) {
        let after_resync = std::mem::take(&mut self.resyncing);
        if after_resync {
            self.led_to = Some(turn);
            for (other, seen) in &mut self.turns {
                seen.passed_over |= *other != turn && seen.finishes.is_empty();
            }
        }
        let resyncs = self.resyncs;
        let seen = self.turns.entry(turn).or_default();
        seen.started = true;
        seen.epoch = epoch.or(seen.epoch);
        seen.passed_over = false;
        // A reset drops an unfinished answer only: what was finished stays, and what comes is put behind it.
        let finished = seen.finishes.iter().any(|finish| finish.resyncs == resyncs);
        let anew = match seen.showings.last() {
            None => true,
            Some(_) if after_resync => true,
            Some(last) => !finished && (reset || last.text.is_empty()),
        };
        if anew {
            seen.show(Showing::new(at, epoch, Anchor::Start));
        } else if let Some(showing) = seen.showings.last_mut() {
            showing.note_epoch(at, epoch);
        }
    }
}
