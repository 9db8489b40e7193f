//! Arguments that several directives share: a time, and a number of tokens as a position.

use std::time::Duration;

use super::{error::Problem, limits::TIME_MAX};

/// Reads `250ms`, `2s`, or a bare number of milliseconds.
pub(super) fn time(word: &str) -> Result<Duration, Problem> {
    let (digits, unit_ms) = if let Some(digits) = word.strip_suffix("ms") {
        (digits, 1)
    } else if let Some(digits) = word.strip_suffix('s') {
        (digits, 1000)
    } else {
        (word, 1)
    };
    let ms = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit_ms));
    let duration = ms.map(Duration::from_millis).filter(|duration| *duration <= TIME_MAX);
    duration.ok_or_else(|| Problem::BadTime(word.to_owned()))
}

/// Reads the position of a directive that must have one.
pub(super) fn after(verb: &'static str, position: Option<&str>) -> Result<u32, Problem> {
    let position = position.ok_or(Problem::NoPosition(verb))?;
    position.parse().map_err(|_| Problem::BadPosition(position.to_owned()))
}
