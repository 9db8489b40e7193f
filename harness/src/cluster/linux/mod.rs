//! The kernel of this machine: processes, their CPU time, descriptors and memory, and programs of the host.

pub(super) mod command;
pub(super) mod cpu;
mod descriptors;
pub(super) mod footprint;
pub(super) mod pidfd;
mod sockets;
