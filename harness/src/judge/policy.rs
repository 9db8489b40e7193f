//! The verdict policy: from the breaches of all promises to one verdict.
//!
//! A run that the harness failed, or whose history is incomplete, is broken. A breach that only CPU starvation
//! may explain makes a run inconclusive, not failed. A promise that the system is known to break passes as
//! expected, and fails once it is kept.

use super::Promise;
use super::promises::content::live_durable_agreement;
use super::promises::control::spool_exactly_once;
use super::registry::PROMISES;
use super::view::{View, oneline};
use crate::history::ExpectedFailure;
use crate::history::reader::History;
use crate::verdict::{EvidenceMark, Finding, Judgement, NotApplicable, Verdict};

/// Judges a history. Findings of a broken run are reported too, although the run as a whole proves nothing.
pub fn judge(history: &History) -> Judgement {
    let mut view = View::of(history);
    let (judged, lacking): (Vec<&Promise>, Vec<&Promise>) = PROMISES
        .iter()
        .partition(|promise| promise.needs.iter().all(|need| view.capabilities.contains(need)));
    let findings = broken(&view, &judged);
    let (starved, findings) = split_off_starved(&mut view, &judged, findings);
    let evidence = evidence(&view);
    let is_expected = |finding: &Finding| {
        view.expected_failures
            .iter()
            .any(|known| known.promise == finding.promise)
    };
    let (expected, findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_expected);
    let (verdict, reason) = verdict(
        &view,
        history.cut_off.as_deref(),
        (&findings, &expected, &starved),
        &evidence,
    );
    let not_applicable = lacking
        .into_iter()
        .map(|promise| not_applicable(promise, &view))
        .collect();
    Judgement {
        verdict,
        reason,
        findings,
        expected,
        starved,
        evidence,
        not_applicable,
    }
}

/// Findings against these promises, in the order of the history.
fn broken(view: &View<'_>, promises: &[&Promise]) -> Vec<Finding> {
    let of = |promise: &&Promise| {
        let breaches = (promise.judge)(view).into_iter();
        let findings = breaches.map(|breach| view.finding(promise.name, breach));
        findings.collect::<Vec<_>>()
    };
    let mut findings: Vec<Finding> = promises.iter().flat_map(of).collect();
    // Stable: findings of one event keep the order of the promises.
    findings.sort_by_key(|finding| finding.event);
    findings
}

/// Parts findings into those that CPU starvation may explain, and those that it cannot.
fn split_off_starved(
    view: &mut View<'_>,
    promises: &[&Promise],
    findings: Vec<Finding>,
) -> (Vec<Finding>, Vec<Finding>) {
    if findings.is_empty() || !view.excuse_starvation() {
        return (Vec::new(), findings);
    }
    let certain = broken(view, promises);
    let is_certain = |finding: &Finding| {
        let is_it = |other: &Finding| other.promise == finding.promise && other.subject == finding.subject;
        certain.iter().any(is_it)
    };
    findings.into_iter().partition(|finding| !is_certain(finding))
}

fn verdict(
    view: &View<'_>,
    cut_off: Option<&str>,
    (findings, expected, starved): (&[Finding], &[Finding], &[Finding]),
    evidence: &[EvidenceMark],
) -> (Verdict, Option<String>) {
    if let Some(reason) = unusable(view, cut_off) {
        return (Verdict::Broken, Some(reason));
    }
    if let Some(first) = findings.first() {
        let reason = format!(
            "{} broken by {}, first of {} findings",
            first.promise,
            first.subject,
            findings.len()
        );
        return (Verdict::Fail, Some(reason));
    }
    if let Some(first) = starved.first() {
        return (Verdict::Inconclusive, Some(unclear(view, first, starved.len())));
    }
    let is_kept = |known: &&ExpectedFailure| !expected.iter().any(|finding| finding.promise == known.promise);
    match (
        view.expected_failures.iter().find(is_kept),
        inconclusive(view, evidence),
    ) {
        // A promise that is known to be broken may keep the story from its evidence.
        (None, _) if !view.expected_failures.is_empty() => (Verdict::Pass, Some(as_expected(view))),
        (_, Some(reason)) => (Verdict::Inconclusive, Some(reason)),
        (Some(kept), None) => (Verdict::Fail, Some(kept_after_all(kept))),
        (None, None) => (Verdict::Pass, None),
    }
}

fn unclear(view: &View<'_>, first: &Finding, findings: usize) -> String {
    format!(
        "{} broken by {} at event {} (expected {}; got {}), first of {findings} findings that CPU starvation may \
         explain ({}); rerun on an idle machine or with fewer --slots",
        first.promise,
        first.subject,
        first.event,
        first.expected,
        first.got,
        view.worst_starvation().unwrap_or_default()
    )
}

fn as_expected(view: &View<'_>) -> String {
    let known = view.expected_failures.iter();
    let known: Vec<String> = known
        .map(|known| format!("{} ({})", known.promise, known.why))
        .collect();
    format!("broken as expected: {}", known.join(", "))
}

fn kept_after_all(known: &ExpectedFailure) -> String {
    format!(
        "{} was expected to be broken here ({}) and was kept: remove the expectation from the system's description",
        known.promise, known.why
    )
}

/// Returns the reason why the run proves nothing, if there is one.
fn unusable(view: &View<'_>, cut_off: Option<&str>) -> Option<String> {
    let ending = &view.ending;
    if let Some(reason) = ending.harness_failed {
        return Some(format!("the harness failed: {reason}"));
    }
    if let Some(cut_off) = cut_off {
        return Some(format!("the history was cut off: {cut_off}"));
    }
    if let Some(unread) = &view.unread {
        return Some(format!("the description cannot read {unread}"));
    }
    let missing = if ending.played.is_none() {
        "the play's end"
    } else if ending.quiesced.is_none() {
        "the final state of the stores"
    } else if !ending.ended {
        "its last event"
    } else {
        return None;
    };
    Some(format!("the history is incomplete: it lacks {missing}"))
}

/// Returns the reason why a run without findings does not pass, if there is one.
fn inconclusive(view: &View<'_>, evidence: &[EvidenceMark]) -> Option<String> {
    if let Some((_, Some(awaited))) = view.ending.played {
        return Some(format!("the story gave up waiting for {awaited}"));
    }
    if let Some(mark) = evidence
        .iter()
        .find(|mark| !mark.reached && view.declared.contains(&mark.mark))
    {
        return Some(format!("evidence not reached: {}", mark.mark));
    }
    if let Some(access) = live_durable_agreement::final_readings(view).find(|access| access.status.is_none()) {
        return Some(format!(
            "{} did not answer the final reading: {}",
            access.pod,
            oneline(access.body)
        ));
    }
    if let Some(item) = spool_exactly_once::awaited(view) {
        return Some(format!(
            "feedback {item} was not stored when the history ended, and no bound had passed yet"
        ));
    }
    let open = view
        .turns
        .iter()
        .find(|turn| turn.accepted.is_some() && turn.terminal().is_none());
    open.map(|turn| {
        format!(
            "turn {} had not ended when the history ended, and no bound had passed yet",
            turn.id
        )
    })
}

/// The declared marks in their order, then further marks that the story recorded.
fn evidence(view: &View<'_>) -> Vec<EvidenceMark> {
    let mut marks: Vec<EvidenceMark> = view
        .declared
        .iter()
        .map(|mark| EvidenceMark {
            mark: mark.clone(),
            reached: false,
        })
        .collect();
    for (mark, reached) in &view.evidence {
        match marks.iter_mut().find(|known| known.mark == *mark) {
            Some(known) => known.reached |= reached,
            None => marks.push(EvidenceMark {
                mark: (*mark).to_owned(),
                reached: *reached,
            }),
        }
    }
    marks
}

fn not_applicable(promise: &Promise, view: &View<'_>) -> NotApplicable {
    let lacking: Vec<String> = promise
        .needs
        .iter()
        .filter(|need| !view.capabilities.contains(need))
        .map(|need| format!("{need:?}"))
        .collect();
    NotApplicable {
        promise: promise.name.to_owned(),
        why: format!("the system lacks {}", lacking.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Capability, RunEvent, Status, What};
    use crate::judge::testing::{Play, began, delta, finish, is_frame_of, part, takeover, token};

    #[test]
    fn the_good_run_passes_with_every_promise_judged() {
        let judgement = takeover().judged();
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
        assert_eq!(judgement.not_applicable, vec![]);
        assert!(judgement.evidence.iter().all(|mark| mark.reached));
    }

    #[test]
    fn an_empty_history_is_broken() {
        let judgement = judge(&History {
            events: Vec::new(),
            cut_off: None,
        });
        assert_eq!(judgement.verdict, Verdict::Broken);
    }

    #[test]
    fn a_run_that_did_not_end_is_broken_whatever_it_showed() {
        let last: [fn(&What) -> bool; 3] = [
            |what| matches!(what, What::Run(RunEvent::Ended)),
            |what| matches!(what, What::Run(RunEvent::Quiesced)),
            |what| matches!(what, What::Run(RunEvent::Played { .. })),
        ];
        for missing in last {
            let judgement = takeover().without(missing).judged();
            assert_eq!(judgement.verdict, Verdict::Broken);
            assert!(
                judgement
                    .reason
                    .expect("a reason")
                    .starts_with("the history is incomplete: it lacks ")
            );
        }
        let mut failed = takeover();
        failed.put(
            2000,
            What::Run(RunEvent::HarnessFailed {
                reason: "pod-2 did not heal".into(),
            }),
        );
        assert_eq!(
            failed.judged().reason.as_deref(),
            Some("the harness failed: pod-2 did not heal")
        );
        let cut = History {
            cut_off: Some("line 9 ends".into()),
            ..takeover().history()
        };
        assert_eq!(judge(&cut).verdict, Verdict::Broken);
    }

    #[test]
    fn evidence_that_was_not_reached_is_inconclusive_unless_something_was_found() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Run(RunEvent::Evidence { .. })));
        let judgement = play.judged();
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(
            judgement.reason.as_deref(),
            Some("evidence not reached: owner died holding token 3")
        );
        play.without(|what| *what == part(44, 2, 4, token(2, 4)));
        assert_eq!(play.judged().verdict, Verdict::Fail);
    }

    #[test]
    fn a_story_that_gave_up_is_inconclusive() {
        let mut play = takeover();
        play.turn_into(
            &What::Run(RunEvent::Played { gave_up: None }),
            What::Run(RunEvent::Played {
                gave_up: Some("a second call".into()),
            }),
        );
        assert_eq!(
            play.judged().reason.as_deref(),
            Some("the story gave up waiting for a second call")
        );
    }

    #[test]
    fn a_promise_that_lacks_a_capability_is_named() {
        let mut play = takeover();
        let mut bare = began();
        bare.capabilities = vec![Capability::Owner];
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(bare.into())),
        );
        let names: Vec<String> = play
            .judged()
            .not_applicable
            .into_iter()
            .map(|lacking| lacking.promise)
            .collect();
        let expected = [
            "NoPhantom",
            "MonotoneCursor",
            "ResumeGapFree",
            "SingleActiveTurn",
            "WriterFencing",
            "NoFriendlyFire",
            "ReaperSoundness",
            "ProgressNotLiveness",
            "CancelAnywhere",
            "BoundedProviderWork",
            "ContextContinuity",
            "SpoolExactlyOnce",
            "TenantIsolation",
            "SliceOfTheLog",
        ];
        assert_eq!(names, expected);
    }

    /// The good run, spoilt in one way.
    fn spoilt(spoil: impl FnOnce(&mut Play)) -> Play {
        let mut play = takeover();
        spoil(&mut play);
        play
    }

    #[track_caller]
    fn breaks_all(play: &Play, promises: &[&str]) {
        for promise in promises {
            play.breaks(promise);
        }
    }

    #[test]
    fn a_token_dropped_doubled_or_swapped_on_one_screen_is_found() {
        let fifth = || delta(3, 2, 5, token(2, 5));
        let dropped = spoilt(|play| _ = play.without(|what| *what == fifth()));
        breaks_all(
            &dropped,
            &[
                "FinalTextExactlyOnce",
                "WatchersAgree",
                "LateAttachEquivalence",
                "LiveDurableAgreement",
            ],
        );
        let doubled = spoilt(|play| _ = play.put(1207, fifth()));
        breaks_all(&doubled, &["FinalTextExactlyOnce", "WatchersAgree", "MonotoneCursor"]);
        let swapped = spoilt(|play| {
            play.turn_into(&fifth(), delta(3, 2, 5, token(2, 6)));
            play.turn_into(&delta(3, 2, 6, token(2, 6)), delta(3, 2, 6, token(2, 5)));
        });
        breaks_all(&swapped, &["FinalTextExactlyOnce", "WatchersAgree", "MonotoneCursor"]);
    }

    #[test]
    fn a_token_dropped_doubled_or_swapped_in_the_store_is_found() {
        let fifth = || part(45, 2, 5, token(2, 5));
        let everywhere = ["FinalTextExactlyOnce", "LiveDurableAgreement"];
        breaks_all(&spoilt(|play| _ = play.without(|what| *what == fifth())), &everywhere);
        breaks_all(&spoilt(|play| _ = play.put(1207, fifth())), &everywhere);
        let swapped = spoilt(|play| {
            play.turn_into(&fifth(), part(45, 2, 5, token(2, 6)));
            play.turn_into(&part(46, 2, 6, token(2, 6)), part(46, 2, 6, token(2, 5)));
        });
        breaks_all(&swapped, &everywhere);
    }

    #[test]
    fn a_splice_is_found_on_a_screen_and_in_the_store() {
        let screen = spoilt(|play| _ = play.turn_into(&delta(3, 2, 5, token(2, 5)), delta(3, 2, 5, token(1, 5))));
        breaks_all(&screen, &["FinalTextExactlyOnce", "WatchersAgree", "NoSplice"]);
        let store = spoilt(|play| _ = play.turn_into(&part(45, 2, 5, token(2, 5)), part(45, 2, 5, token(1, 5))));
        breaks_all(&store, &["FinalTextExactlyOnce", "NoSplice", "LiveDurableAgreement"]);
    }

    #[test]
    fn a_tail_that_falls_silent_is_found() {
        let silent = spoilt(|play| _ = play.without_from(1206, is_frame_of(3)));
        breaks_all(&silent, &["LateAttachEquivalence", "TerminalReachesClient"]);
    }

    /// A run with a tail that falls silent, of a target that is known to break `promises`.
    fn judged_expecting(promises: &[&str]) -> Judgement {
        let silent = |play: &mut Play| {
            play.without_from(1206, is_frame_of(3)).expect_failures(promises);
        };
        spoilt(silent).judged()
    }

    #[test]
    fn what_is_known_to_break_fails_no_run_and_what_else_breaks_does() {
        let broken = judged_expecting(&[]).findings;
        let mut all: Vec<&str> = broken.iter().map(|finding| finding.promise.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        let judgement = judged_expecting(&all);
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
        assert!(judgement.findings.is_empty() && judgement.expected == broken);

        let judgement = judged_expecting(&all[1..]);
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert!(judgement.findings.iter().all(|finding| finding.promise == all[0]));
    }

    #[test]
    fn an_expected_failure_that_is_none_any_more_is_a_failure() {
        let mut play = takeover();
        play.expect_failures(&["NoSplice"]);
        let judgement = play.judged();
        assert_eq!(judgement.verdict, Verdict::Fail);
        let reason = judgement.reason.expect("a reason");
        assert!(
            reason.starts_with("NoSplice was expected to be broken here (known)"),
            "{reason}"
        );
    }

    #[test]
    fn findings_come_in_the_order_of_their_events() {
        let mut play = takeover();
        play.without(|what| *what == delta(3, 1, 2, token(1, 2)) || *what == finish(2, 2, 7, Status::Completed));
        assert!(play.judged().findings.is_sorted_by_key(|finding| finding.event));
    }
}
