//! Faults of what a part stores on a volume: the volume is full, or empty.

pub(super) mod disk_full;
mod storage_wiped;
