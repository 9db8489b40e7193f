//! Reports for a person: one line for a story, ten for a failure, and a summary. Pure text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::document::{NotPlayed, RunReport, StoryReport};
use super::edge::EdgeSpreads;
use super::landing::landing_word;
use super::spread::Spread;
use crate::history::Landing;
use crate::verdict::{Finding, Verdict};

/// Most findings of one story on the first screen; the rest are in `verdict.json`.
const TOLD: usize = 3;
/// Most faults that missed their step that a summary lists; the rest are in `verdict.json`.
const MISSED_SHOWN: usize = 5;

/// One line: verdict, story, seed, figures.
pub fn story_line(report: &StoryReport) -> String {
    let mut line = format!(
        "{:<12} {:<32} seed {:<20} {:>6.1} s",
        word(report.verdict),
        report.story,
        report.seed,
        report.figures.duration_ms / 1000.0
    );
    if let Some(ms) = report.figures.takeover_ms {
        let _ = write!(line, "  takeover {ms:.0} ms");
    }
    let firings = report.figures.firings.iter();
    for (firing, landing) in firings.filter_map(|firing| Some((firing, firing.landing?))) {
        if landing != Landing::Hit {
            let _ = write!(line, "  {} {}", firing.fault, landing_word(landing));
        }
    }
    let mut known = BTreeSet::new();
    let promises = report.expected.iter().map(|finding| finding.promise.as_str());
    let expected: Vec<&str> = promises.filter(|promise| known.insert(*promise)).collect();
    if !expected.is_empty() {
        let _ = write!(line, "  breaks as expected {}", expected.join(", "));
    }
    line
}

/// The plays of a story that CPU starvation excuses, two lines each; empty where there was none.
fn plays_before(report: &StoryReport) -> String {
    let mut text = String::new();
    for play in &report.excused_before {
        let reason = play.reason.as_deref().unwrap_or("inconclusive");
        let _ = writeln!(text, "  played again after: {reason}\n  artefacts {}", play.artefacts);
    }
    text
}

/// The first screen of a story: what did not pass, and its plays before this one; empty for a story that passed at once.
pub fn first_screen(report: &StoryReport) -> String {
    let mut text = plays_before(report);
    if report.verdict == Verdict::Pass {
        return text;
    }
    for finding in report.findings.iter().take(TOLD) {
        text.push_str(&one_finding(finding));
    }
    if report.findings.len() > TOLD {
        let names: BTreeSet<&str> = report.findings[TOLD..].iter().map(|f| f.promise.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let _ = writeln!(
            text,
            "  and {} more: {}",
            report.findings.len() - TOLD,
            names.join(", ")
        );
    }
    if let Some(reason) = &report.reason {
        let _ = writeln!(text, "  reason    {reason}");
    }
    let missing: Vec<&str> = report
        .evidence
        .iter()
        .filter(|e| !e.reached)
        .map(|e| e.mark.as_str())
        .collect();
    if !missing.is_empty() {
        let _ = writeln!(text, "  missing   {}", missing.join("; "));
    }
    // A saved story that cannot be read says neither its seed nor its command.
    if !report.again.is_empty() {
        let _ = writeln!(text, "  seed      {}", report.seed);
        let _ = writeln!(text, "  again     {}", report.again);
    }
    let _ = writeln!(text, "  artefacts {}", report.artefacts);
    text
}

/// The last lines of a run.
pub fn summary(report: &RunReport) -> String {
    let count = |verdict| report.stories.iter().filter(|s| s.verdict == verdict).count();
    let mut text = format!(
        "{}: {} passed, {} failed, {} inconclusive, {} broken; seed {}\n",
        word(report.verdict),
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::Inconclusive),
        count(Verdict::Broken),
        report.seed
    );
    let again: usize = report.stories.iter().map(|story| story.excused_before.len()).sum();
    if again > 0 {
        let _ = writeln!(
            text,
            "  {:<14} {again} of {} plays, since CPU starvation may explain what they broke",
            "played again",
            report.stories.len() + again
        );
    }
    if let Some(excused) = &report.excused {
        let _ = writeln!(text, "  {:<14} {excused}", "excused");
    }
    if !report.not_applicable.is_empty() {
        let _ = writeln!(
            text,
            "  {:<14} {} stories: {}",
            "not applicable",
            report.not_applicable.len(),
            by_reason(&report.not_applicable)
        );
    }
    text.push_str(&promises(report));
    for bug in &report.not_seen {
        let (promises, plays) = (bug.promises.join(" or "), bug.plays);
        let _ = writeln!(
            text,
            "  {:<14} {promises} in {plays} plays, a known bug: {}",
            "not seen", bug.why
        );
    }
    let figures = &report.figures;
    let _ = writeln!(text, "  {:<14} {}", "landing", figures.landing.describe(MISSED_SHOWN));
    spread(&mut text, "takeover", &figures.takeover_ms);
    spread(&mut text, "warm start", &figures.warm_start_ms);
    spread(&mut text, "drain", &figures.drain_ms);
    if let Some(edge) = &figures.edge {
        through_the_edge(&mut text, edge);
    }
    if let Some(ms) = figures.cold_start_ms {
        let _ = writeln!(text, "  {:<14} {ms:.0} ms", "cold start");
    }
    if let Some(rate) = figures.faults_judged_per_hour {
        let _ = writeln!(text, "  {:<14} {rate:.0} an hour", "faults judged");
    }
    text
}

/// The promises that no story was judged by, with the reasons, and those that were judged in part, with the clauses that were not.
/// A system lacks the same in each story.
fn promises(report: &RunReport) -> String {
    let mut left_out: BTreeMap<&str, &str> = BTreeMap::new();
    let mut clauses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for story in &report.stories {
        left_out.extend(story.not_applicable.iter().map(|lack| (&*lack.promise, &*lack.why)));
        for lack in &story.judged_in_part {
            clauses.entry(&lack.promise).or_default().insert(&lack.clause);
        }
    }
    let left_out: Vec<String> = left_out
        .iter()
        .map(|(promise, why)| format!("{promise}: {why}"))
        .collect();
    let in_part = clauses.iter().map(|(promise, clauses)| {
        let clauses: Vec<&str> = clauses.iter().copied().collect();
        format!("{promise} (not {})", clauses.join(", "))
    });
    let in_part: Vec<String> = in_part.collect();
    let mut text = String::new();
    for (head, lacking) in [("not judged", left_out), ("judged in part", in_part)] {
        if !lacking.is_empty() {
            let _ = writeln!(text, "  {head:<14} {}", lacking.join("; "));
        }
    }
    text
}

/// The reasons why stories cannot be played, each with their number, the most frequent first.
pub fn by_reason(stories: &[NotPlayed]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for story in stories {
        *counts.entry(&story.why).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    // Stable: reasons of one count stay in the order of their words.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let reasons: Vec<String> = counts.iter().map(|(why, count)| format!("{count} {why}")).collect();
    reasons.join("; ")
}

/// Lines on what clients saw through the edge.
fn through_the_edge(text: &mut String, edge: &EdgeSpreads) {
    let _ = writeln!(
        text,
        "  {:<14} {} of {} requests answered 5xx, {} not answered; {} streams among them",
        "edge", edge.server_errors, edge.requests, edge.unanswered, edge.streams
    );
    spread(text, "out of pool", &edge.sigterm_to_out_ms);
    spread(text, "failover", &edge.sigkill_to_success_ms);
    spread(text, "cold session", &edge.cold_session_ms);
    spread(text, "session built", &edge.session_build_ms);
    spread(text, "warm session", &edge.warm_session_ms);
}

fn spread(text: &mut String, name: &str, spread: &Spread) {
    if let (Some(p50), Some(p95), Some(p99)) = (spread.p50, spread.p95, spread.p99) {
        let _ = writeln!(
            text,
            "  {name:<14} p50 {p50:.2} ms  p95 {p95:.2} ms  p99 {p99:.2} ms  n {}",
            spread.n
        );
    }
}

fn one_finding(finding: &Finding) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "  promise   {}", finding.promise);
    let _ = writeln!(text, "  subject   {} (event {})", finding.subject, finding.event);
    let _ = writeln!(text, "  expected  {}", finding.expected);
    let _ = writeln!(text, "  got       {}", finding.got);
    let unknown = || "unknown".to_owned();
    let (before, after) = (finding.owner_before.clone(), finding.owner_after.clone());
    let _ = writeln!(
        text,
        "  owner     {} -> {}",
        before.unwrap_or_else(unknown),
        after.unwrap_or_else(unknown)
    );
    let _ = writeln!(
        text,
        "  fault     {}",
        finding.fault.as_deref().unwrap_or("none in force")
    );
    text
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Broken => "BROKEN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{RunFigures, StoryFigures};
    use crate::verdict::{InPart, Judgement, NotApplicable};

    #[test]
    fn the_first_screen_of_a_failure_is_readable_with_no_other_file_open() {
        let finding = Finding {
            promise: "LateAttachEquivalence".into(),
            subject: "watcher w4 on pod-3, turn u1".into(),
            event: 123,
            expected: "~t1.c2.k1.n20.1a2b".into(),
            got: "~t1.c1.k1.n20.3c4d".into(),
            fault: Some("kill on pod-2".into()),
            owner_before: Some("pod-2 at epoch 1".into()),
            owner_after: Some("pod-3 at epoch 2".into()),
        };
        let judgement = Judgement {
            findings: vec![finding],
            ..Judgement::bare(Verdict::Fail)
        };
        let mut report = StoryReport::new(
            "owner_killed_mid_answer",
            "log",
            Some("no-purge-on-resume"),
            7,
            judgement,
            StoryFigures::default(),
        );
        report.artefacts = "target/crosspod/r1/001-owner_killed_mid_answer".into();
        report.again = "cargo crosspod run owner_killed_mid_answer --design log --seed 7".into();
        let expected = "  promise   LateAttachEquivalence
  subject   watcher w4 on pod-3, turn u1 (event 123)
  expected  ~t1.c2.k1.n20.1a2b
  got       ~t1.c1.k1.n20.3c4d
  owner     pod-2 at epoch 1 -> pod-3 at epoch 2
  fault     kill on pod-2
  seed      7
  again     cargo crosspod run owner_killed_mid_answer --design log --seed 7
  artefacts target/crosspod/r1/001-owner_killed_mid_answer
";
        assert_eq!(first_screen(&report), expected);
    }

    #[test]
    fn a_pass_after_an_excused_play_names_that_play() {
        let report = |verdict| StoryReport::new("s", "log", None, 7, Judgement::bare(verdict), StoryFigures::default());
        let mut excused = report(Verdict::Inconclusive);
        excused.reason = Some("ShownInTime broken by w1".into());
        excused.artefacts = "target/crosspod/r1/001-s".into();
        let passed = report(Verdict::Pass);
        assert_eq!(first_screen(&passed), "");
        let passed = passed.after(&[excused]);
        assert_eq!(
            first_screen(&passed),
            "  played again after: ShownInTime broken by w1\n  artefacts target/crosspod/r1/001-s\n"
        );
        let run = RunReport::new(7, vec![passed], RunFigures::default());
        assert!(
            summary(&run).contains("  played again   1 of 2 plays, since CPU starvation"),
            "{}",
            summary(&run)
        );
    }

    #[test]
    fn a_promise_that_breaks_as_expected_is_named_once() {
        let judgement = Judgement {
            expected: ["A", "B", "A"].map(Finding::bare).into(),
            ..Judgement::bare(Verdict::Pass)
        };
        let report = StoryReport::new("s", "log", None, 7, judgement, StoryFigures::default());
        assert!(
            story_line(&report).ends_with("  breaks as expected A, B"),
            "{}",
            story_line(&report)
        );
    }

    #[test]
    fn stories_that_cannot_be_played_are_counted_by_reason_in_one_line() {
        let of = |story: &str, why: &str| NotPlayed {
            story: story.into(),
            why: why.into(),
        };
        let left_out = [
            of("a", "no part is a nats"),
            of("b", "no admin"),
            of("c", "no feedback"),
            of("d", "no part is a nats"),
        ];
        let report = RunReport::new(7, vec![], RunFigures::default());
        assert!(!summary(&report).contains("not applicable"));
        let text = summary(&report.leaving_out(&left_out));
        let line = text.lines().find(|line| line.contains("not applicable"));
        let expected = "  not applicable 4 stories: 2 no part is a nats; 1 no admin; 1 no feedback";
        assert_eq!(line, Some(expected));
    }

    #[test]
    fn what_clients_saw_through_the_edge_is_told_if_there_is_an_edge() {
        let report = RunReport::new(7, vec![], RunFigures::default());
        let text = summary(&report);
        assert!(!text.contains("edge") && !text.contains("drain"), "{text}");
        let figures = RunFigures {
            drain_ms: Spread::of([2.0]),
            edge: Some(EdgeSpreads {
                requests: 40,
                streams: 6,
                server_errors: 2,
                unanswered: 1,
                sigterm_to_out_ms: Spread::of([1.0, 3.0]),
                ..EdgeSpreads::default()
            }),
            ..RunFigures::default()
        };
        let text = summary(&RunReport::new(7, vec![], figures));
        let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("  drain")).collect();
        let expected = [
            "  drain          p50 2.00 ms  p95 2.00 ms  p99 2.00 ms  n 1",
            "  edge           2 of 40 requests answered 5xx, 1 not answered; 6 streams among them",
            "  out of pool    p50 1.00 ms  p95 3.00 ms  p99 3.00 ms  n 2",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn promises_that_are_not_judged_are_named_once_with_the_reason() {
        let judgement = Judgement {
            not_applicable: vec![NotApplicable {
                promise: "QueueOrder".into(),
                why: "no turn waits".into(),
            }],
            judged_in_part: ["open tails", "owners"]
                .map(|clause| InPart {
                    promise: "NoLeak".into(),
                    clause: clause.into(),
                    why: "no gauges".into(),
                })
                .to_vec(),
            ..Judgement::bare(Verdict::Pass)
        };
        let story = |name| StoryReport::new(name, "", None, 7, judgement.clone(), StoryFigures::default());
        let report = RunReport::new(7, vec![story("a"), story("b")], RunFigures::default());
        let text = summary(&report);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("judged ")).collect();
        assert_eq!(
            lines[..2],
            [
                "  not judged     QueueOrder: no turn waits",
                "  judged in part NoLeak (not open tails, owners)",
            ]
        );
    }
}
