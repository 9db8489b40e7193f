//! Tails and their frames, as watchers were shown them.

use super::collector::Collector;
use crate::history::{Chunk, Event, EventId, TailEnd, WatcherEvent, WatcherId};
use crate::judge::view::at::At;
use crate::judge::view::entities::log::tell;
use crate::judge::view::entities::observations::Refused;
use crate::judge::view::entities::watcher::{Anchor, Frame, Watcher};

impl<'a> Collector<'a> {
    pub(super) fn watcher(&mut self, at: At, event: &'a Event, seen: &'a WatcherEvent) {
        match seen {
            WatcherEvent::TailOpened {
                watcher,
                pod,
                thread,
                turn,
                mode,
                cursor,
                form,
                role: _,
                asked_us,
                session,
            } => {
                self.view.pods.insert(pod.as_str());
                let thread = self.thread(thread);
                self.places.watchers.insert(*watcher, self.view.watchers.len());
                let own = turn.as_ref().or(self.places.answer_tails.get(watcher).copied());
                let own = own.map(|turn| self.turn(turn));
                let mut watcher = Watcher::new(*watcher, pod, thread, at, cursor.as_deref());
                (watcher.turn, watcher.mode) = (own, *mode);
                (watcher.session, watcher.asked_us, watcher.form) = (*session, *asked_us, *form);
                self.view.watchers.push(watcher);
            }
            WatcherEvent::TailRefused {
                watcher,
                pod,
                thread,
                cursor,
                form,
                asked_us,
                session,
                turn,
                status,
                reason,
                garbled,
            } => {
                self.view.pods.insert(pod.as_str());
                let thread = self.thread(thread);
                self.view.refused.push(Refused {
                    at,
                    watcher: *watcher,
                    pod,
                    thread,
                    cursor: cursor.as_deref(),
                    form: *form,
                    resumes: None,
                    asked_us: *asked_us,
                    session: *session,
                    turn: turn.as_deref(),
                    status: *status,
                    reason,
                    garbled: *garbled,
                });
            }
            // Each frame in these bytes has an event of its own.
            WatcherEvent::Bytes { .. } => {}
            WatcherEvent::Frame {
                watcher,
                id,
                cursor,
                chunk,
            } => {
                let (id, cursor) = (id.as_ref().map(EventId::as_str), *cursor);
                self.frame(*watcher, event, Frame { at, id, cursor, chunk });
            }
            WatcherEvent::TailClosed { watcher, end } => self.closed(at, *watcher, end),
        }
    }

    fn closed(&mut self, at: At, watcher: WatcherId, end: &'a TailEnd) {
        if let Some(place) = self.places.watchers.remove(&watcher) {
            self.view.watchers[place].closed = Some((at, end));
            self.view.watchers[place].frames.shrink_to_fit();
        }
    }

    fn frame(&mut self, watcher: WatcherId, event: &'a Event, frame: Frame<'a>) {
        let turn = if let Chunk::State { turn, .. } = frame.chunk {
            turn.as_ref()
        } else {
            frame.chunk.turn()
        };
        let turn = turn.map(|turn| self.turn(turn));
        // A frame without an opened tail has nowhere to be shown.
        let Some(place) = self.places.watchers.get(&watcher).copied() else {
            return;
        };
        let watcher = &mut self.view.watchers[place];
        watcher.frames.push(event);
        let (thread, scope, anchors) = (watcher.thread, watcher.scope(), &self.places.anchors);
        if let (Some(id), Some(cursor)) = (frame.id, frame.cursor) {
            let mark = &mut self.view.threads[thread].mark;
            *mark = mark.or_else(|| id.strip_prefix(tell(cursor).as_str()));
        }
        watcher.render(frame, turn, |cursor, turn| {
            anchors
                .get(&(scope, cursor))
                .filter(|(whose, _)| *whose == turn)
                .map(|(_, offset)| *offset)
        });
        let Some(turn) = turn else { return };
        if let (Chunk::Delta { .. }, Some(epoch)) = (frame.chunk, frame.cursor.and_then(|cursor| cursor.epoch)) {
            self.view.turns[turn].first_text.entry(epoch).or_insert(frame.at);
        }
        let Some(id) = frame.id.filter(|id| self.places.resumed.contains(id)) else {
            return;
        };
        if let Some(cursor) = frame.cursor {
            self.places.given.entry((scope, id)).or_insert((cursor, frame.at));
        }
        if let Some(showing) = watcher.turns.get(&turn).and_then(|seen| seen.current())
            && showing.anchor == Anchor::Start
        {
            self.places
                .anchors
                .entry((scope, id))
                .or_insert((turn, showing.text.len()));
        }
    }
}
