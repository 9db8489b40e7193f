//! The streams of a pod that drains, a part of promise 31.
//!
//! A stream in flight shows a turn that is not over. The pod keeps the stream until it has shown the turn's end, or tells the client
//! that the turn goes on without this pod. A client that is cut off without a word takes the answer for whole, or waits for a time-out.
//! Only a system that has a frame for a hand-over promises to send it. Deliberately absent: the client's way back, since it may be
//! shown the rest on another pod and was cut off all the same.

use crate::history::{Capability, Chunk, Status, TailEnd};
use crate::judge::view::{At, Breach, FaultSpan, ROW_LATENESS_US, Seen, Turn, View, Watcher};

/// The streams that pods broke off after they were told to stop, the first of each pod.
pub(super) fn judge(view: &View<'_>) -> Vec<Breach> {
    if !view.can(Capability::Handover) || !view.can(Capability::EveryCommit) {
        return Vec::new();
    }
    let stops = view.faults.iter().filter(|fault| view.is_orderly(fault));
    let of_each = stops.filter_map(|fault| {
        let broken_off = view
            .watchers
            .iter()
            .filter_map(|watcher| broken_off(view, fault, watcher));
        broken_off.min_by_key(|breach| breach.n)
    });
    of_each.collect()
}

/// A turn that goes on, of which the tail was shown something when the draining pod ended it without a word.
fn broken_off(view: &View<'_>, fault: &FaultSpan<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let (at, end) = watcher.closed?;
    let until_us = fault.aimed.us + view.bounds.drain_ms * 1000;
    let is_its = watcher.pod.as_str() == fault.target && watcher.opened.us < view.gone_us(fault);
    if !is_its || !(fault.aimed.us..=until_us).contains(&at.us) || !is_by_pod(end) {
        return None;
    }
    let mut turns = watcher.turns.iter().map(|(place, seen)| (&view.turns[*place], seen));
    let (turn, _) = turns.find(|(turn, seen)| is_in_flight(turn, seen, at))?;
    let is_excused = is_told(watcher, fault) || is_explained(view, fault, watcher, at);
    (!is_excused).then(|| Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n: at.n,
        expected: format!(
            "the turn's end or a hand-over before the stream ends, {} ms after {} was told to stop",
            at.us.saturating_sub(fault.aimed.us) / 1000,
            fault.target
        ),
        got: format!(
            "the turn goes on, and the stream ended: {}",
            crate::judge::view::oneline(&format!("{end:?}"))
        ),
    })
}

/// True if the pod ended the tail, or the pod's end did. Bytes that are no stream are judged as such.
fn is_by_pod(end: &TailEnd) -> bool {
    match end {
        TailEnd::Done | TailEnd::Eof | TailEnd::Broken { .. } => true,
        TailEnd::Left | TailEnd::NoStream { .. } => false,
    }
}

/// True if the turn had begun and was surely not over at a moment, and the tail was not shown its end.
fn is_in_flight(turn: &Turn<'_>, seen: &Seen<'_>, at: At) -> bool {
    let has_begun = turn
        .rows
        .iter()
        .any(|row| row.at.us <= at.us && row.status == Status::InProgress);
    let is_over = turn.terminal().is_some_and(|row| row.at.us <= at.us + ROW_LATENESS_US);
    has_begun && !is_over && seen.finishes.is_empty() && !seen.passed_over
}

/// True if the client was told after the signal that it must come back.
fn is_told(watcher: &Watcher<'_>, fault: &FaultSpan<'_>) -> bool {
    watcher.frames().any(|frame| {
        let is_word = matches!(
            frame.chunk,
            Chunk::Handover { .. } | Chunk::Resync { .. } | Chunk::Broken { .. }
        );
        is_word && frame.at.us >= fault.aimed.us
    })
}

/// True if something else may have ended the tail: another fault, or a credential that is no longer good.
fn is_explained(view: &View<'_>, fault: &FaultSpan<'_>, watcher: &Watcher<'_>, at: At) -> bool {
    let mut others = view.faults.during(fault.aimed.us, at.us);
    others.any(|other| other.id != fault.id && other.excuses(fault.target))
        || view.may_be_revoked(watcher.thread, watcher.session, at)
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, Chunk, FaultStep, TailEnd, What};
    use crate::judge::testing::{Play, aimed, closed, died, fault, frame_of, is_frame_of, observed, starved, takeover};
    use crate::verdict::Verdict;

    const NAME: &str = "DrainCompleteness";

    /// The good run, but that pod-3 is told to stop at 100 ms, between the attempts, and is gone at 3 s. Its first tail ends at
    /// `closed_ms`; its second one stays to the turn's end.
    fn drained(closed_ms: u64, end: TailEnd) -> Play {
        let mut play = takeover();
        play.without(|what| *what == closed(3, TailEnd::Left));
        if closed_ms < ENDED_MS {
            play.without_from(closed_ms, is_frame_of(3));
        }
        play.put(closed_ms, closed(3, end))
            .put(100, fault(2, "terminate", "pod-3", aimed()))
            .put(3_000, died("pod-3", 0))
            .put(3_000, fault(2, "terminate", "pod-3", observed()));
        play
    }

    /// When the turn's row says that it is over.
    const ENDED_MS: u64 = 1_231;

    fn told(mut play: Play, ms: u64) -> Play {
        let reason = "the pod stops".to_owned();
        play.put(ms, frame_of(3, None, Chunk::Handover { reason }));
        play
    }

    #[test]
    fn a_stream_that_is_cut_while_its_turn_goes_on_is_found() {
        for end in [TailEnd::Done, TailEnd::Eof, TailEnd::Broken { reason: "reset".into() }] {
            let finding = drained(200, end).breaks(NAME);
            assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
            assert!(
                finding.got.starts_with("the turn goes on, and the stream ended: "),
                "{finding:?}"
            );
        }
    }

    #[test]
    fn a_stream_that_shows_the_end_or_a_hand_over_is_accepted() {
        drained(1_240, TailEnd::Done).keeps(NAME);
        drained(200, TailEnd::Left).keeps(NAME);
        told(drained(200, TailEnd::Done), 150).keeps(NAME);
        // A word from before the signal tells nothing of the drain.
        told(drained(200, TailEnd::Done), 90).breaks(NAME);
    }

    #[test]
    fn a_turn_whose_row_may_be_read_late_may_be_over() {
        drained(ENDED_MS - 10, TailEnd::Done).keeps(NAME);
    }

    #[test]
    fn a_stream_that_ended_before_the_signal_or_on_another_pod_is_not_of_the_drain() {
        let mut play = drained(200, TailEnd::Eof);
        play.move_to(300, &fault(2, "terminate", "pod-3", aimed()));
        play.keeps(NAME);
        let mut play = drained(200, TailEnd::Eof);
        play.change(|what| match what {
            What::Fault(of) if of.id == 2 => Some(fault(2, "terminate", "pod-2", of.step.clone())),
            _ => None,
        });
        assert!(
            play.findings(NAME)
                .iter()
                .all(|finding| finding.subject != "w3 on pod-3, turn turn-1")
        );
    }

    #[test]
    fn a_stream_that_another_fault_may_have_cut_is_not_judged() {
        for (name, target) in [("kill", "pod-3"), ("kill", "postgres"), ("provider-cut-after", "pod-3")] {
            let mut play = drained(200, TailEnd::Eof);
            play.put(150, fault(3, name, target, aimed()));
            play.keeps(NAME);
        }
        let mut play = drained(200, TailEnd::Eof);
        play.put(150, fault(3, "pause", "pod-2", aimed()))
            .put(180, fault(3, "pause", "pod-2", FaultStep::Healed));
        play.breaks(NAME);
    }

    #[test]
    fn a_pod_without_a_processor_makes_the_cut_inconclusive() {
        let mut play = drained(200, TailEnd::Eof);
        play.put(250, starved(&[("pod-3", 240)]));
        let judged = play.judged();
        assert_eq!((judged.verdict, judged.findings), (Verdict::Inconclusive, vec![]));
    }

    #[test]
    fn a_system_without_a_word_for_a_hand_over_promises_none() {
        let mut play = drained(200, TailEnd::Eof);
        play.describe(|began| {
            began
                .capabilities
                .retain(|capability| *capability != Capability::Handover);
        });
        play.passes();
        play.is_judged_in_part(NAME, "a stream in flight is finished or handed over");
    }
}
