//! Promise 11: an event arrives whole or not at all, wherever the bytes are cut on their way.
//!
//! The recorder hands on only events that their blank line has closed, so that one the target's format cannot read was
//! split, merged or garbled before it left. A stream that is none is held against the service too, whatever became of its
//! pod: a death cuts bytes off, and what is cut is no event yet; it makes no others. So is an attach that is answered with
//! neither a stream nor a refusal, but not near a fault of its pod: what listens at a dead pod's port may be somebody else.
//! Texts that frames open and close are [`texts_closed`]'s.

use super::texts_closed;
use crate::history::{Capability, Chunk, Status, TailEnd};
use crate::judge::view::{Breach, Refused, View, Watcher, oneline};
use crate::judge::{Clause, Need, Promise};

/// How histories of schema 1 begin what they say of a stream that could not be read on.
const NO_STREAM: [&str; 2] = ["not UTF-8", "not SSE"];
/// How they end what they say of a line without an end.
const NO_END: &str = "bytes without a line's end";
/// The status of an answer that has no content.
const NO_CONTENT: u16 = 204;
/// How long a thread stands as it does before everybody must know, in microseconds.
const SETTLED_US: u64 = 1_000_000;
/// Longest that an attach waits for its answer, in microseconds.
const ASKED_US: u64 = 5_000_000;

pub(crate) const PROMISE: Promise = Promise {
    number: 11,
    name: "FramesWhole",
    statement: "every event of a stream can be read in the target's format, as one event; an attach on a pod that is not broken \
                itself is answered with a stream or a refusal, or with nothing if no turn is in flight; no stream turns out to be no SSE, or has an event or a \
                length far beyond any answer's; a text is opened before it is closed, and closed once before the finish of its \
                turn",
    needs: &[],
    clauses: &[
        Clause {
            name: "kinds that nobody knows",
            needs: &[Need::Can(Capability::KnownKinds)],
        },
        Clause {
            name: "each text is closed once",
            needs: &[Need::Can(Capability::TextsClosed)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let tails = view.watchers.iter();
    let tails = tails.filter_map(|watcher| unreadable(watcher).or_else(|| no_stream(view, watcher)));
    let refused = view.refused.iter();
    let refused = refused.filter_map(|refused| nonsense(view, refused).or_else(|| empty(view, refused)));
    let of_texts = texts_closed::judge(view);
    tails.chain(refused).chain(of_texts).collect()
}

/// An attach that was answered with 204, while a turn was in flight and nothing was broken.
fn empty(view: &View<'_>, refused: &Refused<'_>) -> Option<Breach> {
    let until_us = refused.at.us;
    let (since_us, status) = stood(view, refused)?;
    let is_settled = since_us + SETTLED_US <= until_us;
    let from_us = until_us.saturating_sub(ASKED_US);
    let is_broken = view.faults.during(from_us, until_us).next().is_some();
    let is_wrong = refused.status == Some(NO_CONTENT) && status == Status::InProgress && is_settled && !is_broken;
    is_wrong.then(|| Breach {
        subject: format!("attach of {} on {}", refused.watcher, refused.pod),
        thread: Some(refused.thread),
        n: refused.at.n,
        expected: "a stream, as a turn of the thread is in flight".into(),
        got: oneline(refused.reason),
    })
}

/// Where the turn, or the thread, of a refused attach stood, and since when.
fn stood(view: &View<'_>, refused: &Refused<'_>) -> Option<(u64, Status)> {
    if let Some(turn) = refused.turn {
        let rows = &view.turns[view.turn(turn)?].rows;
        let row = rows[..rows.partition_point(|row| row.at.us <= refused.at.us)].last()?;
        return Some((row.at.us, row.status));
    }
    let newest = view.newest_owned(refused.thread, refused.at.us)?;
    Some((newest.at.us, newest.status))
}

fn nonsense(view: &View<'_>, refused: &Refused<'_>) -> Option<Breach> {
    let (pod, until_us) = (refused.pod, refused.at.us);
    let from_us = until_us.saturating_sub(ASKED_US);
    // A pod that lacks what it depends on refuses, and knows how to.
    let mut own = view
        .faults
        .during(from_us, until_us)
        .filter(|fault| fault.target == pod.as_str());
    let is_excused = own.any(|fault| fault.touches(from_us, until_us));
    (refused.garbled && !is_excused).then(|| Breach {
        subject: format!("attach of {} on {pod}", refused.watcher),
        thread: Some(refused.thread),
        n: refused.at.n,
        expected: "a stream or a refusal".into(),
        got: oneline(refused.reason),
    })
}

fn unreadable(watcher: &Watcher<'_>) -> Option<Breach> {
    watcher.frames().find_map(|frame| match frame.chunk {
        Chunk::Unreadable { why, data } => Some(Breach {
            subject: watcher.label(),
            thread: Some(watcher.thread),
            n: frame.at.n,
            expected: "a whole event of the stream's format".into(),
            got: format!("{why}: `{}`", oneline(data)),
        }),
        _ => None,
    })
}

fn no_stream(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let (at, end) = watcher.closed?;
    let got = match end {
        TailEnd::NoStream { why, seen_bytes } => format!("{why}, after {seen_bytes} bytes"),
        TailEnd::Broken { reason } if is_garbled(reason) && !view.lost_its_pod(watcher, at.us) => reason.clone(),
        _ => return None,
    };
    Some(Breach {
        subject: watcher.label(),
        thread: Some(watcher.thread),
        n: at.n,
        expected: "server-sent events".into(),
        got: oneline(&got),
    })
}

fn is_garbled(reason: &str) -> bool {
    NO_STREAM.iter().any(|start| reason.starts_with(start)) || reason.contains(NO_END)
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, CursorForm, TailEnd, WatcherEvent, WatcherId, What};
    use crate::judge::testing::{aimed, closed, fault, takeover};

    const NAME: &str = "FramesWhole";

    fn no_stream(why: &str) -> TailEnd {
        let (why, seen_bytes) = (why.into(), 9);
        TailEnd::NoStream { why, seen_bytes }
    }

    fn refused(pod: &str, garbled: bool) -> What {
        What::Watcher(WatcherEvent::TailRefused {
            watcher: WatcherId(9),
            pod: pod.into(),
            thread: "t-1".into(),
            turn: None,
            cursor: None,
            form: CursorForm::default(),
            asked_us: 0,
            session: None,
            status: Some(200),
            reason: "status 200, content type text/html".into(),
            garbled,
        })
    }

    #[test]
    fn an_attach_that_is_told_of_no_content_is_found_only_while_a_turn_is_in_flight() {
        let empty = |ms| {
            let mut play = takeover();
            let mut told = refused("pod-3", false);
            if let What::Watcher(WatcherEvent::TailRefused { status, .. }) = &mut told {
                *status = Some(204);
            }
            play.put(ms, told);
            play
        };
        // Over by then.
        empty(9_000).keeps(NAME);
        // Its owner was killed a moment ago.
        empty(1_190).keeps(NAME);
        let mut calm = empty(1_190);
        calm.without(|what| matches!(what, What::Fault(_)));
        assert_eq!(
            calm.breaks(NAME).expected,
            "a stream, as a turn of the thread is in flight"
        );
    }

    fn broken(reason: &str) -> TailEnd {
        TailEnd::Broken { reason: reason.into() }
    }

    #[test]
    fn whole_events_are_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn an_event_that_cannot_be_read_is_found() {
        let mut play = takeover();
        let (why, data) = (
            "not JSON: trailing characters".into(),
            r#"{"type":"finish"}{"type":"#.into(),
        );
        let what = What::Watcher(WatcherEvent::Frame {
            watcher: WatcherId(3),
            id: None,
            cursor: None,
            chunk: Chunk::Unreadable { why, data },
        });
        play.put(1206, what);
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3");
        assert!(finding.got.starts_with("not JSON: trailing"), "{}", finding.got);
    }

    #[test]
    fn a_stream_that_is_none_is_found() {
        for reason in [
            "not UTF-8: invalid",
            "not SSE: Tag",
            "9000000 bytes without a line's end",
        ] {
            let mut play = takeover();
            play.turn_into(&closed(3, TailEnd::Left), closed(3, broken(reason)));
            assert_eq!(play.breaks(NAME).got, reason.replace('\'', "\\'"));
        }
    }

    #[test]
    fn a_stream_that_is_none_is_found_though_its_pod_was_killed() {
        for (watcher, before) in [(3, TailEnd::Left), (1, TailEnd::Eof)] {
            let mut play = takeover();
            let end = closed(watcher, no_stream("an event of over 4194304 bytes"));
            play.turn_into(&closed(watcher, before), end);
            assert_eq!(play.breaks(NAME).got, "an event of over 4194304 bytes, after 9 bytes");
        }
    }

    #[test]
    fn an_attach_that_is_answered_with_nonsense_is_found_but_not_near_a_fault_of_its_pod() {
        let mut play = takeover();
        play.put(1206, refused("pod-3", true));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "attach of w9 on pod-3");
        assert_eq!(finding.got, "status 200, content type text/html");
        for (ms, pod, garbled) in [(1206, "pod-1", true), (5_000, "pod-1", true), (1206, "pod-3", false)] {
            let mut play = takeover();
            play.put(ms, refused(pod, garbled));
            play.keeps(NAME);
        }
        play.put(1205, fault(2, "kill", "nats", aimed()));
        assert_eq!(play.breaks(NAME).subject, "attach of w9 on pod-3");
    }

    #[test]
    fn a_stream_that_breaks_with_its_pod_or_its_connection_is_not_judged() {
        let mut play = takeover();
        play.turn_into(&closed(1, TailEnd::Eof), closed(1, broken("not UTF-8: incomplete")));
        play.turn_into(&closed(3, TailEnd::Left), closed(3, broken("connection reset")));
        play.keeps(NAME);
    }
}
