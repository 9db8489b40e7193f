//! The owner's link to the Redis store breaks. The owner may not be able to publish, to be told or to take work, and its clients must
//! be shown the whole answer, once, all the same.

use crosspod::run::Story;

use super::link::{TOKEN, cut};

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Redis, "redis_blackhole": "nothing passes between the owner and the Redis store",
            Both, Blackhole, ALease),
        cut!(Redis, "redis_blackhole_from_pod": "the Redis store hears nothing of the owner",
            FromPod, Blackhole, ALease),
        cut!(Redis, "redis_blackhole_to_pod": "the owner hears nothing of the Redis store",
            ToPod, Blackhole, ALease),
        cut!(Redis, "redis_reset": "the owner's connections to the Redis store are reset, again and again",
            Both, Reset, ALease),
        cut!(Redis, "redis_latency": "the Redis store is far away",
            Both, Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Redis, "redis_bandwidth": "the line to the Redis store is thin",
            Both, Bandwidth { kb_s: 16 }, Landed),
        cut!(Redis, "redis_slice": "what is said to and by the Redis store comes in pieces",
            Both, Slice { bytes: 16 }, Landed),
        cut!(Redis, "redis_cut_after": "the owner's connections to the Redis store end after some bytes",
            Both, CutAfter { bytes: 400 }, Landed),
        cut!(Redis, "redis_cut_inside": "the owner's connection to the Redis store ends in the middle of a piece of the answer",
            FromPod, CutInside { text: TOKEN.into(), skip: 0 }, Landed),
        cut!(Redis, "redis_half_open": "the owner is gone for the Redis store, and neither is told",
            Both, HalfOpen, ALease),
    ]
}
