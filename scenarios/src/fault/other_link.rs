//! The owner's link to a part of which only the ports are known. What the pods use the part for is theirs to know; nothing that they
//! have acknowledged may be lost with it.

use crosspod::run::Story;

use super::link::cut;

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Other, "other_blackhole": "nothing passes between the owner and another part",
            Both, Blackhole, ALease),
        cut!(Other, "other_reset": "the owner's connections to another part are reset, again and again",
            Both, Reset, ALease),
        cut!(Other, "other_latency": "another part is far away",
            Both, Latency { ms: 60, jitter_ms: 30 }, Landed),
    ]
}
