//! The owner's link to the database breaks. An owner that cannot say that it lives is taken over and must not harm its heir;
//! one whose statements are late, slow or torn goes on or is taken over, and nothing is stored twice or lost.

use crosspod::run::Story;

use super::link::{TOKEN, cut};

/// The stories of this link.
pub(super) fn stories() -> Vec<Story> {
    vec![
        cut!(Postgres, "postgres_blackhole": "nothing passes between the owner and the database",
            Both, Blackhole, TakenOver),
        cut!(Postgres, "postgres_blackhole_from_pod": "the database hears nothing of the owner",
            FromPod, Blackhole, TakenOver),
        cut!(Postgres, "postgres_blackhole_to_pod": "the owner hears nothing of the database",
            ToPod, Blackhole, Landed),
        cut!(Postgres, "postgres_reset": "the owner's connections to the database are reset, again and again",
            Both, Reset, TakenOver),
        cut!(Postgres, "postgres_latency": "the database is far away",
            Both, Latency { ms: 60, jitter_ms: 30 }, Landed),
        cut!(Postgres, "postgres_bandwidth": "the line to the database is thin",
            Both, Bandwidth { kb_s: 16 }, Landed),
        cut!(Postgres, "postgres_slice": "what is said to and by the database comes in pieces",
            Both, Slice { bytes: 16 }, Landed),
        cut!(Postgres, "postgres_cut_after": "the owner's connections to the database end after some bytes",
            Both, CutAfter { bytes: 400 }, Landed),
        cut!(Postgres, "postgres_cut_inside": "the owner's connection to the database ends in the middle of a piece of the answer",
            FromPod, CutInside { text: TOKEN.into(), skip: 0 }, Landed),
        cut!(Postgres, "postgres_half_open": "the owner is gone for the database, and neither is told",
            Both, HalfOpen, TakenOver),
    ]
}
