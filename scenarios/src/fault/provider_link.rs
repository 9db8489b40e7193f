//! The owner's link to the provider breaks. An answer that is torn must not pass for a whole one: the turn goes on, is answered anew
//! or fails in words.

use crosspod::nemesis::LinkFault;
use crosspod::run::Story;

use super::link::cut;

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Provider, "provider_blackhole": "nothing passes between the owner and the provider",
            Both, LinkFault::Blackhole, ALease),
        cut!(Provider, "provider_blackhole_from_pod": "the provider hears nothing of the owner",
            FromPod, LinkFault::Blackhole, ALease),
        cut!(Provider, "provider_blackhole_to_pod": "the owner hears nothing of the provider",
            ToPod, LinkFault::Blackhole, ALease),
        cut!(Provider, "provider_reset": "the owner's connections to the provider are reset",
            Both, LinkFault::Reset, ALease),
        cut!(Provider, "provider_latency": "the provider is far away",
            ToPod, LinkFault::Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Provider, "provider_bandwidth": "the line from the provider is thin",
            ToPod, LinkFault::Bandwidth { kb_s: 4 }, Landed),
        cut!(Provider, "provider_slice": "the answer comes in pieces of a few bytes",
            ToPod, LinkFault::Slice { bytes: 16 }, Landed),
        cut!(Provider, "provider_cut_after": "the connection to the provider ends after some bytes",
            ToPod, LinkFault::CutAfter { bytes: 300 }, Landed),
        cut!(Provider, "provider_cut_inside": "the connection to the provider ends in the middle of a piece of the answer",
            ToPod, LinkFault::CutInside { text: "content".into(), skip: 1 }, Landed),
        cut!(Provider, "provider_half_open": "the provider is gone, and the owner is not told",
            Both, LinkFault::HalfOpen, ALease),
    ]
}
