//! Faults that leave a pod too little of something: memory, CPU, descriptors.

pub(super) mod cpu_throttled;
pub(super) mod descriptors_exhausted;
pub(super) mod out_of_memory;
