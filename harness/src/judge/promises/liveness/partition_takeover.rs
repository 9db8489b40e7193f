//! Promise 45: an owner that is cut off from the database is taken over like a dead one.
//!
//! Such an owner runs on, and nobody sees it die: its peers must go by its lease. The bound is the takeover's, from the proof that nothing
//! passes any more, and [`bounded_takeover`] says what a takeover is. An owner whose link is mended before the bound may go on. A cut in
//! one direction counts as one in both: an owner that hears no answer renews no lease for long.
//!
//! Deliberately absent: links that are slow or lose a connection now and then, links to other parts than the database, which no peer can
//! tell from a slow turn (`ProgressNotLiveness` judges those), and dead or frozen owners (`BoundedTakeover`).

use super::bounded_takeover;
use crate::history::{Bound, Capability, OnDeath};
use crate::judge::view::{At, Breach, FaultSpan, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 45,
    name: "PartitionTakeover",
    statement: "from the moment at which an owner is cut off from the database, in one direction or in both, to the first new token, the \
                new owner's provider call or an explicit end, no more than the bound of a takeover passes, unless the link is mended \
                before",
    needs: &[
        Need::Can(Capability::Owner),
        Need::Within(Bound::Lease),
        Need::Within(Bound::Takeover),
    ],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    // A system that promises nothing about a dead owner's turn owes no takeover.
    if view.rules.on_death == Some(OnDeath::Nothing) {
        return Vec::new();
    }
    let hits = bounded_takeover::hits_of(view, cut_off);
    hits.iter()
        .filter_map(|hit| bounded_takeover::check(view, hit))
        .collect()
}

/// When an owner was cut off: the moment at which its turns are read, and the time that the bound counts from. Returns `None` for any other
/// fault, and for one whose effect was never seen.
fn cut_off(fault: &FaultSpan<'_>) -> Option<(At, u64)> {
    let observed = fault.observed.filter(|_| fault.effect.isolates)?;
    Some((observed, observed.us))
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, RunEvent, Status, What};
    use crate::judge::testing::{
        Play, aimed, call_starts, fault, nobody_takes_over, observed, takeover, thread_row, turn_row,
    };

    const NAME: &str = "PartitionTakeover";
    const CUTS: [&str; 4] = [
        "postgres-blackhole",
        "postgres-half-open",
        "postgres-hold",
        "postgres-reset",
    ];

    /// The same, but that a peer claims the turn and calls the provider.
    fn taken_over(at_ms: u64) -> Play {
        let mut play = nobody_takes_over("postgres-blackhole");
        play.put(at_ms, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(at_ms, turn_row(40, "turn-1", 2, Status::InProgress))
            .put(at_ms + 1, call_starts(2, "pod-2"));
        play
    }

    #[test]
    fn a_takeover_within_the_bound_is_accepted() {
        takeover().keeps(NAME);
        taken_over(2_100).keeps(NAME);
    }

    #[test]
    fn a_partitioned_owner_that_nobody_takes_over_is_found_whatever_cuts_it_off() {
        for cut in CUTS {
            let finding = nobody_takes_over(cut).breaks(NAME);
            assert_eq!(finding.subject, "turn turn-1 of pod-1 at epoch 1");
            assert!(finding.got.starts_with("no newer epoch in "), "{}", finding.got);
        }
        assert_eq!(taken_over(3_000).breaks(NAME).got, "after 2960 ms");
    }

    #[test]
    fn an_owner_that_is_back_in_time_may_go_on() {
        for (healed_ms, is_found) in [(2_000, false), (2_200, true)] {
            let mut play = nobody_takes_over("postgres-blackhole");
            play.put(healed_ms, fault(1, "postgres-blackhole", "pod-1", FaultStep::Healed));
            assert_eq!(play.findings(NAME).len(), usize::from(is_found), "{healed_ms}");
        }
    }

    #[test]
    fn other_links_and_slow_ones_cut_nobody_off() {
        for name in [
            "nats-blackhole",
            "provider-blackhole",
            "postgres-latency",
            "postgres-cut-after",
        ] {
            nobody_takes_over(name).keeps(NAME);
        }
    }

    #[test]
    fn where_nobody_is_left_to_take_over_the_clock_waits() {
        let mut play = nobody_takes_over("postgres-blackhole");
        for (id, pod) in [(2, "pod-2"), (3, "pod-3")] {
            play.put(45, fault(id, "kill", pod, aimed()))
                .put(46, fault(id, "kill", pod, observed()));
        }
        play.keeps(NAME);
        play.put(5_000, fault(2, "kill", "pod-2", FaultStep::Healed));
        play.breaks(NAME);
    }

    #[test]
    fn a_run_that_is_shorter_than_the_bound_does_not_reach_it() {
        let mut play = nobody_takes_over("postgres-blackhole");
        play.move_to(2_000, &What::Run(RunEvent::Quiesced));
        play.keeps(NAME);
        let judgement = play.judged();
        assert!(judgement.not_reached.iter().any(|unreached| unreached.promise == NAME));
    }
}
