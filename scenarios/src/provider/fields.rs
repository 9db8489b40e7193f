//! The fields of a chunk: a reason to stop is a word that is not empty, and the stream is read on to its end. Fields that hold
//! no text of the answer are passed over.

use std::time::Duration;

use crosspod::plan::{Extra, Flag, Oddity, Ping, Reasoning, UsageMode};
use crosspod::run::{Cast, Played};

use super::beside::{Odd, sound};

/// A pause that a provider may make before it counts its tokens.
const PAUSE: Duration = Duration::from_millis(700);
/// A pause between two tokens. An answer of such is longer than a service waits for more once it was given a reason to stop.
const SLOW: Duration = Duration::from_millis(400);
/// Longer than any turn: who waits for the end of such a stream waits for ever.
const FOR_EVER: Duration = Duration::from_hours(1);

pub(super) async fn finish_reasons(c: &mut Cast) -> Played {
    let every_chunk = |json: &str| Oddity::Unfinished(json.to_owned());
    let closing = |json: &str| Oddity::Finish(json.to_owned());
    let answers = [
        vec![every_chunk("\"\"")],
        vec![every_chunk("\"\""), closing("\"length\"")],
        vec![every_chunk("0"), closing("1")],
        vec![every_chunk("7"), closing("7")],
        vec![every_chunk("\"stop\"")],
        vec![closing("{\"type\":\"stop\"}")],
        vec![closing("true"), every_chunk("false")],
        vec![closing("\"no_such_reason\"")],
    ];
    let mut answers: Vec<Odd> = answers.map(Odd::from).into();
    answers.push(Odd::paced(vec![every_chunk("\"stop\"")], SLOW));
    sound(c, answers).await
}

pub(super) async fn closing_text(c: &mut Cast) -> Played {
    let closing = Oddity::Flag(Flag::Closing);
    let answers = vec![
        vec![closing.clone()],
        vec![closing, Oddity::Flag(Flag::Bare), Oddity::Flag(Flag::Crlf)],
    ];
    sound(c, answers).await
}

pub(super) async fn usage_after_a_pause(c: &mut Cast) -> Played {
    let answers = vec![
        vec![Oddity::Usage(UsageMode::Final), Oddity::Linger(PAUSE)],
        vec![Oddity::Usage(UsageMode::Each), Oddity::Linger(PAUSE)],
        vec![Oddity::Flag(Flag::NoDone)],
        vec![Oddity::Linger(FOR_EVER)],
        vec![
            Oddity::Linger(PAUSE),
            Oddity::Usage(UsageMode::Final),
            Oddity::Ping(Ping::All),
        ],
    ];
    sound(c, answers).await
}

pub(super) async fn reasoning(c: &mut Cast) -> Played {
    let places = Reasoning::WORDS
        .iter()
        .map(|(_, place)| vec![Oddity::Reasoning(*place)]);
    sound(c, places.collect()).await
}

pub(super) async fn fields_that_say_nothing(c: &mut Cast) -> Played {
    let mut answers: Vec<_> = Extra::WORDS
        .iter()
        .map(|(_, extra)| vec![Oddity::Extra(*extra)])
        .collect();
    answers.push(vec![Oddity::Flag(Flag::Bare)]);
    sound(c, answers).await
}
