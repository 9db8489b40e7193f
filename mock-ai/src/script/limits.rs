//! The most that a script may ask for, and what it gets without asking.

use std::time::Duration;

/// Tokens in an answer when nothing says otherwise.
pub const TOKENS_DEFAULT: u32 = 8;
/// The most tokens that a script may ask for.
pub const TOKENS_MAX: u32 = 1_000_000;
/// The largest token that a script may ask for, in bytes.
pub const SIZE_MAX_BYTES: usize = 1 << 20;
/// The longest time that a script may ask for.
pub const TIME_MAX: Duration = Duration::from_hours(24);
