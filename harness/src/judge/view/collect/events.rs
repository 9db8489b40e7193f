//! The one pass over the events, and what ties its findings together.

use std::collections::HashMap;

use super::collector::{Collector, Places, empty};
use super::{attempts, logs, mixed_texts};
use crate::history::reader::History;
use crate::history::{Began, Chunk, Event, EventId, Outcome, TurnKey, WatcherId, What};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::entities::call::Post;
use crate::judge::view::entities::observations::{
    Access, Cancel, Complaint, Death, Leftover, Poll, Probe, Read, Refused, Revocation, Trial,
};
use crate::judge::view::entities::watcher::{Anchor, Frame, Watcher};
use crate::judge::view::faults::Faults;
use crate::judge::view::slow::Stretch;

impl<'a> View<'a> {
    /// Indexes a history.
    pub(crate) fn of(history: &'a History) -> Self {
        let mut view = collect(&history.events);
        attempts::settle(&mut view);
        logs::gather(&mut view);
        mixed_texts::gather(&mut view);
        view
    }
}

fn collect(events: &[Event]) -> View<'_> {
    let mut collector = Collector {
        view: empty(),
        places: Places::default(),
    };
    collector.places.resumed = events
        .iter()
        .filter_map(|event| match &event.what {
            What::TailOpened { cursor, .. } => cursor.as_deref(),
            _ => None,
        })
        .collect();
    for event in events {
        collector.take(event);
    }
    collector.link();
    collector.view
}

impl<'a> Collector<'a> {
    fn take(&mut self, event: &'a Event) {
        let at = At::of(event);
        self.view.ending.last = Some(at);
        match &event.what {
            What::Began(began) => self.begin(began),
            What::Row { xid, row, .. } => {
                self.view.rows.push(event);
                self.row(at, *xid, row);
            }
            What::Frame {
                watcher,
                id,
                cursor,
                chunk,
            } => {
                self.frame(
                    *watcher,
                    event,
                    Frame {
                        at,
                        id: id.as_ref().map(EventId::as_str),
                        cursor: *cursor,
                        chunk,
                    },
                );
            }
            What::Provider(told) => self.provider(at, told),
            What::Logged {
                thread, seq, cursor, ..
            } => self.logged(event, thread, *seq, *cursor),
            What::Fault(told) => self.places.faults.push((at, &**told)),
            What::Starved { over_us, waited_us } => self.view.starvation.push(Stretch {
                at,
                over_us: *over_us,
                waited_us,
            }),
            What::TailOpened {
                watcher,
                pod,
                thread,
                cursor,
                session,
                asked_us,
                ..
            } => {
                self.view.pods.insert(pod.as_str());
                let thread = self.thread(thread);
                self.places.watchers.insert(*watcher, self.view.watchers.len());
                let mut watcher = Watcher::new(*watcher, pod, thread, at, cursor.as_deref());
                (watcher.session, watcher.asked_us) = (*session, *asked_us);
                self.view.watchers.push(watcher);
            }
            What::TailClosed { watcher, end } => {
                if let Some(place) = self.places.watchers.remove(watcher) {
                    self.view.watchers[place].closed = Some((at, end));
                    self.view.watchers[place].frames.shrink_to_fit();
                }
            }
            What::Played { gave_up } => self.view.ending.played = Some((at, gave_up.as_deref())),
            What::Healed => self.view.ending.healed = Some(at),
            What::Quiesced => self.view.ending.quiesced = Some(at),
            What::Ended => self.view.ending.ended = true,
            What::HarnessFailed { reason } => {
                self.view.ending.harness_failed.get_or_insert(reason);
            }
            What::Evidence { mark, reached } => self.view.evidence.push((mark, *reached)),
            _ => self.asked(at, &event.what),
        }
    }

    /// What the workload asked, and what came of it.
    fn asked(&mut self, at: At, what: &'a What) {
        match what {
            What::ThreadMade { thread, tenant } => {
                let thread = self.thread(thread);
                self.view.threads[thread].tenant = Some(tenant);
            }
            What::Posted {
                op,
                pod,
                thread,
                message,
                text,
                expect,
            } => {
                self.view.pods.insert(pod.as_str());
                let thread = self.thread(thread);
                self.places.messages.entry((thread, message)).or_insert((at, expect));
                self.view.ops.insert(*op, self.view.posts.len());
                self.view.posts.push(Post {
                    at,
                    pod,
                    thread,
                    message,
                    text,
                    ended: None,
                });
            }
            What::PostEnded { op, outcome } => {
                if let Some(post) = self.view.ops.get(op) {
                    self.view.posts[*post].ended = Some((at, outcome));
                }
            }
            _ => self.tried(at, what),
        }
    }

    /// What else was asked of the pods: with which credential, and what was refused.
    fn tried(&mut self, at: At, what: &'a What) {
        match what {
            What::Access {
                pod,
                credential,
                thread,
                route,
                status,
                body,
            } => {
                let thread = self.thread(thread);
                let (credential, status) = (*credential, *status);
                self.view.accesses.push(Access {
                    at,
                    pod,
                    credential,
                    thread,
                    route,
                    status,
                    body,
                });
            }
            What::Revoked { tenant, session, .. } => {
                let session = *session;
                self.view.revoked.push(Revocation { at, tenant, session });
            }
            What::Cancelled { pod, thread, outcome } => {
                let thread = self.thread(thread);
                self.view.threads[thread].cancels.push(self.view.cancels.len());
                self.view.cancels.push(Cancel {
                    at,
                    pod,
                    thread,
                    outcome,
                });
            }
            What::TailRefused {
                watcher,
                pod,
                thread,
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
                    status: *status,
                    reason,
                    garbled: *garbled,
                });
            }
            _ => self.told(at, what),
        }
    }

    /// What the stores and pods said when they were asked.
    fn told(&mut self, at: At, what: &'a What) {
        match what {
            What::TerminalProbe { watcher, turn, status } => {
                self.view.probes.push(Probe {
                    at,
                    watcher: *watcher,
                    turn,
                    status: *status,
                });
            }
            What::ThreadRead {
                pod, thread, answers, ..
            } => {
                self.view.pods.insert(pod.as_str());
                let thread = self.thread(thread);
                for answer in answers {
                    self.turn(&answer.turn);
                }
                self.view.reads.push(Read {
                    at,
                    pod,
                    thread,
                    answers,
                });
            }
            _ => self.witnessed(at, what),
        }
    }

    /// What pods, the engine and the harness said of how things stand.
    fn witnessed(&mut self, at: At, what: &'a What) {
        match what {
            What::ReadyPolled { pod, ready, detail, .. } => {
                self.view.pods.insert(pod.as_str());
                let ready = *ready;
                self.view.polls.push(Poll { at, pod, ready, detail });
            }
            What::Served { pod, ok, detail } => {
                self.view.pods.insert(pod.as_str());
                let ok = *ok;
                self.view.trials.push(Trial { at, pod, ok, detail });
            }
            What::LeftAfter { pod, what, count } => {
                let (pod, count) = (pod.as_ref(), *count);
                self.view.leftovers.push(Leftover { at, pod, what, count });
            }
            What::LogLine { pod, level, line } => self.view.complaints.push(Complaint { at, pod, level, line }),
            What::Engine {
                service,
                action,
                exit_code,
            } if action == "die" => {
                let exit_code = *exit_code;
                self.view.deaths.push(Death { at, service, exit_code });
            }
            _ => self.view.feedback.told(at, what),
        }
    }

    fn begin(&mut self, began: &'a Began) {
        self.view.capabilities = &began.capabilities;
        self.view.bounds = began.bounds;
        self.view.declared = &began.evidence;
        self.view.foretold = &began.expected_failures;
    }

    fn frame(&mut self, watcher: WatcherId, event: &'a Event, frame: Frame<'a>) {
        let turn = match frame.chunk {
            Chunk::State { turn, .. } => turn.as_ref(),
            chunk => chunk.turn(),
        };
        let turn = turn.map(|turn| self.turn(turn));
        // A frame without an opened tail has nowhere to be shown.
        let Some(place) = self.places.watchers.get(&watcher).copied() else {
            return;
        };
        let watcher = &mut self.view.watchers[place];
        watcher.frames.push(event);
        let (thread, anchors) = (watcher.thread, &self.places.anchors);
        watcher.render(frame, turn, |cursor, turn| {
            anchors
                .get(&(thread, cursor))
                .filter(|(whose, _)| *whose == turn)
                .map(|(_, offset)| *offset)
        });
        let Some(turn) = turn else { return };
        if let (Chunk::Delta { .. }, Some(cursor)) = (frame.chunk, frame.cursor) {
            self.view.turns[turn].first_text.entry(cursor.epoch).or_insert(frame.at);
        }
        let Some(id) = frame.id.filter(|id| self.places.resumed.contains(id)) else {
            return;
        };
        if let Some(cursor) = frame.cursor {
            self.places.given.entry((thread, id)).or_insert((cursor, frame.at));
        }
        if let Some(showing) = watcher.turns.get(&turn).and_then(|seen| seen.current())
            && showing.anchor == Anchor::Start
        {
            self.places
                .anchors
                .entry((thread, id))
                .or_insert((turn, showing.text.len()));
        }
    }

    /// Ties together what came in no certain order: posts, turns, keys, calls, removals.
    fn link(&mut self) {
        self.view.faults = Faults::of(self.places.faults.drain(..));
        for post in 0..self.view.posts.len() {
            let Post {
                thread, message, ended, ..
            } = self.view.posts[post];
            let Some((at, Outcome::Ok(accepted))) = ended else {
                continue;
            };
            self.view.pods.insert(accepted.pod.as_str());
            let place = self.turn(&accepted.turn);
            let turn = &mut self.view.turns[place];
            turn.thread.get_or_insert(thread);
            turn.message.get_or_insert(message);
            turn.accepted.get_or_insert(at);
        }
        let mut by_key: HashMap<&TurnKey, Vec<usize>> = HashMap::new();
        for (place, call) in self.view.calls.iter().enumerate() {
            by_key.entry(call.key).or_default().push(place);
        }
        for (place, turn) in self.view.turns.iter_mut().enumerate() {
            let message = turn.thread.zip(turn.message);
            let posted = message.and_then(|message| self.places.messages.get(&message));
            (turn.posted, turn.expect) = posted.copied().unzip();
            turn.calls = turn
                .expect
                .and_then(|expect| by_key.get(&expect.key))
                .cloned()
                .unwrap_or_default();
            turn.moves_us.sort_unstable();
            turn.durable = attempts::durable(turn, place, &self.places.gone);
        }
        for watcher in &mut self.view.watchers {
            let given = watcher
                .cursor
                .and_then(|id| self.places.given.get(&(watcher.thread, id)));
            watcher.resumes = given.copied();
        }
    }
}
