//! The screen of a client that follows the description, after a tail.

use super::frames::SeenFrame;
use crate::history::{Chunk, Status, TurnId};
use crate::system::reading::{TextToken, tokens_of};

/// Tokens of a call's answer that are missing, repeated or foreign, in words; empty if the answer is whole.
pub(in crate::run) fn fault_of(tokens: &[TextToken], first: u32, total: u32) -> String {
    let indices: Vec<u32> = tokens.iter().map(|token| token.index).collect();
    if indices == (first..=total).collect::<Vec<_>>() && tokens.iter().all(|token| token.call == 1) {
        return String::new();
    }
    let missing: Vec<u32> = (first..=total).filter(|index| !indices.contains(index)).collect();
    let mut seen = std::collections::BTreeSet::new();
    let again: Vec<u32> = tokens
        .iter()
        .filter(|token| !seen.insert(**token))
        .map(|token| token.index)
        .collect();
    let early: Vec<u32> = indices.iter().copied().filter(|index| *index < first).collect();
    let faults = [
        ("missing", missing),
        ("shown again", again),
        ("from before the cursor", early),
    ];
    let said = faults.into_iter().filter(|(_, which)| !which.is_empty());
    let said: Vec<String> = said
        .map(|(what, which)| format!("{what}: {}", ranges(&which)))
        .collect();
    if said.is_empty() {
        "in another order, or of another call".to_owned()
    } else {
        said.join("; ")
    }
}

/// Numbers as ranges: `1 to 3, 7`.
fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let said = runs.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first} to {last}")
        }
    });
    said.collect::<Vec<_>>().join(", ")
}

/// A client's screen for one turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::run) struct Screen {
    /// The answer's text.
    pub(in crate::run) text: String,
    /// Attempts that began.
    pub(in crate::run) starts: u32,
    /// The frames that told the client to drop what it had.
    pub(in crate::run) resets: u32,
    /// True once the end was shown.
    pub(in crate::run) has_ended: bool,
    /// How the turn ended, where a frame says.
    pub(in crate::run) outcome: Option<Status>,
    /// The error that a person reads.
    pub(in crate::run) error: Option<String>,
}

impl Screen {
    /// The screen after all frames of a tail.
    pub(in crate::run) fn after(frames: &[SeenFrame], turn: &TurnId) -> Self {
        Self::default().and(frames, turn)
    }

    /// The same screen after the frames of a tail with which the client came back.
    #[must_use]
    pub(in crate::run) fn and(mut self, frames: &[SeenFrame], turn: &TurnId) -> Self {
        let screen = &mut self;
        let chunks = frames.iter().flat_map(|frame| &frame.read.chunks);
        for chunk in chunks.filter(|chunk| chunk.turn() == Some(turn)) {
            screen.take(chunk);
        }
        self
    }

    fn take(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Start(start) => {
                self.starts += 1;
                if start.reset {
                    self.resets += 1;
                    self.text.clear();
                }
            }
            Chunk::Delta { text, .. } => self.text.push_str(text),
            Chunk::Whole { text, .. } => self.text.clone_from(text),
            Chunk::Error { message, .. } => self.error = Some(message.clone()),
            Chunk::Finish { status, .. } => {
                self.has_ended = true;
                self.outcome = *status;
            }
            _ => {}
        }
    }

    /// The turn's tokens on it.
    pub(in crate::run) fn tokens(&self, key: &str) -> Vec<TextToken> {
        tokens_of(key, &self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(tokens: &[(u32, u32)]) -> String {
        let tokens: Vec<TextToken> = tokens.iter().map(|&(call, index)| TextToken { call, index }).collect();
        fault_of(&tokens, 3, 6)
    }

    #[test]
    fn a_fault_names_what_is_missing_and_what_came_again() {
        assert_eq!(fault(&[(1, 3), (1, 4), (1, 5), (1, 6)]), "");
        assert_eq!(fault(&[(1, 3), (1, 6)]), "missing: 4 to 5");
        assert_eq!(
            fault(&[(1, 2), (1, 3), (1, 3), (1, 4), (1, 5), (1, 6)]),
            "shown again: 3; from before the cursor: 2"
        );
        assert_eq!(
            fault(&[(2, 3), (2, 4), (2, 5), (2, 6)]),
            "in another order, or of another call"
        );
    }
}
