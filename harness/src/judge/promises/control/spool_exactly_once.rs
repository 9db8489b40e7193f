//! Promise 36: acknowledged feedback is stored, and stored once.
//!
//! An acknowledged item may wait on the pod that took it, and a pod that is dead or cut off keeps it waiting: the
//! item is due once everything that keeps that pod from its work is healed. Two cases are due sooner. An item on
//! a pod that leaves in good order is stored when that pod is gone, because nobody may ever start it again. A
//! refused item is never stored, because its client gives it to somebody else. An item whose client got no answer
//! may be stored or not, but not twice.

use crate::history::{Capability, FeedbackId, PodName};
use crate::judge::view::{At, Breach, Item, ROW_LATENESS_US, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 36,
    name: "SpoolExactlyOnce",
    statement: "every acknowledged feedback item is stored once, across drain, SIGKILL mid-drain and restart; a \
                refused one is not stored, and every pod reports how many are",
    needs: &[Need::Can(Capability::EveryCommit), Need::Can(Capability::Feedback)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let items = view.feedback.items.iter();
    let of_items = items.filter_map(|(id, item)| {
        twice(id, item)
            .or_else(|| after_refusal(id, item))
            .or_else(|| left_behind(view, id, item))
            .or_else(|| lost(view, id, item))
    });
    of_items.chain(miscounted(view)).collect()
}

/// Acknowledged items that are not stored when the history ends and that nothing excuses yet.
pub(in crate::judge) fn awaited<'a>(view: &View<'a>) -> Option<&'a FeedbackId> {
    if !PROMISE.needs.iter().all(|need| view.has(*need)) {
        return None;
    }
    let mut items = view.feedback.items.iter();
    items
        .find(|(_, item)| item.acknowledged().next().is_some() && item.stored_by(u64::MAX) == 0)
        .map(|(id, _)| *id)
}

fn breach(id: &FeedbackId, n: u64, expected: String, got: String) -> Breach {
    Breach {
        subject: format!("feedback {id}"),
        thread: None,
        n,
        expected,
        got,
    }
}

/// An item of which there was a second row beside the first.
fn twice(id: &FeedbackId, item: &Item<'_>) -> Option<Breach> {
    let mut stored = 0_u64;
    for (at, came) in &item.rows {
        stored = if *came { stored + 1 } else { stored.saturating_sub(1) };
        if stored > 1 {
            return Some(breach(id, at.n, "one row".into(), format!("{stored} rows")));
        }
    }
    None
}

/// An item that came to be stored though every post of it was refused.
fn after_refusal(id: &FeedbackId, item: &Item<'_>) -> Option<Breach> {
    let (at, _) = item.rows.iter().find(|(_, came)| *came)?;
    item.is_refused().then(|| {
        let expected = "nothing of an item that was refused".into();
        breach(id, at.n, expected, "a row".into())
    })
}

/// An item that was lost with a pod that was told to stop and left in good order.
fn left_behind(view: &View<'_>, id: &FeedbackId, item: &Item<'_>) -> Option<Breach> {
    item.acknowledged().find_map(|(acknowledged, pod)| {
        let left = left_in_good_order(view, acknowledged, pod)?;
        let by_us = left.us + ROW_LATENESS_US;
        let is_stored = item.stored_by(by_us) > 0;
        (!is_stored && view.watched_until_us() > by_us).then(|| {
            let expected = format!("a row by the end of {pod}, which acknowledged it and left in good order");
            breach(id, left.n, expected, "none".into())
        })
    })
}

/// When a pod ended that had acknowledged something, if it was told to stop, ended with code 0, and nothing kept
/// it from its work meanwhile.
fn left_in_good_order(view: &View<'_>, acknowledged: At, pod: &PodName) -> Option<At> {
    let ended = view.death_after(pod.as_str(), acknowledged.n)?;
    let meanwhile = || view.faults.during(acknowledged.us, ended.at.us);
    let was_stopped = meanwhile().any(|fault| fault.target == pod.as_str() && fault.asks_to_end());
    let hindered = meanwhile().any(|fault| fault.excuses(pod.as_str()) && !fault.asks_to_end());
    (was_stopped && !hindered && ended.exit_code == Some(0)).then_some(ended.at)
}

/// An acknowledged item that is not stored by the end, though it is due.
fn lost(view: &View<'_>, id: &FeedbackId, item: &Item<'_>) -> Option<Breach> {
    let quiesced = view.ending.quiesced?;
    let (acknowledged, _) = item.acknowledged().next()?;
    if item.stored_by(u64::MAX) > 0 {
        return None;
    }
    let due_us = due_us(view, acknowledged, item)?;
    (quiesced.us > due_us).then(|| {
        let waited_ms = quiesced.us.saturating_sub(acknowledged.us) / 1000;
        let got = format!("none in the {waited_ms} ms until the history ends");
        breach(id, acknowledged.n, "a row of the acknowledged item".into(), got)
    })
}

/// When an acknowledged item is due: the time in which a turn must move, counted from the heal of whatever kept
/// its pods from their work. Returns `None` if that was never healed.
fn due_us(view: &View<'_>, acknowledged: At, item: &Item<'_>) -> Option<u64> {
    let mut from_us = acknowledged.us;
    for fault in view.faults.during(acknowledged.us, u64::MAX) {
        if item.acknowledged().any(|(_, pod)| fault.excuses(pod.as_str())) {
            from_us = from_us.max(fault.healed?.us);
        }
    }
    Some(from_us + view.bounds.progress_ms * 1000 + ROW_LATENESS_US)
}

/// Counts that pods reported after the play and that differ from what was stored then. A row reaches the history
/// after its commit, so a row that is recorded a little later may have been counted already.
fn miscounted(view: &View<'_>) -> impl Iterator<Item = Breach> {
    let played = view.ending.played.map(|(at, _)| at.n);
    let counts = view.feedback.counts.iter();
    let of_the_end = counts.filter(move |counted| played.is_some_and(|n| counted.at.n > n));
    of_the_end.filter_map(|counted| {
        let by = |us: u64| -> u64 { view.feedback.items.values().map(|item| item.stored_by(us)).sum() };
        let (least, most) = (by(counted.at.us), by(counted.at.us + ROW_LATENESS_US));
        let is_right = (least.min(most)..=least.max(most)).contains(&counted.count);
        (!is_right).then(|| Breach {
            subject: format!("count of feedback on {}", counted.pod),
            thread: None,
            n: counted.at.n,
            expected: format!("{least} stored items"),
            got: counted.count.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Outcome, Row, StoreEvent, What};
    use crate::judge::testing::{
        Play, aimed, died, fault, feedback_counted, feedback_ended, feedback_posted, feedback_row, observed, takeover,
    };
    use crate::verdict::Verdict;

    const NAME: &str = "SpoolExactlyOnce";

    /// The good run, in which pod-3 acknowledges an item at 2 s that is stored at `stored_ms`.
    fn given(stored_ms: &[u64]) -> Play {
        let mut play = takeover();
        play.put(2_000, feedback_posted(50, "pod-3", "f-1"))
            .put(2_005, feedback_ended(50, Outcome::Ok(())));
        for ms in stored_ms {
            play.put(*ms, feedback_row(*ms, "f-1"));
        }
        play
    }

    fn refused() -> Outcome<()> {
        let reason = r#"{"error":{"code":"no_room"}}"#.into();
        Outcome::Failed { status: 503, reason }
    }

    #[test]
    fn an_item_that_is_stored_once_whenever_that_is_is_accepted() {
        takeover().keeps(NAME);
        for stored_ms in [2_006, 2_500, 9_000] {
            given(&[stored_ms]).passes();
        }
        let mut play = given(&[2_500]);
        play.put(2_100, feedback_posted(51, "pod-2", "f-1"))
            .put(2_105, feedback_ended(51, Outcome::Ok(())));
        play.put(14_000, feedback_counted("pod-2", 1));
        play.passes();
    }

    #[test]
    fn an_item_that_is_not_stored_is_found() {
        let finding = given(&[]).breaks(NAME);
        assert_eq!(finding.subject, "feedback f-1");
        assert_eq!(finding.got, "none in the 12995 ms until the history ends");
    }

    #[test]
    fn an_item_that_is_stored_twice_is_found_acknowledged_or_not() {
        let finding = given(&[2_100, 5_000]).breaks(NAME);
        assert_eq!((finding.expected.as_str(), finding.got.as_str()), ("one row", "2 rows"));
        let mut play = given(&[2_100, 5_000]);
        let unknown = Outcome::Unknown { reason: "reset".into() };
        play.turn_into(&feedback_ended(50, Outcome::Ok(())), feedback_ended(50, unknown));
        play.breaks(NAME);
        // One that is removed and comes again was never there twice.
        let mut play = given(&[2_100, 5_000]);
        let gone = Row::FeedbackGone { item: "f-1".into() };
        let (lsn, xid) = ("0/1".into(), 4_000);
        play.put(4_000, What::Store(StoreEvent::Row { lsn, xid, row: gone }));
        play.keeps(NAME);
    }

    #[test]
    fn a_refused_item_is_not_stored_and_one_without_an_answer_may_be() {
        let mut play = given(&[]);
        play.turn_into(&feedback_ended(50, Outcome::Ok(())), feedback_ended(50, refused()));
        play.passes();
        play.put(3_000, feedback_row(3_000, "f-1"));
        assert_eq!(play.breaks(NAME).expected, "nothing of an item that was refused");
        let unknown = Outcome::Unknown { reason: "reset".into() };
        play.turn_into(&feedback_ended(50, refused()), feedback_ended(50, unknown));
        play.passes();
    }

    /// pod-3 is told to stop at 2.1 s and ends at 2.4 s with `code`; it is back at 8 s.
    fn stopped(mut play: Play, code: i64) -> Play {
        play.put(2_100, fault(2, "terminate", "pod-3", aimed()))
            .put(2_400, died("pod-3", code))
            .put(2_400, fault(2, "terminate", "pod-3", observed()))
            .put(8_000, fault(2, "terminate", "pod-3", FaultStep::Healed));
        play
    }

    #[test]
    fn what_a_pod_takes_with_it_that_leaves_in_good_order_is_found() {
        stopped(given(&[2_350]), 0).keeps(NAME);
        stopped(given(&[3_300]), 0).keeps(NAME);
        let finding = stopped(given(&[8_500]), 0).breaks(NAME);
        assert!(finding.expected.starts_with("a row by the end of pod-3"), "{finding:?}");
        stopped(given(&[8_500]), 137).keeps(NAME);
        let mut cut_off = stopped(given(&[8_500]), 0);
        cut_off
            .put(2_050, fault(3, "postgres-down", "pod-3", aimed()))
            .put(7_000, fault(3, "postgres-down", "pod-3", FaultStep::Healed));
        cut_off.keeps(NAME);
    }

    #[test]
    fn a_pod_that_is_gone_owes_nothing_before_it_is_back_and_a_full_disk_excuses_nothing() {
        let broken = |name: &str, healed_ms: Option<u64>| {
            let mut play = given(&[]);
            play.put(2_010, fault(2, name, "pod-3", aimed()));
            if let Some(ms) = healed_ms {
                play.put(ms, fault(2, name, "pod-3", FaultStep::Healed));
            }
            play
        };
        broken("kill", Some(9_000)).breaks(NAME);
        broken("disk-full", None).breaks(NAME);
        for not_due in [broken("kill", Some(13_000)), broken("kill", None)] {
            not_due.keeps(NAME);
            let judgement = not_due.judged();
            assert_eq!(judgement.verdict, Verdict::Inconclusive);
            let reason = judgement.reason.expect("a reason");
            assert!(reason.starts_with("feedback f-1 was not stored"), "{reason}");
        }
    }

    #[test]
    fn a_pod_that_miscounts_at_the_end_is_found() {
        let counted = |ms: u64, count: u64| {
            let mut play = given(&[2_100]);
            play.put(ms, feedback_counted("pod-2", count));
            play
        };
        counted(14_000, 1).keeps(NAME);
        assert_eq!(counted(14_000, 0).breaks(NAME).expected, "1 stored items");
        counted(14_000, 2).breaks(NAME);
        // While the play is on nobody knows what is stored already.
        counted(1_300, 9).keeps(NAME);
    }
}
