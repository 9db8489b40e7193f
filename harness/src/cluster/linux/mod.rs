//! The kernel of this machine: processes, their CPU time and descriptors, and programs of the host.

pub(super) mod command;
pub(super) mod cpu;
mod descriptors;
pub(super) mod pidfd;
mod sockets;
