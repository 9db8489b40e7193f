//! Faults that leave a pod too little of something: memory, CPU, descriptors.

pub(super) mod cpu_throttled;
mod descriptors_exhausted;
mod out_of_memory;
