//! What can be wrong with a script. Each error names the word, its place in the text, and what was expected there.

use super::limits::{SIZE_MAX_BYTES, TIME_MAX, TOKENS_MAX};

/// A script that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` at byte {at}: {problem}")]
pub struct ScriptError {
    /// Where the word starts, in bytes from the start of the text, from 0.
    pub at: usize,
    /// The word that cannot be read.
    pub word: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with one word of a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No such verb.
    #[error(
        "unknown verb `{0}`, expected key, slow, many, size, ttft, gate, stall, end, err, hang or one of the oddities: \
             bom, crlf, cr, bare, closing, nodone, nofinish, ping, extra, reasoning, usage, text, page, bad, finish, unfinished, linger"
    )]
    UnknownVerb(String),
    /// The verb needs a position and has none.
    #[error("`{0}` needs the number of tokens sent before it, as in `{0}#3`")]
    NoPosition(&'static str),
    /// The verb takes no position, or the position is no number.
    #[error("bad position `{0}`, expected a number of tokens, and only on gate, stall, end and bad")]
    BadPosition(String),
    /// A key that does not fit into a token.
    #[error("expected key:ID of 1 to 64 letters, digits, `-` or `_`")]
    BadKey,
    /// A shape that is not `NxMS`.
    #[error("expected slow:NxMS, tokens and milliseconds between them, as in slow:20x50")]
    BadSlow,
    /// A number of tokens that is none.
    #[error("expected many:N, a number of tokens")]
    BadMany,
    /// More tokens than the provider sends.
    #[error("at most {TOKENS_MAX} tokens in an answer")]
    TooManyTokens,
    /// A size that is none, or too large.
    #[error("expected size:B, at most {SIZE_MAX_BYTES} bytes a token")]
    BadSize,
    /// A time that is none, or too long.
    #[error("bad time `{0}`, expected milliseconds, or a number with ms or s, and at most {max} s", max = TIME_MAX.as_secs())]
    BadTime(String),
    /// A gate's name with characters that it cannot have.
    #[error("expected gate#k:NAME of 1 to 128 letters, digits, `-`, `_` or `.`")]
    BadGateName,
    /// A way of ending that does not exist.
    #[error("expected end#k:eof, end#k:abort or end#k:rst")]
    BadEnd,
    /// A refusal whose status is none.
    #[error("expected err:STATUS with a status from 400 to 599")]
    BadStatus,
    /// A refusal with an option that does not exist.
    #[error("bad option `{0}`, expected ra=TIME or code=WORD")]
    BadErrOption(String),
    /// An argument where none is taken.
    #[error("`{0}` takes no argument")]
    NoArgument(&'static str),
    /// A word where another one is expected.
    #[error("expected {verb}:WORD, one of {words}")]
    BadWord {
        /// The verb, with its position if it takes one.
        verb: &'static str,
        /// The words that it takes.
        words: String,
    },
    /// A value that is no JSON.
    #[error("expected {0}:JSON, a JSON value without white space of up to 1024 bytes, as in {0}:\"\" or {0}:null")]
    BadJson(&'static str),
    /// A selector that is none.
    #[error("bad selector, expected @1, @1-2, @3+ or @*, attempts counted from 1")]
    BadSelector,
    /// A selector with nothing to select for.
    #[error("a selector must be followed by a directive")]
    LooseSelector,
    /// A selector before `key`.
    #[error("key takes no selector, because attempts are counted by key")]
    SelectedKey,
    /// An envelope without an end.
    #[error("the envelope is not closed by `]]`")]
    Unclosed,
    /// An envelope with nothing in it.
    #[error("the envelope holds no directive")]
    Empty,
}
