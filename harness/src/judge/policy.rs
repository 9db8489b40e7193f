//! The verdict policy: from the breaches of all promises to one verdict.
//!
//! A run that the harness failed, or whose history is incomplete, is broken. A breach that only CPU starvation
//! may explain makes a run inconclusive, not failed. A promise that the system is known to break passes as
//! expected, and fails once it is kept.

use regex::Regex;

use super::Promise;
use super::facts::oracle;
use super::needs;
use super::promises::content::live_durable_agreement;
use super::promises::control::{affinity_stickiness, spool_exactly_once};
use super::promises::isolation::no_leak;
use super::registry::PROMISES;
use super::view::{Showing, View, oneline};
use crate::history::ExpectedFailure;
use crate::history::reader::History;
use crate::verdict::{EvidenceMark, Finding, Judgement, Verdict};

/// Judges a history. Findings of a broken run are reported too, although the run as a whole proves nothing.
pub fn judge(history: &History) -> Judgement {
    let mut view = View::of(history);
    let mut lacking = Vec::new();
    let mut judged = Vec::new();
    for promise in PROMISES {
        match promise.not_applicable(view.offer()) {
            Some(why) => lacking.push(why),
            None => judged.push(promise),
        }
    }
    let findings = broken(&view, &judged);
    let (starved, findings) = split_off_starved(&mut view, &judged, findings);
    let evidence = evidence(&view);
    let known: Vec<Known<'_>> = view.expected_failures.iter().map(Known::of).collect();
    let is_expected = |finding: &Finding| known.iter().any(|known| known.holds(finding));
    let (mut expected, findings): (Vec<_>, Vec<_>) = findings.into_iter().partition(is_expected);
    // A known bug explains a breach as well as starvation does.
    let (known_too, starved): (Vec<_>, Vec<_>) = starved.into_iter().partition(is_expected);
    expected.extend(known_too);
    expected.sort_by_key(|finding| finding.event);
    let (verdict, reason) = verdict(
        &view,
        history.cut_off.as_deref(),
        (&findings, &expected, &starved),
        &evidence,
    );
    Judgement {
        verdict,
        reason,
        findings,
        expected,
        starved,
        evidence,
        not_applicable: lacking,
        judged_in_part: judged
            .iter()
            .flat_map(|promise| promise.in_part(view.offer()))
            .collect(),
        not_reached: judged
            .iter()
            .filter_map(|promise| needs::not_reached(&view, promise))
            .collect(),
    }
}

/// A promise that the system is known to break, ready to be held against findings.
struct Known<'a> {
    of: &'a ExpectedFailure,
    /// `None` if any finding is expected.
    pattern: Option<Regex>,
}

impl<'a> Known<'a> {
    fn of(of: &'a ExpectedFailure) -> Self {
        let pattern = of.finding.as_ref().map(|pattern| {
            // A pattern that is none matches nothing: the finding stands.
            Regex::new(pattern).unwrap_or_else(|_| Regex::new("$^").expect("a pattern that matches nothing"))
        });
        Self { of, pattern }
    }

    fn holds(&self, finding: &Finding) -> bool {
        let matches = |pattern: &Regex| pattern.is_match(&finding.expected) || pattern.is_match(&finding.got);
        self.of.promise == finding.promise && self.pattern.as_ref().is_none_or(matches)
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
    // A known bug may break any of several promises.
    let is_kept = |known: &&ExpectedFailure| {
        let of_the_bug = view.expected_failures.iter().filter(|other| is_same_bug(other, known));
        let mut of_the_bug = of_the_bug.map(Known::of);
        !of_the_bug.any(|known| expected.iter().any(|finding| known.holds(finding)))
    };
    let strict = view.expected_failures.iter().filter(|known| !known.sometimes);
    let is_any_broken = !expected.is_empty();
    match (strict.into_iter().find(is_kept), inconclusive(view, evidence)) {
        // A promise that is known to be broken may keep the story from its evidence.
        (None, _) if is_any_broken => (Verdict::Pass, Some(as_expected(view, expected))),
        (_, Some(reason)) => (Verdict::Inconclusive, Some(reason)),
        (Some(kept), None) => (Verdict::Fail, Some(kept_after_all(kept))),
        (None, None) => (Verdict::Pass, None),
    }
}

/// True if two expectations are of one known bug, which may break either promise.
fn is_same_bug(one: &ExpectedFailure, other: &ExpectedFailure) -> bool {
    (&one.why, &one.finding, one.sometimes) == (&other.why, &other.finding, other.sometimes)
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

/// The known failures that were seen, each with how many findings it swallowed.
fn as_expected(view: &View<'_>, expected: &[Finding]) -> String {
    let found = view.expected_failures.iter().filter_map(|of| {
        let known = Known::of(of);
        let count = expected.iter().filter(|finding| known.holds(finding)).count();
        (count > 0).then(|| format!("{} ({}; {count} findings)", of.promise, of.why))
    });
    format!("broken as expected: {}", found.collect::<Vec<_>>().join(", "))
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
    if let Some(stray) = view.stray_owner() {
        return Some(stray);
    }
    if let Some(unread) = &view.unread {
        return Some(format!("the description cannot read {unread}"));
    }
    if let Some(contradiction) = &view.contradiction {
        return Some(format!("its sources contradict each other: {contradiction}"));
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
    if let Some(uncounted) = no_leak::uncounted(view) {
        return Some(uncounted);
    }
    if affinity_stickiness::names_no_pod(view) {
        return Some("no answer through the edge names its pod: is it read where the pods say it?".to_owned());
    }
    if shows_nothing(view) {
        return Some("no tail was shown a turn's whole text: is it read where the frames carry it?".to_owned());
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

/// True if turns with text completed under the eyes of watchers, and no screen ever held the whole text of one. A rule that
/// reads text where there is none finds nothing wrong with it either.
fn shows_nothing(view: &View<'_>) -> bool {
    let mut is_watched = false;
    for watcher in &view.watchers {
        for (place, seen) in &watcher.turns {
            let Some(expect) = view.turns[*place].oracle().filter(|expect| expect.tokens > 0) else {
                continue;
            };
            is_watched = true;
            let is_whole = |showing: &Showing<'_>| oracle::hold(&showing.text, expect).is_ok();
            if seen.showings.iter().any(is_whole) {
                return false;
            }
        }
    }
    is_watched
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Capability, RunEvent, Status, What};
    use crate::judge::testing::{
        Play, began, delta, finish, is_frame_of, part, polled, served, starved, takeover, token,
    };

    #[test]
    fn the_good_run_passes_with_every_promise_judged() {
        let judgement = takeover().judged();
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
        assert_eq!(judgement.not_applicable, vec![]);
        assert_eq!(judgement.judged_in_part, vec![]);
        assert!(judgement.evidence.iter().all(|mark| mark.reached));
    }

    #[test]
    fn a_known_bug_is_no_less_known_while_somebody_waits_for_a_processor() {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)))
            .put(1_190, starved(&[("pod-1", 1_180)]));
        let unclear = play.judged();
        assert_eq!(unclear.verdict, Verdict::Inconclusive);
        let mut broken: Vec<&str> = unclear.starved.iter().map(|finding| finding.promise.as_str()).collect();
        broken.dedup();
        let judgement = play.expect_failures(&broken).judged();
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
        assert_eq!(
            (judgement.expected, judgement.starved),
            (unclear.starved.clone(), vec![])
        );
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
    fn a_play_that_a_pod_does_not_let_begin_is_its_failure_where_pods_say_whether_they_can_serve() {
        let gave_up = Some("sign in on pod-1: 500".into());
        let mut play = Play::default();
        play.at(0, What::Run(RunEvent::Began(began().into())))
            .at(1, polled("pod-1", true))
            .at(2, served("pod-1", false))
            .at(3, polled("pod-1", true))
            .at(3, What::Run(RunEvent::Played { gave_up }))
            .at(3, What::Run(RunEvent::Quiesced))
            .at(3, What::Run(RunEvent::Ended));
        let promises = |play: &Play| -> Vec<String> {
            let findings = play.judged().findings.into_iter();
            findings.map(|finding| finding.promise).collect()
        };
        assert_eq!(promises(&play), ["ReadinessTellsTheTruth"]);
        assert_eq!(play.judged().verdict, Verdict::Fail);
        play.describe(|began| began.capabilities.retain(|can| *can != Capability::Ready));
        assert_eq!(play.judged().verdict, Verdict::Inconclusive);
        assert_eq!(
            play.judged().reason.as_deref(),
            Some("the story gave up waiting for sign in on pod-1: 500")
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
            "LiveDurableAgreement",
            "MonotoneCursor",
            "ResumeGapFree",
            "IdempotentSubmit",
            "SingleActiveTurn",
            "WriterFencing",
            "NoFriendlyFire",
            "ReaperSoundness",
            "ProgressNotLiveness",
            "ThreadUsableAfterCrash",
            "ReadinessTellsTheTruth",
            "AffinityStickiness",
            "FailoverRepin",
            "CancelAnywhere",
            "BoundedProviderWork",
            "ContextContinuity",
            "SpoolExactlyOnce",
            "TenantIsolation",
            "NoLeak",
            "StopOutlivesOwner",
            "ShownInTime",
            "QueueOrder",
            "BoundedAttempts",
            "SliceOfTheLog",
            "QuietLogs",
            "SessionsStayWarm",
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
    fn a_known_bug_is_there_if_any_of_its_promises_is_broken() {
        let broken = judged_expecting(&[]).findings;
        let mut all: Vec<&str> = broken.iter().map(|finding| finding.promise.as_str()).collect();
        all.push("SpoolExactlyOnce");
        let judgement = judged_expecting(&all);
        assert_eq!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
    }

    #[test]
    fn findings_come_in_the_order_of_their_events() {
        let mut play = takeover();
        play.without(|what| *what == delta(3, 1, 2, token(1, 2)) || *what == finish(2, 2, 7, Status::Completed));
        assert!(play.judged().findings.is_sorted_by_key(|finding| finding.event));
    }
}
