//! Dues: when a watcher must have been shown the end of a turn, if ever.
//!
//! The rules favour the system, so that a breach is certain: a watcher that left, lost its pod or watched too
//! briefly is due nothing. Rows reach the history some tens of milliseconds after their commit, which makes every
//! bound that is counted from them longer, never shorter.

use crate::history::{SessionNo, TailEnd, TailMode};
use crate::judge::view::View;
use crate::judge::view::at::{At, ROW_LATENESS_US};
use crate::judge::view::entities::observations::Revocation;
use crate::judge::view::entities::turn::Turn;
use crate::judge::view::entities::watcher::{Finish, Seen, Showing, Watcher};

/// The due of a watcher for one turn, and its outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    /// Nothing, or nothing yet when the history ends.
    Nothing,
    /// It was shown the finish; it is due the whole text. Late past `by_us`, where the terminal's row is known.
    Finished {
        /// The first finish it was shown.
        finish: Finish,
        /// When it should have been shown by, in microseconds since the run began.
        by_us: Option<u64>,
    },
    /// It waited past the bound and was not shown the finish.
    Overdue {
        /// When it should have been shown by, in microseconds since the run began.
        by_us: u64,
    },
    /// Its tail ended before the finish though nothing was broken that excuses it.
    BrokeOff {
        /// When it ended.
        at: At,
    },
}

impl<'a> View<'a> {
    /// Returns every pair of a watcher and a turn of its thread, with the watcher's texts of the turn and its
    /// due.
    pub(crate) fn dues(&self) -> impl Iterator<Item = (&Watcher<'a>, &Turn<'a>, Option<&Seen<'a>>, Due)> {
        self.watchers.iter().flat_map(move |watcher| {
            self.turns_in_reach(watcher).map(move |place| {
                let turn = &self.turns[place];
                let seen = watcher.turns.get(&place);
                (watcher, turn, seen, self.due(watcher, place))
            })
        })
    }

    /// The turns of a watcher's thread that its tail can have met.
    pub(super) fn turns_in_reach(&self, watcher: &Watcher<'_>) -> impl Iterator<Item = usize> {
        // A tail of one turn is owed that one.
        let own = watcher.turn;
        let turns = if own.is_some() {
            &[][..]
        } else {
            &self.threads[watcher.thread].turns[..]
        };
        let stood_at = watcher.state.and_then(|(_, newest)| newest);
        let over = |place: &usize| {
            let ended = self.turns[*place].terminal().map(|row| row.at.us);
            let met = watcher.turns.contains_key(place) || stood_at == Some(*place);
            ended.is_some_and(|us| us < watcher.opened.us) && !met
        };
        // Turns of a thread follow one another, so those that were over before it opened are the first ones.
        let first = turns.partition_point(over);
        let closed_us = watcher.closed.map_or(u64::MAX, |(at, _)| at.us);
        // A tail may be shown a turn, and end, before the turn's first row is read.
        let met = |place: &usize| watcher.turns.contains_key(place);
        let was_there = move |place: &usize| {
            let first = self.turns[*place].rows.first();
            first.is_none_or(|row| row.at.us <= closed_us)
        };
        let in_thread = turns[first..].iter().copied();
        own.into_iter()
            .chain(in_thread.take_while(move |place| was_there(place) || met(place)))
    }

    pub(super) fn due(&self, watcher: &Watcher<'_>, place: usize) -> Due {
        let turn = &self.turns[place];
        let terminal_us = self.bounds.terminal_ms * 1000;
        let by_us = turn.terminal().and_then(|row| {
            let from_us = row.at.us.max(watcher.opened.us);
            self.faults
                .deadline(from_us, terminal_us, Some(watcher.pod.as_str()), &self.pods)
        });
        let seen = watcher.turns.get(&place);
        if let Some(finish) = seen.and_then(|seen| seen.finishes.first()) {
            return Due::Finished { finish: *finish, by_us };
        }
        let Some(by_us) = by_us.filter(|_| self.is_entitled(watcher, place)) else {
            return Due::Nothing;
        };
        self.awaited(watcher, by_us)
    }

    /// When a watcher must have been shown a word of a turn that its owner was given at `from_us`. Returns `None` if it is due nothing:
    /// it does not watch the turn or leaves before that, or something is broken, the owner's own task included.
    pub(crate) fn shown_by(
        &self,
        watcher: &Watcher<'_>,
        place: usize,
        (from_us, owner): (u64, Option<&str>),
    ) -> Option<u64> {
        let bound_us = self.promised.shown_ms? * 1000;
        let from_us = from_us.max(watcher.opened.us);
        let pods = [Some(watcher.pod.as_str()), owner];
        let by_us = self.sound_deadline(from_us, bound_us, &pods)?;
        let is_due = self.is_entitled(watcher, place) && matches!(self.awaited(watcher, by_us), Due::Overdue { .. });
        is_due.then_some(by_us)
    }

    /// When `bound_us` from `from_us` on is over for each of the pods. Returns `None` if anything of theirs, or that all depend on, is
    /// broken meanwhile, or was within the bound before.
    pub(crate) fn sound_deadline(&self, from_us: u64, bound_us: u64, pods: &[Option<&str>]) -> Option<u64> {
        let over = pods.iter().flatten();
        let over = over.map(|pod| self.faults.deadline(from_us, bound_us, Some(pod), &self.pods));
        let by_us = over.collect::<Option<Vec<u64>>>()?.into_iter().max()?;
        let mut broken = self.faults.during(from_us.saturating_sub(bound_us), by_us);
        let is_sound = !broken.any(|fault| fault.excuses_everyone() || pods.contains(&Some(fault.target)));
        is_sound.then_some(by_us)
    }

    /// The due of a watcher that was not shown the finish by `by_us`.
    fn awaited(&self, watcher: &Watcher<'_>, by_us: u64) -> Due {
        let closed_us = watcher.closed.map(|(at, _)| at.us);
        let watched_us = closed_us.unwrap_or_else(|| self.watched_until_us());
        if self.lost_its_pod(watcher, watched_us.min(by_us)) {
            return Due::Nothing;
        }
        match watcher.closed {
            Some((at, end)) if at.us <= by_us => {
                if *end == TailEnd::Left || self.may_break(watcher, at) {
                    Due::Nothing
                } else {
                    Due::BrokeOff { at }
                }
            }
            _ if watched_us > by_us => Due::Overdue { by_us },
            _ => Due::Nothing,
        }
    }

    /// Returns the text that a watcher has on its screen for a turn. If a resync repeats a finished answer,
    /// and the watcher left or was cut off before all of the repetition can have arrived, the finished text
    /// stands.
    pub(crate) fn stands<'v>(&self, watcher: &Watcher<'_>, seen: &'v Seen<'a>) -> Option<&'v Showing<'a>> {
        let Some((ended, again)) = seen.repeated_finish() else {
            return seen.current();
        };
        let terminal_us = self.bounds.terminal_ms * 1000;
        let by_us = self
            .faults
            .deadline(again.us, terminal_us, Some(watcher.pod.as_str()), &self.pods);
        match by_us.map_or(Due::Nothing, |by_us| self.awaited(watcher, by_us)) {
            Due::Nothing => ended,
            _ => seen.current(),
        }
    }

    /// True if a tail that opened when this one did must lead through the turn.
    fn is_entitled(&self, watcher: &Watcher<'_>, place: usize) -> bool {
        let turn = &self.turns[place];
        if let Some(seen) = watcher.turns.get(&place) {
            return !seen.passed_over;
        }
        let led_past = watcher
            .led_to
            .is_some_and(|to| turn.order.is_some() && turn.order < self.turns[to].order);
        if led_past {
            return false;
        }
        if watcher.turn.is_some() {
            let ended_us = turn.terminal().map_or(u64::MAX, |row| row.at.us);
            return match watcher.mode {
                TailMode::Live => ended_us > watcher.opened.us + ROW_LATENESS_US,
                TailMode::Start | TailMode::Cursor => !self.resumes_at_the_end(watcher, turn),
            };
        }
        match watcher.state {
            // It stood at this turn, or at an older one: then this one was still to come.
            Some((status, Some(newest))) if newest == place => {
                !status.is_terminal() && !self.resumes_at_the_end(watcher, turn)
            }
            Some((_, Some(newest))) => turn.order > self.turns[newest].order && self.turns[newest].order.is_some(),
            Some((_, None)) => true,
            // Without knowing where the thread stood: the turn must at least not have been over
            // before.
            None => {
                let posted_later = turn.asked().is_some_and(|at| at.n > watcher.opened.n);
                let ended_us = turn.terminal().map_or(u64::MAX, |row| row.at.us);
                posted_later || ended_us > watcher.opened.us + ROW_LATENESS_US
            }
        }
    }

    /// True if a watcher resumed from the cursor of the turn's very finish, which it may have guessed:
    /// nothing of the turn comes behind that.
    fn resumes_at_the_end(&self, watcher: &Watcher<'_>, turn: &Turn<'_>) -> bool {
        let log = self.log(watcher);
        let place = watcher.resumes.and_then(|(cursor, _)| log.place(cursor, 0));
        let frame = place.map(|place| &log.frames()[place]);
        frame.is_some_and(|there| there.ends && there.turn() == Some(turn.id))
    }

    /// True if the watcher's pod was killed or told to stop while the tail was open.
    pub(crate) fn lost_its_pod(&self, watcher: &Watcher<'_>, until_us: u64) -> bool {
        self.faults
            .during(watcher.opened.us, until_us)
            .any(|fault| fault.target == watcher.pod.as_str() && fault.ends_its_target())
    }

    /// True if a fault may have broken the tail, or its credential was no longer good.
    pub(crate) fn may_break(&self, watcher: &Watcher<'_>, at: At) -> bool {
        let pod = watcher.pod.as_str();
        let broken = self
            .faults
            .during(at.us, at.us)
            .any(|fault| fault.excuses(pod) && !(fault.excuses_everyone() && fault.leaves_reading()));
        // A tail that says that it failed itself is excused by whatever broke shortly before.
        let aftermath_us = (self.bounds.lease_ms + self.bounds.takeover_ms) * 1000;
        let failed = watcher
            .broken
            .is_some_and(|failed| self.is_excused(None, failed.us.saturating_sub(aftermath_us), failed.us));
        broken || failed || self.may_be_revoked(watcher.thread, watcher.session, at)
    }

    /// True if the credential of an attach to the thread may no longer have been good.
    pub(crate) fn may_be_revoked(&self, thread: usize, session: Option<SessionNo>, at: At) -> bool {
        let tenant = self.threads[thread].tenant;
        let is_its = |revoked: &&Revocation<'_>| {
            let other = session.zip(revoked.session).is_some_and(|(own, gone)| own != gone);
            Some(revoked.tenant) == tenant && !other
        };
        // The revocation is answered when it is complete, and a tail may be ended before that.
        let mut revoked = self.revoked.iter().filter(is_its);
        revoked.any(|revoked| revoked.at.us <= at.us + ROW_LATENESS_US)
    }
}
