//! The owner's link to the broker breaks. Its heart beats on through the database, so the turn stays with it as long as that is
//! bearable, and whatever it published before, during and after is shown once and in order.

use crosspod::nemesis::LinkFault;
use crosspod::run::Story;

use super::link::cut;

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Nats, "nats_blackhole": "nothing passes between the owner and the broker",
            Both, LinkFault::Blackhole, ALease),
        cut!(Nats, "nats_blackhole_from_pod": "the broker hears nothing of the owner",
            FromPod, LinkFault::Blackhole, ALease),
        cut!(Nats, "nats_blackhole_to_pod": "the owner hears nothing of the broker, not even that it has taken a piece",
            ToPod, LinkFault::Blackhole, ALease),
        cut!(Nats, "nats_reset": "the owner's connections to the broker are reset, again and again",
            Both, LinkFault::Reset, ALease),
        cut!(Nats, "nats_latency": "the broker is far away",
            Both, LinkFault::Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Nats, "nats_bandwidth": "the line to the broker is thin",
            Both, LinkFault::Bandwidth { kb_s: 16 }, Landed),
        cut!(Nats, "nats_slice": "what is said to and by the broker comes in pieces",
            Both, LinkFault::Slice { bytes: 16 }, Landed),
        cut!(Nats, "nats_cut_after": "the owner's connections to the broker end after some bytes",
            Both, LinkFault::CutAfter { bytes: 400 }, Landed),
        cut!(Nats, "nats_cut_inside": "the owner's connection to the broker ends in the middle of a frame",
            FromPod, LinkFault::CutInside { text: "text-delta".into(), skip: 0 }, Landed),
        cut!(Nats, "nats_half_open": "the owner is gone for the broker, and neither is told",
            Both, LinkFault::HalfOpen, ALease),
    ]
}
