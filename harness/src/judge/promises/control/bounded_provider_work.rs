//! Promise 34: a turn costs one provider call, and one more for each takeover.
//!
//! [`overlapping_calls`] says how long two calls may be live together, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Bound, Capability, Epoch, TurnKey};
use crate::judge::facts::overlapping_calls;
use crate::judge::view::{Breach, Call, Turn, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 34,
    name: "BoundedProviderWork",
    statement: "a turn has at most one provider call more than it has takeovers, and no two of its calls are \
                live together for longer than the lease, not counting time in which a call's pod cannot act",
    needs: &[
        Need::Can(Capability::Owner),
        Need::Can(Capability::EveryCommit),
        Need::Can(Capability::ProviderJournal),
    ],
    clauses: &[Clause {
        name: "two live calls for no longer than the lease",
        needs: &[Need::Within(Bound::Lease)],
    }],
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
    let thread = |key: &TurnKey| turns.get(key).and_then(|turns| turns[0].thread);
    let mut breaches: Vec<Breach> = overlapping_calls::by_key(view)
        .into_iter()
        .filter_map(|(key, calls)| {
            let attempts: usize = turns.get(key)?.iter().map(|turn| attempts(turn)).sum();
            let counted = counted(view, &calls);
            let extra = counted.get(attempts)?;
            Some(Breach {
                subject: format!("provider calls for `{key}`"),
                thread: thread(key),
                n: extra.started?.n,
                expected: format!("at most {attempts}: one, and one for each takeover"),
                got: format!("{}, the last as ordinal {}", counted.len(), counted.last()?.ordinal),
            })
        })
        .collect();
    breaches.extend(overlapping_calls::overlaps(view).into_iter().map(|overlap| Breach {
        subject: format!("provider calls for `{}`", overlap.later.key),
        thread: thread(overlap.later.key),
        n: overlap.n,
        expected: format!("two live calls for at most {} ms", view.bounds.lease_ms),
        got: format!(
            "calls {} and {} live together for {} ms",
            overlap.earlier.ordinal, overlap.later.ordinal, overlap.together_ms
        ),
    }));
    breaches
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
fn attempts(turn: &Turn<'_>) -> usize {
    let epochs: BTreeSet<Epoch> = turn
        .rows
        .iter()
        .map(|row| row.epoch)
        .filter(|epoch| epoch.0 > 0)
        .collect();
    epochs.len().max(1)
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, RunEvent, What};
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
        without
            .capabilities
            .retain(|c| *c != crate::history::Capability::ProviderJournal);
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
