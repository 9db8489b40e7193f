//! Contradictions: two events of a history that cannot both be true, so that the history proves nothing.
//!
//! A frame is read out of bytes, on a tail that is open. The rows of one transaction follow one another. A turn that the database called
//! over when it was asked was ended by a commit, and each commit is in the history. A history that breaks one of these was written
//! wrongly, or changed later.
//!
//! Deliberately absent: contradictions between what pods say and what stores hold, which are the system's.

use std::collections::{HashMap, HashSet};

use crate::history::{Capability, Event, StoreEvent, WatcherEvent, WatcherId, What};
use crate::judge::view::View;
use crate::judge::view::at::{At, ROW_LATENESS_US};

/// The first contradiction of a history, in words.
pub(in crate::judge::view) fn first(view: &View<'_>, events: &[Event]) -> Option<String> {
    let found = [frames(events), transactions(events), unwritten(view)];
    let found = found.into_iter().flatten().min_by_key(|(n, _)| *n);
    found.map(|(_, words)| words)
}

/// An event's line in the file, from 1.
fn line(n: u64) -> u64 {
    n + 1
}

/// All that is known of a watcher's tail.
#[derive(Debug, Clone, Copy)]
struct Tail {
    opened: u64,
    /// True if bytes of it were recorded.
    has_bytes: bool,
    closed: Option<u64>,
}

/// A frame that was read from nothing: on a tail that is not open, or, where bytes are recorded, before any byte came.
fn frames(events: &[Event]) -> Option<(u64, String)> {
    let mut tails: HashMap<WatcherId, Tail> = HashMap::new();
    let mut first_bytes: Option<(WatcherId, u64)> = None;
    let mut unread: Option<(u64, WatcherId, u64)> = None;
    for event in events {
        let What::Watcher(seen) = &event.what else { continue };
        match seen {
            WatcherEvent::TailOpened { watcher, .. } => {
                let tail = Tail {
                    opened: event.n,
                    has_bytes: false,
                    closed: None,
                };
                tails.insert(*watcher, tail);
            }
            WatcherEvent::Bytes { watcher, .. } => {
                first_bytes.get_or_insert((*watcher, event.n));
                if let Some(tail) = tails.get_mut(watcher) {
                    tail.has_bytes = true;
                }
            }
            WatcherEvent::Frame { watcher, .. } => match tails.get(watcher) {
                None => {
                    return Some((
                        event.n,
                        format!(
                            "line {} is a frame of {watcher}, and no line before it opens a tail of that",
                            line(event.n)
                        ),
                    ));
                }
                Some(Tail {
                    closed: Some(closed), ..
                }) => {
                    let words = format!(
                        "line {} is a frame of {watcher}, whose tail ended at line {}",
                        line(event.n),
                        line(*closed)
                    );
                    return Some((event.n, words));
                }
                Some(tail) if !tail.has_bytes && unread.is_none() => unread = Some((event.n, *watcher, tail.opened)),
                Some(_) => {}
            },
            WatcherEvent::TailClosed { watcher, .. } => {
                if let Some(tail) = tails.get_mut(watcher) {
                    tail.closed = Some(event.n);
                }
            }
            WatcherEvent::TailRefused { .. } => {}
        }
    }
    // Saved histories may have been kept without bytes, all of them.
    let (_, (n, watcher, opened)) = first_bytes.zip(unread)?;
    let words = format!(
        "line {} is a frame of {watcher}, and there are no bytes of it since its tail opened at line {}",
        line(n),
        line(opened)
    );
    Some((n, words))
}

/// Rows of one transaction with another transaction's between them.
fn transactions(events: &[Event]) -> Option<(u64, String)> {
    let mut over: HashSet<u64> = HashSet::new();
    let mut current: Option<(u64, u64)> = None;
    for event in events {
        let What::Store(StoreEvent::Row { xid, .. }) = &event.what else {
            continue;
        };
        match current {
            Some((before, _)) if before == *xid => {}
            Some((before, last)) => {
                over.insert(before);
                if over.contains(xid) {
                    let words = format!(
                        "line {} is a row of transaction {xid}, which was over when line {} told of another one",
                        line(event.n),
                        line(last)
                    );
                    return Some((event.n, words));
                }
            }
            None => {}
        }
        current = Some((*xid, event.n));
    }
    None
}

/// A turn that the database called over when it was asked, and that no committed change ever ended, though the history goes on for long
/// enough.
fn unwritten(view: &View<'_>) -> Option<(u64, String)> {
    let until_us = view.watched_until_us();
    let is_read = |at: At| view.can(Capability::EveryCommit) && at.us + ROW_LATENESS_US < until_us;
    view.probes.iter().filter(|probe| is_read(probe.at)).find_map(|probe| {
        let status = probe.status.filter(|status| status.is_terminal())?;
        let turn = &view.turns[view.turn(probe.turn)?];
        let last = turn.rows.last().filter(|_| turn.terminal().is_none())?;
        let words = format!(
            "line {} says that the database called turn {} {status:?}, and its last row, at line {}, says {:?}",
            line(probe.at.n),
            probe.turn,
            line(last.at.n),
            last.status
        );
        Some((probe.at.n, words))
    })
}

#[cfg(test)]
mod tests {
    use crate::history::reader::History;
    use crate::history::{Event, RunEvent, Status, StoreEvent, TailEnd, WatcherEvent, WatcherId, What};
    use crate::judge::judge;
    use crate::judge::testing::{Play, closed, delta, takeover, token, turn_row};
    use crate::verdict::Verdict;

    /// The words for the contradiction of a play, which must be broken.
    #[track_caller]
    fn contradiction(play: &Play) -> String {
        let judgement = play.judged();
        assert_eq!(judgement.verdict, Verdict::Broken, "{judgement:#?}");
        let reason = judgement.reason.expect("a reason");
        let words = reason.strip_prefix("its sources contradict each other: ");
        words.unwrap_or_else(|| panic!("{reason}")).to_owned()
    }

    /// The good run with bytes of every tail but one.
    fn with_bytes_but_of(missing: u32) -> History {
        let bytes = |watcher: WatcherId| {
            let raw = serde_json::from_str(r#"{"utf8":"data: x"}"#).expect("bytes");
            What::Watcher(WatcherEvent::Bytes { watcher, raw })
        };
        let mut events: Vec<Event> = Vec::new();
        for event in takeover().history().events {
            let (at_us, opened) = (event.at_us, opened_by(&event.what));
            events.push(event);
            if let Some(watcher) = opened.filter(|watcher| watcher.0 != missing) {
                let what = bytes(watcher);
                events.push(Event { n: 0, at_us, what });
            }
        }
        for (n, event) in (0..).zip(&mut events) {
            event.n = n;
        }
        History { events, cut_off: None }
    }

    fn opened_by(what: &What) -> Option<WatcherId> {
        if let What::Watcher(WatcherEvent::TailOpened { watcher, .. }) = what {
            Some(*watcher)
        } else {
            None
        }
    }

    #[test]
    fn a_frame_on_no_open_tail_is_a_contradiction() {
        let mut play = takeover();
        play.put(1_310, delta(9, 2, 1, token(2, 1)));
        assert!(contradiction(&play).contains("is a frame of w9, and no line before it opens a tail"));
        let mut play = takeover();
        play.put(1_206, closed(3, TailEnd::Eof));
        assert!(contradiction(&play).contains("is a frame of w3, whose tail ended at line "));
    }

    #[test]
    fn a_frame_without_its_bytes_is_a_contradiction_where_bytes_are_kept() {
        assert_eq!(judge(&with_bytes_but_of(99)).verdict, Verdict::Pass);
        for watcher in 1..=5 {
            let judgement = judge(&with_bytes_but_of(watcher));
            assert_eq!(judgement.verdict, Verdict::Broken);
            let (reason, whose) = (
                judgement.reason.expect("a reason"),
                format!("is a frame of w{watcher}, "),
            );
            assert!(
                reason.contains(&whose) && reason.contains("no bytes of it since its tail opened"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_transaction_that_comes_back_is_a_contradiction() {
        let mut play = takeover();
        play.put(1_310, turn_row(40, "turn-1", 2, Status::Completed));
        let words = contradiction(&play);
        assert!(
            words.contains("is a row of transaction 40, which was over when line "),
            "{words}"
        );
    }

    #[test]
    fn an_end_that_was_read_and_never_committed_is_a_contradiction() {
        let mut play = takeover();
        play.without(|what| *what == turn_row(99, "turn-1", 2, Status::Completed));
        let words = contradiction(&play);
        assert!(
            words.contains("called turn turn-1 Completed, and its last row, at line "),
            "{words}"
        );
        assert!(words.ends_with("says InProgress"), "{words}");
        // The history ends before the row must have been read.
        play.move_to(2_000, &What::Run(RunEvent::Quiesced));
        assert_ne!(play.judged().verdict, Verdict::Broken);
        // Nobody asked.
        let mut play = takeover();
        play.without(|what| *what == turn_row(99, "turn-1", 2, Status::Completed))
            .without(|what| matches!(what, What::Store(StoreEvent::TerminalProbe { .. })));
        assert_eq!(play.judged().verdict, Verdict::Fail);
    }
}
