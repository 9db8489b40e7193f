//! Printing: results on standard output, errors and notices on standard error.
//!
//! Words of a system under test or of a saved history are printed too, so that nothing is printed which a screen would obey.

use std::io::Write as _;

use clap::ValueEnum;

use crate::wire::text::visible;

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

/// Prints a result.
pub(super) fn say(text: &str) {
    print(&visible(text.trim_end_matches('\n')));
}

/// Prints on standard output. A closed pipe is the reader's choice and no error; a result that is lost in another way is told.
fn print(text: &str) {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            notice(&format!("a result cannot be written to standard output: {error}"));
        }
        _ => {}
    }
}

/// Prints an error and gives its exit code.
pub(super) fn fail(text: &str) -> u8 {
    notice(text);
    BROKEN
}

/// Prints what a person must know of how a command ended.
pub(super) fn notice(text: &str) {
    let _ = writeln!(std::io::stderr(), "crosspod: {}", visible(text));
}

/// A value as JSON on standard output. JSON has escapes of its own for what a screen obeys.
pub(super) fn say_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&text),
        Err(e) => drop(fail(&format!("a report could not be serialised: {e}"))),
    }
}
