//! Readings: what pods answer in the course of a run, and whether they agree in the end.

use super::scene::{asked_too, described, owned, posted, read, status_read, undisturbed};
use crate::history::{FaultStep, PodEvent, ReadAnswer, Status, What};
use crate::judge::testing::{Play, aimed, fault};

const NAME: &str = "LiveDurableAgreement";

/// The scene, in which the play goes on for some seconds after the turn is over, and pod-3 is asked at `ms`.
fn answered(ms: u64, what: What) -> Play {
    let mut play = undisturbed();
    play.delay_from(1300, 5000).put(ms, what);
    play
}

/// The other pods, and every screen, had the turn's end long before.
#[test]
fn a_pod_that_lacks_a_turn_long_after_its_end_is_found_though_it_has_it_in_the_end() {
    let without_it = || read("pod-3", "key-1", None);
    // The bound of an end is a second.
    answered(2000, without_it()).keeps(NAME);
    let finding = answered(4000, without_it()).breaks(NAME);
    assert_eq!(
        (finding.subject.as_str(), finding.got.as_str()),
        ("thread read from pod-3, turn turn-1", "no such turn")
    );
    for (name, target) in [("pause", "pod-3"), ("stop", "postgres")] {
        let mut behind = answered(4000, without_it());
        behind
            .put(2000, fault(3, name, target, aimed()))
            .put(3500, fault(3, name, target, FaultStep::Healed));
        behind.keeps(NAME);
    }
    // A system that promises no bound may be late.
    let boundless = described(answered(4000, without_it()), |began| began.bounds.terminal_ms = None);
    boundless.keeps(NAME);
}

#[test]
fn a_pod_that_says_that_a_turn_runs_long_after_its_end_is_found() {
    let running = || status_read("pod-3", "turn-1", Status::InProgress, None);
    answered(2000, running()).keeps(NAME);
    let finding = answered(4000, running()).breaks(NAME);
    assert_eq!(finding.subject, "status read from pod-3, turn turn-1");
    assert_eq!(
        (finding.expected.as_str(), finding.got.as_str()),
        ("Completed", "InProgress")
    );
}

/// A second turn of the thread, read back in the order that `turned_on` says for one pod.
fn in_order(turned_on: Option<&str>) -> Play {
    let mut play = undisturbed();
    let [asked, accepted] = posted(2, "turn-2", "key-2", None);
    play.put(1300, asked)
        .put(1301, owned(120, "turn-2", None, Status::Queued))
        .put(1302, accepted)
        .put(1303, owned(121, "turn-2", Some("pod-1"), Status::InProgress))
        .put(1330, owned(122, "turn-2", None, Status::Completed));
    play.change(|what| asked_too(what, "key-2"));
    play.change(|what| {
        let mut read = what.clone();
        let What::Pod(PodEvent::ThreadRead { pod, answers, .. }) = &mut read else {
            return None;
        };
        answers.push(ReadAnswer {
            turn: None,
            key: Some("key-2".into()),
            status: None,
            text: mock_ai::token::Answer::new("key-2", 1, crate::judge::testing::TOKENS).text(),
            error: None,
        });
        if Some(pod.as_str()) == turned_on {
            answers.reverse();
        }
        Some(read)
    });
    play
}

#[test]
fn a_pod_that_reads_back_the_turns_in_another_order_is_found() {
    in_order(None).keeps(NAME);
    let finding = in_order(Some("pod-2")).breaks(NAME);
    assert_eq!(finding.subject, "thread read from pod-2");
    assert_eq!(finding.expected, "turn turn-1 before turn turn-2, as read from pod-1");
    assert_eq!(finding.got, "turn turn-2 first");
    // Messages whose posts overlap have no order.
    let mut overlapping = in_order(Some("pod-2"));
    let [_, accepted] = posted(1, "turn-1", "key-1", None);
    overlapping.move_to(1300, &accepted);
    overlapping.keeps(NAME);
}
