//! Values for the open keys of `[stream]`, found in the frames of a turn whose tokens are known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::frames::SeenFrame;
use super::pointers::{pointers, pointers_to_text};
use crate::run::check::places::Places;
use crate::run::check::proposal::Proposal;
use crate::system::reading::tokens_of;

/// Places where a kind often is.
const KINDS: [&str; 4] = ["/type", "/event", "/kind", "/object"];

/// Words in the kinds of frames with which a turn begins.
const STARTS: [&str; 4] = ["start", "begin", "created", "metadata"];
/// Words in the kinds of frames with which a turn ends.
const ENDS: [&str; 5] = ["finish", "end", "done", "complete", "stop"];

/// The side of the text on which a frame is.
#[derive(Debug, Clone, Copy)]
enum Side {
    Before,
    Behind,
}

/// The frames of a turn.
pub(in crate::run) struct Told<'s> {
    /// The frames of a tail from the start.
    pub(in crate::run) frames: &'s [SeenFrame],
    /// Key in the turn's tokens.
    pub(in crate::run) key: &'s str,
    /// The turn's id.
    pub(in crate::run) turn: &'s str,
    /// Tokens of its answer.
    pub(in crate::run) tokens: usize,
}

/// The frames that hold the text, and where.
struct Text<'s> {
    at: String,
    kind: String,
    frames: Vec<&'s SeenFrame>,
}

impl Told<'_> {
    /// A proposal for each open key of the stream that the frames tell.
    pub(in crate::run) fn proposals(&self, places: &Places) -> Vec<Proposal> {
        if self.frames.is_empty() {
            return Vec::new();
        }
        let open = places.open().iter().map(|open| open.path.as_str());
        open.filter_map(|path| self.proposal(path, places)).collect()
    }

    fn proposal(&self, path: &str, places: &Places) -> Option<Proposal> {
        match path {
            "stream.kind" => {
                let (kind, seen) = self.kind_key();
                Some(Proposal::text(path, kind, seen))
            }
            "stream.cursor.at" => {
                let (at, seen) = self.cursor_at()?;
                Some(Proposal::text(path, &at, seen))
            }
            "stream.cursor.reads" => {
                let (reads, seen) = self.cursor_reads()?;
                Some(Proposal::text(path, &reads, seen))
            }
            _ => {
                let (rule, key) = path.strip_prefix("stream.frames[")?.split_once("].")?;
                let is = places.text(&format!("stream.frames[{rule}].is"))?;
                self.of_rule(path, is, key, places)
            }
        }
    }

    /// A key of a rule, by what such frames say.
    fn of_rule(&self, path: &str, is: &str, key: &str, places: &Places) -> Option<Proposal> {
        let kinds = self.kinds(places);
        let text = self.text(&kinds)?;
        let key = key.split('[').next()?;
        let (kind, frames, seen) = match is {
            "text" => (text.kind.clone(), text.frames.clone(), self.text_seen(&text)),
            "end" => {
                let (kind, frame) = self.named(&kinds, &text, (&ENDS, Side::Behind))?;
                (kind.to_owned(), vec![frame], format!("{kind:?} came behind the text"))
            }
            "start" => {
                let (kind, frame) = self.named(&kinds, &text, (&STARTS, Side::Before))?;
                (kind.to_owned(), vec![frame], format!("{kind:?} came before the text"))
            }
            _ => return None,
        };
        match key {
            "on" => Some(Proposal::text(path, &kind, seen)),
            "text" => Some(Proposal::text(path, &text.at, self.text_seen(&text))),
            "whole" => {
                let (at, kind) = self.whole(&kinds)?;
                Some(Proposal::text(
                    path,
                    &at,
                    format!("all of the text is at {at} of {kind:?}"),
                ))
            }
            "turn" => {
                let at = frames.iter().find_map(|frame| self.turn_in(frame))?;
                Some(Proposal::text(
                    path,
                    &at,
                    format!("the turn's id is at {at} of {kind:?}"),
                ))
            }
            _ => None,
        }
    }

    /// The value that `stream.kind` should have, and why.
    fn kind_key(&self) -> (&'static str, String) {
        let all = self.frames.len();
        let named = self.frames.iter().filter(|frame| frame.event.name.is_some()).count();
        let with = |at: &&'static str| {
            let kinds = self.frames.iter().filter_map(|frame| frame.value.as_ref());
            kinds
                .filter(|value| value.pointer(at).is_some_and(Value::is_string))
                .count()
        };
        // Of two places that as many frames have, the first counts.
        let (count, at) = KINDS.iter().rev().map(|at| (with(at), *at)).max().unwrap_or_default();
        if count > named {
            (at, format!("{count} of {all} frames have a text at {at}"))
        } else if named > 0 {
            ("event", format!("{named} of {all} frames have a name of their own"))
        } else {
            (
                "event",
                format!("{all} frames have neither a name nor a type: each is called \"message\""),
            )
        }
    }

    /// The kind of each frame, as the description says or should say.
    fn kinds(&self, places: &Places) -> Vec<String> {
        let at = match places.text("stream.kind") {
            Some(at) if !places.is_open("stream.kind") => at.to_owned(),
            _ => self.kind_key().0.to_owned(),
        };
        let kind = |frame: &SeenFrame| match at.as_str() {
            "event" => frame.event.name.clone(),
            at => frame.value.as_ref()?.pointer(at)?.as_str().map(str::to_owned),
        };
        let kind = |frame| kind(frame).unwrap_or_else(|| "message".to_owned());
        self.frames.iter().map(kind).collect()
    }

    /// The place of the text: of all places with tokens that of most frames.
    fn text(&self, kinds: &[String]) -> Option<Text<'_>> {
        let mut found: BTreeMap<(String, String), Vec<&SeenFrame>> = BTreeMap::new();
        for (frame, kind) in self.frames.iter().zip(kinds) {
            for at in self.places_of_text(frame) {
                found.entry((at, kind.clone())).or_default().push(frame);
            }
        }
        let most = found.into_iter().max_by_key(|(_, frames)| frames.len());
        most.map(|((at, kind), frames)| Text { at, kind, frames })
    }

    /// Places of a frame at which tokens stand; `""` is the data itself.
    fn places_of_text(&self, frame: &SeenFrame) -> Vec<String> {
        let mark = format!("~{}.", self.key);
        match &frame.value {
            Some(value) => pointers_to_text(value, &mark),
            None if frame.event.data.contains(&mark) => vec![String::new()],
            None => Vec::new(),
        }
    }

    fn text_at<'f>(frame: &'f SeenFrame, at: &str) -> &'f str {
        match &frame.value {
            Some(value) => value.pointer(at).and_then(Value::as_str).unwrap_or_default(),
            None => &frame.event.data,
        }
    }

    fn text_seen(&self, text: &Text<'_>) -> String {
        let tokens = text
            .frames
            .iter()
            .flat_map(|frame| tokens_of(self.key, Self::text_at(frame, &text.at)));
        let tokens: BTreeSet<u32> = tokens.map(|token| token.index).collect();
        let (at, kind) = (&text.at, &text.kind);
        format!(
            "text is at {at} of {kind:?} ({} of {} tokens)",
            tokens.len(),
            self.tokens
        )
    }

    /// A place that holds all of the text in one frame.
    fn whole(&self, kinds: &[String]) -> Option<(String, String)> {
        let holds_all =
            |frame: &SeenFrame, at: &str| tokens_of(self.key, Self::text_at(frame, at)).len() == self.tokens;
        self.frames.iter().zip(kinds).find_map(|(frame, kind)| {
            let at = self.places_of_text(frame).into_iter().find(|at| holds_all(frame, at))?;
            Some((at, kind.clone()))
        })
    }

    /// The kind on one side of the text whose name says most what it is: the shortest with one of the words, else the outermost.
    fn named<'f>(
        &'f self,
        kinds: &'f [String],
        text: &Text<'_>,
        (words, side): (&[&str], Side),
    ) -> Option<(&'f str, &'f SeenFrame)> {
        let is_text = |kind: &String| *kind == text.kind;
        let (before, behind) = (kinds.iter().position(is_text)?, kinds.iter().rposition(is_text)? + 1);
        let places: Vec<usize> = match side {
            Side::Before => (0..before).collect(),
            Side::Behind => (behind..kinds.len()).rev().collect(),
        };
        // Data that is no JSON, such as `[DONE]`, closes the stream and says nothing of a turn.
        let places = places.into_iter().filter(|at| self.frames[*at].value.is_some());
        let is_named = |at: &usize| words.iter().any(|word| kinds[*at].to_lowercase().contains(word));
        let named = places.clone().filter(is_named).min_by_key(|at| kinds[*at].len());
        let at = named.or_else(|| places.clone().next())?;
        Some((kinds[at].as_str(), &self.frames[at]))
    }

    fn turn_in(&self, frame: &SeenFrame) -> Option<String> {
        let is_turn = |value: &Value| value.as_str() == Some(self.turn);
        pointers(frame.value.as_ref()?, &is_turn).into_iter().next()
    }

    fn ids(&self) -> Vec<&str> {
        self.frames
            .iter()
            .filter_map(|frame| frame.event.id.as_deref())
            .collect()
    }

    fn cursor_at(&self) -> Option<(String, String)> {
        let ids = self.ids();
        if let [first, .., last] = ids[..] {
            let seen = format!(
                "{} of {} frames have an id, {first:?} to {last:?}",
                ids.len(),
                self.frames.len()
            );
            return Some(("id".to_owned(), seen));
        }
        let (at, first, last) = rising(self.frames)?;
        Some((at.clone(), format!("{at} rises from {first} to {last}")))
    }

    /// The pattern of the events' ids: the turn's id is `{turn}`, the number that rises is `{n}`.
    fn cursor_reads(&self) -> Option<(String, String)> {
        let ids: Vec<String> = self.ids().iter().map(|id| id.replace(self.turn, TURN)).collect();
        let parts: Vec<Vec<&str>> = ids.iter().map(|id| split(id)).collect();
        let first = parts.first().filter(|_| parts.len() > 2)?;
        if parts.iter().any(|one| one.len() != first.len()) {
            return None;
        }
        let rises = |n: &usize| {
            let numbers: Option<Vec<u64>> = parts.iter().map(|one| one[*n].parse().ok()).collect();
            numbers.is_some_and(|numbers| numbers.windows(2).all(|pair| pair[0] < pair[1]))
        };
        let number = (0..first.len()).rfind(rises)?;
        let is_said = |n: usize| first[n].len() == 1 && SEPARATORS.contains(first[n]) || first[n] == TURN;
        let pieces = (0..first.len()).map(|n| match n {
            n if n == number => "{n}",
            n if is_said(n)
                || parts
                    .iter()
                    .all(|one| one[n] == first[n] && one[n].chars().all(char::is_alphabetic)) =>
            {
                first[n]
            }
            _ => "*",
        });
        let reads = pieces.collect::<String>().replace(TURN, "{turn}");
        Some((reads, format!("{} ids are like {:?}", ids.len(), self.ids()[0])))
    }
}

/// Stands for the turn's id while an id is taken apart.
const TURN: &str = "\u{1}";
const SEPARATORS: &str = "-_:./";

/// A text cut at its separators, which are pieces too.
fn split(text: &str) -> Vec<&str> {
    let is_separator = |c: char| SEPARATORS.contains(c);
    text.split_inclusive(is_separator)
        .flat_map(|piece| match piece.strip_suffix(is_separator) {
            Some(before) => vec![before, &piece[before.len()..]],
            None => vec![piece],
        })
        .filter(|piece| !piece.is_empty())
        .collect()
}

/// A number that rises from frame to frame: its place, its first and its last value.
pub(in crate::run) fn rising(frames: &[SeenFrame]) -> Option<(String, u64, u64)> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for value in frames.iter().filter_map(|frame| frame.value.as_ref()) {
        for at in pointers(value, &Value::is_u64) {
            let number = value.pointer(&at).and_then(Value::as_u64);
            found.entry(at).or_default().extend(number);
        }
    }
    let rises = |numbers: &Vec<u64>| numbers.len() > 2 && numbers.windows(2).all(|pair| pair[0] < pair[1]);
    let (at, numbers) = found.into_iter().find(|(_, numbers)| rises(numbers))?;
    Some((at, numbers[0], numbers[numbers.len() - 1]))
}

#[cfg(test)]
mod tests;
