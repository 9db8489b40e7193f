//! Promise 34: a turn costs one provider call, and one more for each takeover.
//!
//! A claim more allows a call more. A claim that no takeover with a reason explains is a retry of the system's own: its owner gave the
//! turn back, or the provider had failed it. `bounds.attempts` says how often a system tries; one that says nothing may try as often as
//! common job queues do. Where claims cannot be counted, since nothing says who owns a turn or which turn the calls are for, the
//! calls themselves are held against that number, but for those that begin under a fault.
//!
//! [`overlapping_calls`] says how long two calls may be live together, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Bound, Capability, Epoch, Outcome, PodName, Status, TurnKey};
use crate::judge::facts::{overlapping_calls, unjustified_takeovers};
use crate::judge::view::{Breach, Call, Turn, View};
use crate::judge::{Clause, Need, Promise};

/// How often a system that says nothing about it may try a turn: the most generous default among common job queues, once and 25
/// times again.
const UNSAID_ATTEMPTS: usize = 26;

/// The source that tells the claims of a turn.
const CLAIMS: [Need; 2] = [Need::Can(Capability::Owner), Need::Can(Capability::EveryCommit)];

pub(crate) const PROMISE: Promise = Promise {
    number: 34,
    name: "BoundedProviderWork",
    statement: "a turn has at most one provider call more than it has takeovers, and than its system tries again by itself \
                (`bounds.attempts`, else 25 times more); no two of its calls are live together for longer than the lease, \
                not counting time in which a call's pod cannot act",
    needs: &[Need::Can(Capability::ProviderJournal)],
    clauses: &[
        Clause {
            name: "a call for each claim",
            needs: &CLAIMS,
        },
        Clause {
            name: "two live calls for no longer than the lease",
            needs: &[CLAIMS[0], CLAIMS[1], Need::Within(Bound::Lease)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut turns: BTreeMap<&TurnKey, Vec<&Turn<'_>>> = BTreeMap::new();
    for turn in &view.turns {
        if let Some(expect) = turn.expect {
            turns.entry(&expect.key).or_default().push(turn);
        }
    }
    let work = overlapping_calls::by_key(view).into_iter();
    let work = work.map(|(key, calls)| Work {
        view,
        key,
        turns: turns.get(key).map_or(&[], Vec::as_slice),
        calls: counted(view, &calls),
    });
    let mut breaches: Vec<Breach> = work.filter_map(Work::too_much).collect();
    if tells_claims(view) {
        let thread = |key: &TurnKey| turns.get(key).and_then(|turns| turns[0].thread);
        breaches.extend(live_together(view, thread));
    }
    breaches
}

/// True if the rows tell how often a turn was claimed.
fn tells_claims(view: &View<'_>) -> bool {
    CLAIMS.into_iter().all(|need| view.has(need))
}

fn live_together(view: &View<'_>, thread: impl Fn(&TurnKey) -> Option<usize>) -> Vec<Breach> {
    let overlaps = overlapping_calls::overlaps(view).into_iter();
    let breaches = overlaps.map(|overlap| Breach {
        subject: format!("provider calls for `{}`", overlap.later.key),
        thread: thread(overlap.later.key),
        n: overlap.n,
        expected: format!("two live calls for at most {} ms", view.bounds.lease_ms),
        got: format!(
            "calls {} and {} live together for {} ms",
            overlap.earlier.ordinal, overlap.later.ordinal, overlap.together_ms
        ),
    });
    breaches.collect()
}

/// The provider's work for one key.
struct Work<'v, 'a> {
    view: &'v View<'a>,
    key: &'a TurnKey,
    /// The known turns of that key: a message that is posted twice may become two.
    turns: &'v [&'v Turn<'a>],
    /// The calls that count.
    calls: Vec<&'v Call<'a>>,
}

impl Work<'_, '_> {
    /// The breach of more calls than anything explains.
    fn too_much(mut self) -> Option<Breach> {
        let is_by_claims = tells_claims(self.view) && !self.turns.is_empty();
        let (allowed, expected) = if is_by_claims {
            self.allowed_by_claims()
        } else {
            let view = self.view;
            self.calls.retain(|call| !begins_under_a_fault(view, call));
            self.allowed_by_attempts()
        };
        let extra = self.calls.get(allowed)?;
        Some(Breach {
            subject: format!("provider calls for `{}`", self.key),
            thread: self.turns.first().and_then(|turn| turn.thread),
            n: extra.started?.n,
            expected,
            got: format!(
                "{}, the last as ordinal {}",
                self.calls.len(),
                self.calls.last()?.ordinal
            ),
        })
    }

    /// How many calls the claims of its turns explain, and why.
    fn allowed_by_claims(&self) -> (usize, String) {
        let again = attempts(self.view) - 1;
        let claims: usize = self.turns.iter().map(|turn| claims(self.view, turn)).sum();
        let needless = self
            .turns
            .iter()
            .map(|turn| unjustified_takeovers::needless_claims(self.view, turn));
        let beyond: usize = needless.map(|needless| needless.saturating_sub(again)).sum();
        let allowed = claims - beyond.min(claims) + self.unknown_turns() * attempts(self.view);
        let retries = match beyond {
            0 => String::new(),
            _ => format!(
                ", and {again} for claims that no takeover explains{}",
                unsaid(self.view)
            ),
        };
        let expected = format!("at most {allowed}: one, and one for each takeover{retries}");
        (allowed, expected)
    }

    /// How many calls a system may make that does not tell its claims, and why.
    fn allowed_by_attempts(&self) -> (usize, String) {
        let turns = self.turns.len() + self.unknown_turns();
        let allowed = attempts(self.view) * turns;
        let expected = format!("at most {allowed} under no fault{}", unsaid(self.view));
        (allowed, expected)
    }

    /// How many turns there may be that no answer to a post has named.
    fn unknown_turns(&self) -> usize {
        let is_open = |outcome: &Outcome<_>| matches!(outcome, Outcome::Unknown { .. });
        let posts = self.view.posts.iter().filter(|post| post.expect.key == *self.key);
        let open = posts.filter(|post| post.ended.is_none_or(|(_, outcome)| is_open(outcome)));
        match (self.turns.len(), open.count()) {
            (0, open) => open.max(1),
            // The message's own id ties the two posts to one turn.
            (_, _) if self.view.can(Capability::Idempotent) => 0,
            (_, open) => open,
        }
    }
}

/// How often the system tries a turn for no reason of another's.
fn attempts(view: &View<'_>) -> usize {
    let said = view.promised.attempts.map(|attempts| attempts.max(1) as usize);
    said.unwrap_or(UNSAID_ATTEMPTS)
}

/// The words for that number where the system does not say it.
fn unsaid(view: &View<'_>) -> &'static str {
    match view.promised.attempts {
        Some(_) => " (bounds.attempts)",
        None => ", as bounds.attempts says nothing",
    }
}

fn begins_under_a_fault(view: &View<'_>, call: &Call<'_>) -> bool {
    call.started
        .is_some_and(|at| view.is_excused(call.pod.map(PodName::as_str), at.us, at.us))
}

/// The calls of one turn that count. A client of the provider calls again, within one attempt, where it got no byte of an answer.
fn counted<'v, 'a>(view: &View<'a>, calls: &[&'v Call<'a>]) -> Vec<&'v Call<'a>> {
    let mut again = 0;
    let mut before: Option<&'v Call<'a>> = None;
    let count = |call: &&'v Call<'a>| {
        let is_retry = before.is_some_and(|before| before.pod == call.pod && got_nothing(before))
            && again < view.rules.client_retries;
        (before, again) = (Some(*call), if is_retry { again + 1 } else { 0 });
        !is_retry
    };
    calls.iter().copied().filter(count).collect()
}

/// True if the provider ended a call by itself before it had sent anything.
fn got_nothing(call: &Call<'_>) -> bool {
    call.tokens == 0
        && call
            .cause
            .is_some_and(|cause| cause != "client_gone" && cause != "complete")
}

/// Counts the claims of the turn, takeovers included; 1 if the store never told.
fn claims(view: &View<'_>, turn: &Turn<'_>) -> usize {
    let own = turn.rows.iter().map(|row| row.epoch);
    let of_thread = turn.owners.is_empty() && !view.can(Capability::Epoch);
    let claims: BTreeSet<Epoch> = own.filter(|epoch| epoch.0 > 0).collect();
    let of_thread = if of_thread { claims_of_its_thread(view, turn) } else { 0 };
    claims.len().max(of_thread).max(1)
}

/// Counts the claims of the turn's thread while the turn was in progress. Where threads have owners and nothing numbers their claims, a
/// takeover need not change the turn's row.
fn claims_of_its_thread(view: &View<'_>, turn: &Turn<'_>) -> usize {
    let Some(began) = turn.rows.iter().find(|row| row.status == Status::InProgress) else {
        return 0;
    };
    let until_us = turn.terminal().map_or(u64::MAX, |row| row.at.us);
    let during = began.at.us.saturating_sub(unjustified_takeovers::ONE_TRANSACTION_US)..=until_us;
    let owned = view.owners(turn).iter();
    let held = owned.filter(|owned| owned.status == Status::InProgress && during.contains(&owned.at.us));
    held.map(|owned| owned.epoch).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, FaultStep, Row, RunEvent, StoreEvent, What};
    use crate::judge::testing::{aimed, call_ends, call_starts, fault, observed, takeover};

    const NAME: &str = "BoundedProviderWork";

    #[test]
    fn one_call_and_one_for_the_takeover_are_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_call_more_than_takeovers_is_found() {
        let mut play = takeover();
        play.put(1210, call_starts(3, "pod-2"))
            .put(1211, call_ends(3, "pod-2", "complete"));
        let finding = play.breaks(NAME);
        assert_eq!(finding.expected, "at most 2: one, and one for each takeover");
        assert_eq!(finding.got, "3, the last as ordinal 3");
    }

    /// Threads have the owners, nothing numbers their claims, and a takeover leaves the turn's row as it is.
    #[test]
    fn a_takeover_that_changes_the_thread_alone_allows_a_call_more() {
        let mut play = takeover();
        play.change(|what| {
            let mut bare = what.clone();
            match &mut bare {
                What::Store(StoreEvent::Row { row, .. }) => match row {
                    Row::Thread { attempt, epoch, .. } => (*attempt, *epoch) = (None, None),
                    Row::Turn(row) => (row.attempt, row.epoch) = (None, None),
                    _ => return None,
                },
                What::Run(RunEvent::Began(began)) => {
                    let numbered = [Capability::Epoch, Capability::Attempt];
                    began.capabilities.retain(|can| !numbered.contains(can));
                }
                _ => return None,
            }
            Some(bare)
        });
        play.keeps(NAME);
        play.put(1210, call_starts(3, "pod-2"))
            .put(1211, call_ends(3, "pod-2", "complete"));
        assert_eq!(play.breaks(NAME).expected, "at most 2: one, and one for each takeover");
    }

    #[test]
    fn calls_that_overlap_longer_than_the_lease_are_found() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        play.move_to(2500, &call_ends(1, "pod-1", "client_gone"))
            .move_to(2600, &call_ends(2, "pod-2", "complete"));
        let finding = play.breaks(NAME);
        assert_eq!(finding.got, "calls 1 and 2 live together for 1299 ms");
        play.move_to(2100, &call_ends(1, "pod-1", "client_gone"));
        play.keeps(NAME);
    }

    #[test]
    fn the_call_of_a_paused_pod_is_spared_until_a_lease_after_it_woke() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        play.put(40, fault(1, "pause", "pod-1", aimed()))
            .put(41, fault(1, "pause", "pod-1", observed()));
        play.put(5000, fault(1, "pause", "pod-1", FaultStep::Healed));
        play.move_to(9000, &call_ends(2, "pod-2", "complete"));
        play.move_to(5900, &call_ends(1, "pod-1", "client_gone"));
        play.keeps(NAME);
        // Awake for a lease, then for another: now it goes on knowingly.
        play.move_to(7100, &call_ends(1, "pod-1", "client_gone"));
        play.breaks(NAME);
    }

    #[test]
    fn without_the_journal_it_is_not_applicable() {
        let mut play = takeover();
        let mut without = crate::judge::testing::began();
        without.capabilities.retain(|c| *c != Capability::ProviderJournal);
        play.turn_into(
            &What::Run(RunEvent::Began(crate::judge::testing::began().into())),
            What::Run(RunEvent::Began(without.into())),
        );
        assert!(
            play.judged()
                .not_applicable
                .iter()
                .any(|lacking| lacking.promise == NAME)
        );
    }
}
