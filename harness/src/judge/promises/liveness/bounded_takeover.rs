//! Promise 24: an owner's death costs its clients a bounded time.
//!
//! The bound is for the service, not for the provider, which may have been asked to hold the stream or to answer
//! slowly. So a takeover is proven by whichever of these comes first: text of a newer epoch, the turn's terminal,
//! or, once a newer epoch is committed, the start of the new owner's provider call. An owner without a turn in
//! progress has nothing taken over; an owner that wakes before the bound may continue; and a new owner that is
//! hit in its turn starts a clock of its own. A history that ends before the bound proves nothing.
//!
//! A graceful stop may use its whole grace. Its clock starts when the grace is over, or when the process is gone
//! if that takes longer; the owner is the one at the moment when the pod was told to stop.
//!
//! If every pod is dead or frozen nobody can take over, and the clock waits until the first is back. Seen live:
//! all three pods were killed at once and started again, and the first to serve had the turn within its bound.

use std::collections::HashMap;

use crate::history::{Bound, Capability, Ends, Epoch, OnDeath, Status};
use crate::judge::view::{At, Breach, FaultSpan, Line, Owned, Turn, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 24,
    name: "BoundedTakeover",
    statement: "from the death or pause of a turn's owner to the first new token, the new owner's provider call or an explicit \
                end, no more than the target's bound passes; after a graceful stop, no more from the end of its grace",
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
    hits(view).iter().filter_map(|hit| check(view, hit)).collect()
}

/// An owner that a fault stopped while its turn was in progress.
pub(in crate::judge) struct Hit<'v, 'a> {
    pub(in crate::judge) fault: &'v FaultSpan<'a>,
    /// The thread's place.
    pub(in crate::judge) thread: usize,
    /// The turn's place, where turns have owners of their own.
    turn: Option<usize>,
    /// The thread's owners, or the turn's.
    owners: &'v [Owned<'a>],
    /// The row that says so, and its place among the thread's.
    pub(in crate::judge) owned: Owned<'a>,
    row: usize,
    stopped: At,
    /// The time that the bound counts from.
    pub(in crate::judge) from_us: u64,
}

/// Every hit of a fault that ends or freezes an owner, thread by thread.
pub(in crate::judge) fn hits<'v, 'a>(view: &'v View<'a>) -> Vec<Hit<'v, 'a>> {
    hits_of(view, |fault| stopped(view, fault))
}

/// Every hit of the faults that stop an owner by `stopped`, thread by thread.
pub(in crate::judge) fn hits_of<'v, 'a>(
    view: &'v View<'a>,
    stopped: impl Fn(&FaultSpan<'a>) -> Option<(At, u64)>,
) -> Vec<Hit<'v, 'a>> {
    // By target, in the order in which they were known: each thread looks up those that fell into an owner's time alone.
    let mut stops: HashMap<&str, Vec<(u64, At, u64, &'v FaultSpan<'a>)>> = HashMap::new();
    for fault in view.faults.iter() {
        if let Some((stopped, from_us)) = stopped(fault) {
            let stop = (known_by_us(view, stopped), stopped, from_us, fault);
            stops.entry(fault.target).or_default().push(stop);
        }
    }
    for stops in stops.values_mut() {
        stops.sort_by_key(|(known_by_us, ..)| *known_by_us);
    }
    let mut hits = Vec::new();
    for line in view.lines() {
        let Line { thread, turn, owners } = line;
        for (row, owned) in owners.iter().enumerate() {
            let stops = owned.owner.and_then(|owner| stops.get(owner.as_str()));
            let Some(stops) = stops.filter(|_| owned.status == Status::InProgress) else {
                continue;
            };
            let until_us = owners.get(row + 1).map_or(u64::MAX, |next| next.at.us);
            let first = stops.partition_point(|(known_by_us, ..)| *known_by_us < owned.at.us);
            let meanwhile = stops[first..]
                .iter()
                .take_while(|(known_by_us, ..)| *known_by_us < until_us);
            hits.extend(meanwhile.map(|(_, stopped, from_us, fault)| Hit {
                fault,
                thread,
                turn,
                owners,
                owned: *owned,
                row,
                stopped: *stopped,
                from_us: *from_us,
            }));
        }
    }
    hits
}

/// When the owner stopped: the moment at which its turns are read, and the time that the bound counts from.
/// Returns `None` for a fault that leaves an owner at work, or whose effect was never seen.
fn stopped(view: &View<'_>, fault: &FaultSpan<'_>) -> Option<(At, u64)> {
    match fault.effect.ends {
        Ends::AtOnce => fault.observed.map(|observed| (observed, observed.us)),
        Ends::Not if fault.effect.freezes => fault.observed.map(|observed| (observed, observed.us)),
        Ends::Not => None,
        Ends::InGoodOrder => {
            let grace_over_us = fault.aimed.us + view.bounds.drain_ms * 1000;
            Some((
                fault.aimed,
                fault.observed.map_or(grace_over_us, |gone| gone.us.max(grace_over_us)),
            ))
        }
    }
}

pub(in crate::judge) fn check(view: &View<'_>, hit: &Hit<'_, '_>) -> Option<Breach> {
    let Hit {
        fault,
        thread: place,
        owners,
        owned,
        row,
        stopped,
        from_us,
        ..
    } = *hit;
    let bound_ms = view.bounds.takeover_ms;
    let from_us = match view.rules.on_death {
        // The owner itself goes on, once it is back.
        Some(OnDeath::Restart) => fault.healed?.us,
        _ => from_us,
    };
    let by_us = view.faults.deadline(from_us, bound_ms * 1000, None, &view.pods)?;
    if !fault.ends_its_target() && fault.healed.is_some_and(|healed| healed.us <= by_us) {
        return None;
    }
    let turn = running_turn(view, hit, known_by_us(view, stopped))?;
    let claim = owners[row + 1..].iter().find(|later| later.epoch > owned.epoch);
    let resolved = [
        turn.terminal().map(|row| row.at),
        newer_text(view, turn, owned.epoch, stopped),
        claim.and_then(|claim| proof_of_work(view, turn, claim, stopped)),
    ];
    let resolved = resolved.into_iter().flatten().min_by_key(|at| at.us);
    let breach = |n: u64, got: String| {
        let subject = format!("turn {} of {} at epoch {}", turn.id, fault.target, owned.epoch);
        let expected = format!("a takeover within {bound_ms} ms after the {}", fault.name);
        Some(Breach {
            subject,
            thread: Some(place),
            n,
            expected,
            got,
        })
    };
    match resolved {
        Some(at) if at.us <= by_us => None,
        Some(at) => breach(at.n, format!("after {} ms", at.us.saturating_sub(from_us) / 1000)),
        None if view.watched_until_us() > by_us => {
            let waited_ms = (view.watched_until_us() - from_us) / 1000;
            let claimed = claim.map_or("no newer epoch".into(), |claim| {
                format!("only a claim by {}", claim.label())
            });
            breach(stopped.n, format!("{claimed} in {waited_ms} ms"))
        }
        None => None,
    }
}

/// Until when rows that were committed before an owner stopped have been read. A row is read some time after its commit, and
/// on a busy machine that can be after the stop; nobody can follow an owner before half its lease is over.
fn known_by_us(view: &View<'_>, stopped: At) -> u64 {
    stopped.us + view.bounds.lease_ms * 1000 / 2
}

/// Returns the turn that the thread was at work on.
fn running_turn<'v, 'a>(view: &'v View<'a>, hit: &Hit<'_, 'a>, known_by_us: u64) -> Option<&'v Turn<'a>> {
    let turns = match &hit.turn {
        Some(turn) => std::slice::from_ref(turn),
        None => &view.threads[hit.thread].turns[..],
    };
    let turns = turns.iter().map(|place| &view.turns[*place]);
    let running = |turn: &&Turn<'_>| {
        let before = turn.rows.partition_point(|row| row.at.us <= known_by_us);
        before > 0 && turn.rows[before - 1].status == Status::InProgress
    };
    turns.rev().find(running)
}

/// The newest provider call for a turn that had begun before its owner stopped; 0 before the first.
fn newest_call(view: &View<'_>, turn: &Turn<'_>, stopped: At) -> u32 {
    let calls = turn.calls.iter().map(|call| &view.calls[*call]);
    let before = calls.filter(|call| call.started.is_some_and(|at| at.n < stopped.n));
    before.map(|call| call.ordinal).max().unwrap_or(0)
}

/// When text of a newer attempt was first seen. Where there are no epochs, a provider call that began after the stop is one.
fn newer_text(view: &View<'_>, turn: &Turn<'_>, epoch: Epoch, stopped: At) -> Option<At> {
    let old = if view.can(Capability::Epoch) {
        epoch
    } else {
        Epoch(newest_call(view, turn, stopped).into())
    };
    let newer = turn.first_text.iter().filter(|(epoch, _)| **epoch > old);
    newer.map(|(_, at)| *at).min()
}

/// When a claim is known to have come to work: at the new owner's first provider call, or, where that owner was hit before
/// the bound was over, at the claim: what is then late is held against its own clock.
fn proof_of_work(view: &View<'_>, turn: &Turn<'_>, claim: &Owned<'_>, stopped: At) -> Option<At> {
    let starts = turn
        .calls
        .iter()
        .filter_map(|call| Some((&view.calls[*call], view.calls[*call].started?)));
    let ordinal_before = newest_call(view, turn, stopped);
    let called = starts
        .filter(|(call, _)| call.ordinal > ordinal_before)
        .map(|(_, at)| at)
        .min();
    let owner = claim.owner?.as_str();
    let by_us = claim.at.us.max(stopped.us + view.bounds.takeover_ms * 1000);
    let mut meanwhile = view.faults.during(claim.at.us, by_us);
    let is_hit = meanwhile.any(|fault| fault.target == owner && !fault.excuses_nothing());
    if is_hit { Some(claim.at) } else { called }
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Row, RunEvent, Status, StoreEvent, What};
    use crate::judge::testing::{
        aimed, call_ends, call_starts, delta, fault, nobody_takes_over, observed, takeover, thread_row, token, turn_row,
    };

    const NAME: &str = "BoundedTakeover";

    #[test]
    fn a_takeover_within_the_bound_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn an_owner_that_nobody_takes_over_from_is_found_for_each_kind_of_fault() {
        for name in ["kill", "pause", "terminate"] {
            let play = nobody_takes_over(name);
            let finding = play.breaks(NAME);
            assert_eq!(finding.subject, "turn turn-1 of pod-1 at epoch 1");
            assert!(finding.got.starts_with("no newer epoch in "), "{}", finding.got);
        }
    }

    #[test]
    fn a_takeover_that_comes_late_is_found() {
        let mut play = nobody_takes_over("kill");
        play.put(3000, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(3001, call_starts(2, "pod-2"));
        assert_eq!(play.breaks(NAME).got, "after 2960 ms");
    }

    #[test]
    fn a_provider_that_holds_the_stream_is_not_counted() {
        let mut play = nobody_takes_over("kill");
        play.put(1200, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(1201, call_starts(2, "pod-2"));
        play.put(9000, delta(2, 2, 1, token(2, 1)));
        play.keeps(NAME);
    }

    #[test]
    fn a_claim_alone_is_no_takeover_unless_its_owner_is_hit_as_well() {
        let mut play = nobody_takes_over("kill");
        play.put(1200, thread_row(40, Some("pod-2"), 2, Status::InProgress));
        play.put(1200, turn_row(40, "turn-1", 2, Status::InProgress));
        assert!(play.breaks(NAME).got.starts_with("only a claim by pod-2 at epoch 2"));
        play.put(1300, fault(2, "kill", "pod-2", aimed()))
            .put(1301, fault(2, "kill", "pod-2", observed()));
        let findings = play.findings(NAME);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].subject, "turn turn-1 of pod-2 at epoch 2");
    }

    /// Seen live: the third owner called 2,108 ms after the first one's death and 1,110 ms after the second one's.
    #[test]
    fn an_heir_that_is_hit_right_after_its_claim_has_a_clock_of_its_own() {
        let mut play = nobody_takes_over("kill");
        play.put(1030, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(1030, turn_row(40, "turn-1", 2, Status::InProgress))
            .put(1040, fault(2, "kill", "pod-2", aimed()))
            .put(1041, fault(2, "kill", "pod-2", observed()))
            .put(2100, thread_row(41, Some("pod-3"), 3, Status::InProgress))
            .put(2100, turn_row(41, "turn-1", 3, Status::InProgress))
            .put(2150, call_starts(2, "pod-3"));
        play.keeps(NAME);
    }

    /// Seen live: the rows that say whose turn it was were read 20 ms after the owner was dead.
    #[test]
    fn rows_that_are_read_after_the_death_still_tell_whose_turn_it_was() {
        let mut play = nobody_takes_over("kill");
        let own = |what: &What| {
            matches!(
                what,
                What::Store(StoreEvent::Row {
                    row: Row::Thread { owner: Some(_), .. } | Row::Turn(_),
                    ..
                })
            )
        };
        play.without(own);
        play.put(60, thread_row(20, Some("pod-1"), 1, Status::InProgress))
            .put(60, turn_row(20, "turn-1", 1, Status::InProgress));
        assert_eq!(play.breaks(NAME).subject, "turn turn-1 of pod-1 at epoch 1");
    }

    #[test]
    fn where_all_pods_die_the_first_that_is_back_has_the_whole_bound() {
        let mut play = nobody_takes_over("kill");
        for (id, pod) in [(2, "pod-2"), (3, "pod-3")] {
            play.put(45, fault(id, "kill", pod, aimed()))
                .put(46, fault(id, "kill", pod, observed()));
        }
        play.put(1500, fault(2, "kill", "pod-2", FaultStep::Healed))
            .put(3000, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(3001, call_starts(2, "pod-2"));
        play.keeps(NAME);
        play.without(|what| matches!(what, What::Fault(event) if event.id == 3));
        assert_eq!(play.breaks(NAME).got, "after 2960 ms", "one was there all the time");
    }

    #[test]
    fn a_stop_has_its_grace() {
        let mut play = nobody_takes_over("terminate");
        play.put(7100, thread_row(40, Some("pod-2"), 2, Status::InProgress))
            .put(7101, call_starts(2, "pod-2"));
        play.keeps(NAME);
    }

    #[test]
    fn an_owner_that_wakes_before_the_bound_may_go_on() {
        let mut play = nobody_takes_over("pause");
        play.put(1000, fault(1, "pause", "pod-1", FaultStep::Healed));
        play.keeps(NAME);
    }

    #[test]
    fn an_owner_with_nothing_in_progress_and_a_history_too_short_are_not_judged() {
        let mut play = takeover();
        play.put(1240, fault(2, "kill", "pod-2", aimed()))
            .put(1241, fault(2, "kill", "pod-2", observed()));
        play.keeps(NAME);

        let mut play = nobody_takes_over("kill");
        play.move_to(2000, &What::Run(RunEvent::Quiesced));
        play.keeps(NAME);
        assert!(play.findings("NoLostAck").is_empty());
    }

    #[test]
    fn an_explicit_failure_is_an_answer() {
        let mut play = nobody_takes_over("kill");
        play.put(1500, turn_row(40, "turn-1", 2, Status::Failed));
        play.put(1500, call_ends(1, "pod-1", "client_gone"));
        assert!(play.history().events.iter().all(
            |e| !matches!(&e.what, What::Store(StoreEvent::Row { row: Row::Thread { epoch, .. }, .. }) if epoch.is_some_and(|epoch| epoch.0 > 1))
        ));
        play.keeps(NAME);
    }
}
