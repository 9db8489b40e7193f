//! Texts: whose words count where no row holds them.

use super::scene::{
    asked, bare, begin, described, end, over, owned, read, run, settle, shown, status_read, survived, text,
    undisturbed, whole, with,
};
use crate::history::{Capability, Chunk, PodEvent, ProviderWhat, Status, WatcherEvent, What};
use crate::judge::testing::{TOKENS, answer, call_ends, token};
use crate::verdict::Verdict;

/// F1.
#[test]
fn a_text_that_no_row_holds_is_not_taken_for_an_empty_one() {
    survived().passes();
    let judgement = survived().judged();
    let clauses: Vec<(&str, &str)> = judgement
        .judged_in_part
        .iter()
        .map(|part| (part.promise.as_str(), part.clause.as_str()))
        .collect();
    assert!(
        clauses.contains(&("FinalTextExactlyOnce", "the stored text")),
        "{clauses:?}"
    );
    assert!(clauses.contains(&("LiveDurableAgreement", "the rows")), "{clauses:?}");
}

#[test]
fn a_pod_that_reads_back_another_text_is_found() {
    let mut play = survived();
    play.turn_into(
        &read("pod-3", "key-1", Some(answer(2))),
        read("pod-3", "key-1", Some(answer(1))),
    );
    let finding = play.breaks("LiveDurableAgreement");
    assert_eq!(finding.subject, "thread read from pod-3, turn turn-1");
}

#[test]
fn a_completed_turn_that_no_pod_reads_back_is_found() {
    let mut play = survived();
    for pod in ["pod-1", "pod-2", "pod-3"] {
        play.turn_into(&read(pod, "key-1", Some(answer(2))), read(pod, "key-1", None));
    }
    assert_eq!(play.breaks("LiveDurableAgreement").got, "no such turn");
}

/// F8.
#[test]
fn a_frame_with_the_whole_text_is_not_added_to_the_text() {
    let with_whole = |text: String| {
        let mut play = undisturbed();
        for watcher in [2, 3] {
            play.put(1231, shown(watcher, "turn-1", 149, whole("turn-1", text.clone())));
        }
        play
    };
    with_whole(answer(1)).passes();
    let odd = with_whole(answer(1).replace(&token(1, 3), ""));
    odd.breaks("FinalTextExactlyOnce");
    odd.breaks("LateAttachEquivalence");
}

/// F9.
#[test]
fn a_failed_turn_that_is_not_among_the_messages_may_be_read_apart() {
    let failed = |error: Option<&str>| {
        let mut play = asked();
        run(&mut play, 1200, (40, 1, "pod-1"), &[2, 3], 1..=2);
        play.at(1229, call_ends(1, "pod-1", "fault:error"))
            .at(1230, owned(99, "turn-1", None, Status::Failed));
        for watcher in [2, 3] {
            let message = "the model is not there".to_owned();
            let turn = "turn-1".into();
            play.at(1231, bare(watcher, Chunk::Error { turn, message }))
                .at(1232, bare(watcher, end("turn-1", Some(Status::Failed))));
        }
        settle(&mut play);
        for pod in ["pod-1", "pod-2", "pod-3"] {
            play.turn_into(&read(pod, "key-1", Some(answer(1))), read(pod, "key-1", None));
            play.turn_into(
                &status_read(pod, "turn-1", Status::Completed, None),
                status_read(pod, "turn-1", Status::Failed, error),
            );
        }
        play
    };
    failed(Some("the model is not there")).passes();
    assert_eq!(
        failed(None).breaks("NoBlankTerminal").subject,
        "status read from pod-1, turn turn-1"
    );
}

#[test]
fn a_pod_that_gives_a_turn_another_status_is_found() {
    let mut play = survived();
    play.turn_into(
        &status_read("pod-2", "turn-1", Status::Completed, None),
        status_read("pod-2", "turn-1", Status::Failed, Some("no")),
    );
    assert_eq!(
        play.breaks("LiveDurableAgreement").subject,
        "status read from pod-2, turn turn-1"
    );
}

/// F18.
#[test]
fn a_message_is_known_by_its_key_whatever_wraps_it() {
    let asking = |said: &str| {
        let mut play = undisturbed();
        play.change(|what| {
            let What::Provider(seen) = what else { return None };
            let mut seen = seen.clone();
            seen.what = match seen.what {
                ProviderWhat::Started { .. } => ProviderWhat::Started {
                    messages: vec![said.to_owned()],
                },
                _ => return None,
            };
            Some(What::Provider(seen))
        });
        play
    };
    asking(r#"user: {"text":"please answer [[mock key:key-1]]","at":7}"#).passes();
    asking(r#"user: {"text":"please answer [[mock key:key-10]]"}"#).breaks("ContextContinuity");
}

/// F18.
#[test]
fn a_model_that_is_shown_one_message_owes_no_earlier_turn() {
    let second = |conversation: bool| {
        let mut play = undisturbed();
        let [posted, accepted] = super::scene::posted(2, "turn-2", "key-2", None);
        play.put(1310, posted)
            .put(1311, owned(110, "turn-2", None, Status::Queued))
            .put(1312, accepted)
            .put(1313, owned(111, "turn-2", Some("pod-1"), Status::InProgress));
        let called = |what| {
            What::Provider(crate::history::ProviderEvent {
                call: 900,
                key: "key-2".into(),
                ordinal: 1,
                pod: Some("pod-1".into()),
                what,
            })
        };
        let messages = vec!["user: please answer [[mock key:key-2]]".to_owned()];
        play.put(1314, called(ProviderWhat::Started { messages }))
            .put(
                1320,
                called(ProviderWhat::Ended {
                    cause: "complete".into(),
                    tokens: TOKENS,
                }),
            )
            .put(1321, owned(112, "turn-2", None, Status::Cancelled));
        described(play, |began| {
            if !conversation {
                began.capabilities.retain(|can| *can != Capability::Conversation);
            }
        })
    };
    second(false).keeps("ContextContinuity");
    second(true).breaks("ContextContinuity");
}

/// V6.
#[test]
fn a_rule_that_reads_no_text_proves_nothing() {
    let mut play = survived();
    play.change(|what| match what {
        What::Watcher(WatcherEvent::Frame {
            watcher,
            id,
            cursor,
            chunk: Chunk::Delta { turn, .. },
        }) => Some(What::Watcher(WatcherEvent::Frame {
            watcher: *watcher,
            id: id.clone(),
            cursor: *cursor,
            chunk: text(turn.as_str(), ""),
        })),
        _ => None,
    });
    for pod in ["pod-1", "pod-2", "pod-3"] {
        play.turn_into(&read(pod, "key-1", Some(answer(2))), read(pod, "key-1", None));
    }
    play.change(|what| match what {
        What::Pod(PodEvent::ThreadRead { pod, .. }) => {
            Some(status_read(pod.as_str(), "turn-1", Status::Completed, None))
        }
        _ => None,
    });
    let play = described(play, |began| began.capabilities.retain(|can| *can != Capability::Read));
    let judgement = play.judged();
    assert_ne!(judgement.verdict, Verdict::Pass, "{judgement:#?}");
}

#[test]
fn a_tail_without_whole_texts_is_no_evidence() {
    let mut play = asked();
    run(&mut play, 1200, (40, 1, "pod-1"), &[], 1..=TOKENS);
    over(&mut play, &[]);
    for watcher in [2, 3] {
        play.at(1241, bare(watcher, begin("turn-1", false)))
            .at(1242, super::scene::left(watcher));
    }
    settle(&mut play);
    let judgement = play.judged();
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{judgement:#?}");
    let reason = judgement.reason.expect("a reason");
    assert!(reason.starts_with("no tail was shown a turn's whole text"), "{reason}");
}

/// V5.
#[test]
fn a_turn_that_is_taken_from_the_attach_is_said_to_be() {
    let without = described(survived(), |began| {
        began.capabilities.retain(|can| *can != Capability::FrameTurn);
    });
    let in_part = |judgement: crate::verdict::Judgement| {
        let mut parts = judgement.judged_in_part.into_iter();
        parts.any(|part| part.promise == "NoPhantom" && part.clause == "every turn that is shown is stored")
    };
    assert!(in_part(without.judged()));
    assert!(!in_part(with(survived(), Capability::Gauges).judged()));
}
