//! Promise 9: a tail delivers the backlog first, and live frames after it.
//!
//! If frames have ids, a frame is backlog if any watcher had been shown it before the tail opened; all other
//! frames are live. A backlog frame behind a live one is an inversion. Without ids, tokens decide: in a tail that
//! opened in the middle of an attempt no token may follow a later token of the same call.

use mock_ai::token;

use crate::history::{Chunk, Cursor};
use crate::judge::Promise;
use crate::judge::view::{Breach, View, Watcher, tell};

pub(crate) const PROMISE: Promise = Promise {
    number: 9,
    name: "NoInversionOnAttach",
    statement: "on each tail every frame that was in the log before the tail opened comes before every later \
                one, except after a resync, or a start that takes the text back and names no epoch",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    view.watchers
        .iter()
        .filter_map(|watcher| by_id(view, watcher).or_else(|| by_token(view, watcher)))
        .collect()
}

fn by_id(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let log = view.log(watcher);
    let mut near = 0;
    let mut live: Option<Cursor> = None;
    for frame in watcher.frames() {
        if frame.begins_anew() || matches!(frame.chunk, Chunk::Resync { .. }) {
            live = None;
        }
        let Some(cursor) = frame.cursor.filter(|_| frame.is_content()) else {
            continue;
        };
        let Some(place) = log.place(cursor, near) else { continue };
        near = place + 1;
        let is_backlog = log.frames()[place].first.n < watcher.opened.n;
        match live {
            Some(live) if is_backlog && cursor < live => {
                return Some(Breach {
                    subject: watcher.label(),
                    thread: Some(watcher.thread),
                    n: frame.at.n,
                    expected: format!(
                        "{}, which was there before the tail opened, before {}",
                        tell(cursor),
                        tell(live)
                    ),
                    got: format!("{} behind it", tell(cursor)),
                });
            }
            None if !is_backlog => live = Some(cursor),
            _ => {}
        }
    }
    None
}

fn by_token(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let mut last: Option<(u32, u32)> = None;
    watcher.frames().find_map(|frame| {
        let (turn, text) = match frame.chunk {
            Chunk::Delta { turn, text } if frame.cursor.is_none() => (turn, text),
            Chunk::Start(_) | Chunk::Resync { .. } => {
                last = None;
                return None;
            }
            _ => return None,
        };
        let (token, _) = token::parse(text)?;
        let before = last.replace((token.call, token.index));
        let (_, index) = before.filter(|(call, index)| *call == token.call && *index > token.index)?;
        let place = view.turn(turn)?;
        let in_the_middle = view.turns[place]
            .moves_us
            .first()
            .is_some_and(|us| *us < watcher.opened.us);
        in_the_middle.then(|| Breach {
            subject: watcher.label(),
            thread: Some(watcher.thread),
            n: frame.at.n,
            expected: format!("token {} before token {index}", token.index),
            got: format!("`{token}` behind it"),
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Status, WatcherEvent, What};
    use crate::judge::testing::{Play, delta, resync, start, state, takeover, token};

    const NAME: &str = "NoInversionOnAttach";

    #[test]
    fn backlog_before_live_is_accepted() {
        takeover().keeps(NAME);
    }

    /// The good run, in which the fourth watcher opens with token 3 buffered and is shown token 4 before it.
    fn inverted() -> Play {
        let mut play = takeover();
        play.move_to(1206, &crate::judge::testing::opened(4, "pod-3", None));
        play.move_to(1206, &state(4, Status::InProgress, Some("turn-1")));
        for k in 0..=6 {
            let of_fourth = if k == 0 {
                start(4, 2, true)
            } else {
                delta(4, 2, k, token(2, k as u32))
            };
            let at = match k {
                3 => 1209,
                _ => 1208,
            };
            play.move_to(at, &of_fourth);
        }
        play
    }

    #[test]
    fn backlog_behind_live_is_found() {
        let mut play = inverted();
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w4 on pod-3");
        assert_eq!(finding.got, "2-3 behind it");
        // A resync may bring again whatever it wants.
        play.turn_into(&delta(4, 2, 3, token(2, 3)), delta(4, 2, 3, token(2, 3)));
        play.put(1208, resync(4));
        play.keeps(NAME);
    }

    #[test]
    fn without_ids_the_tokens_tell() {
        let strip = |mut play: Play| {
            for k in 0..=6 {
                let old = if k == 0 {
                    start(4, 2, true)
                } else {
                    delta(4, 2, k, token(2, k as u32))
                };
                let What::Watcher(WatcherEvent::Frame { watcher, chunk, .. }) = old.clone() else {
                    unreachable!("a frame")
                };
                let new = What::Watcher(WatcherEvent::Frame {
                    watcher,
                    id: None,
                    cursor: None,
                    chunk,
                });
                play.turn_into(&old, new);
            }
            play
        };
        strip(takeover()).keeps(NAME);
        assert!(
            strip(inverted())
                .breaks(NAME)
                .expected
                .starts_with("token 3 before token ")
        );
    }

    #[test]
    fn what_comes_back_from_before_without_being_backlog_is_for_others() {
        let mut play = takeover();
        play.put(1206, delta(2, 1, 4, token(1, 4)));
        play.keeps(NAME);
    }
}
