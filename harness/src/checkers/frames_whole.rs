//! Promise 11: an event arrives whole or not at all, wherever the bytes are cut on their way.
//!
//! The recorder hands on only events that their blank line has closed, so that one the target's format cannot read was
//! split, merged or garbled before it left. A stream that is no SSE or no text at all is held against the service too,
//! but not where the tail's pod was told to die: then the last bytes are cut wherever they were.

use super::Promise;
use super::view::{Breach, View, Watcher};
use crate::history::{Chunk, TailEnd};

/// How the recorder begins what it says of a stream that it cannot read on.
const NO_STREAM: [&str; 2] = ["not UTF-8", "not SSE"];
/// How it ends what it says of a line without an end.
const NO_END: &str = "bytes without a line's end";

pub(crate) const PROMISE: Promise = Promise {
    number: 11,
    name: "FramesWhole",
    statement: "every event of a stream can be read in the target's format, as one event; no stream breaks off as something \
                that is not SSE, but with its pod",
    needs: &[],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.watchers
        .iter()
        .filter_map(|watcher| unreadable(watcher).or_else(|| no_stream(view, watcher)))
        .collect()
}

fn unreadable(watcher: &Watcher<'_>) -> Option<Breach> {
    watcher.frames().find_map(|frame| match frame.chunk {
        Chunk::Unreadable { why, data } => Some(Breach {
            subject: watcher.label(),
            thread: Some(watcher.thread),
            n: frame.at.n,
            expected: "a whole event of the stream's format".into(),
            got: format!("{why}: `{}`", super::view::oneline(data)),
        }),
        _ => None,
    })
}

fn no_stream(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let (at, TailEnd::Broken { reason }) = watcher.closed? else {
        return None;
    };
    let is_garbled = NO_STREAM.iter().any(|start| reason.starts_with(start)) || reason.contains(NO_END);
    if !is_garbled || view.lost_its_pod(watcher, at.us) {
        return None;
    }
    Some(Breach {
        subject: watcher.label(),
        thread: Some(watcher.thread),
        n: at.n,
        expected: "server-sent events".into(),
        got: super::view::oneline(reason),
    })
}

#[cfg(test)]
mod tests {
    use crate::checkers::testing::{closed, takeover};
    use crate::history::{Chunk, TailEnd, WatcherId, What};

    const NAME: &str = "FramesWhole";

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
        let what = What::Frame {
            watcher: WatcherId(3),
            id: None,
            cursor: None,
            chunk: Chunk::Unreadable { why, data },
        };
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
    fn a_stream_that_breaks_with_its_pod_or_its_connection_is_not_judged() {
        let mut play = takeover();
        play.turn_into(&closed(1, TailEnd::Eof), closed(1, broken("not UTF-8: incomplete")));
        play.turn_into(&closed(3, TailEnd::Left), closed(3, broken("connection reset")));
        play.keeps(NAME);
    }
}
