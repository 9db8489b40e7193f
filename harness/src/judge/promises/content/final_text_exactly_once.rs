//! Promise 1: the stored answer, and the answer on each screen that saw all of it, is the provider's, each token
//! once.

use crate::history::{Capability, Expect, Status};
use crate::judge::facts::oracle::{self, Odd};
use crate::judge::view::{Anchor, Breach, Seen, Text, Turn, View, Watcher};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 1,
    name: "FinalTextExactlyOnce",
    statement: "the durable text of a completed turn, and the text of each watcher that saw the turn from start \
                to finish, are exactly the provider's answer: tokens 1 to n of one call, each once and in order; \
                the stored text of a turn that ended otherwise is the beginning of one; a turn whose answer the provider gave \
                whole does not fail, unless it was stopped or something was broken",
    needs: &[],
    clauses: &[
        Clause {
            name: "the stored text",
            needs: &[Need::Can(Capability::StoredText)],
        },
        Clause {
            name: "a whole answer completes",
            needs: &[Need::Can(Capability::ProviderJournal)],
        },
    ],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    // Turns by their place, of which the durable text is what it should be.
    let mut sound = vec![false; view.turns.len()];
    for (place, turn) in view.stored_turns() {
        let Some(terminal) = turn.terminal() else { continue };
        let odd = turn.durable.as_ref().and_then(|durable| {
            if turn.is_completed() {
                turn.expect
                    .filter(|expect| !expect.fails || is_read_alike(view, expect))
                    .map(|expect| oracle::hold(durable, expect))
            } else {
                turn.expect.map(|expect| oracle::hold_beginning(durable, expect))
            }
        });
        sound[place] = odd.as_ref().is_some_and(Result::is_ok);
        let odd = odd.and_then(Result::err);
        breaches.extend(odd.map(|odd| {
            let subject = format!("durable text of turn {}", turn.id);
            breach(odd, turn.thread, terminal.at.n, subject)
        }));
    }
    breaches.extend(view.turns.iter().filter_map(|turn| failed_though_whole(view, turn)));
    for watcher in &view.watchers {
        let shown = watcher.turns.iter().filter_map(|(place, seen)| {
            let turn = &view.turns[*place];
            let expect = turn.oracle().filter(|_| !turn.rows.is_empty())?;
            let (shown, finished) = shown_whole(view, watcher, seen)?;
            // The same text as a sound durable one needs no second look.
            let durable = turn.durable.as_ref().filter(|_| sound[*place]);
            if durable.is_some_and(|durable| shown.same_as(durable)) {
                return None;
            }
            let odd = oracle::hold(shown, expect).err()?;
            let subject = format!("{}, turn {}", watcher.label(), turn.id);
            Some(breach(odd, turn.thread, finished, subject))
        });
        breaches.extend(shown);
    }
    breaches
}

/// True if every client reads the answer alike, or the system's takes whatever the format allows: then it is whole, or none.
fn is_read_alike(view: &View<'_>, expect: &Expect) -> bool {
    !expect.is_odd || view.rules.takes_odd_answers
}

/// A turn that failed though the last call for it gave the whole answer.
fn failed_though_whole(view: &View<'_>, turn: &Turn<'_>) -> Option<Breach> {
    let expect = turn
        .expect
        .filter(|expect| !expect.fails && is_read_alike(view, expect))?;
    let ended = turn.terminal().filter(|ended| ended.status == Status::Failed)?;
    let call = &view.calls[*turn.calls.last()?];
    let is_whole = call.cause.is_some() && call.tokens >= expect.tokens;
    let is_excused = view.is_cancelled(turn)
        || view.ran_out(turn)
        || view.was_cut_short(turn)
        || view.is_excused(None, turn.asked_us(), ended.at.us);
    (is_whole && !is_excused).then(|| Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n: ended.at.n,
        expected: format!(
            "{:?}, for call {} gave the whole answer",
            Status::Completed,
            call.ordinal
        ),
        got: format!("{:?}", ended.status),
    })
}

/// Returns the text that a watcher shows of a turn that it saw from start to finish, and the event of the finish.
fn shown_whole<'v, 'a>(view: &View<'a>, watcher: &Watcher<'_>, seen: &'v Seen<'a>) -> Option<(&'v Text<'a>, u64)> {
    let finish = seen
        .finishes
        .first()
        .filter(|finish| finish.status.is_none_or(|status| status == Status::Completed))?;
    let showing = view
        .stands(watcher, seen)
        .filter(|showing| showing.anchor == Anchor::Start)?;
    Some((&showing.text, finish.at.n))
}

/// `end` is the event that declared the text whole.
fn breach(odd: Odd, thread: Option<usize>, end: u64, subject: String) -> Breach {
    // A text that ends too early is odd when it is declared whole, not when its last piece came.
    let n = if odd.got == "the end of the text" {
        end
    } else {
        odd.n.unwrap_or(end)
    };
    Breach {
        subject,
        thread,
        n,
        expected: odd.expected,
        got: odd.got,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{ClientEvent, Expect, Outcome, Row, RunEvent, Status, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{
        Play, TOKENS, aimed, answer, began, call_ends, cancelled, delta, failed, fault, is_frame_of, part, posted,
        takeover, token, turn_row,
    };

    const NAME: &str = "FinalTextExactlyOnce";

    #[test]
    fn a_whole_answer_after_a_takeover_is_accepted() {
        takeover().passes();
    }

    #[test]
    fn a_token_missing_in_the_store_is_found_and_told() {
        let mut play = takeover();
        play.without(|what| *what == part(44, 2, 4, token(2, 4)));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "durable text of turn turn-1");
        assert!(
            finding.expected.starts_with("token 4 of 6: `~key-1.c2.k4.n6."),
            "{}",
            finding.expected
        );
        assert!(finding.got.starts_with("`~key-1.c2.k5.n6."), "{}", finding.got);
        assert_eq!(finding.fault.as_deref(), Some("kill on pod-1 (fault 1)"));
        assert_eq!(finding.owner_before.as_deref(), Some("pod-2 at epoch 2"));
        assert_eq!(finding.owner_after.as_deref(), Some("nobody at epoch 2"));
    }

    /// The good run without its fault, with its turn failed or completed, in the words of a provider that was told something odd.
    fn ended(status: Status, changed: impl Fn(&mut Expect), is_lenient: bool) -> Play {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Fault(_)));
        play.turn_into(
            &turn_row(99, "turn-1", 2, Status::Completed),
            turn_row(99, "turn-1", 2, status),
        );
        let mut asked = posted(1, "t-1", "m-1", "key-1");
        let plain = asked.clone();
        if let What::Client(ClientEvent::Posted { expect, .. }) = &mut asked {
            changed(expect);
        }
        play.turn_into(&plain, asked);
        let mut described = began();
        let old = What::Run(RunEvent::Began(described.clone().into()));
        described.rules.takes_odd_answers = is_lenient;
        play.turn_into(&old, What::Run(RunEvent::Began(described.into())));
        play
    }

    #[test]
    fn a_turn_that_fails_though_its_answer_was_whole_is_found() {
        let plain = |_: &mut Expect| ();
        let odd = |expect: &mut Expect| expect.is_odd = true;
        let finding = ended(Status::Failed, plain, false).breaks(NAME);
        assert_eq!(
            (finding.expected.as_str(), finding.got.as_str()),
            ("Completed, for call 2 gave the whole answer", "Failed")
        );
        ended(Status::Failed, odd, true).breaks(NAME);
        ended(Status::Failed, odd, false).keeps(NAME);
        let excused: [fn(&mut Play); 3] = [
            |play| {
                play.put(1_000, fault(2, "kill", "pod-2", aimed()));
            },
            |play| {
                play.put(1_000, cancelled("pod-3", Outcome::Ok(())));
            },
            |play| {
                play.turn_into(&call_ends(2, "pod-2", "complete"), call_ends(2, "pod-2", "end:abort"));
            },
        ];
        for excuse in excused {
            let mut play = ended(Status::Failed, plain, false);
            excuse(&mut play);
            play.keeps(NAME);
        }
    }

    #[test]
    fn an_answer_that_the_provider_was_told_to_spoil_is_not_passed_off_as_whole() {
        let spoilt = |status, is_odd, is_lenient| {
            let mut play = ended(
                status,
                |expect| (expect.fails, expect.is_odd) = (true, is_odd),
                is_lenient,
            );
            play.without(|what| matches!(what, What::Store(StoreEvent::Row { row, .. }) if is_last_part(row)));
            play
        };
        spoilt(Status::Completed, false, false).breaks(NAME);
        spoilt(Status::Completed, true, true).breaks(NAME);
        // Another client may pass over the piece that nobody can read.
        spoilt(Status::Completed, true, false).keeps(NAME);
        spoilt(Status::Failed, true, true).keeps(NAME);
    }

    #[test]
    fn a_store_of_two_attempts_is_found() {
        let mut play = takeover();
        play.turn_into(&part(41, 2, 1, token(2, 1)), part(41, 2, 1, token(1, 1)));
        play.breaks(NAME);
    }

    /// The good run, stopped in its second attempt, without the last token in the store, and completed by the system's word.
    fn stopped(is_completed_then: bool) -> Play {
        let mut play = takeover();
        play.without(|what| matches!(what, What::Store(StoreEvent::Row { row, .. }) if is_last_part(row)));
        play.put(1_225, cancelled("pod-3", Outcome::Ok(())));
        let mut described = began();
        let old = What::Run(RunEvent::Began(described.clone().into()));
        described.rules.stopped_is_completed = is_completed_then;
        play.turn_into(&old, What::Run(RunEvent::Began(described.into())));
        play
    }

    fn is_last_part(row: &Row) -> bool {
        matches!(row, Row::Part { text, .. } if *text == token(2, TOKENS))
    }

    #[test]
    fn a_turn_that_was_stopped_need_not_be_whole_where_the_system_calls_it_completed() {
        stopped(true).keeps(NAME);
        stopped(false).breaks(NAME);
    }

    #[test]
    fn a_token_repeated_swapped_or_missing_on_a_screen_is_found() {
        let bends: [fn(&mut Play); 3] = [
            |play| {
                play.put(1206, delta(3, 2, 4, token(2, 4)));
            },
            |play| {
                play.turn_into(&delta(3, 2, 4, token(2, 4)), delta(3, 2, 4, token(2, 5)));
                play.turn_into(&delta(3, 2, 5, token(2, 5)), delta(3, 2, 5, token(2, 4)));
            },
            |play| {
                play.without(|what| *what == delta(3, 2, 6, token(2, 6)));
            },
        ];
        for bend in bends {
            let mut play = takeover();
            bend(&mut play);
            let finding = play.breaks(NAME);
            assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
        }
    }

    #[test]
    fn tokens_joined_in_one_frame_or_cut_over_two_are_the_same_text() {
        let mut play = takeover();
        play.without(|what| {
            is_frame_of(4)(what)
                && matches!(what, What::Watcher(WatcherEvent::Frame { cursor: Some(c), .. }) if (1..7).contains(&c.seq))
        });
        let text = answer(2);
        play.put(1207, delta(4, 2, 3, &text[..77]))
            .put(1208, delta(4, 2, 6, &text[77..]));
        play.keeps(NAME);
    }

    #[test]
    fn what_is_stored_of_a_turn_that_failed_is_a_beginning_of_the_answer() {
        let mut play = failed("");
        play.keeps(NAME);
        let without = |play: &Play, k: u32| {
            let mut play = play.clone();
            let (piece, shown) = (token(2, k), delta(3, 2, u64::from(k), token(2, k)));
            play.without(|what| *what == part(40 + u64::from(k), 2, u64::from(k), piece.clone()) || *what == shown);
            play
        };
        without(&play, 6).keeps(NAME);
        let finding = without(&play, 4).breaks(NAME);
        assert_eq!(finding.subject, "durable text of turn turn-1");
        assert!(finding.expected.starts_with("token 4 of 6"), "{}", finding.expected);
        play.put(1230, part(47, 2, 7, token(2, 6)));
        assert_eq!(play.breaks(NAME).expected, "the end of the answer after token 6");
    }

    #[test]
    fn a_turn_that_is_not_over_is_not_judged() {
        let mut play = takeover();
        play.without_from(1206, |what| {
            matches!(
                what,
                What::Watcher(WatcherEvent::Frame { .. }) | What::Store(StoreEvent::Row { .. })
            )
        });
        play.keeps(NAME);
    }
}
