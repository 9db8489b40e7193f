//! The ids that watchers of a thread were shown, read out of the history as it grows.

use std::collections::{BTreeMap, HashSet};

use crate::history::writer::Recorder;
use crate::history::{
    ClientEvent, Cursor, Epoch, Event, OpId, Outcome, ThreadId, TurnId, WatcherEvent, WatcherId, What,
};
use crate::plan::Place;
use crate::system::System;
use crate::system::reading::{moved, of_another_stream};
use crate::system::stream::CursorRule;
use crate::system::talk::{AttachCall, Scope};

/// How many attempts behind the newest one lies one that never was.
const NEVER_WAS: u64 = 7777;
/// A text that clients send for a cursor that they do not have.
const NONSENSE: &str = "undefined";

/// The ids of one thread; where a tail shows one turn, those of its newest turn.
pub(super) struct SeenIds {
    /// How the system writes cursors, if it has any.
    rule: Option<CursorRule>,
    shows_one_turn: bool,
    next: u64,
    /// Posts to the thread that have not been answered.
    posts: HashSet<OpId>,
    /// The newest turn of the thread.
    turn: Option<TurnId>,
    tails: HashSet<WatcherId>,
    ids: BTreeMap<Cursor, String>,
    /// The last id of another stream.
    elsewhere: Option<String>,
}

impl SeenIds {
    pub(super) fn new(system: &System) -> Self {
        let calls = &system.description.calls;
        let scope = calls.attach.as_ref().map(AttachCall::scope);
        Self {
            rule: system.description.stream.cursor.clone(),
            shows_one_turn: scope == Some(Scope::Turn),
            next: 0,
            posts: HashSet::new(),
            turn: None,
            tails: HashSet::new(),
            ids: BTreeMap::new(),
            elsewhere: None,
        }
    }

    /// The newest turn, if any was accepted.
    pub(super) fn turn(&self) -> Option<&TurnId> {
        self.turn.as_ref()
    }

    /// Takes in what was recorded since the last look.
    pub(super) fn look(&mut self, recorder: &Recorder, thread: &ThreadId) {
        recorder.find(self.next, |event| {
            self.take(event, thread);
            None::<()>
        });
    }

    fn take(&mut self, event: &Event, thread: &ThreadId) {
        self.next = event.n + 1;
        match &event.what {
            What::Client(ClientEvent::Posted { op, thread: of, .. }) if of == thread => drop(self.posts.insert(*op)),
            What::Client(ClientEvent::PostEnded {
                op,
                outcome: Outcome::Ok(accepted),
            }) if self.posts.remove(op) => self.begin(&accepted.turn),
            What::Watcher(WatcherEvent::TailOpened {
                watcher,
                thread: of,
                turn,
                ..
            }) if of == thread && (!self.shows_one_turn || *turn == self.turn) => drop(self.tails.insert(*watcher)),
            What::Watcher(WatcherEvent::Frame {
                watcher,
                id: Some(id),
                cursor: Some(cursor),
                ..
            }) => {
                if self.tails.contains(watcher) {
                    self.ids.insert(*cursor, id.to_string());
                } else {
                    self.elsewhere = Some(id.to_string());
                }
            }
            _ => {}
        }
    }

    /// A turn begins. Where a tail shows one turn, the stream begins anew with it.
    fn begin(&mut self, turn: &TurnId) {
        if self.shows_one_turn {
            self.elsewhere = self.ids.pop_last().map(|(_, id)| id).or(self.elsewhere.take());
            self.ids.clear();
            self.tails.clear();
        }
        self.turn = Some(turn.clone());
    }

    /// The id of a place. Returns `None` if nothing was shown yet, or if ids cannot be written so.
    pub(super) fn at(&self, place: Place) -> Option<String> {
        match place {
            Place::Anew => None,
            // Nearer to the beginning than that there is only the beginning.
            Place::Behind(frames) => self.ids.values().rev().nth(frames.into()).cloned(),
            Place::Head => self.ids.values().next_back().cloned(),
            Place::PastHead => self.near_head(|head| Cursor {
                seq: head.seq + 1,
                ..head
            }),
            Place::Foreign => self.foreign(),
            Place::NeverWas => self.near_head(|head| Cursor {
                epoch: head.epoch.map(|epoch| Epoch(epoch.0 + NEVER_WAS)),
                seq: 1,
            }),
            Place::FarFuture => self.near_head(|_| Cursor {
                epoch: Some(Epoch(u64::MAX)),
                seq: u64::MAX,
            }),
            Place::Nonsense => Some(NONSENSE.to_owned()),
        }
    }

    /// An id of the stream, at the place that lies so to the head.
    fn near_head(&self, place: impl Fn(Cursor) -> Cursor) -> Option<String> {
        let (head, id) = self.ids.last_key_value()?;
        moved(self.rule.as_ref()?, id, self.own_turn(), place(*head))
    }

    /// The head's numbers as another stream's id has them. Returns `None` if ids do not tell their stream.
    fn foreign(&self) -> Option<String> {
        let rule = self.rule.as_ref()?;
        let (head, own) = self.ids.last_key_value()?;
        let made = of_another_stream(rule, own, self.own_turn())?;
        let seen = self.elsewhere.as_deref().and_then(|id| moved(rule, id, None, *head));
        Some(seen.filter(|seen| seen != own).unwrap_or(made))
    }

    /// The turn whose name an id of the stream holds.
    fn own_turn(&self) -> Option<&TurnId> {
        self.turn.as_ref().filter(|_| self.shows_one_turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Accepted, CursorForm, EventId, TailMode};
    use crate::plan::Answer;

    fn shown(seen_ids: &mut SeenIds, watcher: u32, id: &str) {
        let rule = seen_ids.rule.clone().expect("the reference pod has cursors");
        let cursor = crate::system::reading::cursor_of(&rule, id, None);
        let frame = WatcherEvent::Frame {
            watcher: WatcherId(watcher),
            id: Some(EventId::from(id)),
            cursor,
            chunk: crate::history::Chunk::Done,
        };
        take(seen_ids, What::Watcher(frame));
    }

    fn take(seen_ids: &mut SeenIds, what: What) {
        let event = Event {
            n: seen_ids.next,
            at_us: 0,
            what,
        };
        seen_ids.take(&event, &"t1".into());
    }

    fn attached(seen_ids: &mut SeenIds, watcher: u32, thread: &str) {
        let opened = WatcherEvent::TailOpened {
            watcher: WatcherId(watcher),
            pod: "pod-1".into(),
            thread: thread.into(),
            turn: None,
            mode: TailMode::Start,
            cursor: None,
            form: CursorForm::default(),
            role: "start".into(),
            asked_us: 0,
            session: None,
        };
        take(seen_ids, What::Watcher(opened));
    }

    fn accepted(seen_ids: &mut SeenIds, op: u32, turn: &str) {
        take(
            seen_ids,
            What::Client(ClientEvent::Posted {
                op: OpId(op),
                pod: "pod-1".into(),
                thread: "t1".into(),
                message: "m1".into(),
                text: String::new(),
                expect: Box::new(Answer::tokens(1).expect(&"k1".into())),
            }),
        );
        let outcome = Outcome::Ok(Accepted {
            turn: turn.into(),
            pod: "pod-1".into(),
            tail: None,
        });
        take(seen_ids, What::Client(ClientEvent::PostEnded { op: OpId(op), outcome }));
    }

    #[test]
    fn places_are_counted_from_the_newest_frame_of_the_newest_attempt() {
        let mut seen_ids = SeenIds::new(&System::reference());
        attached(&mut seen_ids, 1, "t1");
        attached(&mut seen_ids, 2, "t2");
        assert_eq!(seen_ids.at(Place::PastHead), None);
        for id in ["2-0-0123abcd", "1-9-0123abcd", "2-1-0123abcd"] {
            shown(&mut seen_ids, 1, id);
        }
        let at = |seen_ids: &SeenIds, place| seen_ids.at(place);
        assert_eq!(at(&seen_ids, Place::Head).as_deref(), Some("2-1-0123abcd"));
        assert_eq!(at(&seen_ids, Place::Behind(2)).as_deref(), Some("1-9-0123abcd"));
        assert_eq!(at(&seen_ids, Place::Behind(3)), None);
        assert_eq!(at(&seen_ids, Place::PastHead).as_deref(), Some("2-2-0123abcd"));
        assert_eq!(at(&seen_ids, Place::NeverWas).as_deref(), Some("7779-1-0123abcd"));
        let far = format!("{0}-{0}-0123abcd", u64::MAX);
        assert_eq!(at(&seen_ids, Place::FarFuture), Some(far));
        assert_eq!(at(&seen_ids, Place::Nonsense).as_deref(), Some("undefined"));
        assert_eq!(at(&seen_ids, Place::Foreign).as_deref(), Some("2-1-1123abcd"));
        shown(&mut seen_ids, 2, "9-9-89abcdef");
        assert_eq!(at(&seen_ids, Place::Foreign).as_deref(), Some("2-1-89abcdef"));
    }

    #[test]
    fn the_newest_turn_is_known_and_begins_the_stream_anew_where_a_tail_shows_one_turn() {
        for (shows_one_turn, head) in [(false, Some("1-1-0123abcd")), (true, None)] {
            let mut seen_ids = SeenIds::new(&System::reference());
            seen_ids.shows_one_turn = shows_one_turn;
            assert_eq!(seen_ids.turn(), None);
            attached(&mut seen_ids, 1, "t1");
            shown(&mut seen_ids, 1, "1-1-0123abcd");
            accepted(&mut seen_ids, 1, "u1");
            assert_eq!(seen_ids.turn().map(TurnId::as_str), Some("u1"));
            assert_eq!(seen_ids.at(Place::Head).as_deref(), head);
        }
    }
}
