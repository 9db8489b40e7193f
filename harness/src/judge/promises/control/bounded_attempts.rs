//! Promise 43: a turn is tried as often as its system says, and no oftener.
//!
//! Each claim is an attempt, and so is the last one if it called the provider: a system may claim a turn once more to fail it. What ended
//! an attempt does not matter: its owner's death or stand-still, the provider, or its owner, who gave the turn back. Two kinds do not
//! count: an attempt whose owner was told to stop, since a drain hands its turns over, and one in whose time something was broken that
//! all pods depend on, or shortly before. `bounds.attempts` says how often a system tries; one that says nothing may try as often as
//! common job queues do.
//!
//! Where the claims are unknown, the calls themselves are held against that number, but for those that begin under a fault.
//!
//! Deliberately absent: the visible failure behind the last attempt. `NoLostAck` judges that the turn ends, and `NoBlankTerminal` that a
//! person can read why.

use crate::history::{Capability, PodName};
use crate::judge::facts::provider_work::{self, CLAIMS, Claim, Work};
use crate::judge::view::{Breach, Call, FaultSpan, Turn, View};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 43,
    name: "BoundedAttempts",
    statement: "a turn is tried at most as often as its system says (`bounds.attempts`, else 26 times), whatever ended each attempt, \
                deaths included; after that the provider is called for it no more",
    needs: &[Need::Can(Capability::ProviderJournal)],
    clauses: &[Clause {
        name: "attempts by their claims, deaths included",
        needs: &CLAIMS,
    }],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let tells_claims = provider_work::tells_claims(view);
    let breaches = provider_work::by_key(view).into_iter().flat_map(|work| {
        if tells_claims && !work.turns.is_empty() {
            by_claims(view, &work)
        } else {
            by_calls(view, work).into_iter().collect()
        }
    });
    breaches.collect()
}

/// Turns that were claimed too often.
fn by_claims<'a>(view: &View<'a>, work: &Work<'_, 'a>) -> Vec<Breach> {
    let claimed = work.turns.iter().map(|turn| (*turn, provider_work::claims(view, turn)));
    let claimed: Vec<(&Turn<'_>, Vec<Claim<'_>>)> = claimed.collect();
    let claims: usize = claimed.iter().map(|(_, claims)| claims.len()).sum();
    let has_called = work.calls.len() >= claims;
    let breaches = claimed
        .iter()
        .filter_map(|(turn, claims)| too_many(view, turn, claims, has_called));
    breaches.collect()
}

fn too_many(view: &View<'_>, turn: &Turn<'_>, claims: &[Claim<'_>], has_called: bool) -> Option<Breach> {
    let tried = if has_called {
        claims.len()
    } else {
        claims.len().saturating_sub(1)
    };
    let nexts = claims.iter().skip(1).map(Some).chain([None]);
    let attempts = claims.iter().zip(nexts).take(tried);
    let mut counted = attempts.filter(|(claim, next)| next.is_none_or(|next| !is_excused(view, claim, next)));
    let allowed = provider_work::attempts(view);
    let (extra, _) = counted.nth(allowed)?;
    let owner = extra.owner.map_or("an unnamed pod", PodName::as_str);
    Some(Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n: extra.at.n,
        expected: format!("at most {allowed} attempts{}", provider_work::attempts_source(view)),
        got: format!("one more by {owner}, and {tried} in all"),
    })
}

/// True if an attempt does not count: its owner was told to stop in its time, or something was broken that all depend on.
fn is_excused(view: &View<'_>, claim: &Claim<'_>, next: &Claim<'_>) -> bool {
    let owner = claim.owner.map(PodName::as_str);
    let aftermath_us = (view.bounds.lease_ms + view.bounds.takeover_ms) * 1000;
    let hands_over = |fault: &FaultSpan<'_>| fault.asks_to_end() && owner == Some(fault.target);
    let starves = |fault: &FaultSpan<'_>| fault.is_starvation && owner.is_none_or(|owner| fault.excuses(owner));
    let from_us = claim.at.us.saturating_sub(aftermath_us);
    let mut broken = view.dependency_faults_during(from_us, next.at.us);
    let mut during = view.faults.during(claim.at.us, next.at.us);
    broken.next().is_some() || during.any(|fault| hands_over(fault) || starves(fault))
}

/// More calls for a key than its turns may have attempts.
fn by_calls(view: &View<'_>, mut work: Work<'_, '_>) -> Option<Breach> {
    let attempts = provider_work::attempts(view);
    let allowed = attempts * (work.turns.len() + work.unknown_turns());
    work.calls.retain(|call| !begins_under_a_fault(view, call));
    let extra = work.calls.get(allowed)?;
    Some(Breach {
        subject: work.subject(),
        thread: work.thread(),
        n: extra.started?.n,
        expected: format!(
            "at most {allowed} under no fault{}",
            provider_work::attempts_source(view)
        ),
        got: work.count(),
    })
}

fn begins_under_a_fault(view: &View<'_>, call: &Call<'_>) -> bool {
    call.started
        .is_some_and(|at| view.is_excused(call.pod.map(PodName::as_str), at.us, at.us))
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, RunEvent, Status, What};
    use crate::judge::testing::{
        Play, aimed, began, call_ends, call_starts, fault, observed, takeover, thread_row, turn_row,
    };

    const NAME: &str = "BoundedAttempts";

    /// The good run of a system that tries so often, in which the turn of the play was tried twice before its end: the first owner
    /// was killed.
    fn trying(attempts: u32) -> Play {
        let mut play = takeover();
        let mut described = began();
        described.bounds.attempts = Some(attempts);
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(described.into())),
        );
        play
    }

    /// One attempt more of the turn, by pod-3, that ends as the provider says.
    fn once_more(mut play: Play, cause: &str) -> Play {
        play.put(600, thread_row(30, Some("pod-3"), 2, Status::InProgress))
            .put(600, turn_row(30, "turn-1", 2, Status::InProgress))
            .put(601, call_starts(3, "pod-3"))
            .put(602, call_ends(3, "pod-3", cause));
        for (at_ms, old, new) in [(1_200, 40, 41), (1_231, 99, 99)] {
            let status = if at_ms == 1_200 {
                Status::InProgress
            } else {
                Status::Completed
            };
            let owner = (at_ms == 1_200).then_some("pod-2");
            play.turn_into(&turn_row(old, "turn-1", 2, status), turn_row(new, "turn-1", 3, status));
            play.turn_into(&thread_row(old, owner, 2, status), thread_row(new, owner, 3, status));
        }
        play
    }

    #[test]
    fn as_many_attempts_as_the_system_says_are_accepted() {
        takeover().keeps(NAME);
        trying(2).keeps(NAME);
        once_more(trying(3), "fault:abort").keeps(NAME);
    }

    #[test]
    fn deaths_and_failures_of_the_provider_count() {
        let finding = trying(1).breaks(NAME);
        assert_eq!(finding.expected, "at most 1 attempts (bounds.attempts)");
        assert_eq!(finding.got, "one more by pod-2, and 2 in all");
        assert_eq!(finding.subject, "turn turn-1");
        once_more(trying(2), "fault:abort").breaks(NAME);
    }

    #[test]
    fn a_claim_that_only_fails_the_turn_is_no_attempt() {
        let mut play = trying(1);
        let of_second = |what: &What| matches!(what, What::Provider(call) if call.ordinal == 2);
        play.without(of_second);
        play.keeps(NAME);
        // A claim behind it shows that it was one.
        play.put(1_220, turn_row(98, "turn-1", 3, Status::InProgress));
        play.breaks(NAME);
    }

    #[test]
    fn an_owner_that_is_told_to_stop_hands_its_turn_over() {
        let mut play = trying(1);
        play.without(|what| matches!(what, What::Fault(_)));
        play.breaks(NAME);
        play.put(40, fault(1, "terminate", "pod-1", aimed()))
            .put(41, fault(1, "terminate", "pod-1", observed()));
        play.keeps(NAME);
    }

    #[test]
    fn what_all_depend_on_excuses_an_attempt_and_not_the_next_one() {
        let mut play = once_more(trying(1), "fault:abort");
        play.put(30, fault(2, "stop", "postgres", aimed()))
            .put(31, fault(2, "stop", "postgres", observed()))
            .put(35, fault(2, "stop", "postgres", FaultStep::Healed));
        // Both attempts lie within a lease and a takeover of it.
        play.keeps(NAME);
        let finding = once_more(trying(1), "fault:abort").breaks(NAME);
        assert_eq!(finding.got, "one more by pod-3, and 3 in all");
    }

    #[test]
    fn without_the_journal_it_is_not_applicable() {
        let mut play = takeover();
        let mut without = began();
        without
            .capabilities
            .retain(|can| *can != crate::history::Capability::ProviderJournal);
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(without.into())),
        );
        let lacking = play.judged().not_applicable;
        assert!(lacking.iter().any(|lacking| lacking.promise == NAME));
    }
}
