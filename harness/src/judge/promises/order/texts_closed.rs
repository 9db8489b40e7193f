//! Texts that are opened and closed, a part of promise 11.
//!
//! A client of such a stream keeps a text open until it is told of its end, and takes the end of a text that it has not opened for an
//! error. Deliberately absent: tails that resume inside of an attempt, and what follows an event that cannot be read, for nobody knows
//! which texts are open there; frames of attempts that were superseded; and text that no frame has opened.

use crate::history::{Capability, Chunk, Epoch, TextFrames, TurnId};
use crate::judge::view::{Breach, Frame, View, Watcher, name};

/// The tails on which a text is left open or closed without having been opened; of each the first such frame.
pub(super) fn judge(view: &View<'_>) -> Vec<Breach> {
    let Some(kinds) = view.rules.texts.as_ref().filter(|_| view.can(Capability::TextsClosed)) else {
        return Vec::new();
    };
    let tails = view.watchers.iter();
    tails.filter_map(|watcher| unbalanced(watcher, kinds)).collect()
}

/// The attempt that a tail shows.
#[derive(Default)]
struct Shown<'a> {
    turn: Option<&'a TurnId>,
    epoch: Option<Epoch>,
    /// Number of its texts that are open. `None` if that is not known.
    open: Option<u32>,
}

fn unbalanced(watcher: &Watcher<'_>, kinds: &TextFrames) -> Option<Breach> {
    let mut shown = Shown::default();
    let mut newest: Option<Epoch> = None;
    for frame in watcher.frames() {
        let epoch = frame.cursor.and_then(|cursor| cursor.epoch);
        if epoch.is_some() && epoch < newest {
            continue;
        }
        newest = newest.max(epoch);
        if let Some(expected) = shown.take(&frame, kinds) {
            let turn = frame
                .chunk
                .turn()
                .map_or(String::new(), |turn| format!(", turn {turn}"));
            return Some(Breach {
                subject: format!("{}{turn}", watcher.label()),
                thread: Some(watcher.thread),
                n: frame.at.n,
                expected,
                got: name(frame.chunk),
            });
        }
    }
    None
}

impl<'a> Shown<'a> {
    /// Takes the next frame. Returns the expectation that it breaks, if it breaks one.
    fn take(&mut self, frame: &Frame<'a>, kinds: &TextFrames) -> Option<String> {
        let epoch = frame.cursor.and_then(|cursor| cursor.epoch);
        match frame.chunk {
            Chunk::Start(start) => {
                // A start that takes nothing back goes on with what is open.
                let goes_on = self.turn == Some(&start.turn) && !start.reset;
                *self = Self {
                    turn: Some(&start.turn),
                    epoch,
                    open: (!goes_on).then_some(0),
                };
                None
            }
            Chunk::Resync { .. } | Chunk::Unreadable { .. } => {
                *self = Self::default();
                None
            }
            chunk if self.turn.is_none() || chunk.turn() != self.turn || epoch != self.epoch => None,
            Chunk::Part { part, .. } if kinds.opens.contains(part) => {
                self.open = self.open.map(|open| open + 1);
                None
            }
            Chunk::Part { part, .. } if kinds.closes.contains(part) => {
                let is_bare = self.open == Some(0);
                self.open = self.open.and_then(|open| open.checked_sub(1));
                is_bare.then(|| "the end of a text that was opened".to_owned())
            }
            Chunk::Finish { .. } => {
                let open = self.open.take().filter(|open| *open > 0);
                open.map(|_| format!("`{}` before the finish, for a text is open", kinds.closes.join("`, `")))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, Chunk, Status, TextFrames, What};
    use crate::judge::testing::{Play, delta, finish, frame_of, opened, resync, start, state, takeover, token};

    const NAME: &str = "FramesWhole";

    fn part(seq: u64, part: &str) -> What {
        let (turn, part) = ("turn-1".into(), part.into());
        frame_of(7, Some((2, seq)), Chunk::Part { turn, part })
    }

    fn opens(seq: u64) -> What {
        part(seq, "text-start")
    }

    fn closes(seq: u64) -> What {
        part(seq, "text-end")
    }

    fn said(seq: u64) -> What {
        delta(7, 2, seq, token(2, 1))
    }

    fn over(seq: u64) -> What {
        finish(7, 2, seq, Status::Completed)
    }

    /// The good run, in which a seventh watcher is shown these frames, of a system that opens and closes texts.
    fn shown(frames: &[What]) -> Play {
        let mut play = takeover();
        play.describe(|began| {
            began.rules.texts = Some(TextFrames {
                opens: vec!["text-start".into()],
                closes: vec!["text-end".into()],
            });
        });
        play.put(1_300, opened(7, "pod-3", None))
            .put(1_300, state(7, Status::Completed, Some("turn-1")));
        for frame in frames {
            play.put(1_301, frame.clone());
        }
        play
    }

    #[test]
    fn texts_that_are_opened_and_closed_are_accepted() {
        shown(&[start(7, 2, false), opens(1), said(2), closes(3), over(4)]).keeps(NAME);
        shown(&[start(7, 2, false), over(1)]).keeps(NAME);
        let two = [
            start(7, 2, false),
            opens(1),
            closes(2),
            opens(3),
            opens(4),
            closes(5),
            closes(6),
            over(7),
        ];
        shown(&two).keeps(NAME);
    }

    #[test]
    fn a_text_that_is_left_open_is_found() {
        let finding = shown(&[start(7, 2, false), opens(1), said(2), over(3)]).breaks(NAME);
        assert_eq!(finding.subject, "w7 on pod-3, turn turn-1");
        assert_eq!(finding.expected, "`text-end` before the finish, for a text is open");
        assert_eq!(finding.got, "finish of turn turn-1");
    }

    #[test]
    fn an_end_of_a_text_that_is_not_open_is_found() {
        for frames in [
            &[start(7, 2, false), closes(1), over(2)][..],
            &[start(7, 2, false), opens(1), said(2), closes(3), closes(4), over(5)],
        ] {
            let finding = shown(frames).breaks(NAME);
            assert_eq!(finding.expected, "the end of a text that was opened");
            assert_eq!(finding.got, "text-end of turn turn-1");
        }
    }

    #[test]
    fn a_stream_that_is_joined_in_the_middle_of_an_attempt_is_not_reached() {
        shown(&[said(2), closes(3), over(4)]).keeps(NAME);
        shown(&[start(7, 2, false), opens(1), resync(7), closes(3), over(4)]).keeps(NAME);
        shown(&[start(7, 2, false), opens(1), start(7, 2, false), closes(3), over(4)]).keeps(NAME);
    }

    #[test]
    fn an_attempt_that_is_taken_back_leaves_nothing_open() {
        let (turn, part) = ("turn-1".into(), "text-start".into());
        let first = frame_of(7, Some((1, 1)), Chunk::Part { turn, part });
        let late = finish(7, 1, 2, Status::Completed);
        shown(&[start(7, 1, false), first, start(7, 2, true), late, over(1)]).keeps(NAME);
    }

    #[test]
    fn a_text_that_is_open_when_the_tail_ends_may_be_closed_later() {
        shown(&[start(7, 2, false), opens(1), said(2)]).keeps(NAME);
    }

    #[test]
    fn a_system_whose_frames_do_not_close_texts_is_not_judged() {
        let mut play = shown(&[start(7, 2, false), closes(1), over(2)]);
        play.describe(|began| began.capabilities.retain(|can| *can != Capability::TextsClosed));
        play.keeps(NAME);
        play.is_judged_in_part(NAME, "each text is closed once");
    }
}
