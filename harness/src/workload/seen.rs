//! The frames that a watcher was shown, summed up for a story that waits for them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::history::{Chunk, Epoch, PodName, Status, TailEnd, TurnId};

/// Most turns that an expired wait tells of.
const TURNS_DESCRIBED: usize = 8;

/// Everything that a watcher has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// True once the pod has answered with a stream.
    pub open: bool,
    /// When the answer came.
    pub opened_at: Option<Instant>,
    /// The pod that answered: behind an edge by its own word, else the one that was asked.
    pub served_by: Option<PodName>,
    /// How long the stream says that a client is to wait before it connects again.
    pub retry: Option<Duration>,
    /// Where the thread stood as the tail opened, by the pod's word.
    pub state: Option<Status>,
    /// The last event id, as a client would send it to resume.
    pub last_id: Option<String>,
    /// True once it was shown a resync or a frame of an answer: what a tail that resumes waits for.
    pub answered: bool,
    /// Each turn it saw something of.
    pub turns: BTreeMap<TurnId, TurnSeen>,
    /// How the tail ended, once it has.
    pub end: Option<TailEnd>,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
    /// Status of the refusal, if an answer came.
    pub refused_with: Option<u16>,
}

/// Everything that a watcher has seen of one turn.
#[derive(Debug, Clone, Default)]
pub struct TurnSeen {
    /// Epoch of the newest attempt seen to begin.
    pub epoch: Option<Epoch>,
    /// Tokens rendered now; a reset takes them back.
    pub tokens: u32,
    /// When the newest of them came.
    pub last_at: Option<Instant>,
    /// True once its end was seen.
    pub ended: bool,
    /// How the turn ended, once that was seen, where frames say.
    pub finished: Option<Status>,
}

impl Seen {
    /// True if the watcher can learn nothing more of a turn's end: it saw the end, or the pod said as it opened that
    /// nothing is in flight, or the stream is not open.
    pub fn knows_the_end(&self, turn: &TurnId) -> bool {
        let in_flight = self.state.is_some_and(|s| !s.is_terminal() && s != Status::Idle);
        match self.turns.get(turn) {
            Some(seen) => seen.ended,
            None => !self.open || (self.state.is_some() && !in_flight),
        }
    }

    /// How a turn ended, if its end was seen. An end that does not say how is taken for a completion.
    pub fn end_of(&self, turn: &TurnId) -> Option<Status> {
        let seen = self.turns.get(turn).filter(|seen| seen.ended)?;
        Some(seen.finished.unwrap_or(Status::Completed))
    }
}

/// A summary in one line, for a wait that ran out.
pub(super) fn describe(seen: &Seen) -> String {
    if let Some(reason) = &seen.refused {
        return format!("the attach was refused: {reason}");
    }
    let mut turns: Vec<_> = seen
        .turns
        .iter()
        .take(TURNS_DESCRIBED)
        .map(|(turn, s)| {
            let epoch = s.epoch.map_or("no start".to_owned(), |e| format!("epoch {e}"));
            let end = s.finished.map_or(String::new(), |f| format!(", finished as {f:?}"));
            format!("turn {turn}: {} tokens, {epoch}{end}", s.tokens)
        })
        .collect();
    if seen.turns.len() > TURNS_DESCRIBED {
        turns.push(format!("and {} turns more", seen.turns.len() - TURNS_DESCRIBED));
    }
    let state = match &seen.end {
        Some(end) => format!("the tail has ended: {end:?}"),
        None if seen.open => "the tail is open".to_owned(),
        None => "the attach is not answered".to_owned(),
    };
    format!(
        "{state}; {}",
        if turns.is_empty() {
            "no frames of a turn".to_owned()
        } else {
            turns.join("; ")
        }
    )
}

pub(super) fn take(seen: &mut Seen, chunk: &Chunk, at: Instant) {
    seen.answered |= chunk.turn().is_some() || matches!(chunk, Chunk::Resync { .. });
    match chunk {
        Chunk::Start(start) => {
            let of = seen.turns.entry(start.turn.clone()).or_default();
            of.epoch = start.epoch.or(of.epoch);
            if start.reset {
                of.tokens = 0;
            }
        }
        Chunk::Delta { turn, text } => {
            let of = seen.turns.entry(turn.clone()).or_default();
            // Each token closes with its one space, however the service cuts or joins its deltas.
            of.tokens += text.bytes().filter(|b| *b == b' ').count() as u32;
            of.last_at = Some(at);
        }
        Chunk::Whole { turn, text } => {
            let of = seen.turns.entry(turn.clone()).or_default();
            of.tokens = text.bytes().filter(|b| *b == b' ').count() as u32;
            of.last_at = Some(at);
        }
        Chunk::Finish { turn, status } => {
            let of = seen.turns.entry(turn.clone()).or_default();
            (of.ended, of.finished) = (true, *status);
        }
        Chunk::State { status, .. } => seen.state = Some(*status),
        Chunk::Resync { .. } => seen.turns.clear(),
        Chunk::Part { .. }
        | Chunk::Error { .. }
        | Chunk::Handover { .. }
        | Chunk::Broken { .. }
        | Chunk::Done
        | Chunk::Unreadable { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Start;

    #[test]
    fn a_reset_takes_tokens_back_and_a_plain_start_does_not() {
        let (mut seen, turn) = (Seen::default(), TurnId::from("u"));
        let at = Instant::now();
        let start = |reset| {
            Chunk::Start(Box::new(Start {
                turn: turn.clone(),
                epoch: Some(Epoch(1)),
                reset,
                answer: None,
            }))
        };
        take(&mut seen, &start(false), at);
        take(
            &mut seen,
            &Chunk::Delta {
                turn: turn.clone(),
                text: "a b ".into(),
            },
            at,
        );
        assert_eq!(seen.turns[&turn].tokens, 2);
        take(&mut seen, &start(false), at);
        assert_eq!(seen.turns[&turn].tokens, 2);
        take(&mut seen, &start(true), at);
        assert_eq!(seen.turns[&turn].tokens, 0);
    }

    #[test]
    fn a_resync_or_a_frame_of_an_answer_answers_and_the_state_of_the_thread_does_not() {
        let turn = TurnId::from("u");
        let answered = |chunk| {
            let mut seen = Seen::default();
            take(&mut seen, &chunk, Instant::now());
            seen.answered
        };
        let text = "a ".to_owned();
        assert!(answered(Chunk::Resync { reason: String::new() }));
        assert!(answered(Chunk::Delta {
            turn: turn.clone(),
            text
        }));
        let (status, turn) = (Status::InProgress, Some(turn));
        assert!(!answered(Chunk::State { status, turn }));
        assert!(!answered(Chunk::Done));
    }

    #[test]
    fn a_watcher_that_was_promised_a_turn_and_saw_nothing_is_not_told() {
        let turn = TurnId::from("u");
        let opened = |state| Seen {
            open: true,
            state: Some(state),
            ..Seen::default()
        };
        assert!(!opened(Status::InProgress).knows_the_end(&turn));
        assert!(!opened(Status::Queued).knows_the_end(&turn));
        assert!(opened(Status::Completed).knows_the_end(&turn));
        let mut seen = opened(Status::InProgress);
        take(
            &mut seen,
            &Chunk::Finish {
                turn: turn.clone(),
                status: Some(Status::Completed),
            },
            Instant::now(),
        );
        assert!(seen.knows_the_end(&turn));
    }
}
