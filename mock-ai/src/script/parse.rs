//! Reads scripts: finds the envelopes in a text, cuts them into words, and turns each word into a directive.

use std::time::Duration;

use super::{
    Attempts, Directive, End, EndMode, Entry, Failure, Gate, Problem, SIZE_MAX_BYTES, Script, ScriptError, Stall,
    TIME_MAX, TOKENS_MAX,
    args::{after, time},
    is_gate_name, odd,
};
use crate::token::is_key;

const OPEN: &str = "[[mock";
const CLOSE: &str = "]]";

impl Script {
    /// Reads the hints in a prompt: every `[[mock ...]]` envelope, and the bare words `slow:NxMS` and `many:N`
    /// outside of them. All other text is left alone.
    ///
    /// # Errors
    /// An envelope that holds anything but well-formed directives, or that is not closed.
    pub fn from_prompt(text: &str) -> Result<Self, ScriptError> {
        prompt(text)
    }

    /// Reads a bare list of directives, as the `x-mock` header carries it. An envelope around it is accepted.
    ///
    /// # Errors
    /// Anything that is not a well-formed directive.
    pub fn from_directives(text: &str) -> Result<Self, ScriptError> {
        directives(text)
    }
}

fn prompt(text: &str) -> Result<Script, ScriptError> {
    let mut entries = Vec::new();
    let mut from = 0;
    while let Some(open) = find_envelope(text, from) {
        bare_words(&text[from..open], &mut entries);
        from = envelope(text, open, &mut entries)?;
    }
    bare_words(&text[from..], &mut entries);
    Ok(Script { entries })
}

fn directives(text: &str) -> Result<Script, ScriptError> {
    let mut entries = Vec::new();
    match find_envelope(text, 0) {
        Some(open) if text[..open].trim().is_empty() => {
            let end = envelope(text, open, &mut entries)?;
            words(text, end, text.len(), &mut entries)?;
        }
        _ => words(text, 0, text.len(), &mut entries)?,
    }
    Ok(Script { entries })
}

/// Where the next envelope opens. `[[mockery` opens none.
fn find_envelope(text: &str, from: usize) -> Option<usize> {
    text[from..].match_indices(OPEN).map(|(at, _)| from + at).find(|at| {
        let rest = &text[at + OPEN.len()..];
        rest.is_empty() || rest.starts_with(char::is_whitespace) || rest.starts_with(CLOSE)
    })
}

/// Reads the envelope that opens at `open` and says where the text goes on behind it.
fn envelope(text: &str, open: usize, entries: &mut Vec<Entry>) -> Result<usize, ScriptError> {
    let fail = |problem| ScriptError {
        at: open,
        word: OPEN.to_owned(),
        problem,
    };
    let start = open + OPEN.len();
    let close = start + find_close(&text[start..]).ok_or_else(|| fail(Problem::Unclosed))?;
    let before = entries.len();
    words(text, start, close, entries)?;
    if entries.len() == before {
        return Err(fail(Problem::Empty));
    }
    Ok(close + CLOSE.len())
}

/// Where an envelope closes: at the last two of the first brackets in a row, so that a JSON list may stand at its end.
fn find_close(text: &str) -> Option<usize> {
    let at = text.find(CLOSE)?;
    let brackets = text[at..].bytes().take_while(|byte| *byte == b']').count();
    Some(at + brackets - CLOSE.len())
}

/// Reads the directives in `text[start..end]`.
fn words(text: &str, start: usize, end: usize, entries: &mut Vec<Entry>) -> Result<(), ScriptError> {
    let mut selected: Option<(usize, &str, Attempts)> = None;
    for (at, word) in split(text, start, end) {
        let fail = |problem| ScriptError {
            at,
            word: word.to_owned(),
            problem,
        };
        if let Some(selector) = word.strip_prefix('@') {
            if let Some((at, word, _)) = selected {
                return Err(ScriptError {
                    at,
                    word: word.to_owned(),
                    problem: Problem::LooseSelector,
                });
            }
            selected = Some((at, word, attempts(selector).ok_or_else(|| fail(Problem::BadSelector))?));
            continue;
        }
        let directive = directive(word).map_err(fail)?;
        let selected = selected.take().map(|(_, _, attempts)| attempts);
        if selected.is_some() && matches!(directive, Directive::Key(_)) {
            return Err(fail(Problem::SelectedKey));
        }
        entries.push(Entry {
            attempts: selected.unwrap_or(Attempts::ALL),
            directive,
        });
    }
    match selected {
        Some((at, word, _)) => Err(ScriptError {
            at,
            word: word.to_owned(),
            problem: Problem::LooseSelector,
        }),
        None => Ok(()),
    }
}

/// The words of `text[start..end]`, each with where it starts in `text`.
fn split(text: &str, start: usize, end: usize) -> impl Iterator<Item = (usize, &str)> {
    text[start..end]
        .split_whitespace()
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// The two words that are understood outside of envelopes. What only resembles them is prose and stays that.
fn bare_words(text: &str, entries: &mut Vec<Entry>) {
    for word in text.split_whitespace() {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let read = match word.split_once(':') {
            Some(("slow", args)) => slow(args),
            Some(("many", args)) => many(args),
            _ => continue,
        };
        if let Ok(directive) = read {
            entries.push(Entry {
                attempts: Attempts::ALL,
                directive,
            });
        }
    }
}

fn attempts(selector: &str) -> Option<Attempts> {
    let number = |digits: &str| digits.parse().ok().filter(|n| *n >= 1);
    if selector == "*" {
        return Some(Attempts::ALL);
    }
    if let Some(first) = selector.strip_suffix('+') {
        return Some(Attempts::from(number(first)?));
    }
    let (first, last) = selector.split_once('-').unwrap_or((selector, selector));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(Attempts {
        first,
        last: Some(last),
    })
}

fn directive(word: &str) -> Result<Directive, Problem> {
    let (head, args) = word.split_once(':').unwrap_or((word, ""));
    let (verb, position) = match head.split_once('#') {
        Some((verb, position)) => (verb, Some(position)),
        None => (head, None),
    };
    match verb {
        "gate" => gate(after("gate", position)?, args),
        "stall" => Ok(Directive::Stall(Stall {
            after: after("stall", position)?,
            duration: time(args)?,
        })),
        "end" => end(after("end", position)?, args),
        "key" | "slow" | "many" | "size" | "ttft" | "err" | "hang" => match position {
            Some(position) => Err(Problem::BadPosition(position.to_owned())),
            None => unplaced(verb, args, word),
        },
        _ => odd::read(verb, position, args, word)
            .unwrap_or_else(|| Err(Problem::UnknownVerb(verb.to_owned())))
            .map(Directive::Odd),
    }
}

/// The directives that hold for the whole call.
fn unplaced(verb: &str, args: &str, word: &str) -> Result<Directive, Problem> {
    match verb {
        "key" if is_key(args) => Ok(Directive::Key(args.to_owned())),
        "key" => Err(Problem::BadKey),
        "slow" => slow(args),
        "many" => many(args),
        "size" => args
            .parse()
            .ok()
            .filter(|b| *b <= SIZE_MAX_BYTES)
            .map(Directive::Size)
            .ok_or(Problem::BadSize),
        "ttft" => time(args).map(Directive::Ttft),
        "err" => failure(args),
        _ if word == "hang" => Ok(Directive::Hang),
        _ => Err(Problem::NoArgument("hang")),
    }
}

fn slow(args: &str) -> Result<Directive, Problem> {
    let (tokens, interval_ms) = args.split_once('x').ok_or(Problem::BadSlow)?;
    let tokens = tokens.parse().map_err(|_| Problem::BadSlow)?;
    // The unit is in the verb's own name for its form; people write it out all the same.
    let interval = interval_ms
        .strip_suffix("ms")
        .unwrap_or(interval_ms)
        .parse()
        .map(Duration::from_millis)
        .map_err(|_| Problem::BadSlow)?;
    if interval > TIME_MAX {
        return Err(Problem::BadTime(interval_ms.to_owned()));
    }
    within(tokens).map(|tokens| Directive::Slow { tokens, interval })
}

fn many(args: &str) -> Result<Directive, Problem> {
    let tokens = args.parse().map_err(|_| Problem::BadMany)?;
    within(tokens).map(Directive::Many)
}

fn within(tokens: u32) -> Result<u32, Problem> {
    if tokens <= TOKENS_MAX {
        Ok(tokens)
    } else {
        Err(Problem::TooManyTokens)
    }
}

fn gate(after: u32, name: &str) -> Result<Directive, Problem> {
    if is_gate_name(name) {
        Ok(Directive::Gate(Gate {
            after,
            name: name.to_owned(),
        }))
    } else {
        Err(Problem::BadGateName)
    }
}

fn end(after: u32, mode: &str) -> Result<Directive, Problem> {
    let mode = match mode {
        "eof" => EndMode::Eof,
        "abort" => EndMode::Abort,
        "rst" => EndMode::Rst,
        _ => return Err(Problem::BadEnd),
    };
    Ok(Directive::End(End { after, mode }))
}

fn failure(args: &str) -> Result<Directive, Problem> {
    let mut args = args.split(',');
    let status = args.next().and_then(|status| status.parse().ok());
    let status = status
        .filter(|status| (400..600).contains(status))
        .ok_or(Problem::BadStatus)?;
    let mut failure = Failure {
        status,
        retry_after: None,
        code: None,
    };
    for option in args {
        match option.split_once('=') {
            Some(("ra", value)) => failure.retry_after = Some(time(value)?),
            Some(("code", value)) if is_key(value) => failure.code = Some(value.to_owned()),
            _ => return Err(Problem::BadErrOption(option.to_owned())),
        }
    }
    Ok(Directive::Err(failure))
}
