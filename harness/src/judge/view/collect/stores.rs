//! Rows, entries of the stream log and provider calls, as they come.

use std::num::NonZeroU32;

use super::collector::Collector;
use super::logs::{scope, shows_turns};
use crate::history::{self, Cursor, Epoch, Event, ProviderEvent, ProviderWhat, Row, StoreEvent, ThreadId, TurnId};
use crate::judge::view::at::At;
use crate::judge::view::entities::call::Call;
use crate::judge::view::entities::log::{Stored, tell};
use crate::judge::view::entities::observations::Probe;
use crate::judge::view::entities::thread::Owned;
use crate::judge::view::entities::turn::{PartRow, TurnRow};

impl<'a> Collector<'a> {
    pub(super) fn store(&mut self, at: At, event: &'a Event, store: &'a StoreEvent) {
        match store {
            StoreEvent::Row { lsn: _, xid, row } => {
                self.view.rows.push(event);
                self.row(at, *xid, row);
            }
            StoreEvent::Logged {
                thread,
                turn,
                seq,
                cursor,
                chunk,
            } => {
                let turn = turn.as_deref().or(chunk.turn());
                self.logged(event, (thread.as_ref(), turn), *seq, *cursor);
            }
            StoreEvent::TerminalProbe { watcher, turn, status } => self.view.probes.push(Probe {
                at,
                watcher: *watcher,
                turn,
                status: *status,
            }),
            // Read to aim a fault; the rows themselves are what promises go by.
            StoreEvent::OwnerRead { .. } => {}
        }
    }

    fn row(&mut self, at: At, xid: u64, row: &'a Row) {
        match row {
            Row::Thread {
                thread,
                status,
                owner,
                attempt,
                epoch,
            } => {
                if let Some(owner) = owner {
                    self.view.pods.insert(owner.as_str());
                }
                let thread = self.thread(thread);
                let owned = Owned {
                    at,
                    owner: owner.as_ref(),
                    attempt: attempt.as_ref(),
                    epoch: epoch.unwrap_or(Epoch(0)),
                    status: *status,
                };
                let thread = &mut self.view.threads[thread];
                thread.gone = thread.gone.filter(|(_, gone)| *gone != xid);
                thread.owners.push(owned);
            }
            Row::Turn(row) => self.turn_row(at, xid, row),
            Row::ThreadGone { thread } => {
                let thread = self.thread(thread);
                self.view.threads[thread].gone.get_or_insert((at, xid));
            }
            Row::TurnGone { turn } => {
                let turn = self.turn(turn);
                self.view.turns[turn].gone.get_or_insert((at, xid));
            }
            Row::Part { turn, epoch, seq, text } => {
                let epoch = epoch.unwrap_or(Epoch(0));
                let place = self.turn(turn);
                let turn = &mut self.view.turns[place];
                turn.moves_us.push(at.us);
                turn.parts.entry(epoch).or_default().push(PartRow {
                    n: at.n,
                    xid,
                    seq: *seq,
                    text,
                });
                turn.first_text.entry(epoch).or_insert(at);
            }
            Row::PartGone { turn, epoch, seq } => {
                let place = self.turn(turn);
                self.places.gone.insert((place, epoch.unwrap_or(Epoch(0)), *seq), at.n);
            }
            Row::Feedback { .. } | Row::FeedbackGone { .. } => self.view.feedback.row(at, row),
            Row::Unread { place, value, why } => {
                self.view
                    .unread
                    .get_or_insert_with(|| format!("{value:?} in {place}: {why}"));
            }
        }
    }

    fn turn_row(&mut self, at: At, xid: u64, row: &'a history::TurnRow) {
        let thread = self.thread(&row.thread);
        let place = self.turn(&row.turn);
        let turn = &mut self.view.turns[place];
        if let Some(owner) = &row.owner {
            self.view.pods.insert(owner.as_str());
        }
        if turn.rows.is_empty() {
            turn.thread = Some(thread);
            turn.message = row.message.as_ref();
            turn.order = Some(self.view.threads[thread].turns.len());
            self.view.threads[thread].turns.push(place);
        }
        turn.gone = turn.gone.filter(|(_, gone)| *gone != xid);
        turn.moves_us.push(at.us);
        if row.status.is_terminal() {
            turn.parts.values_mut().for_each(Vec::shrink_to_fit);
        }
        turn.rows.push(TurnRow {
            at,
            xid,
            status: row.status,
            owner: row.owner.as_ref(),
            attempt: row.attempt.as_ref(),
            epoch: row.epoch.unwrap_or(Epoch(0)),
        });
    }

    /// An entry of the stream log. An entry of no thread of the play is passed over.
    fn logged(
        &mut self,
        event: &'a Event,
        (thread, turn): (Option<&ThreadId>, Option<&'a TurnId>),
        seq: u32,
        cursor: Option<Cursor>,
    ) {
        let (last, stretch) = self.places.logged;
        // One entry may say several things.
        let is_next = last == seq || last.checked_add(1) == Some(seq);
        self.places.logged = (seq, if is_next { stretch } else { stretch + 1 });
        let stretch = NonZeroU32::MIN.saturating_add(self.places.logged.1);
        if cursor.is_none() {
            return;
        }
        let thread = match thread.map(|thread| self.places.threads.get(thread)) {
            Some(None) => return,
            Some(place) => place.copied(),
            None => None,
        };
        let turn = turn.filter(|_| thread.is_some()).map(|turn| self.turn(turn));
        self.view.stored.push(Stored {
            thread,
            turn,
            event,
            stretch,
        });
    }

    /// Finds the ids that some tail resumes from in the stream log, which has no ids of its own but places.
    pub(super) fn give_stored(&mut self) {
        if self.places.resumed.is_empty() {
            return;
        }
        let of_turns = shows_turns(&self.view);
        for stored in &self.view.stored {
            let Some((scope, thread)) = scope(&self.view, stored, of_turns) else {
                continue;
            };
            let Some(mark) = self.view.threads[thread].mark else {
                continue;
            };
            let Some((cursor, _)) = stored.shown() else { continue };
            let id = format!("{}{mark}", tell(cursor));
            if let Some(id) = self.places.resumed.get(id.as_str()) {
                let found = (cursor, At::of(stored.event));
                let given = self.places.given.entry((scope, id)).or_insert(found);
                if found.1.n < given.1.n {
                    *given = found;
                }
            }
        }
    }

    pub(super) fn provider(&mut self, at: At, event: &'a ProviderEvent) {
        let calls = &mut self.view.calls;
        let place = *self.places.calls.entry(event.call).or_insert_with(|| {
            let (key, ordinal, pod) = (&event.key, event.ordinal, event.pod.as_ref());
            calls.push(Call {
                key,
                ordinal,
                pod,
                started: None,
                ended: None,
                held: Vec::new(),
                cause: None,
                tokens: 0,
                messages: &[],
            });
            calls.len() - 1
        });
        match &event.what {
            ProviderWhat::Started { messages } => {
                calls[place].started = Some(at);
                calls[place].messages = messages;
            }
            ProviderWhat::Held { after, .. } => calls[place].held.push((at, *after)),
            ProviderWhat::Ended { cause, tokens } => {
                calls[place].ended = Some(at);
                calls[place].cause = Some(cause);
                calls[place].tokens = *tokens;
            }
        }
    }
}
