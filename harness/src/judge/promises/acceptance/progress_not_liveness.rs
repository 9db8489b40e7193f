//! Promise 19: an owner that only renews its lease does not keep a turn for ever.
//!
//! Progress is anything that is stored of the turn, shown of it or asked of the provider for it. A turn in
//! progress without any must be ended or taken over within the system's bound plus the time of a takeover. The
//! time counts from the heal of whatever its owner needs: while that is broken other promises apply. A history
//! that ends earlier proves nothing.

use crate::history::{Bound, Capability, PodName, Status};
use crate::judge::view::{At, Breach, Turn, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 19,
    name: "ProgressNotLiveness",
    statement: "a turn in progress whose owner is alive and that makes no progress for the system's bound is \
                ended or taken over within the time of a takeover",
    needs: &[
        Need::Can(Capability::Owner),
        Need::Can(Capability::EveryCommit),
        Need::Can(Capability::ProviderJournal),
        Need::Within(Bound::Progress),
    ],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let of_calls = |turn: &Turn<'_>| {
        let calls = turn.calls.iter().map(|call| &view.calls[*call]);
        let ends: Vec<At> = calls.flat_map(|call| [call.started, call.ended]).flatten().collect();
        ends.into_iter().map(|at| at.us)
    };
    let of_turn = |turn: &Turn<'_>| turn.moves_us.iter().copied().chain(of_calls(turn)).collect();
    let mut moves: Vec<Vec<u64>> = view.turns.iter().map(of_turn).collect();
    for log in view.logs.values() {
        let mut last = None;
        for there in log.frames() {
            if let Some(place) = there.turn().and_then(|turn| view.turn_again(turn, &mut last)) {
                moves[place].push(there.first.us);
            }
        }
    }
    let mut breaches = Vec::new();
    for (turn, mut moves) in view.turns.iter().zip(moves) {
        moves.sort_unstable();
        breaches.extend(check(view, turn, &moves));
    }
    breaches
}

fn check<'a>(view: &View<'a>, turn: &Turn<'a>, moves: &[u64]) -> Option<Breach> {
    let began = turn.rows.iter().find(|row| row.status == Status::InProgress)?;
    let until_us = turn.terminal().map_or(view.watched_until_us(), |row| row.at.us);
    let first = moves.partition_point(|us| *us < began.at.us);
    let moves = &moves[first..];
    let nexts = moves.iter().skip(1).copied().chain([until_us]);
    let bound_us = (view.bounds.progress_ms + view.bounds.takeover_ms) * 1000;
    let rests = moves.iter().copied().zip(nexts.map(|us| us.min(until_us)));
    let mut long = rests.filter(|(from_us, next_us)| next_us.saturating_sub(*from_us) > bound_us);
    long.find_map(|rest| stuck(view, turn, rest, bound_us))
}

/// A rest between two moves that was too long, by what is left of it behind the last heal of what its owner needs.
fn stuck<'a>(view: &View<'a>, turn: &Turn<'a>, (from_us, next_us): (u64, u64), bound_us: u64) -> Option<Breach> {
    let owners = view.owners(turn);
    let owned = owners[..owners.partition_point(|owned| owned.at.us <= from_us)].last()?;
    let pod = owned.owner.map(PodName::as_str);
    // One that was put to death does not come back as the one that it was.
    let mut faults = view.faults.during(from_us, next_us);
    if faults.any(|fault| fault.ends_its_target() && pod == Some(fault.target)) {
        return None;
    }
    let well_us = view.excused_until(pod, from_us, next_us)?;
    let by_us = view.faults.deadline(well_us, bound_us, None, &view.pods)?;
    if next_us <= by_us || owned.status != Status::InProgress {
        return None;
    }
    let row = turn.rows[..turn.rows.partition_point(|row| row.at.us <= from_us)].last()?;
    Some(Breach {
        subject: format!("turn {} of {}", turn.id, owned.label()),
        thread: turn.thread,
        n: row.at.n,
        expected: format!("an end or a takeover within {} ms without progress", bound_us / 1000),
        got: format!("nothing for {} ms", (next_us - from_us) / 1000),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, FaultStep, RunEvent, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{Play, aimed, call_ends, fault, observed, part, takeover, thread_row, token, turn_row};

    const NAME: &str = "ProgressNotLiveness";

    /// The good run up to token 3, after which the owner lives on and nothing moves.
    fn stuck() -> Play {
        let mut play = takeover();
        play.without_from(40, |what| {
            matches!(what, What::Watcher(WatcherEvent::Frame { chunk, .. }) if !matches!(chunk, Chunk::State { .. }))
                || matches!(
                    what,
                    What::Store(StoreEvent::Row { .. } | StoreEvent::TerminalProbe { .. })
                        | What::Provider(_)
                        | What::Fault(_)
                )
        });
        play
    }

    #[test]
    fn a_turn_that_moves_is_accepted() {
        takeover().keeps(NAME);
        let mut play = stuck();
        for k in 4..7 {
            play.put(
                u64::from(k) * 4_000 - 12_000,
                part(50 + u64::from(k), 1, u64::from(k), token(1, k)),
            );
        }
        play.put(14_000, turn_row(99, "turn-1", 1, Status::Completed));
        play.put(14_000, thread_row(99, None, 1, Status::Completed));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_hangs_is_found() {
        let finding = stuck().breaks(NAME);
        assert_eq!(finding.subject, "turn turn-1 of pod-1 at epoch 1");
        assert_eq!(finding.expected, "an end or a takeover within 5100 ms without progress");
        assert_eq!(finding.got, "nothing for 14983 ms");
    }

    #[test]
    fn a_turn_that_is_failed_or_taken_over_in_time_is_accepted() {
        let mut play = stuck();
        play.put(4_000, turn_row(99, "turn-1", 1, Status::Failed));
        play.keeps(NAME);

        let mut play = stuck();
        play.put(4_000, thread_row(99, Some("pod-2"), 2, Status::InProgress))
            .put(4_000, turn_row(99, "turn-1", 2, Status::InProgress))
            .put(4_010, part(100, 2, 1, token(2, 1)))
            .put(4_020, call_ends(1, "pod-1", "client_gone"))
            .put(4_100, turn_row(101, "turn-1", 2, Status::Completed));
        play.keeps(NAME);
    }

    #[test]
    fn what_was_broken_for_a_while_excuses_that_while() {
        for (healed_ms, is_found) in [(1_000, true), (12_000, false)] {
            let mut play = stuck();
            play.put(100, fault(1, "latency", "pod-1", aimed()))
                .put(101, fault(1, "latency", "pod-1", observed()))
                .put(healed_ms, fault(1, "latency", "pod-1", FaultStep::Healed));
            assert_eq!(play.findings(NAME).len(), usize::from(is_found), "{healed_ms}");
        }
    }

    #[test]
    fn a_second_rest_is_looked_at_where_the_first_one_is_excused() {
        let mut play = stuck();
        play.put(100, fault(1, "stop", "postgres", aimed()))
            .put(101, fault(1, "stop", "postgres", observed()))
            .put(6_900, fault(1, "stop", "postgres", FaultStep::Healed))
            .put(7_000, part(50, 1, 4, token(1, 4)));
        assert_eq!(play.breaks(NAME).got, "nothing for 8000 ms");
    }

    #[test]
    fn a_broken_owner_and_a_short_history_are_not_judged() {
        let mut play = stuck();
        play.put(30, fault(1, "kill", "pod-1", aimed()));
        play.clone().keeps(NAME);
        play.put(500, fault(1, "kill", "pod-1", FaultStep::Healed));
        play.keeps(NAME);
        let mut play = stuck();
        play.move_to(4_000, &What::Run(RunEvent::Quiesced));
        play.keeps(NAME);
    }
}
