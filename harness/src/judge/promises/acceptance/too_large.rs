//! Messages that are too large, a part of promise 13.
//!
//! A client that is told why its message was refused can shorten it; one that is told something else sends it again for ever. Deliberately
//! absent: requests without an answer, for a pod may hang up on a body that it does not read; and refusals that ask a client to come again.

use crate::history::{Capability, Outcome};
use crate::judge::view::{Breach, LargePost, View, oneline};

/// Statuses that ask a client to come again, whatever it sent: request timeout, too early, too many requests, unavailable.
const LATER: [u16; 4] = [408, 425, 429, 503];
/// Statuses with which a credential is refused.
const NOT_YOURS: [u16; 3] = [401, 403, 404];

/// The messages beyond the limit that were not refused as the system states.
pub(super) fn judge(view: &View<'_>) -> Vec<Breach> {
    if !view.can(Capability::BodyLimit) {
        return Vec::new();
    }
    let posts = view.large_posts.iter();
    posts.filter_map(|post| answered_otherwise(view, post)).collect()
}

fn answered_otherwise(view: &View<'_>, post: &LargePost<'_>) -> Option<Breach> {
    let limit = view.rules.body_limit.filter(|limit| post.bytes >= limit.bytes)?;
    let got = match post.outcome {
        Outcome::Ok(()) => "it was accepted".to_owned(),
        Outcome::Failed { status, reason } if *status != limit.status && !is_excused(view, post, *status) => {
            format!("a refusal with {status}: {}", oneline(reason))
        }
        Outcome::Failed { .. } | Outcome::Unknown { .. } => return None,
    };
    Some(Breach {
        subject: format!("a message of over {} bytes on {}", post.bytes, post.pod),
        thread: Some(post.thread),
        n: post.at.n,
        expected: format!("a refusal with {}", limit.status),
        got,
    })
}

/// True if the refusal may have a cause other than the size.
fn is_excused(view: &View<'_>, post: &LargePost<'_>, status: u16) -> bool {
    let pod = post.pod.as_str();
    let mut deaths = view.deaths.iter().filter(|death| death.service == pod);
    LATER.contains(&status)
        || view.is_excused(Some(pod), post.asked_us, post.at.us)
        || deaths.any(|death| (post.asked_us..=post.at.us).contains(&death.at.us))
        || NOT_YOURS.contains(&status) && view.may_be_revoked(post.thread, None, post.at)
}

#[cfg(test)]
mod tests {
    use crate::history::{BodyLimit, Capability, ClientEvent, Outcome, What};
    use crate::judge::testing::{Play, aimed, fault, takeover};

    const NAME: &str = "NoLostAck";
    const LIMIT: u64 = 1_000;

    /// The good run, in which a message of so many bytes is answered so by pod-2, of a system that takes up to [`LIMIT`].
    fn answered(bytes: u64, outcome: Outcome<()>) -> Play {
        let mut play = takeover();
        play.describe(|began| {
            began.rules.body_limit = Some(BodyLimit {
                bytes: LIMIT,
                status: 413,
            });
        });
        play.put(
            2_000,
            What::Client(ClientEvent::PostedTooLarge {
                pod: "pod-2".into(),
                thread: "t-1".into(),
                bytes,
                asked_us: 1_990_000,
                outcome,
            }),
        );
        play
    }

    fn refused(status: u16) -> Outcome<()> {
        Outcome::Failed {
            status,
            reason: "no".into(),
        }
    }

    #[test]
    fn a_refusal_with_the_stated_status_is_accepted() {
        answered(LIMIT, refused(413)).keeps(NAME);
    }

    #[test]
    fn another_refusal_and_a_yes_are_found() {
        let finding = answered(LIMIT, refused(400)).breaks(NAME);
        assert_eq!(finding.subject, "a message of over 1000 bytes on pod-2");
        assert_eq!(finding.expected, "a refusal with 413");
        assert_eq!(finding.got, "a refusal with 400: no");
        assert_eq!(answered(LIMIT, refused(500)).breaks(NAME).got, "a refusal with 500: no");
        assert_eq!(answered(LIMIT, Outcome::Ok(())).breaks(NAME).got, "it was accepted");
    }

    #[test]
    fn a_refusal_for_a_time_and_a_missing_answer_are_sound() {
        for status in [408, 425, 429, 503] {
            answered(LIMIT, refused(status)).keeps(NAME);
        }
        let reason = "connection reset".to_owned();
        answered(LIMIT, Outcome::Unknown { reason }).keeps(NAME);
    }

    #[test]
    fn a_refusal_beside_a_fault_of_the_pod_or_of_a_dependency_is_not_judged() {
        for target in ["pod-2", "postgres"] {
            let mut play = answered(LIMIT, refused(500));
            play.put(1_995, fault(2, "pause", target, aimed()));
            play.keeps(NAME);
        }
        let mut play = answered(LIMIT, refused(500));
        play.put(1_995, fault(2, "pause", "pod-3", aimed()));
        play.breaks(NAME);
    }

    #[test]
    fn a_message_below_the_limit_is_not_reached() {
        answered(LIMIT - 1, refused(400)).keeps(NAME);
    }

    #[test]
    fn a_system_that_states_no_limit_is_not_judged() {
        let mut play = answered(LIMIT, refused(400));
        play.describe(|began| began.capabilities.retain(|can| *can != Capability::BodyLimit));
        play.keeps(NAME);
        play.is_judged_in_part(NAME, "a message that is too large is refused");
    }
}
