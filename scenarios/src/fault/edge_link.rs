//! The link between the owner's pod and a client breaks. The client comes back to where it was and has the whole answer, once; what
//! was torn is not taken for whole, and the turn takes no notice.

use crosspod::history::{Bound, Capability};
use crosspod::nemesis::{LinkFault, Way};
use crosspod::run::Story;
use crosspod::system::needs::Need;

use super::link::{Client, ENDED, LANDED, TOKEN, at_the_edge, cut};

/// An entry: what is done to the link, and what its client does.
macro_rules! client {
    (
        $name:literal: $about:literal,
        $way:ident, $fault:ident $({ $($field:ident: $value:expr),* })?, $then:ident
    ) => {
        Story {
            name: concat!("fault::", $name),
            about: $about,
            needs: client!(@needs $then),
            faults: &[cut!(@named $fault)],
            catches: &[],
            evidence: &[LANDED, ENDED],
            play: |cast| {
                let fault = LinkFault::$fault $({ $($field: $value),* })?;
                Box::pin(at_the_edge(cast, Way::$way, fault, Client::$then))
            },
        }
    };
    // It gives up after a lease.
    (@needs GivesUp) => {
        &[Need::Attach, Need::Has(Capability::Owner), Need::Bound(Bound::Lease)]
    };
    (@needs $then:ident) => {
        &[Need::Attach, Need::Has(Capability::Owner)]
    };
}

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        client!("edge_blackhole": "nothing passes between a client and the pod",
            Both, Blackhole, GivesUp),
        client!("edge_blackhole_from_pod": "a client hears nothing of the pod",
            FromPod, Blackhole, GivesUp),
        client!("edge_blackhole_to_pod": "the pod hears nothing of a client that watches",
            ToPod, Blackhole, Stays),
        client!("edge_reset": "a client's connection is reset",
            Both, Reset, IsCutOff),
        client!("edge_latency": "a client is far away",
            FromPod, Latency { ms: 60, jitter_ms: 30 }, Stays),
        client!("edge_bandwidth": "a client's line is thin",
            FromPod, Bandwidth { kb_s: 4 }, Stays),
        client!("edge_slice": "what a client is shown comes in pieces of a few bytes",
            FromPod, Slice { bytes: 16 }, Stays),
        client!("edge_cut_after": "a client's connection ends after some bytes",
            FromPod, CutAfter { bytes: 300 }, IsCutOff),
        client!("edge_cut_inside": "a client's connection ends in the middle of a frame",
            FromPod, CutInside { text: TOKEN.into(), skip: 1 }, IsCutOff),
        client!("edge_half_open": "a client is gone, and neither is told",
            Both, HalfOpen, GivesUp),
    ]
}
