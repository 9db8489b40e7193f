//! Needs: what a promise, or one clause of it, asks of a system before it can be judged.
//!
//! A promise is judged in full, in part (some clause lacks a need: it is named with the reason), or not at all. A bound that
//! the run did not outlast leaves its promise unreached: nothing could have been overdue. Deliberately absent: any look at what
//! a promise finds.

use super::promise::{Need, Promise};
use super::view::View;
use crate::history::{Bounds, Capability, Lack};
use crate::verdict::{InPart, NotApplicable};

/// What a system offers: needs are held against it.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// Its capabilities.
    pub capabilities: &'a [Capability],
    /// Why it lacks what it lacks.
    pub lacks: &'a [Lack],
    /// The bounds that it promises.
    pub bounds: &'a Bounds,
    /// False if a run played no rounds of turns. No system lacks them.
    pub rounds: bool,
}

impl Offer<'_> {
    fn meets(&self, need: Need) -> bool {
        match need {
            Need::Can(capability) => self.capabilities.contains(&capability),
            Need::Within(bound) => self.bounds.of(bound).is_some(),
            Need::IdleCpu => self.bounds.idle_cpu_permille.is_some(),
            Need::Rounds => self.rounds,
        }
    }

    /// Why the first of these needs that is not met is not met.
    fn why_not(&self, needs: &[Need]) -> Option<String> {
        let missing = needs.iter().find(|need| !self.meets(**need))?;
        Some(match missing {
            Need::Within(bound) => format!("no bound is promised (bounds.{})", bound.name()),
            Need::IdleCpu => "no bound is promised (bounds.idle_cpu)".to_owned(),
            Need::Rounds => "the run played no rounds of turns".to_owned(),
            Need::Can(capability) => {
                let mut known = self.lacks.iter().filter(|lack| lack.capability == *capability);
                let why = known.next().map(|lack| lack.why.clone());
                why.unwrap_or_else(|| format!("the system lacks {capability:?}"))
            }
        })
    }
}

impl Promise {
    /// Why it cannot be judged at all, if so: a need of its own is not met, or one of each of its clauses.
    pub fn not_applicable(&self, offer: Offer<'_>) -> Option<NotApplicable> {
        let every_clause = || {
            let lacking: Vec<String> = self
                .clauses
                .iter()
                .filter_map(|clause| offer.why_not(clause.needs))
                .collect();
            let is_all = !self.has_more && !lacking.is_empty() && lacking.len() == self.clauses.len();
            is_all.then(|| lacking.join("; "))
        };
        let why = offer.why_not(self.needs).or_else(every_clause)?;
        Some(NotApplicable {
            promise: self.name.to_owned(),
            why,
        })
    }

    /// Its clauses that cannot be judged. One that a run merely did not get to is none of them.
    pub fn in_part(&self, offer: Offer<'_>) -> Vec<InPart> {
        let offer = Offer { rounds: true, ..offer };
        let lacking = self
            .clauses
            .iter()
            .filter_map(|clause| Some((clause, offer.why_not(clause.needs)?)));
        lacking
            .map(|(clause, why)| InPart {
                promise: self.name.to_owned(),
                clause: clause.name.to_owned(),
                why,
            })
            .collect()
    }
}

impl View<'_> {
    /// What the system offers.
    pub(super) fn offer(&self) -> Offer<'_> {
        Offer {
            capabilities: self.capabilities,
            lacks: self.lacks,
            bounds: &self.promised,
            rounds: !self.footprints.is_empty(),
        }
    }

    /// True if the system has what is needed.
    pub(super) fn has(&self, need: Need) -> bool {
        self.offer().meets(need)
    }
}

/// Why nothing of a promise could have been broken, if so: the run ended before the bound was over, no pod was idle, or no post's session
/// was known.
pub(super) fn not_reached(view: &View<'_>, promise: &Promise) -> Option<NotApplicable> {
    if promise.needs.contains(&Need::IdleCpu) && view.idle_stretches().is_empty() {
        return Some(NotApplicable {
            promise: promise.name.to_owned(),
            why: "not reached: no pod was seen to be without work for long enough".to_owned(),
        });
    }
    if promise.needs.contains(&Need::Can(Capability::ColdStart)) && view.session_starts().is_empty() {
        return Some(NotApplicable {
            promise: promise.name.to_owned(),
            why: "not reached: of no post was it sure whether its session was there".to_owned(),
        });
    }
    let watched_ms = view.watched_until_us() / 1000;
    let bounds = promise.needs.iter().filter_map(|need| match need {
        Need::Within(bound) => Some((bound, view.promised.of(*bound)?)),
        Need::Can(_) | Need::IdleCpu | Need::Rounds => None,
    });
    let (bound, bound_ms) = bounds.into_iter().find(|(_, bound_ms)| *bound_ms > watched_ms)?;
    Some(NotApplicable {
        promise: promise.name.to_owned(),
        why: format!(
            "not reached: the run was watched for {watched_ms} ms, and bounds.{} is {bound_ms} ms",
            bound.name()
        ),
    })
}
