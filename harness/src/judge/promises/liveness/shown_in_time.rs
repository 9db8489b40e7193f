//! Promise 40: the provider's words are shown, and stored, although none follow.
//!
//! The provider's journal tells when a call was held at a gate, and after which token. Until the gate is opened nothing follows that
//! token, so a system that waits for more before it shows or stores what it has is seen. Left out: calls that end or are followed by
//! another one within the bound, turns that are stopped, and any fault of the owner, the watcher's pod or a dependency.

use mock_ai::token::Answer;

use crate::history::{Bound, Capability, Chunk, PodName, Row};
use crate::judge::view::{At, Breach, Call, ROW_LATENESS_US, Turn, View, Watcher};
use crate::judge::{Clause, Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 40,
    name: "ShownInTime",
    statement: "what the provider has said is shown on every open tail within the bound, and stored within the bound for that, \
                though nothing follows it",
    needs: &[Need::Can(Capability::ProviderJournal)],
    clauses: &[
        Clause {
            name: "shown on every tail",
            needs: &[Need::Within(Bound::Shown)],
        },
        Clause {
            name: "stored",
            needs: &[
                Need::Within(Bound::Stored),
                Need::Can(Capability::StoredText),
                Need::Can(Capability::EveryCommit),
            ],
        },
    ],
    has_more: false,
    judge,
};

/// The last word that the provider said before it fell silent.
struct Word<'v, 'a> {
    /// Place of the turn.
    place: usize,
    turn: &'v Turn<'a>,
    call: &'v Call<'a>,
    /// When the provider was silent behind it.
    at: At,
    /// Its number among the call's tokens, from 1.
    number: u32,
    text: String,
}

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = Vec::new();
    for word in words(view) {
        let unshown = view.watchers.iter().filter_map(|watcher| unshown(view, &word, watcher));
        for breach in unshown.chain(unstored(view, &word)) {
            if !breaches.iter().any(|known| known.subject == breach.subject) {
                breaches.push(breach);
            }
        }
    }
    breaches
}

/// The last words before each silence of the provider.
fn words<'v, 'a>(view: &'v View<'a>) -> Vec<Word<'v, 'a>> {
    let turns = view
        .turns
        .iter()
        .enumerate()
        .filter(|(_, turn)| !view.is_cancelled(turn));
    let calls = turns.flat_map(|(place, turn)| turn.calls.iter().map(move |call| (place, turn, &view.calls[*call])));
    let held = calls.flat_map(|(place, turn, call)| call.held.iter().map(move |held| (place, turn, call, *held)));
    held.filter_map(|(place, turn, call, (at, number))| {
        let text = said(turn, call, number)?;
        Some(Word {
            place,
            turn,
            call,
            at,
            number,
            text,
        })
    })
    .collect()
}

/// The text of a token of a call. `None` if the provider said none, or in a way that not every client takes.
fn said(turn: &Turn<'_>, call: &Call<'_>, number: u32) -> Option<String> {
    let expect = turn.expect.filter(|expect| !expect.is_odd)?;
    let answer = Answer {
        key: expect.key.to_string(),
        call: call.ordinal,
        total: expect.tokens,
        size: expect.size,
        mode: expect.text,
    };
    let token = answer.texts().nth(usize::try_from(number.checked_sub(1)?).ok()?)?;
    Some(token.trim_end().to_owned())
}

impl Word<'_, '_> {
    fn owner(&self) -> Option<&str> {
        self.call.pod.map(PodName::as_str)
    }

    /// True if the provider was still silent then, and the turn still that call's.
    fn stands_until(&self, view: &View<'_>, us: u64) -> bool {
        let is_later = |at: Option<At>| at.is_none_or(|at| at.us > us);
        let mut others = self.turn.calls.iter().map(|call| &view.calls[*call]);
        let is_followed = others.any(|other| other.ordinal > self.call.ordinal && !is_later(other.started));
        is_later(self.call.ended) && is_later(self.turn.terminal().map(|row| row.at)) && !is_followed
    }

    fn breach(&self, subject: &str, verb: &str, bound_ms: u64, found_us: Option<u64>) -> Breach {
        let since_ms = |us: u64| us.saturating_sub(self.at.us) / 1000;
        Breach {
            subject: format!("{subject}turn {}", self.turn.id),
            thread: self.turn.thread,
            n: self.at.n,
            expected: format!(
                "token {} of call {}, behind which the provider was silent, {verb} within {bound_ms} ms",
                self.number, self.call.ordinal
            ),
            got: found_us.map_or_else(
                || format!("it was not {verb}"),
                |us| format!("it was {verb} after {} ms", since_ms(us)),
            ),
        }
    }
}

fn unshown(view: &View<'_>, word: &Word<'_, '_>, watcher: &Watcher<'_>) -> Option<Breach> {
    // A tail that does not begin with the answer may begin behind the word.
    let began_before = word.call.started.is_some_and(|started| watcher.opened.us < started.us);
    let bound_ms = view.promised.shown_ms?;
    let is_its_thread = Some(watcher.thread) == word.turn.thread && watcher.turn.is_none_or(|own| own == word.place);
    if !is_its_thread || !(watcher.is_from_start() || began_before) {
        return None;
    }
    let by_us = view.shown_by(watcher, word.place, (word.at.us, word.owner()))?;
    if !word.stands_until(view, by_us) {
        return None;
    }
    let shown_us = shown(word, watcher).map(|at| at.us);
    let is_late = shown_us.is_none_or(|us| us > by_us);
    is_late.then(|| word.breach(&format!("{}, ", watcher.label()), "shown", bound_ms, shown_us))
}

/// When a watcher's text of the turn first held the word.
fn shown(word: &Word<'_, '_>, watcher: &Watcher<'_>) -> Option<At> {
    let mut text = String::new();
    watcher.frames().find_map(|frame| {
        let is_own = frame.chunk.turn() == Some(word.turn.id);
        match frame.chunk {
            Chunk::Start(start) if is_own && start.reset => text.clear(),
            Chunk::Delta { text: more, .. } if is_own => {
                // A word may be cut anywhere; what came before its own length is not looked at again.
                let keep = text.floor_char_boundary(text.len().saturating_sub(word.text.len()));
                text.replace_range(..keep, "");
                text.push_str(more);
            }
            Chunk::Whole { text: whole, .. } if is_own => whole.clone_into(&mut text),
            _ => return None,
        }
        text.contains(&word.text).then_some(frame.at)
    })
}

fn unstored(view: &View<'_>, word: &Word<'_, '_>) -> Option<Breach> {
    let clause = &PROMISE.clauses[1];
    let bound_ms = view
        .promised
        .stored_ms
        .filter(|_| clause.needs.iter().all(|need| view.has(*need)))?;
    let by_us = view.sound_deadline(word.at.us, bound_ms * 1000, &[word.owner()])? + ROW_LATENESS_US;
    if !word.stands_until(view, by_us) || view.watched_until_us() <= by_us {
        return None;
    }
    let stored_us = stored(view, word).map(|at| at.us);
    let is_late = stored_us.is_none_or(|us| us > by_us);
    is_late.then(|| word.breach("the store, ", "stored", bound_ms, stored_us))
}

/// When the parts of the turn first held the word.
fn stored(view: &View<'_>, word: &Word<'_, '_>) -> Option<At> {
    let mut text = String::new();
    view.changes().find_map(|change| match change.row {
        Row::Part { turn, text: more, .. } if turn == word.turn.id => {
            let keep = text.floor_char_boundary(text.len().saturating_sub(word.text.len()));
            text.replace_range(..keep, "");
            text.push_str(more);
            text.contains(&word.text).then_some(change.at)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{Bounds, RunEvent};
    use crate::history::{FaultStep, ProviderWhat, Status, TailEnd, What};
    use crate::judge::testing::{
        Play, aimed, began, call, closed, delta, fault, observed, opened, part, state, takeover, token,
    };

    const NAME: &str = "ShownInTime";

    /// The good run, in which the provider is silent for two seconds behind token 3 of call 2.
    fn silent() -> Play {
        let mut play = takeover();
        play.delay_from(1_206, 2_000);
        play.put(1_205, held(3));
        play
    }

    fn held(after: u32) -> What {
        let gate = "key-1".into();
        call(2, "pod-2", ProviderWhat::Held { gate, after })
    }

    fn third(watcher: u32) -> What {
        delta(watcher, 2, 3, token(2, 3))
    }

    fn stored_third() -> What {
        part(43, 2, 3, token(2, 3))
    }

    #[test]
    fn words_that_are_shown_and_stored_at_once_are_accepted() {
        silent().passes();
    }

    #[test]
    fn a_word_that_is_shown_only_when_more_follows_is_found() {
        let mut play = silent();
        play.move_to(3_205, &third(3));
        let finding = play.breaks(NAME);
        assert_eq!(finding.subject, "w3 on pod-3, turn turn-1");
        let expected = "token 3 of call 2, behind which the provider was silent, shown within 1000 ms";
        assert_eq!(
            (finding.expected.as_str(), finding.got.as_str()),
            (expected, "it was shown after 2000 ms")
        );
        play.without(|what| *what == third(3));
        assert_eq!(play.breaks(NAME).got, "it was not shown");
    }

    #[test]
    fn a_word_that_is_shown_within_the_bound_is_accepted_however_it_is_cut() {
        let mut play = silent();
        let text = token(2, 3);
        let (head, tail) = text.split_at(4);
        play.without(|what| *what == third(3));
        play.put(2_100, delta(3, 2, 3, head)).put(2_200, delta(3, 2, 3, tail));
        play.keeps(NAME);
        play.move_to(2_300, &delta(3, 2, 3, tail));
        play.breaks(NAME);
    }

    #[test]
    fn a_word_that_is_stored_only_when_more_follows_is_found() {
        let mut play = silent();
        // Rows reach the history up to a second after their commit.
        play.move_to(3_205, &stored_third()).keeps(NAME);
        play.move_to(3_206, &stored_third());
        let finding = play.breaks(NAME);
        assert_eq!(
            (finding.subject.as_str(), finding.got.as_str()),
            ("the store, turn turn-1", "it was stored after 2001 ms")
        );
        // A system that stores an answer at its end only says no bound.
        let mut late = began();
        late.bounds = Bounds {
            stored_ms: None,
            ..late.bounds
        };
        play.turn_into(
            &What::Run(RunEvent::Began(began().into())),
            What::Run(RunEvent::Began(late.into())),
        );
        play.keeps(NAME);
    }

    #[test]
    fn a_provider_that_goes_on_within_the_bound_shows_nothing_of_it() {
        let mut play = takeover();
        play.delay_from(1_206, 900);
        play.put(1_205, held(3)).move_to(2_105, &third(3));
        play.keeps(NAME);
    }

    #[test]
    fn who_leaves_or_comes_within_the_bound_is_due_nothing() {
        let mut play = silent();
        play.without(|what| *what == third(3));
        let mut leaves = play.clone();
        leaves.put(2_100, closed(3, TailEnd::Left));
        leaves.without_from(2_101, |what| *what == closed(3, TailEnd::Left));
        leaves.keeps(NAME);
        let mut comes = silent();
        comes
            .put(2_300, opened(9, "pod-3", None))
            .put(2_300, state(9, Status::InProgress, Some("turn-1")));
        comes.keeps(NAME);
        // Early enough to be due it.
        comes
            .move_to(2_100, &opened(9, "pod-3", None))
            .move_to(2_100, &state(9, Status::InProgress, Some("turn-1")));
        assert_eq!(comes.breaks(NAME).subject, "w9 on pod-3, turn turn-1");
        // A tail that begins behind the word is not.
        let resumed = opened(9, "pod-3", Some("2-3"));
        comes.turn_into(&opened(9, "pod-3", None), resumed);
        comes.keeps(NAME);
    }

    #[test]
    fn a_fault_of_the_owner_or_of_what_it_depends_on_excuses_it_and_one_elsewhere_does_not() {
        for (target, name, is_excused) in [
            ("pod-2", "hold at after-publish-before-persist", true),
            ("pod-3", "pause", true),
            ("nats", "kill", true),
            ("pod-1", "pause", false),
        ] {
            let mut play = silent();
            play.without(|what| *what == third(3));
            play.put(1_210, fault(2, name, target, aimed()))
                .put(1_211, fault(2, name, target, observed()))
                .put(1_400, fault(2, name, target, FaultStep::Healed));
            assert_eq!(play.findings(NAME).is_empty(), is_excused, "{name} on {target}");
        }
    }
}
