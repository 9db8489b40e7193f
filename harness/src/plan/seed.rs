//! The source of chance: every random choice derives from the seed.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// The one source of chance for a purpose under a seed.
pub fn rng(seed: u64, purpose: &str) -> StdRng {
    // FNV-1a: stable across versions and platforms, which the standard library's hasher does not promise.
    let mixed = purpose.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    StdRng::seed_from_u64(mixed)
}

/// The seed of the `n`-th repetition (from 0) of a run with `seed`; the first repetition has the run's own.
pub fn seed_of_repetition(seed: u64, n: u32) -> u64 {
    seed.wrapping_add(u64::from(n))
}
