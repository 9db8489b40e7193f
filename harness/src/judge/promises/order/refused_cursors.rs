//! Refused cursors, a part of promise 8: a client that comes back with a cursor is answered with a stream.
//!
//! A browser's event source gives up for good when its attach is answered with 4xx, so a refusal loses the rest of the answer. A
//! resync is the right answer to a cursor that names no place of the thread. A text that is no cursor at all may be refused.
//! Deliberately absent: 5xx answers and missing ones, after which clients ask again.

use std::ops::RangeInclusive;

use crate::history::CursorForm;
use crate::judge::view::{Breach, Refused, View, oneline};

/// Statuses by which a pod refuses.
const REFUSALS: RangeInclusive<u16> = 400..=499;
/// Those among them that ask a client to come again: request timeout, too early, too many requests.
const LATER: [u16; 3] = [408, 425, 429];
/// Those among them that a thread of somebody else's is refused with.
const NOT_YOURS: [u16; 3] = [401, 403, 404];

/// The breach of an attach that was refused though its cursor is one that every pod must answer, unless something excuses it.
pub(super) fn refused(view: &View<'_>, refused: &Refused<'_>) -> Option<Breach> {
    let status = refused.status?;
    if !REFUSALS.contains(&status) || LATER.contains(&status) {
        return None;
    }
    let expected = due(view, refused)?;
    if is_excused(view, refused, status) {
        return None;
    }
    Some(Breach {
        subject: format!("attach of {} on {}", refused.watcher, refused.pod),
        thread: Some(refused.thread),
        n: refused.at.n,
        expected,
        got: format!("a refusal: {}", oneline(refused.reason)),
    })
}

/// The place of a request that a cursor was given in, in words.
pub(super) fn given_as(form: CursorForm) -> &'static str {
    match form {
        CursorForm::LastEventId => "`Last-Event-ID`",
        CursorForm::After => "`after`",
        CursorForm::AfterBesideEmptyHeader => "`after`, beside an empty `Last-Event-ID`",
    }
}

/// The right answer to the attach's cursor, in words. Returns `None` if it gave none, or one that may be refused.
fn due(view: &View<'_>, refused: &Refused<'_>) -> Option<String> {
    let cursor = refused.cursor?;
    if cursor.is_empty() {
        return Some("a stream, for an empty cursor is none".to_owned());
    }
    let given = given_as(refused.form);
    if refused.resumes.is_some_and(|(_, at)| at.us < refused.asked_us) {
        return Some(format!(
            "the frames right behind `{}`, which was given as {given}, or a resync",
            oneline(cursor)
        ));
    }
    let marks = view.threads.iter().filter_map(|thread| thread.mark);
    is_written_as_ids_are(cursor, marks).then(|| {
        format!(
            "a resync, for `{}`, given as {given}, is written as a cursor",
            oneline(cursor)
        )
    })
}

/// True if `cursor` is `<epoch>-<number>` and ends like an id that ends with one of `marks`.
fn is_written_as_ids_are<'m>(cursor: &str, mut marks: impl Iterator<Item = &'m str>) -> bool {
    let number = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let Some((epoch, rest)) = cursor.split_once('-') else {
        return false;
    };
    let digits = number(rest);
    let is_numbered = !epoch.is_empty() && number(epoch) == epoch.len() && digits > 0;
    is_numbered && marks.any(|mark| are_alike(&rest[digits..], mark))
}

/// True if two marks are of one kind: as long as each other, with digits and letters at the same places.
fn are_alike(one: &str, other: &str) -> bool {
    let is_alike = |(a, b): (u8, u8)| a == b || a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric();
    one.len() == other.len() && one.bytes().zip(other.bytes()).all(is_alike)
}

/// True if the refusal may have a cause other than the request: a fault, a death, or a credential that is not good for the thread.
pub(super) fn is_excused(view: &View<'_>, refused: &Refused<'_>, status: u16) -> bool {
    let pod = refused.pod.as_str();
    let asked_us = refused.asked_us;
    let mut deaths = view.deaths.iter().filter(|death| death.service == pod);
    let is_of_another = |other: usize| view.threads[other].tenant != view.threads[refused.thread].tenant;
    let is_foreign = refused.session.is_some()
        && view
            .watchers
            .iter()
            .any(|watcher| watcher.session == refused.session && is_of_another(watcher.thread));
    view.is_excused(Some(pod), asked_us, refused.at.us)
        || deaths.any(|death| (asked_us..=refused.at.us).contains(&death.at.us))
        || view.may_be_revoked(refused.thread, refused.session, refused.at)
        || is_foreign && NOT_YOURS.contains(&status)
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, CursorForm, FaultStep, SessionNo, Status, WatcherEvent, WatcherId, What};
    use crate::judge::testing::{Play, aimed, died, fault, observed, opened, state, takeover};

    const NAME: &str = "ResumeGapFree";
    /// When the sixth watcher asks, in milliseconds: 2-3 was shown at 1205.
    const ASKED_MS: u64 = 1206;

    fn session(n: u8) -> SessionNo {
        SessionNo(n.try_into().expect("from 1"))
    }

    /// The good run, in which pod-2 answers the attach of a sixth watcher with `status`.
    fn answered(cursor: Option<&str>, status: Option<u16>) -> Play {
        let mut play = takeover();
        play.put(ASKED_MS + 1, refusal("t-1", cursor, status));
        play
    }

    fn refusal(thread: &str, cursor: Option<&str>, status: Option<u16>) -> What {
        What::Watcher(WatcherEvent::TailRefused {
            watcher: WatcherId(6),
            pod: "pod-2".into(),
            thread: thread.into(),
            turn: None,
            cursor: cursor.map(Into::into),
            form: CursorForm::After,
            asked_us: ASKED_MS * 1000,
            session: Some(session(2)),
            status,
            reason: status.map_or("connection refused".into(), |status| {
                format!("status {status}: no").into()
            }),
            garbled: false,
        })
    }

    #[test]
    fn a_refused_cursor_that_the_stream_handed_out_is_found() {
        for status in [400, 401, 403, 404, 409, 410, 422] {
            let finding = answered(Some("2-3"), Some(status)).breaks(NAME);
            assert_eq!(finding.subject, "attach of w6 on pod-2");
            assert_eq!(
                finding.expected,
                "the frames right behind `2-3`, which was given as `after`, or a resync"
            );
            assert_eq!(finding.got, format!("a refusal: status {status}: no"));
        }
    }

    #[test]
    fn a_refused_empty_cursor_is_found() {
        let finding = answered(Some(""), Some(400)).breaks(NAME);
        assert_eq!(finding.expected, "a stream, for an empty cursor is none");
    }

    #[test]
    fn a_refused_cursor_that_is_due_a_resync_is_found() {
        // 2-6 is handed out only after the request; the others never are.
        for cursor in ["2-6", "7779-1", "18446744073709551615-18446744073709551615"] {
            let finding = answered(Some(cursor), Some(400)).breaks(NAME);
            assert!(finding.expected.starts_with("a resync, for `"), "{}", finding.expected);
        }
    }

    #[test]
    fn a_refused_text_that_is_no_cursor_is_sound() {
        for nonsense in [
            "undefined",
            "null",
            "-",
            "2-",
            "-3",
            "2-3-0123abcd",
            "2-x",
            "2",
            "2-3 ",
            "\u{e9}-1",
        ] {
            for status in [400, 404, 422] {
                answered(Some(nonsense), Some(status)).passes();
            }
        }
    }

    #[test]
    fn another_threads_mark_is_a_cursor_where_ids_tell_their_thread() {
        let marks = || ["-0123abcd"].into_iter();
        let is_one = |cursor: &str| super::is_written_as_ids_are(cursor, marks());
        assert!(is_one("2-3-89abcdef") && is_one("7779-1-0123abcd"));
        assert!(!is_one("2-3") && !is_one("2-3-0123abc") && !is_one("2-3-0123-bcd") && !is_one("2-3-0123abcd4"));
        assert!(!super::is_written_as_ids_are("2-3", std::iter::empty()));
    }

    #[test]
    fn an_attach_without_a_cursor_is_not_judged_here() {
        answered(None, Some(400)).keeps(NAME);
    }

    #[test]
    fn an_answer_that_asks_to_come_again_is_sound() {
        for status in [None, Some(204), Some(408), Some(425), Some(429), Some(500), Some(503)] {
            answered(Some("2-3"), status).keeps(NAME);
        }
    }

    #[test]
    fn a_refusal_by_a_pod_that_is_broken_or_ending_is_sound() {
        for (name, target) in [("terminate", "pod-2"), ("pause", "pod-2"), ("kill", "postgres")] {
            let mut play = answered(Some("2-3"), Some(404));
            play.put(1150, fault(2, name, target, aimed()))
                .put(1151, fault(2, name, target, observed()));
            play.keeps(NAME);
            // A fault that is over, or one of another pod, excuses nothing.
            play.put(1160, fault(2, name, target, FaultStep::Healed));
            play.breaks(NAME);
        }
        let mut elsewhere = answered(Some("2-3"), Some(404));
        elsewhere.put(1150, fault(2, "pause", "pod-3", aimed()));
        elsewhere.breaks(NAME);
        let mut dying = answered(Some("2-3"), Some(404));
        dying.put(ASKED_MS, died("pod-2", 137));
        dying.keeps(NAME);
    }

    #[test]
    fn a_refusal_of_a_revoked_credential_is_sound() {
        let revoked = |play: &mut Play, of: u8| {
            play.put(
                1100,
                What::Client(ClientEvent::Revoked {
                    tenant: "tenant-a".into(),
                    pod: "pod-1".into(),
                    session: Some(session(of)),
                }),
            );
        };
        let mut own = answered(Some("2-3"), Some(401));
        revoked(&mut own, 2);
        own.keeps(NAME);
        let mut other = answered(Some("2-3"), Some(401));
        revoked(&mut other, 1);
        other.breaks(NAME);
    }

    #[test]
    fn a_refusal_of_somebody_elses_thread_is_sound() {
        // The session of the sixth watcher is seen to be the other tenant's.
        let mut of_the_other = opened(7, "pod-3", None);
        if let What::Watcher(WatcherEvent::TailOpened {
            thread, session: of, ..
        }) = &mut of_the_other
        {
            (*thread, *of) = ("t-2".into(), Some(session(2)));
        }
        let mut play = answered(Some("2-3"), Some(404));
        play.put(1100, of_the_other).put(1100, state(7, Status::Idle, None));
        play.keeps(NAME);
        // Status 400 is no answer to a foreign thread: it is one to the cursor.
        play.turn_into(
            &refusal("t-1", Some("2-3"), Some(404)),
            refusal("t-1", Some("2-3"), Some(400)),
        );
        play.breaks(NAME);
    }
}
