//! The kernel of this machine: processes, their CPU time and descriptors, and programs of the host.

pub(super) mod command;
pub(super) mod cpu;
mod descriptors;
mod listening;
pub(super) mod pidfd;
