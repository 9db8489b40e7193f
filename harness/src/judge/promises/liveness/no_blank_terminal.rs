//! Promise 22: a turn ends with an answer, or with an error that a person can read.

use crate::history::Status;
use crate::judge::Promise;
use crate::judge::view::{Breach, Due, Seen, Text, Turn, View, Watcher};

pub(crate) const PROMISE: Promise = Promise {
    number: 22,
    name: "NoBlankTerminal",
    statement: "a completed turn has a part with text, in the store and on every screen that saw it from its start; a failed \
                one has a readable error on every pod and on every screen",
    needs: &[],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = view.turns.iter().filter_map(blank_row).collect();
    breaches.extend(view.final_reads().flat_map(|read| {
        let silent = read.answers.iter().filter(|answer| {
            answer.status == Some(Status::Failed) && answer.error.as_ref().is_none_or(|error| error.trim().is_empty())
        });
        silent.map(|answer| Breach {
            subject: format!("thread read from {}, turn {}", read.pod, view.name_of(answer)),
            thread: Some(read.thread),
            n: read.at.n,
            expected: "a readable error of the failed turn".into(),
            got: "none".into(),
        })
    }));
    let played = view.ending.played.map_or(u64::MAX, |(at, _)| at.n);
    let asked = view
        .statuses
        .iter()
        .filter(|read| read.at.n > played && read.status == Status::Failed);
    let silent = asked.filter(|read| read.error.is_none_or(|error| error.trim().is_empty()));
    breaches.extend(
        silent
            .filter(|read| !is_read_apart(view, read.turn))
            .map(|read| Breach {
                subject: format!("status read from {}, turn {}", read.pod, view.turns[read.turn].id),
                thread: Some(read.thread),
                n: read.at.n,
                expected: "a readable error of the failed turn".into(),
                got: "none".into(),
            }),
    );
    breaches.extend(
        view.dues()
            .filter_map(|(watcher, turn, seen, due)| blank_screen(view, watcher, turn, seen?, due)),
    );
    breaches
}

/// True if the answers of the final state hold a readable error of a turn, beside its status.
fn is_read_apart(view: &View<'_>, turn: usize) -> bool {
    let mut answers = view.final_reads().flat_map(|read| read.answers);
    answers.any(|answer| {
        view.answered(answer) == Some(turn) && answer.error.as_ref().is_some_and(|error| !error.trim().is_empty())
    })
}

/// True if the provider was asked for at least one token.
fn says_something(turn: &Turn<'_>) -> bool {
    turn.expect.is_none_or(|expect| expect.tokens > 0)
}

fn blank_row(turn: &Turn<'_>) -> Option<Breach> {
    let terminal = turn.terminal()?;
    (turn.is_completed() && says_something(turn) && turn.durable.as_ref().is_some_and(Text::is_blank)).then(|| Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n: terminal.at.n,
        expected: "a part with text of the completed turn".into(),
        got: "none".into(),
    })
}

fn blank_screen(view: &View<'_>, watcher: &Watcher<'_>, turn: &Turn<'_>, seen: &Seen<'_>, due: Due) -> Option<Breach> {
    let Due::Finished { finish, .. } = due else { return None };
    // A tail that resumed may have had all of it before.
    if !watcher.is_from_start() {
        return None;
    }
    let standing = view.stands(watcher, seen);
    let blank = standing.is_none_or(|showing| showing.text.is_blank());
    let expected = match finish.status {
        Some(Status::Completed) if blank && seen.started && says_something(turn) && !turn.is_stopped => {
            "text before the finish as completed"
        }
        Some(Status::Failed) if seen.errors.iter().all(|error| error.trim().is_empty()) => {
            "a readable error with the finish as failed"
        }
        _ => return None,
    };
    Some(Breach {
        subject: format!("{}, turn {}", watcher.label(), turn.id),
        thread: turn.thread,
        n: finish.at.n,
        expected: expected.into(),
        got: "none".into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Chunk, Row, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{ERROR, answer, error, failed, finish, read, takeover};

    const NAME: &str = "NoBlankTerminal";

    #[test]
    fn an_answer_and_a_readable_failure_are_accepted() {
        takeover().keeps(NAME);
        failed(&answer(2)).passes();
    }

    #[test]
    fn a_completed_turn_without_text_is_found() {
        let mut play = takeover();
        play.without(
            |what| matches!(what, What::Store(StoreEvent::Row { row: Row::Part { epoch, .. }, .. }) if epoch.is_some_and(|epoch| epoch.0 == 2)),
        );
        assert_eq!(play.breaks(NAME).subject, "turn turn-1");
    }

    #[test]
    fn a_screen_that_is_told_completed_and_nothing_else_is_found() {
        let mut play = takeover();
        play.without_from(
            1200,
            |what| matches!(what, What::Watcher(WatcherEvent::Frame { watcher, chunk: Chunk::Delta { .. }, .. }) if watcher.0 == 3),
        );
        assert_eq!(play.breaks(NAME).subject, "w3 on pod-3, turn turn-1");
    }

    #[test]
    fn a_failure_without_a_readable_error_is_found() {
        let mut play = failed(&answer(2));
        play.turn_into(&error(3, 2, 7, ERROR), error(3, 2, 7, "  "));
        assert_eq!(play.breaks(NAME).subject, "w3 on pod-3, turn turn-1");

        let mut play = failed(&answer(2));
        let answered = read("pod-2", Status::Failed, answer(2), Some(ERROR));
        play.turn_into(&answered, read("pod-2", Status::Failed, answer(2), Some("")));
        assert_eq!(play.breaks(NAME).subject, "thread read from pod-2, turn turn-1");
    }

    #[test]
    fn a_screen_that_was_not_shown_the_finish_is_not_judged() {
        let mut play = failed(&answer(2));
        play.without(|what| *what == error(3, 2, 7, ERROR));
        play.without(|what| *what == finish(3, 2, 8, Status::Failed));
        play.without(|what| {
            matches!(
                what,
                What::Store(StoreEvent::Row {
                    row: Row::Turn(row),
                    ..
                }) if row.status == Status::Failed
            )
        });
        assert!(
            play.findings(NAME)
                .iter()
                .all(|finding| !finding.subject.starts_with("w3"))
        );
    }
}
