//! How many descriptors a part's process may have: the kernel is asked, for a process of this machine.

use crate::cluster::docker::handle::PartHandle;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::ClusterError;

impl PartHandle {
    /// Allows a part's process no descriptor beyond those that it has. Stricter than a limit that is reached: one that is
    /// closed makes no room. Says how many it may have now, by the kernel's word.
    ///
    /// # Errors
    /// [`ClusterError::Process`] where the process is another machine's, or another user's, or the kernel refuses.
    pub fn allow_no_more_descriptors(&self) -> Result<u64, ClusterError> {
        self.with_process("taking its descriptors", Pidfd::allow_no_more_descriptors)
    }

    /// Allows a part's process as many descriptors as before. Says how many it may have now, by the kernel's word.
    ///
    /// # Errors
    /// As for [`PartHandle::allow_no_more_descriptors`].
    pub fn allow_descriptors_again(&self) -> Result<u64, ClusterError> {
        self.with_process("giving its descriptors back", Pidfd::allow_descriptors_again)
    }
}
