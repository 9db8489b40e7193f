//! The owner's link to the broker breaks. Its heart beats on through the database, so the turn stays with it as long as that is
//! bearable, and whatever it published before, during and after is shown once and in order.

use crosspod::run::Story;

use super::link::{TOKEN, cut};

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Nats, "nats_blackhole": "nothing passes between the owner and the broker",
            Both, Blackhole, ALease),
        cut!(Nats, "nats_blackhole_from_pod": "the broker hears nothing of the owner",
            FromPod, Blackhole, ALease),
        cut!(Nats, "nats_blackhole_to_pod": "the owner hears nothing of the broker, not even that it has taken a piece",
            ToPod, Blackhole, ALease),
        cut!(Nats, "nats_reset": "the owner's connections to the broker are reset, again and again",
            Both, Reset, ALease),
        cut!(Nats, "nats_latency": "the broker is far away",
            Both, Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Nats, "nats_bandwidth": "the line to the broker is thin",
            Both, Bandwidth { kb_s: 16 }, Landed),
        cut!(Nats, "nats_slice": "what is said to and by the broker comes in pieces",
            Both, Slice { bytes: 16 }, Landed),
        cut!(Nats, "nats_packet_loss": "a third of what the owner says to the broker never arrives, and its connections stay",
            FromPod, PacketLoss { percent: 33 }, Landed),
        cut!(Nats, "nats_cut_after": "the owner's connections to the broker end after some bytes",
            Both, CutAfter { bytes: 400 }, Landed),
        cut!(Nats, "nats_cut_inside": "the owner's connection to the broker ends in the middle of a frame",
            FromPod, CutInside { text: TOKEN.into(), skip: 0 }, Landed),
        cut!(Nats, "nats_half_open": "the owner is gone for the broker, and neither is told",
            Both, HalfOpen, ALease),
    ]
}
