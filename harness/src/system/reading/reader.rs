//! The reader of one stream.

use std::sync::Arc;

use crosspod_sse::SseEvent;
use mock_ai::token::{Piece, scan};
use serde_json::Value;

use super::cursor::{cursor_of, id_of};
use super::frame::{Frame, frame};
use super::outcome::{Read, unreadable};
use super::rules::{FrameRules, status_of};
use crate::history::{AnswerId, Chunk, Epoch, Start, TurnId, TurnKey};
use crate::system::language::PointerList;
use crate::system::stream::{FrameRule, Kind, Resets, Says};
use crate::wire::text::cut;

/// Longest id of a turn, an answer or a cursor, in bytes: findings name them.
const ID_MAX: usize = 256;
/// Longest text that waits for its turn to be known, in bytes. The first token is shorter.
const HELD_MAX: usize = 4096;

/// Finds the turn of a token's key, as far as it is known by now.
pub type Keys = Arc<dyn Fn(&TurnKey) -> Option<TurnId> + Send + Sync>;

/// Reads the frames of one stream in their order: a frame that does not say its turn is of the turn before it.
#[derive(Clone)]
pub struct Reader {
    rules: Arc<FrameRules>,
    /// The turn that the tail was opened for.
    opened_for: Option<TurnId>,
    /// The turn whose frames come now.
    turn: Option<TurnId>,
    keys: Option<Keys>,
    held: Held,
}

/// The begin of an answer whose turn is not known yet.
#[derive(Debug, Clone, Default)]
struct Held {
    start: Option<Box<Begin>>,
    text: String,
}

/// A start without its turn.
#[derive(Debug, Clone)]
struct Begin {
    epoch: Option<Epoch>,
    reset: bool,
    answer: Option<AnswerId>,
}

/// Something that a rule looked for in a frame and did not find.
struct Missing(String);

impl Reader {
    /// A reader of a tail that shows `turn`, or a whole thread.
    pub fn new(rules: Arc<FrameRules>, turn: Option<TurnId>) -> Self {
        Self {
            rules,
            turn: turn.clone(),
            opened_for: turn,
            keys: None,
            held: Held::default(),
        }
    }

    /// The same reader, which knows a turn by the key in its first token where no frame names it.
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The turn whose frames come now.
    pub fn turn(&self) -> Option<&TurnId> {
        self.turn.as_ref()
    }

    /// Reads one event of the stream.
    pub fn read(&mut self, event: &SseEvent) -> Read {
        if let Some(why) = &event.garbled {
            return Read::unreadable(why, &event.data);
        }
        if self.rules.stream.done.as_ref().is_some_and(|done| *done == event.data) {
            return Read {
                chunks: vec![Chunk::Done],
                ..Read::default()
            };
        }
        match frame(&self.rules.stream.kind, event) {
            Ok(None) => Read::default(),
            Ok(Some(frame)) => self.read_frame(&frame, event),
            Err(why) => Read::unreadable(why, &event.data),
        }
    }

    fn read_frame(&mut self, frame: &Frame, event: &SseEvent) -> Read {
        let rules = self.rules.clone();
        let place = rules.stream.frames.iter().position(|rule| fits(rule, frame));
        let cursor = rules.stream.cursor.as_ref();
        let id = cursor.and_then(|rule| id_of(rule, event.id.as_deref(), &frame.value));
        let mut read = Read {
            rule: place,
            kind: Some(frame.kind.clone()),
            id,
            ..Read::default()
        };
        match place.map(|place| self.say(&rules.stream.frames[place], frame)) {
            Some(Ok(chunks)) => {
                read.note = place.and_then(|place| self.unknown_word(&rules.stream.frames[place], frame));
                read.chunks = chunks;
            }
            Some(Err(Missing(note))) => {
                if rules.stream.complete {
                    read.chunks = vec![unreadable(note.clone(), &event.data)];
                }
                read.note = Some(note);
            }
            None => {
                let note = format!("no rule takes {:?}", frame.kind);
                // An event that has a name of its own, where kinds are in the data, is for whoever waits for that name.
                let is_ours = event.name.is_none() || rules.stream.kind == Kind::Event;
                read.chunks = if rules.stream.complete && is_ours {
                    vec![unreadable(note.clone(), &event.data)]
                } else {
                    self.part(&frame.kind)
                };
                read.note = Some(note);
            }
        }
        self.placed(read, event)
    }

    /// The reading with its cursor: frames that tell of the tail itself have no place in its stream.
    fn placed(&self, mut read: Read, event: &SseEvent) -> Read {
        let turn = read.chunks.iter().find_map(Chunk::turn);
        let Some(turn) = turn.cloned() else {
            read.id = None;
            return read;
        };
        let Some(id) = read.id_text() else {
            // A part without a cursor has no place in the stream, and says nothing of the text either.
            read.chunks.retain(|chunk| !matches!(chunk, Chunk::Part { .. }));
            return read;
        };
        if id.len() > ID_MAX {
            return Read::unreadable(format!("a cursor of {} bytes", id.len()), &event.data);
        }
        if let Some(rule) = &self.rules.stream.cursor {
            read.cursor = cursor_of(rule, &id, Some(&turn));
            if read.cursor.is_none() && read.note.is_none() {
                read.note = Some(format!("{id:?} does not read as \"{}\"", rule.reads));
            }
        }
        read
    }

    fn say(&mut self, rule: &FrameRule, frame: &Frame) -> Result<Vec<Chunk>, Missing> {
        let own = rule
            .turn
            .as_ref()
            .and_then(|at| short(at, &frame.value))
            .map(TurnId::from);
        self.take_turn(rule, own.as_ref());
        match rule.says {
            Says::Start => self.start(rule, frame),
            Says::Text => self.text(rule, frame),
            Says::End => self.end(rule, frame, own),
            Says::Error => {
                let message = required(rule.error.as_ref(), "error", frame)?;
                Ok(self.of_turn(|turn| Chunk::Error { turn, message }))
            }
            Says::State => self.state(rule, frame, own),
            Says::Resync => {
                self.held = Held::default();
                let reason = found(rule.error.as_ref(), frame).unwrap_or_default();
                Ok(vec![Chunk::Resync { reason }])
            }
            Says::Handover => {
                let reason = found(rule.error.as_ref(), frame).unwrap_or_default();
                Ok(vec![Chunk::Handover { reason }])
            }
            Says::Broken => {
                let reason = found(rule.error.as_ref(), frame).unwrap_or_default();
                Ok(vec![Chunk::Broken { reason }])
            }
            Says::Nothing => Ok(self.part(&frame.kind)),
        }
    }

    /// Takes the turn that the frame names. A start that names none begins a turn that is not known yet, unless the tail shows
    /// one turn only.
    fn take_turn(&mut self, rule: &FrameRule, own: Option<&TurnId>) {
        if own.is_some() || rule.says == Says::Start {
            self.turn = own.or(self.opened_for.as_ref()).cloned();
            self.held = Held::default();
        }
    }

    fn start(&mut self, rule: &FrameRule, frame: &Frame) -> Result<Vec<Chunk>, Missing> {
        if self.turn.is_none() && rule.turn.is_some() {
            // The rule says where a start names its turn, and this one names none: it is nobody's.
            return Ok(Vec::new());
        }
        let epoch = match &rule.epoch {
            None => None,
            Some(at) => {
                let epoch = at.find(&frame.value).and_then(|epoch| number(&epoch));
                Some(Epoch(epoch.ok_or_else(|| missing(at, "number", frame))?))
            }
        };
        let reset = match &rule.resets {
            Resets::Fixed(resets) => *resets,
            Resets::At(at) => at.find(&frame.value).is_some_and(|flag| flag == Value::Bool(true)),
        };
        let answer = rule.message.as_ref().and_then(|at| short(at, &frame.value));
        let begin = Begin {
            epoch,
            reset,
            answer: answer.map(AnswerId::from),
        };
        Ok(if let Some(turn) = self.turn.clone() {
            vec![begin.of(turn)]
        } else {
            self.held.start = Some(Box::new(begin));
            Vec::new()
        })
    }

    fn text(&mut self, rule: &FrameRule, frame: &Frame) -> Result<Vec<Chunk>, Missing> {
        let whole = found(rule.whole.as_ref(), frame);
        let text = match &whole {
            Some(_) => found(rule.text.as_ref(), frame),
            None => Some(required(rule.text.as_ref().or(rule.whole.as_ref()), "text", frame)?),
        };
        if self.turn.is_none() {
            let seen = whole.as_deref().or(text.as_deref()).unwrap_or_default();
            return Ok(self.known_by_key(seen, whole.is_some()));
        }
        let mut chunks = self.of_turn(|turn| text.clone().map(|text| Chunk::Delta { turn, text }));
        chunks.extend(self.of_turn(|turn| whole.clone().map(|text| Chunk::Whole { turn, text })));
        Ok(chunks)
    }

    /// The chunks of a text whose turn no frame has named: the turn is that of the first token's key. They wait until it is seen.
    fn known_by_key(&mut self, text: &str, is_whole: bool) -> Vec<Chunk> {
        let Some(keys) = &self.keys else { return Vec::new() };
        if is_whole {
            self.held.text.clear();
        }
        self.held.text.push_str(text);
        let turn = first_key(&self.held.text).and_then(|key| keys(&key));
        let Some(turn) = turn else {
            if self.held.text.len() > HELD_MAX {
                self.held = Held::default();
            }
            return Vec::new();
        };
        let Held { start, text } = std::mem::take(&mut self.held);
        self.turn = Some(turn.clone());
        let begin = start.map(|begin| begin.of(turn.clone()));
        let shown = if is_whole {
            Chunk::Whole { turn, text }
        } else {
            Chunk::Delta { turn, text }
        };
        begin.into_iter().chain([shown]).collect()
    }

    fn end(&mut self, rule: &FrameRule, frame: &Frame, own: Option<TurnId>) -> Result<Vec<Chunk>, Missing> {
        let named = match &rule.turn {
            Some(_) => own.or_else(|| self.opened_for.clone()),
            None => self.turn.clone(),
        };
        let Some(turn) = named else { return Ok(Vec::new()) };
        let status = match (&rule.status, rule.outcome) {
            (_, Some(meaning)) => Some(status_of(meaning)),
            (Some(at), None) => {
                let word = required(Some(at), "status", frame)?;
                let status = self.rules.status(&word);
                if status.is_none() && self.rules.stream.complete {
                    return Err(Missing(unknown_word(&word)));
                }
                status
            }
            (None, None) => None,
        };
        let whole = found(rule.whole.as_ref(), frame).map(|text| Chunk::Whole {
            turn: turn.clone(),
            text,
        });
        let error = found(rule.error.as_ref(), frame).map(|message| Chunk::Error {
            turn: turn.clone(),
            message,
        });
        let end = Chunk::Finish { turn, status };
        Ok(whole.into_iter().chain(error).chain([end]).collect())
    }

    fn state(&mut self, rule: &FrameRule, frame: &Frame, turn: Option<TurnId>) -> Result<Vec<Chunk>, Missing> {
        let word = required(rule.status.as_ref(), "status", frame)?;
        let status = self.rules.status(&word);
        let status = status.ok_or_else(|| Missing(unknown_word(&word)))?;
        Ok(vec![Chunk::State { status, turn }])
    }

    /// A note on the status word of an end, if no list has the word.
    fn unknown_word(&self, rule: &FrameRule, frame: &Frame) -> Option<String> {
        let word = found(rule.status.as_ref(), frame)?;
        let is_unknown = rule.outcome.is_none() && self.rules.status(&word).is_none();
        is_unknown.then(|| unknown_word(&word))
    }

    fn part(&self, kind: &str) -> Vec<Chunk> {
        self.of_turn(|turn| Chunk::Part {
            turn,
            part: cut(kind, ID_MAX),
        })
    }

    /// A chunk of the turn whose frames come now; nothing if no turn is known.
    fn of_turn<C: Into<Option<Chunk>>>(&self, chunk: impl FnOnce(TurnId) -> C) -> Vec<Chunk> {
        let chunk = self.turn.clone().and_then(|turn| chunk(turn).into());
        chunk.into_iter().collect()
    }
}

impl Begin {
    fn of(self, turn: TurnId) -> Chunk {
        let Self { epoch, reset, answer } = self;
        Chunk::Start(Box::new(Start {
            turn,
            epoch,
            reset,
            answer,
        }))
    }
}

fn fits(rule: &FrameRule, frame: &Frame) -> bool {
    let is_of_kind = rule.on.is_empty() || rule.on.iter().any(|kind| kind.fits(&frame.kind));
    is_of_kind && rule.predicate.as_ref().is_none_or(|wanted| wanted.holds(&frame.value))
}

/// A text of the frame; a number or a flag stands for its text.
fn found(at: Option<&PointerList>, frame: &Frame) -> Option<String> {
    match at?.find(&frame.value)? {
        Value::String(text) => Some(text),
        plain @ (Value::Number(_) | Value::Bool(_)) => Some(plain.to_string()),
        _ => None,
    }
}

fn required(at: Option<&PointerList>, key: &str, frame: &Frame) -> Result<String, Missing> {
    match at {
        Some(at) => found(Some(at), frame).ok_or_else(|| missing(at, "text", frame)),
        None => Err(Missing(format!("the rule for {:?} does not say {key}", frame.kind))),
    }
}

fn unknown_word(word: &str) -> String {
    format!("{:?} is no word of [statuses]", cut(word, ID_MAX))
}

fn missing(at: &PointerList, wanted: &str, frame: &Frame) -> Missing {
    Missing(format!("{at} leads to no {wanted} in {:?}", frame.kind))
}

/// An id of up to [`ID_MAX`] bytes.
fn short(at: &PointerList, value: &Value) -> Option<String> {
    let id = match at.find(value)? {
        Value::String(id) => id,
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    (1..=ID_MAX).contains(&id.len()).then_some(id)
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn first_key(text: &str) -> Option<TurnKey> {
    scan(text).into_iter().find_map(|piece| match piece {
        Piece::Token(token) => Some(TurnKey::from(token.key)),
        Piece::Other(_) => None,
    })
}
