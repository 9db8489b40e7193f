//! Printing: results on standard output, errors and notices on standard error.

use std::io::Write as _;

use clap::ValueEnum;

/// Exit code for what is not a verdict: usage, set-up.
pub(super) const BROKEN: u8 = 3;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Human,
    /// For programs: the content of `verdict.json`.
    Json,
}

/// Prints a result. A closed pipe is the reader's choice and no error.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n'));
}

/// Prints an error and gives its exit code.
pub(super) fn fail(text: &str) -> u8 {
    notice(text);
    BROKEN
}

/// Prints what a person must know of how a command ended.
pub(super) fn notice(text: &str) {
    let _ = writeln!(std::io::stderr(), "crosspod: {text}");
}

/// A value as JSON on standard output.
pub(super) fn say_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => say(&text),
        Err(e) => drop(fail(&format!("a report could not be serialised: {e}"))),
    }
}
