//! Promise 7: event ids only increase, and one id means the same event on every pod.

use crate::history::{Capability, Chunk, Cursor};
use crate::judge::view::{At, Breach, Frame, Log, Logged, View, Watcher, name, tell};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 7,
    name: "MonotoneCursor",
    statement: "every frame with text has an id; a watcher's ids strictly increase within an epoch and epochs \
                never decrease, except after a resync; one id of a thread is the same event on every pod",
    needs: &[Need::Can(Capability::Cursor)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let losses = view.faults.iter().filter(|fault| fault.loses_the_log());
    let losses: Vec<u64> = losses.map(|fault| fault.aimed.n).collect();
    view.watchers
        .iter()
        .filter_map(|watcher| check(watcher, view.log(watcher), &losses))
        .collect()
}

/// `losses` are the moments at which the log was lost: ids may begin anew then.
fn check(watcher: &Watcher<'_>, log: &Log<'_>, losses: &[u64]) -> Option<Breach> {
    let was_lost = |from: At, until: At| losses.iter().any(|n| (from.n..until.n).contains(n));
    let mut last: Option<Cursor> = None;
    let mut before: Option<Frame<'_>> = None;
    let mut near = 0;
    watcher.frames().find_map(|frame| {
        if frame.begins_anew() || matches!(frame.chunk, Chunk::Resync { .. }) {
            last = None;
        }
        if !frame.is_content() {
            return None;
        }
        let before = before.replace(frame);
        if before.is_some_and(|before| frame.goes_with(&before)) {
            return None;
        }
        let place = frame.cursor.and_then(|cursor| log.place(cursor, near));
        near = place.map_or(near, |place| place + 1);
        let first = place.map(|place| &log.frames()[place]);
        let first = first.filter(|first| !was_lost(first.first, frame.at));
        last = last.filter(|_| !before.is_some_and(|before| was_lost(before.at, frame.at)));
        let breach = step(watcher, frame, last, first);
        last = frame.cursor.or(last);
        breach
    })
}

/// Compares a frame with the one before it, and with the first frame that had the same id.
fn step(watcher: &Watcher<'_>, frame: Frame<'_>, last: Option<Cursor>, first: Option<&Logged<'_>>) -> Option<Breach> {
    let breach = |expected: String, got: String| {
        Some(Breach {
            subject: watcher.label(),
            thread: Some(watcher.thread),
            n: frame.at.n,
            expected,
            got,
        })
    };
    let Some(cursor) = frame.cursor else {
        // Text is what a client must be able to resume behind.
        if !matches!(frame.chunk, Chunk::Delta { .. } | Chunk::Whole { .. }) {
            return None;
        }
        let got = frame.id.map_or("none".to_owned(), |id| format!("`{id}`"));
        return breach(format!("a resumable id on {}", name(frame.chunk)), got);
    };
    if let Some(last) = last.filter(|last| *last >= cursor) {
        return breach(format!("an id after {}", tell(last)), tell(cursor));
    }
    let first = first.filter(|first| !same_event(first.chunk, frame.chunk))?;
    let (id, n) = (tell(cursor), first.first.n);
    breach(
        format!("{} under id {id}, as at event {n}", name(first.chunk)),
        format!("another {}", name(frame.chunk)),
    )
}

/// True if two frames are the same event. A start that is repeated after a resync need not ask for a reset.
fn same_event(a: &Chunk, b: &Chunk) -> bool {
    match (a, b) {
        (Chunk::Start(a), Chunk::Start(b)) => (&a.turn, a.epoch, &a.answer) == (&b.turn, b.epoch, &b.answer),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Capability, Chunk, RunEvent, Status, WatcherEvent, What};
    use crate::judge::testing::{aimed, began, delta, fault, opened, resync, start, state, takeover, token};

    const NAME: &str = "MonotoneCursor";

    #[test]
    fn ids_that_go_forward_over_a_takeover_are_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn an_id_that_is_repeated_or_goes_back_is_found() {
        let mut play = takeover();
        play.put(1206, delta(3, 2, 4, token(2, 4)));
        assert_eq!(play.breaks(NAME).got, "2-4");

        let mut play = takeover();
        play.put(1206, delta(3, 1, 4, token(1, 4)));
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.expected.as_str(), finding.got.as_str()),
            ("an id after 2-4", "1-4")
        );
    }

    #[test]
    fn one_id_for_two_things_on_two_pods_is_found() {
        let mut play = takeover();
        play.turn_into(&delta(3, 1, 3, token(1, 3)), delta(3, 1, 3, token(1, 2)));
        let finding = play.breaks(NAME);
        assert!(finding.expected.contains("under id 1-3"), "{}", finding.expected);
    }

    #[test]
    fn ids_may_begin_anew_behind_the_loss_of_the_log_and_not_before_it() {
        let lost = || fault(9, "stream-deleted", "nats", aimed());
        let anew = || delta(3, 1, 1, token(2, 5));
        let mut play = takeover();
        play.put(1206, lost()).put(1206, anew());
        play.keeps(NAME);
        let mut play = takeover();
        play.put(1206, anew()).put(1206, lost());
        assert_eq!(play.breaks(NAME).got, "1-1");
    }

    #[test]
    fn a_frame_of_the_answer_without_an_id_is_found() {
        let mut play = takeover();
        let What::Watcher(WatcherEvent::Frame { watcher, chunk, .. }) = delta(3, 2, 4, token(2, 4)) else {
            unreachable!("a frame")
        };
        play.turn_into(
            &delta(3, 2, 4, token(2, 4)),
            What::Watcher(WatcherEvent::Frame {
                watcher,
                id: Some("x".into()),
                cursor: None,
                chunk,
            }),
        );
        assert_eq!(play.breaks(NAME).got, "`x`");
    }

    #[test]
    fn a_start_that_opens_another_message_elsewhere_is_found() {
        let mut play = takeover();
        let mut other = start(3, 2, true);
        if let What::Watcher(WatcherEvent::Frame {
            chunk: Chunk::Start(start),
            ..
        }) = &mut other
        {
            start.answer = Some("answer-2".into());
        }
        play.turn_into(&start(3, 2, true), other);
        assert_eq!(play.breaks(NAME).got, "another start of turn turn-1");
    }

    #[test]
    fn after_a_resync_the_ids_may_begin_again() {
        let mut play = takeover();
        play.put(1205, resync(3)).put(1205, start(3, 2, true));
        for k in 1..=3 {
            play.put(1205, delta(3, 2, u64::from(k), token(2, k)));
        }
        play.keeps(NAME);
    }

    #[test]
    fn the_first_frame_needs_no_id() {
        let mut play = takeover();
        play.put(1203, opened(6, "pod-2", None))
            .put(1203, state(6, Status::Idle, None));
        play.keeps(NAME);
    }

    #[test]
    fn without_cursors_it_is_not_applicable() {
        let mut play = takeover();
        let mut without = began();
        without
            .capabilities
            .retain(|capability| *capability != Capability::Cursor);
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(without.into())),
        );
        play.put(1206, delta(3, 1, 4, token(1, 4)));
        let judgement = play.judged();
        assert!(judgement.findings.iter().all(|finding| finding.promise != NAME));
        let lacking = judgement
            .not_applicable
            .iter()
            .find(|lacking| lacking.promise == NAME)
            .expect("not applicable");
        assert_eq!(lacking.why, "the system lacks Cursor");
    }
}
