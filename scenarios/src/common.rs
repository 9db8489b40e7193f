//! The steps and values that several stories have in common, on any system.

use std::time::Duration;

use crosspod::history::{Bound, Capability, FeedbackId, PodName};
use crosspod::nemesis::{Failpoint, Held};
use crosspod::plan::Answer;
use crosspod::run::{Cast, Stopped, Tails, Turn};
use crosspod::system::needs::Need;

/// Pause between two tokens of a slow answer.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);
/// Time in which nobody asks anything: long enough for pods to clear up after a turn, and for what they use of a CPU after that to tell a
/// loop from a look now and then.
pub(crate) const QUIET: Duration = Duration::from_secs(6);
/// How much longer an answer takes than a drain may.
const BEYOND_A_DRAIN: Duration = Duration::from_secs(3);
/// Exit code of a process that SIGTERM has ended: some raise the signal again once they are done.
const ENDED_BY_SIGTERM: i64 = 128 + 15;

/// Number of tokens that take a time, one each [`PAUSE`].
pub(crate) fn tokens_for(span: Duration) -> u32 {
    u32::try_from(span.as_millis() / PAUSE.as_millis()).unwrap_or(u32::MAX)
}

/// An answer whose first call takes longer than a pod may drain; the call after a hand-over answers at once.
pub(crate) fn outlasting_a_drain(c: &Cast) -> Answer {
    let tokens = tokens_for(c.bound(Bound::Drain) + BEYOND_A_DRAIN);
    Answer::tokens(tokens).first_call_paced(PAUSE)
}

/// True for the exit code of a pod that has left in good order.
pub(crate) fn is_in_good_order(code: i64) -> bool {
    code == 0 || code == ENDED_BY_SIGTERM
}

/// Tails of a further turn of a thread: those that are open, if a tail shows a thread, or else one more on each pod.
pub(crate) async fn tails_for(c: &mut Cast, open: &Tails, turn: &Turn) -> Result<Tails, Stopped> {
    if c.can(&[Need::Has(Capability::ThreadTail)]) {
        Ok(open.of(turn))
    } else {
        c.attach_on_every_pod(turn).await
    }
}

/// Gives feedback to a pod that sets the first item aside and holds before it stores it; the second item stands behind. Returns the hold
/// and both items.
pub(crate) async fn feedback_held_aside(c: &mut Cast, pod: &PodName) -> Result<(Held, [FeedbackId; 2]), Stopped> {
    let armed = c
        .nemesis()
        .arm(std::slice::from_ref(pod), Failpoint::InsideSpoolDrain, None)
        .await?;
    let set_aside = c.give_feedback(pod).await?;
    let held = c.nemesis().holds(armed).await?;
    let behind = c.give_feedback(pod).await?;
    Ok((held, [set_aside, behind]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_as_long_as_it_has_to_be() {
        assert_eq!(tokens_for(Duration::from_secs(8)), 80);
        assert_eq!(tokens_for(Duration::ZERO), 0);
        assert_eq!(tokens_for(Duration::MAX), u32::MAX);
    }

    #[test]
    fn a_pod_that_sigterm_has_ended_has_left_in_good_order_and_one_that_was_killed_has_not() {
        assert_eq!([0, 143, 137, 1].map(is_in_good_order), [true, true, false, false]);
    }
}
