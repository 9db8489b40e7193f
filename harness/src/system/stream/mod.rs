//! `[stream]`: what the frames of a stream mean, and `[log]`: the log that carries them.

pub mod cursor;
pub mod frame;
pub mod log;
pub mod log_names;
pub mod section;

pub use cursor::{CursorRule, Place};
pub use frame::{FrameRule, Resets, Says};
pub use log::{LogCursor, StreamLog};
pub use log_names::{LogNames, OneLog};
pub use section::{Kind, Stream};
