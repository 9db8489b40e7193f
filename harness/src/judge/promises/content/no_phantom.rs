//! Promise 5: a superseded or aborted answer, or another thread's, never appears as a message of its own.
//!
//! There are five ways to break it. A tail shows a turn of another thread, or one that the store never held. A
//! screen on which a turn has finished is shown more of it, which a client renders as a new message. An attempt
//! begins under another message id than the one that the turn already has on the screen, or under another turn's.
//! A pod returns, as the answer of a turn that did not complete, text that is not of its last attempt. A tail begins with
//! a turn that was over before it was asked for ([`finished_before`]).

use std::collections::{BTreeMap, BTreeSet};

use super::finished_before;
use crate::history::{AnswerId, Capability, Chunk, TurnId};
use crate::judge::view::{Against, Breach, Read, Text, View, Watcher, name};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 5,
    name: "NoPhantom",
    statement: "every turn that a tail shows or a pod returns is stored and belongs to that thread; after a \
                turn's finish no start or text of it follows, except after a resync; no screen has two messages \
                of one turn, or one message of two; a turn that ended without completing is returned with text \
                of its last attempt, or with none; a tail of a thread that is asked for without a cursor shows no \
                turn that was over, and told on a tail, 1 s before, except after a resync",
    needs: &[],
    clauses: &[
        Clause {
            name: "every turn that is shown is stored",
            needs: &[Need::Can(Capability::EveryCommit), Need::Can(Capability::FrameTurn)],
        },
        Clause {
            name: "one message for each turn",
            needs: &[Need::Can(Capability::MessageIds)],
        },
        Clause {
            name: "readings of turns that did not complete",
            needs: &[Need::Can(Capability::StoredText)],
        },
        Clause {
            name: "no turn that was over before",
            needs: &[
                Need::Can(Capability::SkipsFinished),
                Need::Can(Capability::EveryCommit),
                Need::Can(Capability::FrameTurn),
            ],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view
        .watchers
        .iter()
        .filter_map(|watcher| shown(view, watcher))
        .collect();
    let more = |watcher| revived(view, watcher).or_else(|| mended(view, watcher));
    breaches.extend(view.watchers.iter().filter_map(more));
    breaches.extend(view.watchers.iter().filter_map(misnamed));
    breaches.extend(finished_before::judge(view));
    let mut reported = BTreeSet::new();
    let read = view.final_reads().flat_map(|read| read_otherwise(view, read));
    breaches.extend(read.filter(|breach| reported.insert(breach.subject.clone())));
    breaches
}

/// A turn on a screen that is not the thread's.
fn shown(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let is_told =
        view.ending.quiesced.is_some() && view.can(Capability::EveryCommit) && view.can(Capability::FrameTurn);
    let not_its_own = |place: &&usize| {
        let turn = &view.turns[**place];
        match turn.thread {
            Some(thread) => thread != watcher.thread,
            None => is_told && turn.rows.is_empty(),
        }
    };
    let place = *watcher.turns.keys().find(not_its_own)?;
    let turn = view.turns[place].id;
    let n = watcher.frames().find(|frame| frame.chunk.turn() == Some(turn))?.at.n;
    let whose = match view.turns[place].thread {
        Some(thread) => format!("of thread {}", view.threads[thread].id),
        None => "that is not stored".into(),
    };
    Some(Breach {
        subject: watcher.label(),
        thread: Some(watcher.thread),
        n,
        expected: format!("turns of thread {} only", view.threads[watcher.thread].id),
        got: format!("turn {turn} {whose}"),
    })
}

/// More of a turn on a screen on which it has finished.
fn revived(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let mut finished: BTreeSet<&TurnId> = BTreeSet::new();
    let frame = watcher.frames().find(|frame| match frame.chunk {
        Chunk::Resync { .. } => {
            finished.clear();
            false
        }
        Chunk::Finish { turn, .. } => {
            finished.insert(turn);
            false
        }
        Chunk::Start(_) | Chunk::Delta { .. } => frame.chunk.turn().is_some_and(|turn| finished.contains(turn)),
        _ => false,
    })?;
    let turn = frame.chunk.turn()?;
    Some(Breach {
        subject: format!("{}, turn {turn}", watcher.label()),
        thread: view.turn(turn).and_then(|place| view.turns[place].thread),
        n: frame.at.n,
        expected: "nothing more of the turn after its finish".into(),
        got: name(frame.chunk),
    })
}

/// A text that another one replaces on a screen on which its turn has finished.
fn mended(view: &View<'_>, watcher: &Watcher<'_>) -> Option<Breach> {
    let (place, at) = watcher
        .turns
        .iter()
        .find_map(|(place, seen)| Some((*place, seen.mended?)))?;
    let turn = &view.turns[place];
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n: at.n,
        expected: "nothing more of the turn after its finish".into(),
        got: "another text as its whole one".into(),
    })
}

/// A turn that appears as a message beside its own, or inside another turn's. A reset removes the unfinished
/// message, and a resync removes everything that was shown.
fn misnamed(watcher: &Watcher<'_>) -> Option<Breach> {
    let mut messages: BTreeMap<&TurnId, &AnswerId> = BTreeMap::new();
    let mut turns: BTreeMap<&AnswerId, &TurnId> = BTreeMap::new();
    watcher.frames().find_map(|frame| {
        let start = match frame.chunk {
            Chunk::Start(start) => start,
            Chunk::Resync { .. } => {
                messages.clear();
                turns.clear();
                return None;
            }
            _ => return None,
        };
        let (turn, answer) = (&start.turn, start.answer.as_ref()?);
        let other = turns.insert(answer, turn).filter(|other| *other != turn);
        let own = messages
            .insert(turn, answer)
            .filter(|own| *own != answer && !start.reset);
        let expected = match (other, own) {
            (Some(other), _) => format!("a message id of its own: this one belongs to turn {other}"),
            (None, Some(own)) => format!("message {own} of turn {turn} to continue, or a reset"),
            (None, None) => return None,
        };
        Some(Breach {
            subject: format!("{}, turn {turn}", watcher.label()),
            thread: Some(watcher.thread),
            n: frame.at.n,
            expected,
            got: format!("message {answer}"),
        })
    })
}

/// Answers of the final state that belong to no turn of the thread, or hold text that is not of the last attempt.
fn read_otherwise(view: &View<'_>, read: &Read<'_>) -> Vec<Breach> {
    let check = |answer: &crate::history::ReadAnswer| {
        let turn = &view.turns[view.answered(answer)?];
        let breach = |expected: String, got: String| {
            Some(Breach {
                subject: format!("thread read from {}, turn {}", read.pod, turn.id),
                thread: Some(read.thread),
                n: read.at.n,
                expected,
                got,
            })
        };
        if turn.thread != Some(read.thread) && view.can(Capability::EveryCommit) {
            let expected = format!("turns of thread {} only", view.threads[read.thread].id);
            return breach(expected, format!("turn {} of no thread or of another one", turn.id));
        }
        let ended = turn.terminal()?;
        let answered = Text::of(read.at.n, &answer.text);
        match answered.against(turn.durable.as_ref()?, 0) {
            Against::Apart(at) if !turn.is_completed() => breach(
                format!("text of the attempt at epoch {}, or none", ended.epoch),
                answered.word_at(at),
            ),
            _ => None,
        }
    };
    read.answers.iter().filter_map(check).collect()
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, PodEvent, RunEvent, Start, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{
        answer, delta, failed, finish, frame_of, read, resync, start, takeover, token, turn_row,
    };

    const NAME: &str = "NoPhantom";

    #[test]
    fn a_takeover_with_a_reset_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_turn_that_nobody_stored_is_found_on_a_screen_and_in_a_reading() {
        let mut play = takeover();
        let What::Watcher(WatcherEvent::Frame {
            watcher, id, cursor, ..
        }) = start(3, 3, false)
        else {
            unreachable!("a frame")
        };
        let (turn, epoch) = ("turn-9".into(), Some(crate::history::Epoch(3)));
        let chunk = Chunk::Start(Box::new(Start {
            turn,
            epoch,
            reset: false,
            answer: None,
        }));
        play.put(
            1250,
            What::Watcher(WatcherEvent::Frame {
                watcher,
                id,
                cursor,
                chunk,
            }),
        );
        assert_eq!(play.breaks(NAME).got, "turn turn-9 that is not stored");

        let mut play = takeover();
        let mut answered = read("pod-3", Status::Completed, answer(2), None);
        if let What::Pod(PodEvent::ThreadRead { answers, .. }) = &mut answered {
            let mut second = answers[0].clone();
            second.turn = Some("turn-9".into());
            answers.push(second);
        }
        play.turn_into(&read("pod-3", Status::Completed, answer(2), None), answered);
        assert_eq!(play.breaks(NAME).subject, "thread read from pod-3, turn turn-9");
    }

    #[test]
    fn text_after_the_finish_is_found_unless_a_resync_comes_first() {
        let mut play = takeover();
        play.put(1240, start(3, 3, false));
        assert_eq!(play.breaks(NAME).got, "start of turn turn-1");

        let mut play = takeover();
        play.put(1240, resync(3)).put(1240, start(3, 2, false));
        for k in 1..=6 {
            play.put(1241, delta(3, 2, u64::from(k), token(2, k)));
        }
        play.put(1242, finish(3, 2, 7, Status::Completed));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_comes_up_as_a_second_message_is_found_unless_the_first_is_taken_away() {
        let as_message = |answer: &str, reset| {
            let mut start = start(3, 2, reset);
            if let What::Watcher(WatcherEvent::Frame {
                chunk: Chunk::Start(of),
                ..
            }) = &mut start
            {
                of.answer = Some(answer.into());
            }
            start
        };
        let mut play = takeover();
        play.turn_into(&start(3, 2, true), as_message("answer-2", true));
        play.keeps(NAME);
        play.turn_into(&as_message("answer-2", true), as_message("answer-2", false));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.expected.as_str()),
            (
                "w3 on pod-3, turn turn-1",
                "message answer-1 of turn turn-1 to continue, or a reset"
            )
        );
        play.put(1200, resync(3)).keeps(NAME);
    }

    #[test]
    fn two_turns_in_one_message_are_found() {
        let next = |answer: &str| {
            let mut play = takeover();
            play.put(1240, turn_row(120, "turn-2", 3, Status::InProgress));
            let chunk = Chunk::Start(Box::new(Start {
                turn: "turn-2".into(),
                epoch: Some(crate::history::Epoch(3)),
                reset: false,
                answer: Some(answer.into()),
            }));
            play.put(1240, frame_of(3, Some((3, 0)), chunk));
            play
        };
        next("answer-2").keeps(NAME);
        let finding = next("answer-1").breaks(NAME);
        assert_eq!(
            finding.expected,
            "a message id of its own: this one belongs to turn turn-1"
        );
        assert_eq!(finding.got, "message answer-1");
    }

    #[test]
    fn a_failed_turn_may_keep_the_text_of_its_last_attempt_alone() {
        failed("").keeps(NAME);
        failed(&token(2, 1)).keeps(NAME);
        let finding = failed(&token(1, 1)).breaks(NAME);
        assert_eq!(finding.expected, "text of the attempt at epoch 2, or none");
    }

    #[test]
    fn a_history_that_ends_too_early_is_not_held_against_an_unstored_turn() {
        let mut play = takeover();
        play.put(1250, start(3, 2, false));
        play.without(|what| {
            matches!(
                what,
                What::Run(RunEvent::Quiesced)
                    | What::Store(StoreEvent::Row { .. })
                    | What::Watcher(WatcherEvent::Frame { .. })
            )
        });
        assert!(
            play.findings(NAME)
                .iter()
                .all(|finding| finding.subject.starts_with("thread read"))
        );
    }
}
