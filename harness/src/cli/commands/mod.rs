//! The commands, one in each file.

pub(super) mod check;
pub(super) mod doctor;
pub(super) mod down;
pub(super) mod dry_run;
pub(super) mod images;
pub(super) mod init;
pub(super) mod interrupted_matrix;
pub(super) mod interrupted_run;
pub(super) mod list;
pub(super) mod matrix;
pub(super) mod recheck;
pub(super) mod run;
mod tally;
pub(super) mod up;
