//! The link between the owner's pod and a client breaks. The client comes back to where it was and has the whole answer, once; what
//! was torn is not taken for whole, and the turn takes no notice.

use crosspod::nemesis::{LinkFault, Way};
use crosspod::run::Story;

use super::link::{Client, ENDED, LANDED, at_the_edge};

/// An entry: what is done to the link, and what its client does.
macro_rules! cut {
    ($name:literal: $about:literal, $way:ident, $fault:expr, $then:ident) => {
        Story {
            name: concat!("fault::", $name),
            about: $about,
            catches: &[],
            evidence: &[LANDED, ENDED],
            play: |cast| Box::pin(at_the_edge(cast, Way::$way, $fault, Client::$then)),
        }
    };
}

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!("edge_blackhole": "nothing passes between a client and the pod",
            Both, LinkFault::Blackhole, GivesUp),
        cut!("edge_blackhole_from_pod": "a client hears nothing of the pod",
            FromPod, LinkFault::Blackhole, GivesUp),
        cut!("edge_blackhole_to_pod": "the pod hears nothing of a client that watches",
            ToPod, LinkFault::Blackhole, Stays),
        cut!("edge_reset": "a client's connection is reset",
            Both, LinkFault::Reset, IsCutOff),
        cut!("edge_latency": "a client is far away",
            FromPod, LinkFault::Latency { ms: 60, jitter_ms: 30 }, Stays),
        cut!("edge_bandwidth": "a client's line is thin",
            FromPod, LinkFault::Bandwidth { kb_s: 4 }, Stays),
        cut!("edge_slice": "what a client is shown comes in pieces of a few bytes",
            FromPod, LinkFault::Slice { bytes: 16 }, Stays),
        cut!("edge_cut_after": "a client's connection ends after some bytes",
            FromPod, LinkFault::CutAfter { bytes: 300 }, IsCutOff),
        cut!("edge_cut_inside": "a client's connection ends in the middle of a frame",
            FromPod, LinkFault::CutInside { text: "text-delta".into(), skip: 1 }, IsCutOff),
        cut!("edge_half_open": "a client is gone, and neither is told",
            Both, LinkFault::HalfOpen, GivesUp),
    ]
}
