//! Promises about order: cursors, frames and resumed tails form one log for each thread.

mod cursor_attempts;
pub(in crate::judge) mod epoch_isolation;
pub(in crate::judge) mod frames_whole;
pub(in crate::judge) mod monotone_cursor;
pub(in crate::judge) mod no_inversion_on_attach;
pub(in crate::judge) mod no_splice;
pub(in crate::judge) mod reattach_allowed;
mod refused_cursors;
pub(in crate::judge) mod resume_gap_free;
pub(in crate::judge) mod slice_of_the_log;
mod texts_closed;
