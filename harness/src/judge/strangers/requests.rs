//! Requests: clients' habits, refusals of strangers, and logs that are no JSON.

use super::scene::{owned, posted, survived, undisturbed, with};
use crate::history::{Capability, Credential, PodEvent, Status, What};
use crate::judge::testing::{Play, access};

/// One message, posted twice, that became two turns.
fn posted_twice() -> Play {
    let mut play = undisturbed();
    let [_, accepted] = posted(2, "turn-9", "key-1", None);
    let [asked, _] = posted(1, "turn-1", "key-1", None);
    let mut again = asked;
    if let What::Client(crate::history::ClientEvent::Posted { op, .. }) = &mut again {
        op.0 = 2;
    }
    play.put(1300, again)
        .put(1301, owned(120, "turn-9", None, Status::Queued))
        .put(1302, accepted)
        .put(1303, owned(121, "turn-9", None, Status::Cancelled));
    play
}

/// F10.
#[test]
fn two_posts_without_a_key_of_idempotency_are_two_turns() {
    posted_twice().keeps("IdempotentSubmit");
    with(posted_twice(), Capability::Idempotent).breaks("IdempotentSubmit");
}

/// F10: two turns of one thread at once.
#[test]
fn a_thread_whose_turns_run_side_by_side_may() {
    let at_once = || {
        let mut play = undisturbed();
        let [asked, accepted] = posted(2, "turn-2", "key-2", None);
        play.put(1205, asked)
            .put(1206, owned(120, "turn-2", None, Status::Queued))
            .put(1207, accepted)
            .put(1208, owned(121, "turn-2", Some("pod-2"), Status::InProgress))
            .put(1290, owned(122, "turn-2", None, Status::Cancelled));
        play
    };
    at_once().keeps("SingleActiveTurn");
    with(at_once(), Capability::Serial).breaks("SingleActiveTurn");
}

#[test]
fn a_stranger_may_be_refused_for_any_reason_and_not_be_let_in() {
    let answered = |status: u16| {
        let mut play = with(undisturbed(), Capability::Tenants);
        play.put(1403, access("pod-2", Credential::Foreign, Some(status), "no"));
        play
    };
    for status in [400, 401, 403, 404, 405, 422, 429, 503] {
        answered(status).keeps("TenantIsolation");
    }
    for status in [200, 204, 302] {
        answered(status).breaks("TenantIsolation");
    }
}

/// F19.
#[test]
fn a_line_is_a_complaint_only_where_complaints_are_known() {
    let logged = || {
        let mut play = undisturbed();
        play.put(
            1290,
            What::Pod(PodEvent::LogLine {
                pod: "pod-2".into(),
                level: "ERROR".into(),
                line: "Traceback (most recent call last):".into(),
            }),
        );
        play
    };
    logged().breaks("QuietLogs");
    let without = super::scene::described(logged(), |began| {
        began.capabilities.retain(|can| *can != Capability::Complaint);
    });
    without.keeps("QuietLogs");
    assert!(
        without
            .judged()
            .not_applicable
            .iter()
            .any(|of| of.promise == "QuietLogs")
    );
}

/// A word that no list gives a meaning says nothing about the system.
#[test]
fn a_word_without_a_meaning_is_the_descriptions_fault() {
    let mut play = survived();
    play.put(
        1290,
        What::Store(crate::history::StoreEvent::Row {
            lsn: "0/1".into(),
            xid: 130,
            row: crate::history::Row::Unread {
                place: "public.runs.status".into(),
                value: "interrupted".into(),
                why: "it has no meaning".into(),
            },
        }),
    );
    let judgement = play.judged();
    assert_eq!(judgement.verdict, crate::verdict::Verdict::Broken);
    assert_eq!(
        judgement.reason.as_deref(),
        Some(r#"the description cannot read "interrupted" in public.runs.status: it has no meaning"#)
    );
}

#[test]
fn a_stop_of_one_turn_is_not_asked_of_another() {
    let stopped = |turn: &str| {
        let mut play = undisturbed();
        let [asked, accepted] = posted(2, "turn-2", "key-2", None);
        play.put(1205, asked)
            .put(1206, owned(120, "turn-2", None, Status::Queued))
            .put(1207, accepted)
            .put(1208, owned(121, "turn-2", Some("pod-2"), Status::InProgress))
            .put(
                1215,
                What::Client(crate::history::ClientEvent::Cancelled {
                    pod: "pod-3".into(),
                    thread: "t-1".into(),
                    turn: Some(turn.into()),
                    outcome: crate::history::Outcome::Ok(()),
                }),
            )
            .put(4500, owned(122, "turn-2", None, Status::Completed));
        play
    };
    stopped("turn-1").keeps("CancelAnywhere");
    assert_eq!(
        stopped("turn-2").breaks("CancelAnywhere").subject,
        "turn turn-2, cancelled on pod-3"
    );
}
