//! The control language: what a caller asks the provider to do with one call, and on which attempt.
//!
//! A [`Script`] is read from the prompt ([`Script::from_prompt`]) or from a header ([`Script::from_directives`]), the
//! two are joined ([`Script::then`]), and [`Script::plan`] says what holds for one attempt. [`Script`] also writes
//! itself back as an envelope, so that a test composes a hint from values instead of from strings.
//!
//! ```text
//! hint := "[[mock" (sel? dir)+ "]]"        outside of envelopes the words slow:NxMS and many:N are understood too
//! sel  := @1 | @1-2 | @3+ | @*             the attempts that the next directive holds for; @* when there is none
//! dir  := key:ID | slow:NxMS | many:N | size:B | ttft:TIME | gate#k:NAME | stall#k:TIME | end#k:eof|abort|rst
//!       | err:STATUS[,ra=TIME][,code=C] | hang
//!       | bom | crlf | cr | bare | closing | nodone | nofinish | finish:JSON | unfinished:JSON | linger:TIME
//!       | ping:FORM | extra:FORM | reasoning:PLACE | usage:PLACE | text:MODE | page:FORM | bad#k:FORM
//! ```
//!
//! `k` counts tokens already sent. `TIME` is `250ms` or `2s`; a bare number counts milliseconds. A later directive
//! overrides an earlier one of the same verb that holds for the same attempt; `slow` and `many` are one verb in this
//! respect, as both say how many tokens there are and how they are paced.
//!
//! Pure: no clock, socket or randomness. Absent on purpose: any reading of the conversation; whoever calls decides
//! which text is searched.

mod args;
mod error;
mod limits;
mod odd;
mod parse;
mod render;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use error::{Problem, ScriptError};
pub use limits::{SIZE_MAX_BYTES, TIME_MAX, TOKENS_DEFAULT, TOKENS_MAX};
pub use odd::{Bad, BadKind, Extra, Flag, Odd, Oddity, Page, Ping, Reasoning, UsageMode};
use serde::{Deserialize, Serialize};

/// Directives in the order they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The directives, the overriding ones last.
    pub entries: Vec<Entry>,
}

/// One directive and the attempts that it holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The attempts.
    pub attempts: Attempts,
    /// What to do.
    pub directive: Directive,
}

/// A selection of attempts. The attempt is the ordinal of the call for its key, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// The first attempt selected.
    pub first: u32,
    /// The last attempt selected; `None` for no end.
    pub last: Option<u32>,
}

impl Attempts {
    /// Every attempt, `@*`.
    pub const ALL: Self = Self { first: 1, last: None };

    /// Only the given attempt, `@3`.
    pub const fn only(ordinal: u32) -> Self {
        Self {
            first: ordinal,
            last: Some(ordinal),
        }
    }

    /// The given attempt and all after it, `@3+`.
    pub const fn from(ordinal: u32) -> Self {
        Self {
            first: ordinal,
            last: None,
        }
    }

    /// Whether the attempt is selected.
    pub fn hold_for(self, ordinal: u32) -> bool {
        self.first <= ordinal && self.last.is_none_or(|last| ordinal <= last)
    }
}

/// One thing that a script asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// `key:ID`: the key of the turn. It names the counter that attempts are counted by, so no selector applies.
    Key(String),
    /// `slow:NxMS`: an answer of `tokens` tokens, `interval` between one and the next.
    Slow {
        /// Number of tokens.
        tokens: u32,
        /// Time between two tokens.
        interval: Duration,
    },
    /// `many:N`: an answer of `N` tokens with no time between them.
    Many(u32),
    /// `size:B`: each token is padded to at least `B` bytes.
    Size(usize),
    /// `ttft:TIME`: time before the first token, after the stream has opened.
    Ttft(Duration),
    /// `gate#k:NAME`: hold the stream until a gate opens.
    Gate(Gate),
    /// `stall#k:TIME`: say nothing for a while.
    Stall(Stall),
    /// `end#k:MODE`: break the answer off.
    End(End),
    /// `err:STATUS[,ra=TIME][,code=C]`: refuse the call.
    Err(Failure),
    /// `hang`: take the request and never answer.
    Hang,
    /// A way in which providers differ.
    Odd(Oddity),
}

/// Hold the stream after so many tokens until the gate of that name lets it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Tokens sent before the stream is held; 0 holds it before the first.
    pub after: u32,
    /// Name of the gate, shared by every call that uses it.
    pub name: String,
}

/// Send nothing for a time after so many tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// Tokens sent before the stall.
    pub after: u32,
    /// How long it lasts.
    pub duration: Duration,
}

/// Break the answer off after so many tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Tokens sent before the end.
    pub after: u32,
    /// What the client gets to see.
    pub mode: EndMode,
}

/// How an answer breaks off. To a client these are three different faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndMode {
    /// The body ends cleanly, without `finish_reason` and without `[DONE]`.
    Eof,
    /// The connection closes within the chunked body.
    Abort,
    /// The connection is reset (RST).
    Rst,
}

impl EndMode {
    /// The mode as the control language writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eof => "eof",
            Self::Abort => "abort",
            Self::Rst => "rst",
        }
    }
}

/// Refuse the call with an HTTP error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status, 400 to 599.
    pub status: u16,
    /// Value of the `retry-after` headers.
    pub retry_after: Option<Duration>,
    /// The error's `code`.
    pub code: Option<String>,
}

/// What one attempt does: the directives that hold for it, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Number of tokens in the answer.
    pub tokens: u32,
    /// Time between two tokens.
    pub interval: Duration,
    /// Least length of a token in bytes, its closing space counted.
    pub size: usize,
    /// Time before the first token.
    pub ttft: Duration,
    /// Where the stream is held.
    pub gate: Option<Gate>,
    /// Where it says nothing for a while.
    pub stall: Option<Stall>,
    /// Where it breaks off.
    pub end: Option<End>,
    /// The refusal, instead of an answer.
    pub failure: Option<Failure>,
    /// Whether the request is never answered.
    pub hang: bool,
    /// How the answer differs from an ordinary one.
    pub odd: Odd,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            tokens: TOKENS_DEFAULT,
            interval: Duration::ZERO,
            size: 0,
            ttft: Duration::ZERO,
            gate: None,
            stall: None,
            end: None,
            failure: None,
            hang: false,
            odd: Odd::default(),
        }
    }
}

impl Plan {
    fn apply(&mut self, directive: &Directive) {
        match directive {
            Directive::Key(_) => {}
            Directive::Slow { tokens, interval } => (self.tokens, self.interval) = (*tokens, *interval),
            Directive::Many(tokens) => (self.tokens, self.interval) = (*tokens, Duration::ZERO),
            Directive::Size(bytes) => self.size = *bytes,
            Directive::Ttft(duration) => self.ttft = *duration,
            Directive::Gate(gate) => self.gate = Some(gate.clone()),
            Directive::Stall(stall) => self.stall = Some(stall.clone()),
            Directive::End(end) => self.end = Some(end.clone()),
            Directive::Err(failure) => self.failure = Some(failure.clone()),
            Directive::Hang => self.hang = true,
            Directive::Odd(oddity) => self.odd.apply(oddity),
        }
    }
}

impl Script {
    /// Adds a directive that holds for every attempt.
    #[must_use]
    pub fn with(self, directive: Directive) -> Self {
        self.on(Attempts::ALL, directive)
    }

    /// Adds a directive that holds for the given attempts.
    #[must_use]
    pub fn on(mut self, attempts: Attempts, directive: Directive) -> Self {
        self.entries.push(Entry { attempts, directive });
        self
    }

    /// This script, with another that overrides it.
    #[must_use]
    pub fn then(mut self, overriding: Self) -> Self {
        self.entries.extend(overriding.entries);
        self
    }

    /// The key that the script gives the turn.
    pub fn key(&self) -> Option<&str> {
        self.entries.iter().rev().find_map(|entry| match &entry.directive {
            Directive::Key(key) => Some(key.as_str()),
            _ => None,
        })
    }

    /// What the attempt of the given ordinal (from 1) does.
    pub fn plan(&self, ordinal: u32) -> Plan {
        let mut plan = Plan::default();
        for entry in self.entries.iter().filter(|entry| entry.attempts.hold_for(ordinal)) {
            plan.apply(&entry.directive);
        }
        plan
    }
}

/// Whether a word can name a gate: 1 to 128 ASCII letters, digits, `-`, `_` or `.`.
pub fn is_gate_name(word: &str) -> bool {
    (1..=128).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
