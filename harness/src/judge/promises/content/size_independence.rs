//! Promise 6: large answers and large pieces arrive like small ones.
//!
//! Somewhere between a model and a screen there is always a size limit: of a notification, of a message, of a
//! line. An answer over such a limit must still arrive. So a turn whose whole answer is at least 7 kB must
//! complete, and its text must equal the oracle's in the store, on each screen that was shown its finish, and in
//! each reading.

use crate::history::{Capability, Expect, Status};
use crate::judge::facts::oracle;
use crate::judge::view::{Anchor, Breach, Due, Text, Turn, View};
use crate::judge::{Clause, Need, Promise};

/// Least size of an answer that is judged here, in bytes: just under the smallest limit that services are known to have.
const LARGE_BYTES: usize = 7_000;

pub(crate) const PROMISE: Promise = Promise {
    number: 6,
    name: "SizeIndependence",
    statement: "a turn with an answer or a piece of 7 kB or more completes, unless it was cancelled or something \
                was broken, and its text is whole in the store, on every screen and in every reading",
    needs: &[],
    clauses: &[Clause {
        name: "the stored text",
        needs: &[Need::Can(Capability::StoredText)],
    }],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view
        .turns
        .iter()
        .filter_map(|turn| Some((turn, turn.expect.filter(|expect| is_large(expect))?)))
        .filter_map(|(turn, expect)| did_not_complete(view, turn, expect).or_else(|| stored_otherwise(turn, expect)))
        .collect();
    breaches.extend(shown_otherwise(view));
    breaches.extend(reads_that_differ(view));
    breaches
}

fn is_large(expect: &Expect) -> bool {
    // A token's natural size: its key, and at least as much again for what it says of itself.
    const SELF_DESCRIPTION_BYTES: usize = 14;
    let token_bytes = expect.size.max(expect.key.as_str().len() + SELF_DESCRIPTION_BYTES);
    !expect.fails && token_bytes * expect.tokens as usize >= LARGE_BYTES
}

fn is_judged(turn: &Turn<'_>) -> bool {
    turn.is_completed() && turn.expect.is_some_and(is_large)
}

fn subject(expect: &Expect, what: &str) -> String {
    let size = match expect.size {
        0 => "their natural size".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    format!("{what}, {} pieces of {size}", expect.tokens)
}

fn did_not_complete(view: &View<'_>, turn: &Turn<'_>, expect: &Expect) -> Option<Breach> {
    let ended = turn.terminal().filter(|_| !turn.is_completed())?;
    let cancelled = view.is_cancelled(turn);
    if cancelled
        || view.ran_out(turn)
        || view.was_cut_short(turn)
        || view.is_excused(None, turn.asked_us(), ended.at.us)
    {
        return None;
    }
    Some(Breach {
        subject: subject(expect, &format!("turn {}", turn.id)),
        thread: turn.thread,
        n: ended.at.n,
        expected: format!("{:?}", Status::Completed),
        got: format!("{:?}", ended.status),
    })
}

fn stored_otherwise(turn: &Turn<'_>, expect: &Expect) -> Option<Breach> {
    let terminal = turn.terminal().filter(|_| turn.is_completed())?;
    let odd = oracle::hold(turn.durable.as_ref()?, expect).err()?;
    Some(Breach {
        subject: subject(expect, &format!("stored text of turn {}", turn.id)),
        thread: turn.thread,
        n: odd.n.unwrap_or(terminal.at.n),
        expected: odd.expected,
        got: odd.got,
    })
}

fn shown_otherwise<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    view.dues()
        .filter(|(_, turn, ..)| is_judged(turn))
        .filter_map(|(watcher, turn, seen, due)| {
            let subject = subject(turn.expect?, &format!("{}, turn {}", watcher.label(), turn.id));
            let (n, odd) = match (due, seen.and_then(|seen| view.stands(watcher, seen))) {
                (Due::Finished { finish, .. }, Some(showing)) if showing.anchor == Anchor::Start => {
                    (finish.at.n, oracle::hold(&showing.text, turn.expect?).err()?)
                }
                _ => return None,
            };
            Some(Breach {
                subject,
                thread: turn.thread,
                n: odd.n.unwrap_or(n),
                expected: odd.expected,
                got: odd.got,
            })
        })
}

fn reads_that_differ<'v>(view: &'v View<'_>) -> impl Iterator<Item = Breach> + 'v {
    let answers = view
        .final_reads()
        .flat_map(|read| read.answers.iter().map(move |answer| (read, answer)));
    answers.filter_map(|(read, answer)| {
        let turn = &view.turns[view.answered(answer)?];
        if !is_judged(turn) {
            return None;
        }
        let odd = oracle::hold(&Text::of(read.at.n, &answer.text), turn.expect?).err()?;
        Some(Breach {
            subject: subject(turn.expect?, &format!("turn {} read from {}", turn.id, read.pod)),
            thread: turn.thread,
            n: read.at.n,
            expected: odd.expected,
            got: odd.got,
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, PodEvent, Row, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{Play, answer, call_ends, failed, fault, observed, padded, read, takeover};

    const NAME: &str = "SizeIndependence";

    fn without_third_on_screen(play: &mut Play) -> &mut Play {
        play.without(|what| {
            matches!(what, What::Watcher(WatcherEvent::Frame { watcher, cursor: Some(at), chunk: Chunk::Delta { .. }, .. })
                if watcher.0 == 3 && (at.epoch.map(|epoch| epoch.0), at.seq) == (Some(2), 3))
        })
    }

    #[test]
    fn large_pieces_that_arrive_are_accepted() {
        for size in [2_000, 8_000, 64_000] {
            padded(takeover(), size).passes();
        }
    }

    #[test]
    fn a_large_piece_that_does_not_reach_a_screen_is_found() {
        let mut play = padded(takeover(), 8_000);
        let finding = without_third_on_screen(&mut play).breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3, turn turn-1, 6 pieces of 8000 bytes");
        assert!(finding.expected.starts_with("token 3 of 6"), "{}", finding.expected);
    }

    #[test]
    fn a_large_piece_that_is_not_stored_or_not_told_is_found() {
        let mut play = padded(takeover(), 8_000);
        play.without(
            |what| matches!(what, What::Store(StoreEvent::Row { row: Row::Part { epoch, seq, .. }, .. }) if (epoch.map(|epoch| epoch.0), *seq) == (Some(2), 6)),
        );
        assert!(play.breaks(NAME).subject.starts_with("stored text of turn turn-1"));

        let mut play = padded(takeover(), 8_000);
        play.without(|what| matches!(what, What::Pod(PodEvent::ThreadRead { pod, .. }) if pod.as_str() == "pod-2"));
        play.put(1402, read("pod-2", Status::Completed, "", None));
        assert!(play.breaks(NAME).subject.starts_with("turn turn-1 read from pod-2"));
    }

    #[test]
    fn small_answers_are_not_judged() {
        let mut play = takeover();
        without_third_on_screen(&mut play).keeps(NAME);
    }

    #[test]
    fn a_large_turn_that_fails_is_found_unless_something_was_broken() {
        let mut play = padded(failed(&answer(2)), 8_000);
        play.keeps(NAME);
        play.without(|what| matches!(what, What::Fault(_)));
        assert_eq!(play.breaks(NAME).got, "Failed");
        let mut cut_short = play.clone();
        cut_short.turn_into(&call_ends(2, "pod-2", "complete"), call_ends(2, "pod-2", "end:abort"));
        cut_short.keeps(NAME);
        for (from_ms, until_ms, is_judged) in [(2, 4, true), (6, 7, false)] {
            let mut cut = play.clone();
            cut.put_cut(from_ms, until_ms);
            assert_eq!(cut.findings(NAME).len(), usize::from(is_judged), "{from_ms} ms");
        }
        play.put(1100, fault(3, "kill", "nats", observed()));
        play.keeps(NAME);
    }
}
