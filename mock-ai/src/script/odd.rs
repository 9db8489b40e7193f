//! Oddities: how providers differ from the one that everybody has in mind, on the wire and in their text.
//!
//! Most are sound, and a client has to pass them over. `bad` and `page` are not, and a client has to say so.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::{
    Problem,
    args::{after, time},
};
use crate::token::TextMode;

/// The longest JSON value that a script may ask for, in bytes.
const JSON_MAX_BYTES: usize = 1024;

/// An enum whose variants are words of the control language.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every word, in the order of the README.
            pub const WORDS: &[(&str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word as the control language writes it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

words! {
    /// An oddity without an argument.
    Flag {
        /// The body begins with a byte order mark.
        Bom = "bom",
        /// Lines end with CR LF.
        Crlf = "crlf",
        /// Lines end with CR.
        Cr = "cr",
        /// Chunks hold `choices` alone, and these `delta` and a reason alone.
        Bare = "bare",
        /// The last token stands in the closing chunk.
        Closing = "closing",
        /// No `[DONE]` ends the stream.
        NoDone = "nodone",
        /// No chunk says why the answer stops.
        NoFinish = "nofinish",
    }
}

words! {
    /// The lines before each chunk that keep the connection open.
    Ping {
        /// `: ping`.
        Comment = "comment",
        /// `event: ping` with a `data` line.
        Event = "event",
        /// A `data` line with nothing in it.
        Data = "data",
        /// `retry: 3000`.
        Retry = "retry",
        /// All four.
        All = "all",
    }
}

words! {
    /// A chunk without text, before each token.
    Extra {
        /// `"choices": []`.
        NoChoices = "no-choices",
        /// `"choices": null`.
        NullChoices = "null-choices",
        /// No `choices`.
        MissingChoices = "missing-choices",
        /// `"delta": null`.
        NullDelta = "null-delta",
        /// `"delta": []`.
        ListDelta = "list-delta",
        /// No `delta`.
        MissingDelta = "missing-delta",
        /// `"content": null`.
        NullContent = "null-content",
        /// `"content": ""`.
        EmptyContent = "empty-content",
        /// The role again.
        Role = "role",
        /// `"error": null`, beside `"choices": []`.
        NullError = "null-error",
        /// `"error": {}`, beside `"choices": []`.
        EmptyError = "empty-error",
    }
}

words! {
    /// Where the model's reasoning comes.
    Reasoning {
        /// In three chunks before the first token.
        Before = "before",
        /// In a chunk before each token.
        Mixed = "mixed",
        /// In each token's own chunk.
        Same = "same",
    }
}

words! {
    /// Where the token counts come, whether they were asked for or not.
    UsageMode {
        /// Nowhere.
        None = "none",
        /// In a chunk of their own, behind the closing one.
        Final = "final",
        /// On every chunk.
        Each = "each",
    }
}

words! {
    /// Something that comes in place of a token's chunk and that nobody can read.
    BadKind {
        /// A JSON document that is cut.
        Json = "json",
        /// Bytes that are not UTF-8.
        Utf8 = "utf8",
        /// A NUL that is not escaped.
        Nul = "nul",
        /// A content that is a number.
        Content = "content",
        /// Choices that are no list.
        Choices = "choices",
        /// A line of 16 MiB.
        Huge = "huge",
        /// An error in place of a chunk, with a NUL and half a surrogate pair in its message.
        Error = "error",
    }
}

words! {
    /// A body that is no stream, with status 200 or that of `err`.
    Page {
        /// A proxy's page, `text/html`.
        Html = "html",
        /// The same page, claimed to be a stream.
        HtmlStream = "html-stream",
        /// An error document, `application/json`.
        Json = "json",
        /// A line of text, `text/plain`.
        Text = "text",
        /// Bytes that are encoded with gzip, and said to be.
        Gzip = "gzip",
        /// The same bytes, and not said to be.
        GzipStream = "gzip-stream",
        /// Nothing at all.
        Empty = "empty",
        /// A page that never ends.
        Endless = "endless",
    }
}

/// Something that nobody can read, in place of a token's chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// Tokens sent before it.
    pub after: u32,
    /// Its kind.
    pub kind: BadKind,
}

/// One oddity that a script asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// One without an argument.
    Flag(Flag),
    /// `ping:FORM`.
    Ping(Ping),
    /// `extra:FORM`.
    Extra(Extra),
    /// `reasoning:PLACE`.
    Reasoning(Reasoning),
    /// `usage:PLACE`.
    Usage(UsageMode),
    /// `text:MODE`.
    Text(TextMode),
    /// `page:FORM`.
    Page(Page),
    /// `bad#k:FORM`.
    Bad(Bad),
    /// `finish:JSON`: the reason in the closing chunk.
    Finish(String),
    /// `unfinished:JSON`: the reason in every other chunk.
    Unfinished(String),
    /// `linger:TIME`: time between the closing chunk and what follows it.
    Linger(Duration),
}

/// The oddities of one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Odd {
    /// Those without an argument.
    pub flags: BTreeSet<Flag>,
    /// The ping before each chunk.
    pub ping: Option<Ping>,
    /// A chunk without text before each token.
    pub extra: Option<Extra>,
    /// Where the reasoning comes.
    pub reasoning: Option<Reasoning>,
    /// Where the token counts come; as the caller asks if `None`.
    pub usage: Option<UsageMode>,
    /// Characters mixed into the text.
    pub text: TextMode,
    /// The body in place of a stream.
    pub page: Option<Page>,
    /// The bytes that nobody can read.
    pub bad: Option<Bad>,
    /// The closing chunk's reason, as JSON.
    pub finish: Option<String>,
    /// Every other chunk's reason, as JSON.
    pub unfinished: Option<String>,
    /// Time between the closing chunk and what follows it.
    pub linger: Duration,
}

impl Odd {
    /// `true` if the attempt has this oddity.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    pub(super) fn apply(&mut self, oddity: &Oddity) {
        match oddity {
            Oddity::Flag(flag) => self.flag(*flag),
            Oddity::Ping(ping) => self.ping = Some(*ping),
            Oddity::Extra(extra) => self.extra = Some(*extra),
            Oddity::Reasoning(place) => self.reasoning = Some(*place),
            Oddity::Usage(place) => self.usage = Some(*place),
            Oddity::Text(mode) => self.text = *mode,
            Oddity::Page(page) => self.page = Some(*page),
            Oddity::Bad(bad) => self.bad = Some(*bad),
            Oddity::Finish(json) => self.finish = Some(json.clone()),
            Oddity::Unfinished(json) => self.unfinished = Some(json.clone()),
            Oddity::Linger(time) => self.linger = *time,
        }
    }

    /// Lines end in one way: the later directive wins.
    fn flag(&mut self, flag: Flag) {
        if matches!(flag, Flag::Crlf | Flag::Cr) {
            self.flags.retain(|other| !matches!(other, Flag::Crlf | Flag::Cr));
        }
        self.flags.insert(flag);
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag.as_str()),
            Self::Ping(ping) => write!(f, "ping:{}", ping.as_str()),
            Self::Extra(extra) => write!(f, "extra:{}", extra.as_str()),
            Self::Reasoning(place) => write!(f, "reasoning:{}", place.as_str()),
            Self::Usage(place) => write!(f, "usage:{}", place.as_str()),
            Self::Text(mode) => write!(f, "text:{}", mode.as_str()),
            Self::Page(page) => write!(f, "page:{}", page.as_str()),
            Self::Bad(bad) => write!(f, "bad#{}:{}", bad.after, bad.kind.as_str()),
            Self::Finish(json) => write!(f, "finish:{json}"),
            Self::Unfinished(json) => write!(f, "unfinished:{json}"),
            Self::Linger(time) => write!(f, "linger:{}ms", time.as_millis()),
        }
    }
}

/// Reads an oddity; `None` if the verb is that of none.
pub(super) fn read(verb: &str, position: Option<&str>, args: &str, word: &str) -> Option<Result<Oddity, Problem>> {
    if verb == "bad" {
        return Some(bad(position, args));
    }
    let oddity = if let Some((flag_word, flag)) = Flag::WORDS.iter().find(|(flag_word, _)| *flag_word == verb) {
        let is_alone = word == verb || position.is_some();
        is_alone
            .then_some(Oddity::Flag(*flag))
            .ok_or(Problem::NoArgument(flag_word))
    } else {
        with_argument(verb, args)?
    };
    Some(match position {
        Some(position) => Err(Problem::BadPosition(position.to_owned())),
        None => oddity,
    })
}

fn with_argument(verb: &str, args: &str) -> Option<Result<Oddity, Problem>> {
    Some(match verb {
        "ping" => one_of("ping", args, Ping::WORDS).map(Oddity::Ping),
        "extra" => one_of("extra", args, Extra::WORDS).map(Oddity::Extra),
        "reasoning" => one_of("reasoning", args, Reasoning::WORDS).map(Oddity::Reasoning),
        "usage" => one_of("usage", args, UsageMode::WORDS).map(Oddity::Usage),
        "text" => one_of("text", args, TextMode::WORDS).map(Oddity::Text),
        "page" => one_of("page", args, Page::WORDS).map(Oddity::Page),
        "finish" => json("finish", args).map(Oddity::Finish),
        "unfinished" => json("unfinished", args).map(Oddity::Unfinished),
        "linger" => time(args).map(Oddity::Linger),
        _ => return None,
    })
}

fn bad(position: Option<&str>, args: &str) -> Result<Oddity, Problem> {
    let after = after("bad", position)?;
    let kind = one_of("bad#k", args, BadKind::WORDS)?;
    Ok(Oddity::Bad(Bad { after, kind }))
}

fn one_of<T: Copy>(verb: &'static str, arg: &str, words: &[(&str, T)]) -> Result<T, Problem> {
    let found = words.iter().find(|(word, _)| *word == arg).map(|(_, value)| *value);
    found.ok_or_else(|| Problem::BadWord {
        verb,
        words: words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "),
    })
}

/// A JSON value without white space. A word that is none, as `stop`, stands for the string.
fn json(verb: &'static str, arg: &str) -> Result<String, Problem> {
    let is_word = !arg.is_empty() && arg.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if arg.len() > JSON_MAX_BYTES {
        Err(Problem::BadJson(verb))
    } else if is_json(arg) {
        Ok(arg.to_owned())
    } else if is_word {
        Ok(format!("\"{arg}\""))
    } else {
        Err(Problem::BadJson(verb))
    }
}

/// Halves of surrogate pairs are JSON, though no Rust string can hold them.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
