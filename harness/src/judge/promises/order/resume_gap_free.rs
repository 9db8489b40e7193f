//! Promise 8: a tail delivers a slice of its thread's log without a hole, from exactly behind the cursor it was given; and
//! where that cannot be, it says so.
//!
//! The log is the stream log, and what all watchers of the thread together were shown ([`Log`]). Between two frames that a tail delivers
//! nothing of the log may lie, but what a reset voids: the rest of the same turn's earlier attempts. A resync lifts the
//! rule for once, and so must not come for nothing: without a cursor, or with one that the log should still hold, it is
//! due only to a newer attempt or to a dependency that was broken shortly before, or while the turn ran that it is about. Without epochs,
//! a start that takes the text back lifts the rule as well, for what the tail holds of its turn: the ids of an attempt may begin anew. It
//! is no answer to a cursor that was never given where a system has resyncs, nor to one that was given for the attempt that it begins.
//! [`cursor_attempts`] compares attempts.
//!
//! The log may have held frames that no watcher was shown: if frames were cleared away before they were read, a
//! cursor that names the first of them is one that the pod may have found.

use super::cursor_attempts;
use super::refused_cursors::{self, given_as};
use crate::history::{Capability, Chunk, Cursor, TurnId};
use crate::judge::view::{Breach, Frame, Log, Logged, ROW_LATENESS_US, View, Watcher, name, tell};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 8,
    name: "ResumeGapFree",
    statement: "a tail delivers a slice of the thread's log without a hole; one that resumes from a cursor begins right behind \
                it, within the bound, and goes on with the attempt for which the cursor was given, or says otherwise; a \
                cursor of a frame that the log never held, or no longer does, gives an explicit resync; an attach with such \
                a cursor, or an empty one, is not refused with 4xx by a pod that nothing ails; and no resync comes while \
                the log should hold everything",
    needs: &[Need::Can(Capability::Cursor)],
    clauses: &[
        Clause {
            name: "cursors that nobody was given",
            needs: &[Need::Can(Capability::Resync)],
        },
        Clause {
            name: "no resync without need",
            needs: &[Need::Can(Capability::Resync), Need::Can(Capability::Epoch)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let tails = view.watchers.iter().filter_map(|watcher| {
        let log = view.log(watcher);
        let breach = Tail { view, watcher, log }.check();
        breach.or_else(|| cursor_attempts::spliced(view, watcher))
    });
    let refused = view.refused.iter();
    let refused = refused.filter_map(|refused| refused_cursors::refused(view, refused));
    tails.chain(refused).collect()
}

/// One watcher's tail, held against the log.
struct Tail<'v, 'a> {
    view: &'v View<'a>,
    watcher: &'v Watcher<'a>,
    log: &'v Log<'a>,
}

/// Where a tail has got to.
enum At {
    /// Its first frame may be any.
    Anywhere,
    /// Behind a cursor that no watcher was given: only a resync can follow.
    Nowhere,
    /// As `Behind`, but no watcher had been given the frame when the tail was asked for: a resync may follow as well.
    Ahead(Cursor, usize),
    /// Behind this frame of the log.
    Behind(Cursor, usize),
}

impl Tail<'_, '_> {
    fn check(&self) -> Option<Breach> {
        let mut at = match (self.watcher.cursor, self.watcher.resumes) {
            (None, _) => At::Anywhere,
            (Some(_), None) if !self.view.can(Capability::Resync) => At::Anywhere,
            (Some(_), None) => At::Nowhere,
            (Some(_), Some((cursor, given))) => match self.behind(cursor, 0) {
                At::Behind(cursor, place) if given.us >= self.watcher.asked_us => At::Ahead(cursor, place),
                at => at,
            },
        };
        let (mut is_silent, mut is_anew) = (true, false);
        for frame in self.watcher.frames() {
            let is_resync = matches!(frame.chunk, Chunk::Resync { .. });
            let starts_over = self.starts_over(frame, &at, is_silent);
            if is_silent
                && (is_resync || starts_over || frame.cursor.is_some() && frame.is_content())
                && let Some(breach) = self.silence(&at, Some(frame))
            {
                return Some(breach);
            }
            if is_resync && let Some(breach) = self.needless(frame, &at) {
                return Some(breach);
            }
            if is_resync || starts_over {
                (at, is_silent) = (At::Anywhere, false);
            }
            is_anew |= starts_over;
            let Some(cursor) = frame.cursor.filter(|_| frame.is_content()) else {
                continue;
            };
            let is_first = std::mem::take(&mut is_silent);
            at = match at {
                At::Nowhere if self.goes_on_from_unseen(frame, cursor) => self.behind(cursor, 0),
                At::Nowhere => return Some(self.unknown_cursor(frame)),
                At::Behind(last, place) | At::Ahead(last, place) if is_first && cursor <= last => {
                    return Some(self.not_behind(frame, cursor, place));
                }
                // Other promises judge a step back.
                At::Behind(last, place) | At::Ahead(last, place) if cursor <= last => At::Behind(last, place),
                At::Behind(_, place) | At::Ahead(_, place) => {
                    if let Some(breach) = self.gap(frame, cursor, (place, is_anew)) {
                        return Some(breach);
                    }
                    self.behind(cursor, place + 1)
                }
                At::Anywhere => self.behind(cursor, 0),
            };
        }
        if is_silent { self.silence(&at, None) } else { None }
    }

    fn behind(&self, cursor: Cursor, near: usize) -> At {
        self.log
            .place(cursor, near)
            .map_or(At::Anywhere, |place| At::Behind(cursor, place))
    }

    fn breach(&self, n: u64, expected: String, got: String) -> Breach {
        Breach {
            subject: self.watcher.label(),
            thread: Some(self.watcher.thread),
            n,
            expected,
            got,
        }
    }

    /// True if `frame` takes back what the tail holds of its turn, under ids that begin anew.
    fn starts_over(&self, frame: Frame<'_>, at: &At, is_first: bool) -> bool {
        let (At::Behind(last, _) | At::Ahead(last, _)) = at else {
            return false;
        };
        frame.begins_anew()
            && frame.cursor.is_none_or(|cursor| cursor <= *last)
            && (!is_first || cursor_attempts::may_start_over(self.view, self.watcher, frame))
    }

    /// A hole in front of `frame`, where the tail was behind the log's frame at `place`. If ids have begun anew, those of older attempts
    /// may lie in between.
    fn gap(&self, frame: Frame<'_>, cursor: Cursor, (place, is_anew): (usize, bool)) -> Option<Breach> {
        let here = self.log.place(cursor, place + 1)?;
        let missing = &self.log.frames()[place + 1..here];
        let is_void = match frame.chunk {
            Chunk::Start(start) if start.reset => missing.iter().all(|there| there.turn() == Some(&start.turn)),
            _ => missing.is_empty(),
        };
        let is_older = |there| cursor_attempts::is_older(self.view, self.watcher, there, frame);
        let is_void = is_void || is_anew && missing.iter().all(is_older);
        let is_lost = |there: &Logged<'_>| self.view.may_have_lost_the_log_of(there.turn(), frame.at.us);
        if is_void || missing.iter().all(is_lost) {
            return None;
        }
        let last = tell(self.log.frames()[place].cursor);
        let expected = format!("{} right behind {last}, or a resync", tell(missing[0].cursor));
        let title = match missing.len() {
            1 => "a hole of one frame in the thread's log".to_owned(),
            frames => format!("a hole of {frames} frames in the thread's log"),
        };
        let got = self.log.diff(&title, '-', place + 1..here);
        Some(self.breach(frame.at.n, expected, got))
    }

    /// True if `frame` goes on right behind the tail's cursor, which nobody is known to have been given but the log may have
    /// held: a log that is purged, or lost, does not keep a frame until everybody has read it.
    fn goes_on_from_unseen(&self, frame: Frame<'_>, cursor: Cursor) -> bool {
        let Some(here) = self.log.place(cursor, 0).filter(|here| *here > 0) else {
            return false;
        };
        let before = &self.log.frames()[here - 1];
        let behind = |there: Cursor| Cursor {
            seq: there.seq + 1,
            ..there
        };
        let unseen = behind(before.cursor);
        let is_next = match frame.chunk {
            Chunk::Start(start) if start.reset => before.turn() == Some(&start.turn),
            _ => cursor == behind(unseen),
        };
        let mark = self.view.threads[self.watcher.thread].mark.unwrap_or_default();
        is_next
            && !before.ends
            && self.watcher.cursor == Some(format!("{}{mark}", tell(unseen)).as_str())
            && !self.log.is_whole_before(here)
    }

    fn unknown_cursor(&self, frame: Frame<'_>) -> Breach {
        let cursor = self.watcher.cursor.unwrap_or_default();
        let expected = format!("a resync, for no watcher of the thread was ever given `{cursor}`");
        self.breach(frame.at.n, expected, name(frame.chunk))
    }

    /// A tail that begins in front of the cursor, the log's frame at `place`, as if it had been given none.
    fn not_behind(&self, frame: Frame<'_>, cursor: Cursor, place: usize) -> Breach {
        let last = tell(self.log.frames()[place].cursor);
        let given = given_as(self.watcher.form);
        let expected = format!("the frames right behind {last}, which was given as {given}, or a resync");
        let got = format!("{}, as {}", tell(cursor), name(frame.chunk));
        self.breach(frame.at.n, expected, got)
    }

    /// A resync though nothing could have been lost.
    fn needless(&self, frame: Frame<'_>, at: &At) -> Option<Breach> {
        let until_us = frame.at.us + ROW_LATENESS_US;
        let turn = match at {
            At::Behind(_, place) => self.log.frames()[*place].turn(),
            At::Anywhere | At::Nowhere | At::Ahead(..) => self.newest_turn(frame.at.us),
        };
        let is_broken = self.view.is_in_aftermath(frame.at.us);
        if is_broken || self.view.may_be_missing_from_the_log(turn, frame.at.us) || !self.view.can(Capability::Epoch) {
            return None;
        }
        let owners = &self.view.threads[self.watcher.thread].owners;
        let (is_superseded, what) = match at {
            At::Nowhere | At::Ahead(..) => return None,
            At::Behind(last, _) => {
                let rows = owners
                    .iter()
                    .any(|owned| Some(owned.epoch) > last.epoch && owned.at.us <= until_us);
                let newest = self
                    .log
                    .frames()
                    .iter()
                    .rev()
                    .take_while(|there| there.cursor.epoch > last.epoch);
                let shown = newest.into_iter().any(|there| there.first.us <= until_us);
                (
                    rows || shown,
                    format!("the frames behind {}, of the newest attempt", tell(*last)),
                )
            }
            At::Anywhere => {
                let from_us = self.watcher.opened.us.saturating_sub(ROW_LATENESS_US);
                let mut pairs = owners.iter().zip(owners.iter().skip(1));
                let is_claimed = pairs
                    .any(|(before, after)| after.epoch > before.epoch && (from_us..=until_us).contains(&after.at.us));
                (is_claimed, "the turn in flight from its start".into())
            }
        };
        let reason = match frame.chunk {
            Chunk::Resync { reason } => crate::judge::view::oneline(reason),
            _ => String::new(),
        };
        let breach = || {
            self.breach(
                frame.at.n,
                format!("{what}, as nothing was superseded or broken"),
                format!("a resync: {reason}"),
            )
        };
        (!is_superseded).then(breach)
    }

    /// The newest turn of the tail's thread at a moment.
    fn newest_turn(&self, us: u64) -> Option<&TurnId> {
        let turns = self.view.threads[self.watcher.thread].turns.iter();
        let mut turns = turns.map(|turn| &self.view.turns[*turn]).rev();
        turns.find(|turn| turn.asked_us() <= us).map(|turn| turn.id)
    }

    /// A tail that resumed and was shown nothing until `first`, or at all, though there was something to show.
    fn silence(&self, at: &At, first: Option<Frame<'_>>) -> Option<Breach> {
        let watcher = self.watcher;
        let (from_us, expected) = match at {
            At::Anywhere => return None,
            At::Nowhere => (watcher.opened.us, "a resync".to_owned()),
            At::Behind(last, place) | At::Ahead(last, place) => {
                let next = self.log.frames().get(place + 1)?;
                (
                    next.first.us.max(watcher.opened.us),
                    format!("{} right behind {}", tell(next.cursor), tell(*last)),
                )
            }
        };
        let bound_us = self.view.bounds.terminal_ms * 1000;
        let by_us = self
            .view
            .faults
            .deadline(from_us, bound_us, Some(watcher.pod.as_str()), &self.view.pods)?;
        let closed = watcher.closed.map(|(at, _)| at);
        let until_us = first
            .map(|frame| frame.at)
            .or(closed)
            .map_or(self.view.watched_until_us(), |at| at.us);
        let is_lost = self.view.lost_its_pod(watcher, until_us)
            || first.is_none() && self.view.may_break(watcher, closed.unwrap_or(watcher.opened));
        if until_us <= by_us || is_lost {
            return None;
        }
        let waited_ms = until_us.saturating_sub(from_us) / 1000;
        let n = first.map_or(watcher.opened.n, |frame| frame.at.n);
        Some(self.breach(n, expected, format!("nothing in {waited_ms} ms")))
    }
}

#[cfg(test)]
mod tests;
