//! Promise 31: a pod that is told to stop finishes its work or hands it over, and ends in good order.
//!
//! Six things count: a message that it accepts, a turn that it claims, an end that is late or not in good order, a stream in flight
//! that it cuts ([`drain_of_streams`]), a hand-over on a stream whose turn is over ([`needless_handover`]), and what clients see of it
//! through an edge ([`drain_at_the_edge`]). For the turns that it leaves behind,
//! [`bounded_takeover`](crate::judge::promises::liveness::bounded_takeover) counts from its end. A client that asks the draining pod
//! itself may be refused; one that asks the edge may not.

use std::collections::HashSet;

use super::{drain_at_the_edge, drain_of_streams, needless_handover};
use crate::history::{Bound, Capability, Outcome, Status};
use crate::judge::view::{Breach, FaultSpan, NOTICE_US, ROW_LATENESS_US, View};
use crate::judge::{Clause, Need, Promise};

/// Longest time that a pod may need beyond its grace to hand over and to say farewell, in microseconds.
const FAREWELL_US: u64 = 1_000_000;

pub(crate) const PROMISE: Promise = Promise {
    number: 31,
    name: "DrainCompleteness",
    statement: "a pod that was told to stop accepts no new message and claims no turn, and is gone, with exit \
                code 0 or that of its signal, within its grace and 1 s for its farewell; until then each stream of a turn that goes on \
                shows the turn's end or a hand-over before it ends, and a stream on which the turn is over, and no other has begun, \
                shows no hand-over; through the edge no client is shown a \
                5xx or a broken connection for it, nor for a change of the pods that get clients, and is sent to it later than \
                the edge's health window after the signal",
    needs: &[Need::Within(Bound::Drain)],
    clauses: &[
        Clause {
            name: "no new turn is claimed",
            needs: &[Need::Can(Capability::Owner)],
        },
        Clause {
            name: "a stream in flight is finished or handed over",
            needs: &[Need::Can(Capability::Handover), Need::Can(Capability::EveryCommit)],
        },
        Clause {
            name: "no hand-over of a turn that is over",
            needs: &[Need::Can(Capability::Handover), Need::Can(Capability::EveryCommit)],
        },
        Clause {
            name: "clients through the edge notice nothing",
            needs: &[Need::Can(Capability::Edge)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let stops = view.faults.iter().filter(|fault| view.is_orderly(fault));
    let of_each = stops.flat_map(|fault| taken(view, fault).into_iter().chain(end(view, fault)));
    let of_pods = of_each.chain(claims(view)).chain(drain_of_streams::judge(view));
    let of_streams = of_pods.chain(needless_handover::judge(view));
    of_streams.chain(drain_at_the_edge::judge(view)).collect()
}

/// The first message that was sent to the pod after it was told to stop, and that it accepted.
fn taken(view: &View<'_>, fault: &FaultSpan<'_>) -> Option<Breach> {
    let (from_us, until_us) = (fault.aimed.us + NOTICE_US, view.gone_us(fault));
    let later = view.posts.partition_point(|post| post.at.us <= from_us);
    let mut posts = view.posts[later..].iter().take_while(|post| post.at.us < until_us);
    posts.find_map(|post| {
        let (answered, Outcome::Ok(accepted)) = post.ended? else {
            return None;
        };
        (accepted.pod.as_str() == fault.target).then(|| Breach {
            subject: format!("{}, message {}", fault.target, post.message),
            thread: Some(post.thread),
            n: answered.n,
            expected: format!(
                "a refusal, {} ms after it was told to stop",
                since_ms(fault, post.at.us)
            ),
            got: "it was accepted".into(),
        })
    })
}

/// Turns that a pod claimed after it was told to stop; the first one of each thread.
fn claims(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for line in view.lines() {
        let mut newest = None;
        let mut reported = HashSet::new();
        for owned in line.owners {
            let is_new = newest.is_none_or(|epoch| owned.epoch > epoch);
            newest = newest.max(Some(owned.epoch));
            let Some(owner) = owned.owner.filter(|_| is_new && owned.status == Status::InProgress) else {
                continue;
            };
            let mut meanwhile = view.faults.during(owned.at.us, owned.at.us);
            let fault = meanwhile.find(|fault| {
                let may_claim_until_us = fault.aimed.us + NOTICE_US + ROW_LATENESS_US;
                let is_late = owned.at.us > may_claim_until_us && owned.at.us < view.gone_us(fault);
                fault.asks_to_end() && fault.target == owner.as_str() && is_late
            });
            if let Some(fault) = fault.filter(|fault| reported.insert(fault.id)) {
                breaches.push(Breach {
                    subject: format!("{owner}, {}", view.line_name(&line)),
                    thread: Some(line.thread),
                    n: owned.at.n,
                    expected: format!(
                        "no new turn, {} ms after it was told to stop",
                        since_ms(fault, owned.at.us)
                    ),
                    got: owned.label(),
                });
            }
        }
    }
    breaches
}

/// An end that was late or not in good order. Not where something else was done to the pod meanwhile, and not where the
/// history ends first.
fn end(view: &View<'_>, fault: &FaultSpan<'_>) -> Option<Breach> {
    let by_us = fault.aimed.us + view.bounds.drain_ms * 1000 + FAREWELL_US;
    let death = view.death_after(fault.target, fault.aimed.n);
    let (n, us) = match death {
        Some(death) => (death.at.n, death.at.us),
        None if view.watched_until_us() > by_us => (fault.aimed.n, by_us),
        None => return None,
    };
    // A broken dependency is no excuse for a late end, but it may keep the end from being in good order.
    let meddled = view
        .faults
        .during(fault.aimed.us, us)
        .any(|other| other.target == fault.target && other.id != fault.id);
    if meddled {
        return None;
    }
    let is_bare = view.dependency_faults_during(fault.aimed.us, us).next().is_some();
    let code = death.and_then(|death| death.exit_code);
    let got = match (death, code) {
        (None, _) => format!("it still runs after {} ms", since_ms(fault, us)),
        (Some(_), code) if us > by_us => format!(
            "it ended after {} ms{}",
            since_ms(fault, us),
            code.map_or(String::new(), |code| format!(" with code {code}"))
        ),
        (Some(_), Some(code)) if !is_in_good_order(code) && !is_bare => format!("it ended with code {code}"),
        _ => return None,
    };
    Some(Breach {
        subject: fault.target.to_owned(),
        thread: None,
        n,
        expected: format!(
            "an end with code 0 or 143 within {} ms of being told to stop",
            by_us.saturating_sub(fault.aimed.us) / 1000
        ),
        got,
    })
}

/// True if a process that was told to stop ended of its own will: it says so with 0, or by the signal that it was sent.
fn is_in_good_order(code: i64) -> bool {
    const SIGTERM: i64 = 15;
    code == 0 || code == 128 + SIGTERM
}

fn since_ms(fault: &FaultSpan<'_>, us: u64) -> u64 {
    us.saturating_sub(fault.aimed.us) / 1000
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, Status, What};
    use crate::judge::testing::{Play, accepted, aimed, died, fault, observed, posted, takeover, thread_row, turn_row};

    const NAME: &str = "DrainCompleteness";

    /// The good run, after which pod-3 is told to stop; `died_ms` is when it ends, with `code`.
    fn stopped(died_ms: u64, code: i64) -> Play {
        let mut play = takeover();
        play.put(3_000, fault(2, "terminate", "pod-3", aimed()))
            .put(died_ms, died("pod-3", code))
            .put(died_ms, fault(2, "terminate", "pod-3", observed()));
        play
    }

    fn sent(mut play: Play, ms: u64, pod: &str) -> Play {
        let mut answered = accepted(2, "turn-2");
        if let What::Client(ClientEvent::PostEnded {
            outcome: crate::history::Outcome::Ok(accepted),
            ..
        }) = &mut answered
        {
            accepted.pod = pod.into();
        }
        play.put(ms, posted(2, "t-1", "m-2", "key-2")).put(ms + 2, answered);
        play
    }

    #[test]
    fn a_pod_that_goes_in_time_and_in_good_order_is_accepted() {
        takeover().keeps(NAME);
        stopped(3_200, 0).keeps(NAME);
        stopped(8_600, 0).keeps(NAME);
    }

    #[test]
    fn an_end_that_is_late_or_forced_is_found() {
        assert_eq!(stopped(9_100, 0).breaks(NAME).got, "it ended after 6100 ms with code 0");
        assert_eq!(stopped(3_200, 1).breaks(NAME).got, "it ended with code 1");
        let mut play = stopped(3_200, 0);
        play.without(|what| *what == died("pod-3", 0));
        assert_eq!(play.breaks(NAME).got, "it still runs after 6000 ms");
    }

    #[test]
    fn an_end_that_somebody_else_brought_about_is_not_judged() {
        let mut play = stopped(3_200, 137);
        play.put(3_190, fault(3, "kill", "pod-3", aimed()));
        play.keeps(NAME);
        let mut play = stopped(9_100, 0);
        play.put(3_100, fault(3, "hold at inside-drain", "pod-3", aimed()));
        play.keeps(NAME);
        let mut play = stopped(3_200, 1);
        play.put(3_100, fault(3, "kill", "postgres", aimed()));
        play.keeps(NAME);
    }

    #[test]
    fn work_that_is_taken_on_after_the_signal_is_found() {
        let finding = sent(stopped(6_000, 0), 4_000, "pod-3").breaks(NAME);
        assert_eq!(finding.subject, "pod-3, message m-2");
        sent(stopped(6_000, 0), 3_100, "pod-3").keeps(NAME);
        sent(stopped(6_000, 0), 4_000, "pod-2").keeps(NAME);

        let claim = |ms: u64, pod: &str| {
            let mut play = stopped(7_000, 0);
            play.put(ms, turn_row(200, "turn-2", 3, Status::InProgress))
                .put(ms, thread_row(200, Some(pod), 3, Status::InProgress));
            play
        };
        assert_eq!(claim(5_000, "pod-3").breaks(NAME).got, "pod-3 at epoch 3");
        claim(3_900, "pod-3").keeps(NAME);
        claim(5_000, "pod-2").keeps(NAME);
    }
}
