//! Promise 1: the stored answer, and the answer on each screen that saw all of it, is the provider's, each token
//! once.

use crate::history::{Capability, Status};
use crate::judge::facts::oracle::{self, Odd};
use crate::judge::view::{Anchor, Breach, Seen, Text, View, Watcher};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 1,
    name: "FinalTextExactlyOnce",
    statement: "the durable text of a completed turn, and the text of each watcher that saw the turn from start \
                to finish, are exactly the provider's answer: tokens 1 to n of one call, each once and in order; \
                the stored text of a turn that ended otherwise is the beginning of one",
    needs: &[],
    clauses: &[Clause {
        name: "the stored text",
        needs: &[Need::Can(Capability::StoredText)],
    }],
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
                turn.oracle().map(|expect| oracle::hold(durable, expect))
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
    use crate::history::{Outcome, Row, RunEvent, StoreEvent, WatcherEvent, What};
    use crate::judge::testing::{
        Play, TOKENS, answer, began, cancelled, delta, failed, is_frame_of, part, takeover, token,
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
