//! Promise 25: after its owner's death a thread accepts the next message.
//!
//! A post counts if it was sent to a healthy pod later than the bound after the death, and was refused or got no
//! answer. It does not count while a newer attempt is at work, which may be a reason to refuse.

use std::collections::HashMap;

use crate::history::{Bound, Capability, Outcome, Status};
use crate::judge::promises::liveness::bounded_takeover;
use crate::judge::promises::liveness::bounded_takeover::Hit;
use crate::judge::view::{Breach, Post, View, oneline};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 25,
    name: "ThreadUsableAfterCrash",
    statement: "once the takeover's bound has passed after the death or pause of a thread's owner, a healthy pod accepts the \
                next message, unless a newer attempt of the thread is at work",
    needs: &[
        Need::Can(Capability::Threads),
        Need::Can(Capability::Owner),
        Need::Within(Bound::Takeover),
    ],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut hits: HashMap<usize, Vec<Hit<'_, '_>>> = HashMap::new();
    for hit in bounded_takeover::hits(view) {
        hits.entry(hit.thread).or_default().push(hit);
    }
    view.posts
        .iter()
        .filter_map(|post| {
            hits.get(&post.thread)?
                .iter()
                .rev()
                .find_map(|hit| check(view, hit, post))
        })
        .collect()
}

fn check(view: &View<'_>, hit: &Hit<'_, '_>, post: &Post<'_>) -> Option<Breach> {
    let Hit { fault, from_us, .. } = *hit;
    let (answered, outcome) = post.ended?;
    let got = match outcome {
        Outcome::Ok(_) => return None,
        Outcome::Failed { status, .. } if is_of_the_message(*status) => return None,
        Outcome::Failed { status, reason } => format!("{status}: {}", oneline(reason)),
        Outcome::Unknown { reason } => oneline(reason),
    };
    if fault.target == post.pod.as_str() {
        return None;
    }
    let by_us = view
        .faults
        .deadline(from_us, view.bounds.takeover_ms * 1000, None, &view.pods)?;
    if post.at.us <= by_us || view.is_excused(Some(post.pod.as_str()), by_us, answered.us) {
        return None;
    }
    let now = view.newest_owned(post.thread, answered.us)?;
    if now.status == Status::InProgress
        && (now.epoch > hit.owned.epoch || now.at > hit.owned.at && now.owner != hit.owned.owner)
    {
        return None;
    }
    Some(Breach {
        subject: format!("post to thread {} on {}", view.threads[post.thread].id, post.pod),
        thread: Some(post.thread),
        n: answered.n,
        expected: format!(
            "accepted, {} ms after the {} of its owner {}",
            post.at.us.saturating_sub(from_us) / 1000,
            fault.name,
            fault.target
        ),
        got,
    })
}

/// True if a refusal is for the message's own sake: who sent it, where to, how large it was. What is well formed and comes from
/// who may send it is refused neither as nonsense nor as too much.
fn is_of_the_message(status: u16) -> bool {
    matches!(status, 401 | 403 | 404 | 413)
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, OpId, Outcome, Status, StoreEvent, What};
    use crate::judge::testing::{Play, aimed, fault, posted, takeover, thread_row};

    const NAME: &str = "ThreadUsableAfterCrash";

    /// The good run, with a post through a pod that is refused.
    fn refused(mut play: Play, ms: u64, pod: &str, status: u16) -> Play {
        let mut post = posted(2, "t-1", "m-2", "key-2");
        if let What::Client(ClientEvent::Posted { pod: to, .. }) = &mut post {
            *to = pod.into();
        }
        let reason = "a turn is in flight".into();
        let outcome = Outcome::Failed { status, reason };
        play.put(ms, post)
            .put(ms + 2, What::Client(ClientEvent::PostEnded { op: OpId(2), outcome }));
        play
    }

    fn not_taken_over() -> Play {
        let mut play = takeover();
        play.without_from(45, |what| {
            matches!(
                what,
                What::Store(StoreEvent::Row { .. } | StoreEvent::TerminalProbe { .. })
            )
        });
        play
    }

    #[test]
    fn a_thread_that_accepts_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_refusal_after_the_bound_is_found() {
        for status in [409, 422, 429, 500, 503] {
            let finding = refused(not_taken_over(), 3_000, "pod-2", status).breaks(NAME);
            assert_eq!(finding.subject, "post to thread t-1 on pod-2");
            assert_eq!(finding.expected, "accepted, 2959 ms after the kill of its owner pod-1");
        }
        refused(takeover(), 3_000, "pod-2", 409).breaks(NAME);
    }

    #[test]
    fn a_thread_that_swallows_what_is_sent_to_it_is_found() {
        let mut play = refused(not_taken_over(), 3_000, "pod-2", 409);
        let is_answer = |what: &What| matches!(what, What::Client(ClientEvent::PostEnded { op: OpId(2), .. }));
        play.without(is_answer);
        let reason = "no whole answer within 5s".to_owned();
        let outcome = Outcome::Unknown { reason: reason.clone() };
        play.put(8_000, What::Client(ClientEvent::PostEnded { op: OpId(2), outcome }));
        assert_eq!(play.breaks(NAME).got, reason);
    }

    #[test]
    fn a_refusal_before_the_bound_or_for_the_messages_own_sake_is_accepted() {
        refused(not_taken_over(), 1_000, "pod-2", 409).keeps(NAME);
        refused(not_taken_over(), 1_000, "pod-2", 429).keeps(NAME);
        refused(not_taken_over(), 3_000, "pod-2", 413).keeps(NAME);
    }

    #[test]
    fn a_refusal_by_a_broken_pod_or_beside_a_newer_attempt_is_not_judged() {
        refused(not_taken_over(), 3_000, "pod-1", 503).keeps(NAME);
        let mut play = refused(not_taken_over(), 3_000, "pod-2", 503);
        play.put(2_900, fault(2, "terminate", "pod-2", aimed()));
        play.keeps(NAME);
        let mut play = refused(not_taken_over(), 3_000, "pod-2", 409);
        play.put(1_200, thread_row(40, Some("pod-3"), 2, Status::InProgress));
        play.keeps(NAME);
    }
}
