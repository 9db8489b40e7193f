//! TAIL: what a client is shown from the start, behind a cursor, and after the end.

use std::sync::Arc;

use crate::history::{CursorForm, PodName, WatcherId};
use crate::run::cast::turn::Turn;
use crate::run::cast::watchers::Watcher;
use crate::run::check::bench::{Bench, HELD_AFTER, TOKENS};
use crate::run::check::section::{Line, Mark, Section};
use crate::run::check::wording::frames::SeenFrame;
use crate::run::check::wording::proposals::Shown;
use crate::run::check::wording::screen::{Screen, fault_of};
use crate::run::check::wording::table::table;
use crate::system::reading::TextToken;
use crate::system::talk::attach::form_of;
use crate::workload::{Seen, Tail};

/// A tail of the turn that was opened while the answer was held.
pub(in crate::run) struct Opened {
    section: Section,
    tail: Option<Arc<Tail>>,
}

impl Opened {
    /// The tail, if it was opened.
    pub(in crate::run) fn tail(&self) -> Option<&Tail> {
        self.tail.as_deref()
    }

    /// The watcher of the tail, if it was opened.
    pub(in crate::run) fn watcher(&self) -> Option<WatcherId> {
        self.tail.as_ref().map(|tail| tail.watcher)
    }
}

/// Attaches from the start on another pod while the answer is held; or takes the answer itself, if that is a tail.
pub(in crate::run) async fn open(bench: &mut Bench<'_>, turn: &Turn) -> Opened {
    let mut section = Section::new("TAIL from the start");
    if bench.system().description.calls.attach.is_none() {
        if let (false, Some(why)) = (
            bench.cast.slot.api.streams(),
            bench.places.not_tried(&["calls.attach", "calls.turn.streams"]),
        ) {
            section.push(Line::info(why));
            return Opened { section, tail: None };
        }
        let tail = bench.cast.answers.until_now().into_iter().next();
        section.push(match &tail {
            Some(_) => Line::info("the answer to the message is the tail: there is no calls.attach"),
            None => Line::bad("nothing shows a turn: say calls.attach, or calls.turn.streams = true")
                .at(bench.place("calls.turn")),
        });
        return Opened { section, tail };
    }
    let pod = bench.next(&turn.accepted_by);
    section.push(Line::info(format!("{pod}  {}", attach_line(bench))).at(bench.place("calls.attach")));
    let opened = bench.cast.attach(&pod, turn, "start").await;
    let tail = bench.cast.tails.last().cloned();
    if let Err(why) = opened {
        let why = not_opened(tail.as_ref().map(|tail| tail.seen()).as_ref(), &why.to_string());
        section.push(Line::bad(why).at(bench.place("calls.attach.request")));
        return Opened { section, tail: None };
    }
    Opened { section, tail }
}

/// Why a tail was not opened, in words.
fn not_opened(seen: Option<&Seen>, why: &str) -> String {
    match seen {
        Some(Seen {
            refused: Some(reason), ..
        }) => format!("the attach was refused: {reason}"),
        Some(Seen {
            open: false, end: None, ..
        }) => format!(
            "the attach is not answered ({why}): a service that streams answers at once, before there is anything to show"
        ),
        _ => why.to_owned(),
    }
}

fn attach_line(bench: &Bench<'_>) -> String {
    let attach = bench.system().description.calls.attach.as_ref();
    attach.map_or(String::new(), |attach| attach.request.line.to_string())
}

/// Waits until a tail shows the tokens before the gate, as far as it does.
pub(in crate::run) async fn shows_what_is_held(opened: &Opened, turn: &Turn) {
    let Some(tail) = &opened.tail else { return };
    let bound = std::time::Duration::from_millis(2500);
    let shown = tail.until("what is held", bound, |seen| {
        seen.turns.get(&turn.id).is_some_and(|of| of.tokens >= HELD_AFTER)
    });
    if let Err(e) = shown.await {
        tracing::debug!(error = %e, "a tail did not show what is held");
    }
}

/// The section about the tail from the start, once nothing holds the turn any longer. Returns its screen with it.
pub(in crate::run) async fn from_the_start(
    bench: &Bench<'_>,
    opened: Opened,
    turn: &Turn,
    was_called: bool,
) -> (Section, Option<Screen>) {
    let Opened { mut section, tail } = opened;
    let Some(tail) = tail else { return (section, None) };
    bench.ends(&tail, turn).await;
    let frames = bench.frames_of(tail.watcher, turn);
    let screen = Screen::after(&frames, &turn.id);
    section.lines.extend(table(&frames, turn.key.as_str(), bench.places));
    if !was_called {
        section.push(Line::info(
            "there is no answer to be shown, so the rules are not held against these frames",
        ));
        return (section, None);
    }
    let shown = Shown {
        frames: &frames,
        key: turn.key.as_str(),
        turn: &turn.id,
        stream: &bench.system().description.stream,
        places: bench.places,
    };
    let proposals = shown.proposals();
    let lines = if frames.is_empty() {
        let text = if tail.seen().end.is_some() {
            "the stream ended without a frame, though the answer was yet to come: is this the turn's stream?"
        } else {
            "no frame came while the answer was made: does it stream, and is this the turn's stream?"
        };
        vec![Line::bad(text).at(bench.place("calls.attach"))]
    } else {
        verdict(bench, &screen, turn, &proposals)
    };
    section.lines.extend(proposals);
    section.lines.extend(lines);
    (section, Some(screen))
}

fn verdict(bench: &Bench<'_>, screen: &Screen, turn: &Turn, proposals: &[Line]) -> Vec<Line> {
    let explained = proposals.iter().any(|line| line.mark == Mark::Bad);
    let tokens = screen.tokens(turn.key.as_str());
    let fault = fault_of(&tokens, 1, TOKENS);
    let mut lines = Vec::new();
    if fault.is_empty() {
        lines.push(Line::ok(format!("{TOKENS} of {TOKENS} tokens, each once")));
    } else if tokens.first().is_some_and(|first| first.index == HELD_AFTER + 1) {
        let text = format!(
            "calls.attach.start: attached when {HELD_AFTER} tokens were out, and shown from token {}: this form shows only what \
             comes. Is there a word for the beginning (after_sequence=-1, event_0)?",
            HELD_AFTER + 1
        );
        lines.push(Line::bad(text).at(bench.place("calls.attach.start")));
    } else if !explained {
        lines.push(Line::bad(format!("the answer is not whole: {fault}")).at(bench.place("stream.frames")));
    }
    if let Some(error) = &screen.error {
        lines.push(Line::bad(format!("an error was shown: {error}")));
    }
    lines
}

/// TAIL from a cursor: each form in which one is taken, with the cursor of the last token before the gate.
pub(in crate::run) async fn from_a_cursor(bench: &mut Bench<'_>, shown: WatcherId, turn: &Turn) -> Option<Section> {
    let description = &bench.system().description;
    let (attach, _) = (description.calls.attach.as_ref()?, description.stream.cursor.as_ref()?);
    let forms: Vec<CursorForm> = attach.resume.iter().map(form_of).collect();
    let mut section = Section::new("TAIL from a cursor");
    if forms.is_empty() {
        let text = "calls.attach.resume does not say how a cursor is given";
        section.push(Line::warn(text).at(bench.place("calls.attach")));
        return Some(section);
    }
    let frames = bench.frames_of(shown, turn);
    if Screen::after(&frames, &turn.id).text.is_empty() {
        section.push(Line::info("not tried before a tail shows the answer"));
        return Some(section);
    }
    let Some((cursor, before)) = cursor_of_token(&frames, turn, HELD_AFTER) else {
        section.push(Line::bad("no token came with a cursor").at(bench.place("stream.cursor")));
        return Some(section);
    };
    let next = before
        .tokens(turn.key.as_str())
        .last()
        .map_or(1, |token| token.index + 1);
    let mut pod = turn.accepted_by.clone();
    for (n, form) in forms.into_iter().enumerate() {
        let place = bench.place(&format!("calls.attach.resume[{n}]"));
        let line = match resumed(bench, (&cursor, form, &before), &pod, turn).await {
            Ok(tokens) => behind(&cursor, &tokens, next, &pod),
            Err(why) => Line::bad(format!("{pod}  behind {cursor}: {why}")),
        };
        section.push(line.at(place));
        pod = bench.next(&pod);
    }
    Some(section)
}

/// The cursor of a token, and the screen of a client that is shown the stream up to there. The frame may hold further tokens.
fn cursor_of_token(frames: &[SeenFrame], turn: &Turn, index: u32) -> Option<(String, Screen)> {
    (0..frames.len()).find_map(|n| {
        let screen = Screen::after(&frames[..=n], &turn.id);
        let last = screen.tokens(turn.key.as_str()).last().map_or(0, |token| token.index);
        let id = frames[n].read.id_text().filter(|_| last >= index)?;
        Some((id, screen))
    })
}

/// The tokens on the screen of a client that comes back with a cursor.
async fn resumed(
    bench: &mut Bench<'_>,
    (cursor, form, before): (&str, CursorForm, &Screen),
    pod: &PodName,
    turn: &Turn,
) -> Result<Vec<TextToken>, String> {
    let watcher = bench.cast.attach_with((cursor.to_owned(), form), pod, turn).await;
    let watcher = watcher.map_err(|e| e.to_string())?;
    if let Some(reason) = watcher.seen().refused {
        return Err(format!("refused: {reason}"));
    }
    bench.ends(&watcher.tail, turn).await;
    let frames = bench.frames_of(watcher.tail.watcher, turn);
    if frames.is_empty() {
        return Err("nothing came".to_owned());
    }
    Ok(before.clone().and(&frames, &turn.id).tokens(turn.key.as_str()))
}

fn behind(cursor: &str, tokens: &[TextToken], next: u32, pod: &PodName) -> Line {
    match fault_of(tokens, 1, TOKENS).as_str() {
        "" => Line::ok(format!("{pod}  behind {cursor} it goes on with token {next}")),
        fault => Line::bad(format!(
            "{pod}  a client that comes back behind {cursor} is left with {fault}"
        )),
    }
}

/// TAIL after the end: what a client is shown that comes when the turn is over.
pub(in crate::run) async fn after_the_end(bench: &mut Bench<'_>, turn: &Turn) -> Option<Section> {
    bench.system().description.calls.attach.as_ref()?;
    let pod = bench.next(&bench.next(&turn.accepted_by));
    let place = bench.place("calls.attach.start");
    let line = match bench.cast.attach(&pod, turn, "late").await {
        Ok(watcher) => late(bench, &watcher, turn).await,
        Err(why) => {
            let nothing = bench.cast.tails.last().and_then(|tail| tail.seen().refused);
            Line::info(format!("{pod}  {}", nothing.unwrap_or_else(|| why.to_string())))
        }
    };
    Some(Section::of_line("TAIL after the end", line.at(place)))
}

async fn late(bench: &Bench<'_>, watcher: &Watcher, turn: &Turn) -> Line {
    let pod = watcher.pod();
    if !bench.cast.slot.api.shows_one_turn() {
        return Line::info(format!("{pod}  the tail shows the thread, and waits for the next turn"));
    }
    bench.ends(&watcher.tail, turn).await;
    let screen = bench.screen_of(watcher.tail.watcher, turn);
    let tokens = screen.tokens(turn.key.as_str());
    let end = if screen.has_ended {
        "then the end"
    } else {
        "without an end"
    };
    match (tokens.len(), fault_of(&tokens, 1, TOKENS)) {
        (0, _) if screen.has_ended => Line::warn(format!(
            "{pod}  the end alone, without the answer; is there a word for the beginning (after_sequence=-1, event_0)?"
        )),
        (_, fault) if fault.is_empty() => Line::ok(format!("{pod}  all {TOKENS} tokens again, {end}")),
        (0, _) => Line::info(format!("{pod}  nothing of the turn")),
        (_, fault) => Line::bad(format!("{pod}  not whole: {fault}; {end}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_that_was_not_opened_says_whether_it_was_refused_or_not_answered() {
        let refused = Seen {
            refused: Some("403: no".to_owned()),
            ..Seen::default()
        };
        let why = "the stream open: not within 2.5s";
        assert_eq!(not_opened(Some(&refused), why), "the attach was refused: 403: no");
        let silent = not_opened(Some(&Seen::default()), why);
        assert!(
            silent.starts_with("the attach is not answered (the stream open: not within 2.5s): "),
            "{silent}"
        );
        assert_eq!(not_opened(None, why), why);
    }
}
