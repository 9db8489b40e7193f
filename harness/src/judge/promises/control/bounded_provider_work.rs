//! Promise 34: a turn costs one provider call, and one more for each takeover.
//!
//! A claim more allows a call more, whatever explains it: how often a system may claim a turn, [`super::bounded_attempts`] says.
//! [`overlapping_calls`] says how long two calls may be live together, and why.
//!
//! No claim explains a call for a turn that is over. Only a pod that something kept from its work, or held between two steps, may make one:
//! it does not know of the end.

use crate::history::{Bound, Capability, PodName, TurnKey};
use crate::judge::facts::overlapping_calls;
use crate::judge::facts::provider_work::{self, CLAIMS, Work};
use crate::judge::view::{Breach, Call, ROW_LATENESS_US, Turn, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 34,
    name: "BoundedProviderWork",
    statement: "a turn has at most one provider call more than it has takeovers, and none once it is over; no two of its calls are live \
                together for longer than the lease, not counting time in which a call's pod cannot act",
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
    has_more: false,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    if !provider_work::tells_claims(view) {
        return Vec::new();
    }
    let work = provider_work::by_key(view);
    let of_work = work.iter();
    let of_work = of_work.filter_map(|work| too_much(view, work).or_else(|| after_the_end(view, work)));
    let mut breaches: Vec<Breach> = of_work.collect();
    let thread = |key: &TurnKey| {
        let of_key = |turn: &&Turn<'_>| turn.expect.is_some_and(|expect| expect.key == *key);
        view.turns.iter().find(of_key).and_then(|turn| turn.thread)
    };
    breaches.extend(live_together(view, thread));
    breaches
}

/// More calls for a key than the claims of its turns explain.
fn too_much<'a>(view: &View<'a>, work: &Work<'_, 'a>) -> Option<Breach> {
    if work.turns.is_empty() {
        return None;
    }
    let claims = work
        .turns
        .iter()
        .map(|turn| provider_work::claims(view, turn).len().max(1));
    let allowed = claims.sum::<usize>() + work.unknown_turns() * provider_work::attempts(view);
    let extra = work.calls.get(allowed)?;
    Some(Breach {
        subject: work.subject(),
        thread: work.thread(),
        n: extra.started?.n,
        expected: format!("at most {allowed}: one, and one for each takeover"),
        got: work.count(),
    })
}

/// A call for a turn that was over, if the key is of one turn alone.
fn after_the_end<'a>(view: &View<'a>, work: &Work<'_, 'a>) -> Option<Breach> {
    let [turn] = work.turns[..] else { return None };
    let ended = turn.terminal().filter(|_| work.unknown_turns() == 0)?;
    let by_us = view.faults.deadline(ended.at.us, ROW_LATENESS_US, None, &view.pods)?;
    let late = work.calls.iter().filter_map(|call| Some((call, call.started?)));
    let mut late = late.filter(|(call, started)| started.us > by_us && !may_not_know(view, turn, call));
    let (call, started) = late.next()?;
    let pod = call.pod.map_or("an unnamed pod", PodName::as_str);
    Some(Breach {
        subject: work.subject(),
        thread: work.thread(),
        n: started.n,
        expected: format!("no call once turn {} is over", turn.id),
        got: format!(
            "call {} by {pod}, {} ms after the end",
            call.ordinal,
            (started.us - ended.at.us) / 1000
        ),
    })
}

/// True if anything was wrong with the pod of a call, or with what all depend on, from the post of its turn to the call: a hold included.
fn may_not_know(view: &View<'_>, turn: &Turn<'_>, call: &Call<'_>) -> bool {
    let until_us = call.started.map_or(u64::MAX, |at| at.us);
    let mut faults = view.faults.during(turn.asked_us(), until_us);
    faults.any(|fault| fault.excuses_everyone() || call.pod.is_none_or(|pod| fault.target == pod.as_str()))
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
