//! The `--allow-host` flag: hosts that a command may speak to besides this machine.

use clap::Args as ClapArgs;

use crate::cluster::{AllowedHosts, HostName};

/// Options of every command that uses an engine.
#[derive(Debug, ClapArgs)]
pub(super) struct Allowed {
    /// Accept an engine, or parts that it publishes, on this host too; may be given more than once. Otherwise only
    /// loopback and local sockets are used.
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<HostName>,
}

impl Allowed {
    pub(super) fn hosts(&self) -> AllowedHosts {
        AllowedHosts::and(self.hosts.iter().cloned())
    }
}
