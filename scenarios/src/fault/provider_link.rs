//! The owner's link to the provider breaks. An answer that is torn must not pass for a whole one: the turn goes on, is answered anew
//! or fails in words.

use crosspod::run::Story;

use super::link::cut;

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Provider, "provider_blackhole": "nothing passes between the owner and the provider",
            Both, Blackhole, ALease),
        cut!(Provider, "provider_blackhole_from_pod": "the provider hears nothing of the owner",
            FromPod, Blackhole, ALease),
        cut!(Provider, "provider_blackhole_to_pod": "the owner hears nothing of the provider",
            ToPod, Blackhole, ALease),
        cut!(Provider, "provider_reset": "the owner's connections to the provider are reset",
            Both, Reset, ALease),
        cut!(Provider, "provider_latency": "the provider is far away",
            ToPod, Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Provider, "provider_bandwidth": "the line from the provider is thin",
            ToPod, Bandwidth { kb_s: 4 }, Landed),
        cut!(Provider, "provider_slice": "the answer comes in pieces of a few bytes",
            ToPod, Slice { bytes: 16 }, Landed),
        cut!(Provider, "provider_cut_after": "the connection to the provider ends after some bytes",
            ToPod, CutAfter { bytes: 300 }, Landed),
        cut!(Provider, "provider_cut_inside": "the connection to the provider ends in the middle of a piece of the answer",
            ToPod, CutInside { text: "content".into(), skip: 1 }, Landed),
        cut!(Provider, "provider_half_open": "the provider is gone, and the owner is not told",
            Both, HalfOpen, ALease),
    ]
}
