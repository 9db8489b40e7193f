//! Mistakes in the rules for frames, with what to write instead: found by looking for the tokens, which are known, in the JSON of each
//! frame.

use std::collections::BTreeMap;

use super::frames::SeenFrame;
use super::pointers::{pointers, pointers_to_text};
use super::stream_keys::rising;
use crate::history::{Chunk, TurnId};
use crate::run::check::places::Places;
use crate::run::check::section::Line;
use crate::system::reading::{TextToken, tokens_of};
use crate::system::stream::{CursorRule, FrameRule, Place, Says, Stream};

/// The part of a note that tells of a word without a meaning.
const WORDS: &str = "of [statuses]";

/// A turn's frames, and the rules that they were read by.
pub(in crate::run) struct Shown<'s> {
    /// The frames of a tail from the start.
    pub(in crate::run) frames: &'s [SeenFrame],
    /// Key in the turn's tokens.
    pub(in crate::run) key: &'s str,
    /// The turn.
    pub(in crate::run) turn: &'s TurnId,
    /// The rules.
    pub(in crate::run) stream: &'s Stream,
    /// Places of the description.
    pub(in crate::run) places: &'s Places,
}

impl Shown<'_> {
    /// Everything that the rules should say otherwise, and what they leave out.
    pub(in crate::run) fn proposals(&self) -> Vec<Line> {
        if let Some(line) = self.kinds() {
            // Without kinds no rule takes anything: the rest would follow from that.
            return vec![line];
        }
        let mut lines = Vec::new();
        lines.extend(self.texts());
        lines.extend(self.wholes());
        lines.extend(self.notes());
        lines.extend(self.cursors());
        lines.extend(self.unknown());
        lines.extend(self.turns());
        lines.extend(self.end());
        lines
    }

    /// No frame said that the turn is over.
    fn end(&self) -> Option<Line> {
        let chunks = self.frames.iter().flat_map(|frame| &frame.read.chunks);
        let ends = |chunk: &Chunk| matches!(chunk, Chunk::Finish { .. });
        let odd_word = |frame: &SeenFrame| frame.read.note.as_ref().is_some_and(|note| note.contains(WORDS));
        if self.frames.is_empty() || chunks.into_iter().any(ends) || self.frames.iter().any(odd_word) {
            return None;
        }
        let last = self.frames.iter().rev().find(|frame| frame.read.kind.is_some());
        let last = last.map_or(String::new(), |frame| {
            let rule = match frame.read.rule {
                Some(rule) => format!("stream.frames[{rule}] takes"),
                None => "no rule takes".to_owned(),
            };
            format!("; the last one was {:?}, which {rule}", kind_of(frame))
        });
        let text = format!("no frame said that the turn is over{last}: say is = \"end\"");
        Some(Line::bad(text).at(self.places.of("stream.frames")))
    }

    /// The rule at a place, and the frames that it took.
    fn of_rule(&self, rule: usize) -> Vec<&SeenFrame> {
        let frames = self.frames.iter();
        frames.filter(|frame| frame.read.rule == Some(rule)).collect()
    }

    fn rules(&self) -> impl Iterator<Item = (usize, &FrameRule)> {
        self.stream.frames.iter().enumerate()
    }

    fn mark(&self) -> String {
        format!("~{}.", self.key)
    }

    /// Frames without a kind where `stream.kind` says.
    fn kinds(&self) -> Option<Line> {
        let lacks = |frame: &&SeenFrame| {
            let unreadable =
                |chunk: &Chunk| matches!(chunk, Chunk::Unreadable { why, .. } if why.starts_with("no kind at"));
            frame.read.chunks.iter().any(unreadable)
        };
        let lacking: Vec<&SeenFrame> = self.frames.iter().filter(lacks).collect();
        let likely = ["/type", "/event", "/kind"].map(|at| {
            let count = lacking
                .iter()
                .filter_map(|frame| frame.value.as_ref()?.pointer(at)?.as_str());
            (count.count(), at)
        });
        let (count, at) = likely.into_iter().max()?;
        let there = if count > 0 {
            format!("; {count} have one at {at}")
        } else {
            String::new()
        };
        let named = self.frames.iter().filter(|frame| frame.event.name.is_some()).count();
        let there = if there.is_empty() && named > 0 {
            format!("; {named} have a name of their own: say \"event\"")
        } else {
            there
        };
        (!lacking.is_empty()).then(|| {
            let text = format!(
                "stream.kind: {} of {} frames have no such value{there}",
                lacking.len(),
                self.frames.len()
            );
            Line::bad(text).at(self.places.of("stream.kind"))
        })
    }

    /// Rules whose text leads nowhere, and tokens that no rule reads.
    fn texts(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (n, rule) in self.rules().filter(|(_, rule)| rule.says == Says::Text) {
            let frames = self.of_rule(n);
            let is_lost = |frame: &&&SeenFrame| frame.read.chunks.is_empty() && frame.read.note.is_some();
            let lost: Vec<&SeenFrame> = frames.iter().filter(is_lost).copied().collect();
            let Some((at, _)) = self.place_of_tokens(&lost) else {
                continue;
            };
            let said = rule.text.as_ref().or(rule.whole.as_ref()).map(ToString::to_string);
            let text = format!(
                "stream.frames[{n}].text: {} leads nowhere in {} of {} frames {:?}; the tokens are at {at}",
                said.unwrap_or_default(),
                lost.len(),
                frames.len(),
                kind_of(frames[0]),
            );
            lines.push(Line::bad(text).at(self.places.of(&format!("stream.frames[{n}].text"))));
        }
        let is_shown = |chunk: &Chunk| match chunk {
            Chunk::Delta { text, .. } | Chunk::Whole { text, .. } => !tokens_of(self.key, text).is_empty(),
            _ => false,
        };
        let shows = self.frames.iter().flat_map(|frame| &frame.read.chunks).any(is_shown);
        if lines.is_empty() && !shows && !self.frames.is_empty() {
            lines.push(self.no_tokens());
        }
        lines
    }

    /// No rule shows a token: where they are.
    fn no_tokens(&self) -> Line {
        let all: Vec<&SeenFrame> = self.frames.iter().collect();
        let Some((at, of)) = self.place_of_tokens(&all) else {
            let text = "no frame holds a token of the provider's answer: is the answer streamed, or only its end?";
            return Line::bad(text).at(self.places.of("stream.frames"));
        };
        let kind = kind_of(of[0]);
        match of[0].read.rule {
            Some(rule) if self.stream.frames[rule].says == Says::Text => {
                let text = format!(
                    "stream.frames[{rule}].text shows no token; the tokens are at {at} of {kind:?} ({})",
                    frames(of.len())
                );
                Line::bad(text).at(self.places.of(&format!("stream.frames[{rule}].text")))
            }
            _ => {
                let rule = format!("{{ on = [{kind:?}], is = \"text\", text = {at:?} }}");
                let text = format!("the tokens are at {at} of {kind:?} ({} frames): say {rule}", of.len());
                Line::bad(text).at(self.places.of("stream.frames"))
            }
        }
    }

    /// The pointer under which most of the frames hold a token, and those frames.
    fn place_of_tokens<'f>(&self, frames: &[&'f SeenFrame]) -> Option<(String, Vec<&'f SeenFrame>)> {
        let mut found: BTreeMap<(String, String), Vec<&SeenFrame>> = BTreeMap::new();
        for &frame in frames {
            let Some(value) = &frame.value else { continue };
            for at in pointers_to_text(value, &self.mark()) {
                // The question holds the key too, in its hints.
                found.entry((at, kind_of(frame))).or_default().push(frame);
            }
        }
        let most = found.into_iter().max_by_key(|(_, frames)| frames.len());
        most.map(|((at, _), frames)| (at, frames))
    }

    /// Texts that repeat everything that was shown before.
    fn wholes(&self) -> Vec<Line> {
        let (mut shown, mut lines): (Vec<TextToken>, Vec<Line>) = (Vec::new(), Vec::new());
        for frame in self.frames {
            let texts = frame.read.chunks.iter().filter_map(|chunk| match chunk {
                Chunk::Delta { text, .. } => Some(tokens_of(self.key, text)),
                _ => None,
            });
            for tokens in texts {
                if tokens.len() > 1 && tokens == shown {
                    let rule = frame.read.rule.unwrap_or_default();
                    let text = format!(
                        "stream.frames[{rule}]: {:?} repeats all {} tokens that were shown: say whole instead of text",
                        kind_of(frame),
                        shown.len()
                    );
                    lines.push(Line::bad(text).at(self.places.of(&format!("stream.frames[{rule}].text"))));
                }
                shown.extend(tokens);
            }
        }
        lines
    }

    /// Notes of rules that did not find something, each once with the number of frames.
    fn notes(&self) -> Vec<Line> {
        let mut notes: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for frame in self.frames {
            if let (Some(rule), Some(note)) = (frame.read.rule, frame.read.note.as_deref()) {
                *notes.entry((rule, note)).or_default() += 1;
            }
        }
        let line = |((rule, note), count): ((usize, &str), usize)| {
            let path = format!("stream.frames[{rule}]");
            if note.contains(WORDS) {
                let text = format!("{path}: {note}: is it one for completed?");
                return Some(Line::bad(text).at(self.places.of("statuses.completed")));
            }
            if note.contains("does not read as") {
                return None;
            }
            let is_text = self.stream.frames[rule].says == Says::Text;
            // A kind may have frames with text and frames without.
            (!is_text).then(|| Line::bad(format!("{path}: {note} ({})", frames(count))).at(self.places.of(&path)))
        };
        notes.into_iter().filter_map(line).collect()
    }

    fn cursors(&self) -> Option<Line> {
        if let Some(rule) = &self.stream.cursor {
            return self.said_cursor(rule);
        }
        let id = self.frames.iter().find_map(|frame| frame.event.id.as_deref())?;
        let text = format!("frames have an id, such as {id:?}: say stream.cursor to let coming back be judged");
        Some(Line::info(text).at(self.places.of("stream")))
    }

    fn said_cursor(&self, rule: &CursorRule) -> Option<Line> {
        let at = |path: &str| self.places.of(&format!("stream.cursor.{path}"));
        let unread = self
            .frames
            .iter()
            .filter(|frame| frame.read.id.is_some() && frame.read.cursor.is_none());
        let unread: Vec<&SeenFrame> = unread.collect();
        if let Some(frame) = unread.first() {
            let id = frame.read.id_text().unwrap_or_default();
            let text = format!(
                "stream.cursor.reads: {id:?} does not read as \"{}\" ({} of {} frames)",
                rule.reads,
                unread.len(),
                self.frames.len()
            );
            return Some(Line::bad(text).at(at("reads")));
        }
        if self.frames.is_empty() || self.frames.iter().any(|frame| frame.read.id.is_some()) {
            return None;
        }
        let named = match &rule.at {
            Place::Id => "an id".to_owned(),
            Place::At(pointer) => format!("a value at {pointer}"),
        };
        let there = self.rising().map_or(String::new(), |there| format!("; {there}"));
        let text = format!("stream.cursor.at: no frame of {} has {named}{there}", self.frames.len());
        Some(Line::bad(text).at(at("at")))
    }

    /// A number that rises from frame to frame.
    fn rising(&self) -> Option<String> {
        if self.frames.iter().filter(|frame| frame.event.id.is_some()).count() > 1 {
            return Some("the events have ids: say \"id\"".to_owned());
        }
        let (at, first, last) = rising(self.frames)?;
        Some(format!("{at} rises from {first} to {last}"))
    }

    /// Kinds that no rule takes.
    fn unknown(&self) -> Vec<Line> {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let unknown = self.frames.iter().filter(|frame| frame.read.rule.is_none());
        for kind in unknown.filter_map(|frame| frame.read.kind.as_deref()) {
            *kinds.entry(kind).or_default() += 1;
        }
        let line = |(kind, count): (&str, usize)| {
            let text = format!("no rule takes {kind:?} ({})", frames(count));
            if self.stream.complete {
                Line::bad(format!("{text}, and stream.complete says that every kind is named"))
                    .at(self.places.of("stream.complete"))
            } else {
                Line::info(format!("{text}; ignored"))
            }
        };
        kinds.into_iter().map(line).collect()
    }

    /// Rules that could name their turn and do not: a frame of another turn would pass.
    fn turns(&self) -> Option<Line> {
        let names = |rule: &FrameRule| rule.turn.is_some();
        if self.stream.frames.iter().any(names) {
            return None;
        }
        let (rule, at) = self.rules().find_map(|(n, _)| {
            let frame = *self.of_rule(n).first()?;
            let at = pointers(frame.value.as_ref()?, &|value| {
                value.as_str() == Some(self.turn.as_str())
            });
            Some((n, at.into_iter().next()?))
        })?;
        let text = format!(
            "stream.frames[{rule}]: the turn's id is at {at}: say turn, else a frame of another turn passes for this one's"
        );
        Some(Line::warn(text).at(self.places.of(&format!("stream.frames[{rule}]"))))
    }
}

/// The frame's kind, by the name that rules use.
fn kind_of(frame: &SeenFrame) -> String {
    let kind = frame.read.kind.clone().or_else(|| frame.event.name.clone());
    kind.unwrap_or_else(|| "message".to_owned())
}

/// A number of frames, in words.
fn frames(count: usize) -> String {
    if count == 1 {
        "1 frame".to_owned()
    } else {
        format!("{count} frames")
    }
}

#[cfg(test)]
mod tests;
