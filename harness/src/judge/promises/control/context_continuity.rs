//! Promise 35: every attempt asks the provider with the conversation as it was acknowledged.
//!
//! The request holds the message and the whole stored answer of each earlier turn that completed. An earlier turn
//! that did not complete may be there or not: services differ in what they let a model see of it. Nothing else
//! may be in the request except system messages, and the turn's own message comes last.

use crate::history::{Capability, MessageId, Status, TurnKey};
use crate::judge::view::{Breach, Call, Text, Turn, View, oneline};
use crate::judge::{Clause, Need, Promise};
use std::collections::HashMap;

pub(crate) const PROMISE: Promise = Promise {
    number: 35,
    name: "ContextContinuity",
    statement: "every provider request for a turn holds the messages and answers of the thread's completed turns before it, \
                whole, once and in order, then the turn's own message, and nothing of any other turn",
    needs: &[
        Need::Can(Capability::ProviderJournal),
        Need::Can(Capability::EveryCommit),
    ],
    clauses: &[Clause {
        name: "earlier turns",
        needs: &[Need::Can(Capability::Conversation)],
    }],
    has_more: true,
    judge,
};

/// A message of a user: its text, and the key in it that tells it from every other.
#[derive(Clone, Copy)]
struct Question<'a> {
    text: &'a str,
    key: Option<&'a TurnKey>,
}

impl Question<'_> {
    /// True if a message of a request is this one. Services wrap what a user says: the key tells it all the same.
    fn is_in(&self, said: &str) -> bool {
        let is_word = |key: &&TurnKey| {
            let mut words = said.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
            words.any(|word| word == key.as_str())
        };
        user(said).is_some_and(|said| said == self.text)
            || user(said).is_some() && self.key.as_ref().is_some_and(is_word)
    }
}

/// The message of each turn's thread and id.
type Asked<'a> = HashMap<(usize, &'a MessageId), Question<'a>>;

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut asked = Asked::new();
    for post in &view.posts {
        let question = Question {
            text: post.text,
            key: Some(&post.expect.key),
        };
        asked.entry((post.thread, post.message)).or_insert(question);
    }
    let calls = view
        .turns
        .iter()
        .flat_map(|turn| turn.calls.iter().map(move |call| (turn, &view.calls[*call])));
    calls
        .filter_map(|(turn, call)| check(view, &asked, turn, call))
        .collect()
}

fn check(view: &View<'_>, asked: &Asked<'_>, turn: &Turn<'_>, call: &Call<'_>) -> Option<Breach> {
    let (started, thread, order) = (call.started?, turn.thread?, turn.order?);
    let mut said = call
        .messages
        .iter()
        .map(String::as_str)
        .filter(|said| !said.starts_with("system: "))
        .peekable();
    let breach = |expected: String, got: Option<&str>| {
        Some(Breach {
            subject: format!("provider call {} for turn {}", call.ordinal, turn.id),
            thread: turn.thread,
            n: started.n,
            expected,
            got: got.map_or("the end of the request".into(), |said| format!("`{}`", oneline(said))),
        })
    };
    let shown = if view.can(Capability::Conversation) { order } else { 0 };
    for place in &view.threads[thread].turns[..shown] {
        let before = &view.turns[*place];
        let Some(question) = before.message.and_then(|message| asked.get(&(thread, message))) else {
            // Posted before the history began: nothing is known of what it says.
            return None;
        };
        let is_there = said.next_if(|said| question.is_in(said)).is_some();
        let is_due = before
            .terminal()
            .is_some_and(|row| row.status == Status::Completed && row.at.n < started.n);
        if is_due && !is_there {
            return breach(
                format!("the message of turn {}: `user: {}`", before.id, oneline(question.text)),
                said.next(),
            );
        }
        let answered = |said: &&str| said.strip_prefix("assistant: ").is_some_and(|text| fits(before, text));
        if is_there && said.next_if(answered).is_none() && is_due && !is_blank(before) {
            return breach(format!("the whole answer of turn {}", before.id), said.next());
        }
    }
    let own = turn.message.and_then(|message| asked.get(&(thread, message)))?;
    match (said.next(), said.next()) {
        (Some(last), None) if own.is_in(last) => None,
        (Some(last), beyond) if own.is_in(last) => breach("nothing after the turn's own message".into(), beyond),
        (got, _) => breach(format!("the turn's own message: `user: {}`", oneline(own.text)), got),
    }
}

/// True if a turn is not known to have answered anything.
fn is_blank(turn: &Turn<'_>) -> bool {
    turn.durable.as_ref().is_none_or(Text::is_empty)
}

fn user(said: &str) -> Option<&str> {
    said.strip_prefix("user: ")
}

/// True if a text is what an earlier turn answered: all of it where it completed, else whatever there was of it.
fn fits(turn: &Turn<'_>, text: &str) -> bool {
    let is_it = |durable: &Text<'_>| Text::of(0, text).same_as(durable);
    !turn.is_completed() || turn.durable.as_ref().is_none_or(is_it)
}

#[cfg(test)]
mod tests {
    use crate::history::{ProviderEvent, ProviderWhat, Status, What};
    use crate::judge::testing::{Play, accepted, answer, call, call_starts, posted, takeover, turn_row};

    const NAME: &str = "ContextContinuity";

    /// The good run, with a second turn whose call holds `messages`.
    fn second(messages: &[String]) -> Play {
        let mut play = takeover();
        play.put(1_300, posted(2, "t-1", "m-2", "key-2"))
            .put(1_301, accepted(2, "turn-2"));
        play.put(1_302, turn_row(120, "turn-2", 3, Status::InProgress));
        let started = ProviderWhat::Started {
            messages: messages.to_vec(),
        };
        let What::Provider(first) = call(1, "pod-2", started) else {
            unreachable!("a provider's event")
        };
        let second = ProviderEvent {
            call: 200,
            key: "key-2".into(),
            ..first
        };
        play.put(1_303, What::Provider(second));
        play.put(1_310, turn_row(121, "turn-2", 3, Status::Completed));
        play
    }

    fn user(message: &str) -> String {
        format!("user: please answer {message}")
    }

    fn assistant(text: &str) -> String {
        format!("assistant: {text}")
    }

    #[test]
    fn the_whole_conversation_in_order_is_accepted() {
        takeover().keeps(NAME);
        let whole = [user("m-1"), assistant(&answer(2)), user("m-2")];
        second(&whole).keeps(NAME);
        let [a, b, c] = whole;
        second(&["system: be kind".into(), a, b, c]).keeps(NAME);
    }

    #[test]
    fn a_message_or_an_answer_that_is_missing_cut_doubled_or_swapped_is_found() {
        let (first, answered, own) = (user("m-1"), assistant(&answer(2)), user("m-2"));
        let cut = assistant(&answer(2)[..40]);
        let superseded = assistant(&answer(1));
        for (messages, expected) in [
            (vec![own.clone()], "the message of turn turn-1"),
            (vec![first.clone(), own.clone()], "the whole answer of turn turn-1"),
            (vec![first.clone(), cut, own.clone()], "the whole answer of turn turn-1"),
            (
                vec![first.clone(), superseded, own.clone()],
                "the whole answer of turn turn-1",
            ),
            (
                vec![answered.clone(), first.clone(), own.clone()],
                "the message of turn turn-1",
            ),
            (vec![first.clone(), answered.clone()], "the turn's own message"),
            (
                vec![first.clone(), answered.clone(), own.clone(), own.clone()],
                "nothing after the turn's own message",
            ),
            (
                vec![first.clone(), answered.clone(), first.clone(), own.clone()],
                "the turn's own message",
            ),
        ] {
            let finding = second(&messages).breaks(NAME);
            assert_eq!(finding.subject, "provider call 1 for turn turn-2");
            assert!(
                finding.expected.starts_with(expected),
                "{messages:?}: {}",
                finding.expected
            );
        }
    }

    #[test]
    fn a_takeover_that_drops_the_message_is_found() {
        let mut play = takeover();
        play.turn_into(
            &call_starts(2, "pod-2"),
            call(2, "pod-2", ProviderWhat::Started { messages: vec![] }),
        );
        assert_eq!(play.breaks(NAME).got, "the end of the request");
    }

    #[test]
    fn a_turn_that_did_not_complete_may_be_in_the_request_or_not() {
        let failed = |messages: &[String]| {
            let mut play = second(messages);
            play.turn_into(
                &turn_row(99, "turn-1", 2, Status::Completed),
                turn_row(99, "turn-1", 2, Status::Failed),
            );
            play
        };
        failed(&[user("m-2")]).keeps(NAME);
        failed(&[user("m-1"), user("m-2")]).keeps(NAME);
        failed(&[user("m-1"), assistant("as far as it got"), user("m-2")]).keeps(NAME);
    }
}
