//! The kernel of this machine: processes, their CPU time, their descriptors, and programs that are run.

pub(super) mod command;
pub(super) mod pidfd;
