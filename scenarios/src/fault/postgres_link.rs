//! The owner's link to the database breaks. An owner that cannot say that it lives is taken over and must not harm its heir;
//! one whose statements are late, slow or torn goes on or is taken over, and nothing is stored twice or lost.

use crosspod::nemesis::LinkFault;
use crosspod::run::Story;

use super::link::cut;

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Postgres, "postgres_blackhole": "nothing passes between the owner and the database",
            Both, LinkFault::Blackhole, TakenOver),
        cut!(Postgres, "postgres_blackhole_from_pod": "the database hears nothing of the owner",
            FromPod, LinkFault::Blackhole, TakenOver),
        cut!(Postgres, "postgres_blackhole_to_pod": "the owner hears nothing of the database",
            ToPod, LinkFault::Blackhole, Landed),
        cut!(Postgres, "postgres_reset": "the owner's connections to the database are reset, again and again",
            Both, LinkFault::Reset, TakenOver),
        cut!(Postgres, "postgres_latency": "the database is far away",
            Both, LinkFault::Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Postgres, "postgres_bandwidth": "the line to the database is thin",
            Both, LinkFault::Bandwidth { kb_s: 16 }, Landed),
        cut!(Postgres, "postgres_slice": "what is said to and by the database comes in pieces",
            Both, LinkFault::Slice { bytes: 16 }, Landed),
        cut!(Postgres, "postgres_cut_after": "the owner's connections to the database end after some bytes",
            Both, LinkFault::CutAfter { bytes: 400 }, Landed),
        cut!(Postgres, "postgres_cut_inside": "the owner's connection to the database ends in the middle of a piece of the answer",
            FromPod, LinkFault::CutInside { text: ".c1.k".into(), skip: 0 }, Landed),
        cut!(Postgres, "postgres_half_open": "the owner is gone for the database, and neither is told",
            Both, LinkFault::HalfOpen, TakenOver),
    ]
}
