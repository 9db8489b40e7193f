//! All promises, and the verdict that they make together.

use super::view::{View, oneline};
use super::{
    Promise, bounded_provider_work, bounded_takeover, durable_before_terminal, final_text_exactly_once,
    idempotent_submit, late_attach_equivalence, live_durable_agreement, monotone_cursor, no_blank_terminal, no_lost_ack,
    no_splice, single_active_turn, tenant_isolation, terminal_exactly_one, terminal_reaches_client, watchers_agree,
    writer_fencing,
};
use crate::history::reader::History;
use crate::verdict::{EvidenceMark, Finding, Judgement, NotApplicable, Verdict};

/// Every promise that is judged, by number.
pub const PROMISES: &[Promise] = &[
    final_text_exactly_once::PROMISE,
    watchers_agree::PROMISE,
    late_attach_equivalence::PROMISE,
    live_durable_agreement::PROMISE,
    monotone_cursor::PROMISE,
    no_splice::PROMISE,
    no_lost_ack::PROMISE,
    idempotent_submit::PROMISE,
    single_active_turn::PROMISE,
    writer_fencing::PROMISE,
    terminal_exactly_one::PROMISE,
    terminal_reaches_client::PROMISE,
    no_blank_terminal::PROMISE,
    durable_before_terminal::PROMISE,
    bounded_takeover::PROMISE,
    bounded_provider_work::PROMISE,
    tenant_isolation::PROMISE,
];

/// Judges a history.
///
/// Findings of a broken run are told as well: what was seen was seen, though the run as a whole proves nothing.
pub fn judge(history: &History) -> Judgement {
    let view = View::of(history);
    let (judged, lacking): (Vec<&Promise>, Vec<&Promise>) =
        PROMISES.iter().partition(|promise| promise.needs.iter().all(|need| view.capabilities.contains(need)));
    let mut findings: Vec<Finding> = judged
        .into_iter()
        .flat_map(|promise| (promise.judge)(&view).into_iter().map(|breach| view.finding(promise.name, breach)))
        .collect();
    // Stable: findings of one event keep the order of the promises.
    findings.sort_by_key(|finding| finding.event);
    let evidence = evidence(&view);
    let (verdict, reason) = verdict(&view, history.cut_off.as_deref(), &findings, &evidence);
    let not_applicable = lacking.into_iter().map(|promise| not_applicable(promise, &view)).collect();
    Judgement { verdict, reason, findings, evidence, not_applicable }
}

/// The judgement of a run that left no history worth judging: nothing is known but why.
pub fn broken(reason: impl Into<String>) -> Judgement {
    Judgement {
        verdict: Verdict::Broken,
        reason: Some(reason.into()),
        findings: Vec::new(),
        evidence: Vec::new(),
        not_applicable: Vec::new(),
    }
}

fn verdict(
    view: &View<'_>,
    cut_off: Option<&str>,
    findings: &[Finding],
    evidence: &[EvidenceMark],
) -> (Verdict, Option<String>) {
    if let Some(reason) = unusable(view, cut_off) {
        return (Verdict::Broken, Some(reason));
    }
    if let Some(first) = findings.first() {
        let reason = format!("{} broken by {}, first of {} findings", first.promise, first.subject, findings.len());
        return (Verdict::Fail, Some(reason));
    }
    match inconclusive(view, evidence) {
        Some(reason) => (Verdict::Inconclusive, Some(reason)),
        None => (Verdict::Pass, None),
    }
}

/// Why the run proves nothing at all, if it does not.
fn unusable(view: &View<'_>, cut_off: Option<&str>) -> Option<String> {
    let ending = &view.ending;
    if let Some(reason) = ending.harness_failed {
        return Some(format!("the harness failed: {reason}"));
    }
    if let Some(cut_off) = cut_off {
        return Some(format!("the history was cut off: {cut_off}"));
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
    Some(format!("the history is not whole: it lacks {missing}"))
}

/// Why a run without findings is no pass, if it is none.
fn inconclusive(view: &View<'_>, evidence: &[EvidenceMark]) -> Option<String> {
    if let Some((_, Some(awaited))) = view.ending.played {
        return Some(format!("the story gave up waiting for {awaited}"));
    }
    if let Some(mark) = evidence.iter().find(|mark| !mark.reached && view.declared.contains(&mark.mark)) {
        return Some(format!("evidence not reached: {}", mark.mark));
    }
    if let Some(access) = live_durable_agreement::final_readings(view).find(|access| access.status.is_none()) {
        return Some(format!("{} did not answer the final reading: {}", access.pod, oneline(access.body)));
    }
    let open = view.turns.iter().find(|turn| turn.accepted.is_some() && turn.terminal().is_none());
    open.map(|turn| format!("turn {} was not over when the history ends, and no bound had passed yet", turn.id))
}

/// The declared marks first, in their order, then those that a story told of besides.
fn evidence(view: &View<'_>) -> Vec<EvidenceMark> {
    let mut marks: Vec<EvidenceMark> =
        view.declared.iter().map(|mark| EvidenceMark { mark: mark.clone(), reached: false }).collect();
    for (told, reached) in &view.evidence {
        match marks.iter_mut().find(|known| known.mark == *told) {
            Some(known) => known.reached |= reached,
            None => marks.push(EvidenceMark { mark: (*told).to_owned(), reached: *reached }),
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
    NotApplicable { promise: promise.name.to_owned(), why: format!("the target lacks {}", lacking.join(", ")) }
}
