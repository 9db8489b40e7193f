//! Faults of what a part stores on a volume: the volume is full, or empty.

pub(super) mod disk_full;
pub(super) mod storage_wiped;
