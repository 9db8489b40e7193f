//! Faults that only a pod can have: it holds at a failpoint, its clock is wrong, it runs another version.

pub(super) mod clock_shifted;
pub(super) mod hold;
pub(super) mod other_version;
